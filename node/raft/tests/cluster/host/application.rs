//! The state machine of a node: it may lag behind what is committed.

use shakedown_raft::{Committed, Event, Input, PlantedBug, Snapshot};

use super::Host;
use crate::cluster::machine::{Applied, Machine};
use crate::cluster::{Answer, Happened};

/// With the planted bug `sessions-by-clock`, a session that idles longer is forgotten.
const SESSION_IDLE_NS: u64 = 400_000;

/// Something for the state machine to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Take the contents of a leader's snapshot.
    Install(Snapshot),
    /// Apply an entry.
    Apply(Committed),
}

impl Host {
    /// Lets the state machine do the next of what is committed.
    pub(in crate::cluster) fn work(&mut self, tasks: usize, happened: &mut Vec<Happened>) {
        if self.core.is_none() {
            return;
        }
        for _ in 0..tasks.min(self.backlog.len()) {
            match self.backlog.pop_front().expect("counted") {
                Task::Install(snapshot) => {
                    self.machine = Machine::restore(&snapshot.data);
                    self.record_digest(happened);
                }
                Task::Apply(committed) => self.apply(committed, happened),
            }
        }
        self.serve_reads(happened);
    }

    fn apply(&mut self, committed: Committed, happened: &mut Vec<Happened>) {
        let Committed { entry, token } = committed;
        let applied = self.change_machine(&entry);
        let (term, id) = (self.term(), entry.id);
        let apply = Event::Apply {
            id,
            hash: entry.hash,
            effect: applied.effect,
            client: applied.client,
        };
        self.record(term, vec![apply], happened);
        self.record_digest(happened);
        if let (Some(token), None) = (token, applied.client) {
            happened.push(Happened::Changed(self.settings.node, token, id));
        }
        // Whoever asked is told, whether or not it is its own entry: that is the core's to know.
        let asked = token.and_then(|token| Some((token, self.asked.remove(&token)?)));
        let answers_early = self.deviates(PlantedBug::AckBeforeCommit);
        if let Some((token, client)) = asked.filter(|_| !applied.outdated && !answers_early) {
            self.record(term, vec![Event::ClientAck { client, id }], happened);
            self.answers.push(Answer::Written(token));
        }
    }

    /// Applies an entry, in the wrong way with some planted bugs.
    fn change_machine(&mut self, entry: &shakedown_raft::Entry) -> Applied {
        if self.deviates(PlantedBug::DoubleApply) {
            self.machine.sessions.clear();
        }
        if self.deviates(PlantedBug::SessionsByClock) {
            let now = self.clock_ns;
            let used = &self.session_used_ns;
            let idle = |client: &u64| now - used.get(client).unwrap_or(&now) > SESSION_IDLE_NS;
            self.machine.sessions.retain(|client, _| !idle(client));
        }
        let applied = self.machine.apply(entry);
        if let Some(client) = applied.client {
            self.session_used_ns.insert(client.client, self.clock_ns);
        }
        if self.deviates(PlantedBug::LocalApply) && applied.effect {
            for value in self.machine.registers.values_mut() {
                *value += self.settings.node.0;
            }
        }
        applied
    }

    fn record_digest(&mut self, happened: &mut Vec<Happened>) {
        let (state, sessions) = self.machine.digest();
        let digest = Event::Digest {
            index: self.machine.applied.index,
            state,
            sessions,
        };
        self.record(self.term(), vec![digest], happened);
    }

    /// Serves the reads that see what they must. A read may be confirmed before the state machine is
    /// that far.
    pub(super) fn serve_reads(&mut self, happened: &mut Vec<Happened>) {
        let applied = self.machine.applied.index;
        let at_once = self.deviates(PlantedBug::ReadBeforeApplied);
        let due = |read: &mut shakedown_raft::Read| read.index <= applied || at_once;
        let reads: Vec<_> = self.waiting_reads.extract_if(.., due).collect();
        for read in reads {
            let served = Event::ReadServed {
                read: read.number,
                index: read.index,
                applied,
                mode: read.mode,
            };
            self.record(self.term(), vec![served], happened);
            let registers = self.machine.registers.clone();
            self.answers.push(Answer::Read(read.token, registers));
        }
    }

    /// Writes down the state machine as it is.
    pub(in crate::cluster) fn take_snapshot(&mut self, happened: &mut Vec<Happened>) {
        self.write_down();
        self.hand_over_snapshot(happened);
    }

    /// Writes the state machine down; the core hears of it later, and not if the node dies first.
    pub(in crate::cluster) fn write_down(&mut self) {
        let data = match self.deviates(PlantedBug::SnapshotForgetsSessions) {
            true => Machine {
                sessions: Default::default(),
                ..self.machine.clone()
            }
            .save(),
            false => self.machine.save(),
        };
        self.taken = Some((self.machine.applied.index, data));
    }

    /// Tells the core of what was written down.
    pub(in crate::cluster) fn hand_over_snapshot(&mut self, happened: &mut Vec<Happened>) {
        if let Some((at, data)) = self.taken.take() {
            self.feed(Input::SnapshotTaken { at, data }, happened);
            if self.unsaved.is_some() && !self.lags {
                self.record_digest(happened);
            }
        }
    }
}
