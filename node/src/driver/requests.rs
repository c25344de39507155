//! What clients and operators want, and what the core makes of it.

use shakedown_history::event::{ReadMode, Role};
use shakedown_history::{Event, Index};
use shakedown_raft::{Committed, Input, Payload, PlantedBug, Reply};

use super::Driver;
use super::admission::Progress;
use super::clients::{Sender, Wish};
use super::state_machine::{Job, ServableRead};
use crate::request::{Answer, Ask, Request};

/// Reads that the core never sees are numbered from here, those that it does from 1.
const LOCAL_READS: u64 = 1 << 48;

impl Driver {
    /// Takes in requests that came at `now_ns` or before. What they want written goes to the core at
    /// once, so that it shares messages.
    pub(super) fn on_requests(&mut self, requests: impl Iterator<Item = Request>, now_ns: u64) {
        for request in requests {
            self.on_request(request, now_ns);
        }
        if !self.proposals.is_empty() {
            let proposals = std::mem::take(&mut self.proposals);
            self.step(Input::ProposeAll(proposals));
        }
    }

    /// Takes in what came at `now_ns` or before.
    fn on_request(&mut self, request: Request, now_ns: u64) {
        let Request { ask, answer } = request;
        if self.is_overloaded(&ask) {
            self.metrics.overloaded.increment();
            self.clients.answer(answer, Answer::Overloaded);
            return;
        }
        match ask {
            Ask::Write(command) => {
                let token = self.clients.open(Wish::Write(command.clone()), answer);
                self.metrics.proposals.increment();
                self.proposals.push((token, command));
            }
            Ask::Read { keys, mode } if self.is_local(mode) => self.serve_local(keys, answer),
            Ask::Read { keys, mode } => {
                let token = self.clients.open(Wish::Read(keys), answer);
                self.step(Input::Read {
                    token,
                    mode,
                    now_ns,
                });
            }
            Ask::ChangeMembership(change) => {
                let token = self.clients.open(Wish::Operation, answer);
                self.step(Input::ChangeMembership { token, change });
            }
            Ask::TransferLeadership(to) => {
                let token = self.clients.open(Wish::Operation, answer);
                self.step(Input::TransferLeadership { token, to });
            }
            Ask::Log { from, len_max } => {
                let excerpt = self.excerpt(from, len_max);
                self.clients.answer(answer, excerpt);
            }
        }
    }

    fn is_overloaded(&self, ask: &Ask) -> bool {
        let no_room = matches!(ask, Ask::Write(_))
            && self.raft.role() == Role::Leader
            && !self.admission.has_room(Progress {
                last: self.raft.last().index,
                committed: self.raft.commit_index(),
                applied: self.last_applied,
            });
        no_room || self.clients.are_too_many()
    }

    /// Whether what this node has applied is the answer, however old it is: because the client wants
    /// it so, or by the planted bug `stale-read`.
    fn is_local(&self, mode: ReadMode) -> bool {
        mode == ReadMode::Local || self.planted_bug == Some(PlantedBug::StaleRead)
    }

    fn serve_local(&mut self, keys: Vec<String>, answer: Sender) {
        self.local_reads += 1;
        let number = LOCAL_READS + self.local_reads;
        self.record(Event::ReadStart { read: number });
        self.applier.push(Job::Read(ServableRead {
            number,
            index: self.last_applied,
            mode: ReadMode::Local,
            term: self.raft.term(),
            keys,
            answer,
        }));
    }

    /// A stretch of the log in memory.
    fn excerpt(&self, from: Index, len_max: usize) -> Answer {
        Answer::Log {
            base: self.raft.base().id,
            entries: self.raft.entries(from, len_max).to_vec(),
        }
    }

    pub(super) fn on_reply(&mut self, reply: Reply) {
        match reply {
            Reply::ReadReady(read) => self.clients.confirm_read(read, self.raft.term()),
            Reply::Transferred { token, to } => {
                if let Some((_, answer)) = self.clients.close(token) {
                    self.clients.answer(answer, Answer::Transferred(to));
                }
            }
            Reply::Refused { token, why } => {
                self.metrics.refusals.increment();
                self.clients.refuse(token, why);
            }
            Reply::Appended { token, id } => {
                self.admission.appended(id, self.clients.command_len(token));
                if self.planted_bug == Some(PlantedBug::AckBeforeCommit)
                    && self.clients.is_transaction(token)
                    && let Some((Wish::Write(command), answer)) = self.clients.close(token)
                {
                    self.applier.push(Job::Preview {
                        command,
                        at: id,
                        answer,
                    });
                }
            }
        }
    }

    /// Queues a committed entry for the state machine, with whoever waits for it.
    pub(super) fn on_committed(&mut self, committed: Committed) {
        let Committed { entry, token } = committed;
        let closed = token.and_then(|token| self.clients.close(token));
        let mut answer = closed.map(|(_, answer)| answer);
        if matches!(entry.payload, Payload::Config(_))
            && let Some(answer) = answer.take()
        {
            self.clients.answer(answer, Answer::Changed(entry.id));
        }
        self.applier.push(Job::Apply { entry, answer });
    }

    /// Queues the confirmed reads behind the entries that they must see.
    pub(super) fn queue_confirmed_reads(&mut self) {
        let queued = match self.planted_bug {
            Some(PlantedBug::ReadBeforeApplied) => Index(u64::MAX),
            _ => self.applier.queued(),
        };
        while let Some(read) = self.clients.take_servable(queued) {
            self.applier.push(Job::Read(read));
        }
    }
}
