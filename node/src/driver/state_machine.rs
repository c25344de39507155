//! The state machine's side of the driver: what it is asked to do, and what comes of it. It does no IO
//! and knows no thread, so that order and effects can be tested as they are.

mod deviation;

use bytes::Bytes;
use shakedown_history::event::{ClientSeq, ReadMode};
use shakedown_history::{Event, Index, LogId, NodeId, Term};
use shakedown_raft::{Entry, Payload, PlantedBug, Snapshot};

use super::clients::Sender;
use crate::kv::{Applied, Command, Decision, Outcome, Sessions, Store};
use crate::request::Answer;
use deviation::Deviation;

/// How often the contents are hashed into the trace, in entries.
const DIGEST_PERIOD: u64 = 1024;

/// What the state machine is asked to do, in the order of the log.
#[derive(Debug)]
pub(super) enum Job {
    /// Apply the next committed entry.
    Apply {
        /// Which.
        entry: Entry,
        /// Who waits for it.
        answer: Option<Sender>,
    },
    /// Serve a read. All that it must see has been asked for before.
    Read(ServableRead),
    /// Write down the contents as they are.
    TakeSnapshot,
    /// Replace the contents.
    Install(Snapshot),
    /// The planted bug `ack-before-commit`: answer as if the command were carried out now, in the entry
    /// `at`.
    Preview {
        /// The command.
        command: Bytes,
        /// The entry that carries it.
        at: LogId,
        /// Who waits.
        answer: Sender,
    },
}

/// A read that needs no more confirmation.
#[derive(Debug)]
pub(super) struct ServableRead {
    /// Its number in the trace.
    pub(super) number: u64,
    /// What it must see at least.
    pub(super) index: Index,
    /// How it was made safe.
    pub(super) mode: ReadMode,
    /// The term that confirmed it.
    pub(super) term: Term,
    /// What is wanted.
    pub(super) keys: Vec<String>,
    /// Who waits.
    pub(super) answer: Sender,
}

/// What came of a batch of jobs. The events must be in the trace before anything else leaves.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// How far the state machine is.
    pub(super) applied: Index,
    /// For the trace, in order.
    pub(super) events: Vec<Event>,
    /// For clients.
    pub(super) answers: Vec<(Sender, Answer)>,
    /// How many client sessions there are.
    pub(super) sessions: usize,
    /// The contents written down, and after which entry.
    pub(super) snapshot: Option<(Index, Bytes)>,
}

/// The store and how far it is.
#[derive(Debug)]
pub struct StateMachine {
    store: Store,
    sessions: Sessions,
    applied: Index,
    last_digest: Index,
    deviation: Deviation,
}

impl StateMachine {
    /// An empty one.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self {
            store: Store::new(sessions),
            sessions,
            applied: Index(0),
            last_digest: Index(0),
            deviation: Deviation::default(),
        }
    }

    /// The same one, on a node with a planted bug.
    #[must_use]
    pub fn with_planted_bug(self, node: NodeId, bug: Option<PlantedBug>) -> Self {
        Self {
            deviation: Deviation::new(node, bug),
            ..self
        }
    }

    /// Replaces the contents by a snapshot's.
    ///
    /// # Errors
    /// If they are not a store's.
    pub fn restore(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        self.store = Store::restore(&snapshot.data, self.sessions)?;
        self.applied = snapshot.header.last.index;
        Ok(())
    }

    /// How far it is.
    #[must_use]
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// Does what is asked, in order.
    pub(super) fn run(&mut self, jobs: Vec<Job>) -> Outcomes {
        let mut outcomes = Outcomes {
            // An applied entry gives an event, and another where a client waits.
            events: Vec::with_capacity(2 * jobs.len()),
            ..Outcomes::default()
        };
        for job in jobs {
            match job {
                Job::Apply { entry, answer } => self.apply(entry, answer, &mut outcomes),
                Job::Read(read) => self.read(read, &mut outcomes),
                Job::TakeSnapshot => {
                    self.digest(&mut outcomes);
                    outcomes.snapshot = Some((self.applied, self.deviation.save(&self.store)));
                }
                Job::Install(snapshot) => self.install(&snapshot, &mut outcomes),
                Job::Preview {
                    command,
                    at,
                    answer,
                } => self.preview(&command, at, answer, &mut outcomes),
            }
        }
        outcomes.applied = self.applied;
        outcomes.sessions = self.store.session_count();
        outcomes
    }

    fn apply(&mut self, entry: Entry, answer: Option<Sender>, outcomes: &mut Outcomes) {
        let next = self.applied.next();
        assert_eq!(entry.id.index, next, "entries are applied in order");
        let request = match &entry.payload {
            Payload::Command(bytes) => {
                let command = Command::decode(bytes);
                let store = &mut self.store;
                let command = self.deviation.understand(entry.id.index, command, store);
                Some((command.client(), self.store.apply(entry.id, command)))
            }
            Payload::Noop | Payload::Config(_) => None,
        };
        self.applied = entry.id.index;
        outcomes.events.push(Event::Apply {
            id: entry.id,
            hash: entry.hash,
            effect: request
                .as_ref()
                .is_some_and(|(_, applied)| applied.has_effect()),
            client: request.as_ref().and_then(|(client, _)| *client),
        });
        if entry.id.index.0.is_multiple_of(DIGEST_PERIOD) {
            self.digest(outcomes);
        }
        if let (Some((client, applied)), Some(answer)) = (request, answer) {
            outcomes.acknowledge(client, applied, answer);
        }
    }

    /// Serves a read (ReadIndex, dissertation §6.4, step 4).
    fn read(&self, read: ServableRead, outcomes: &mut Outcomes) {
        assert!(
            self.applied >= read.index || self.deviation.reads_early(),
            "a read is served once what it must see is applied"
        );
        outcomes.events.push(Event::ReadServed {
            read: read.number,
            index: read.index,
            applied: self.applied,
            mode: read.mode,
        });
        let results = self.store.read(read.keys.iter().map(String::as_str));
        let decision = Decision {
            outcome: Outcome::Done(results),
            at: LogId {
                term: read.term,
                index: self.applied,
            },
        };
        let answer = Answer::Applied(Applied::Fresh(decision));
        outcomes.answers.push((read.answer, answer));
    }

    fn install(&mut self, snapshot: &Snapshot, outcomes: &mut Outcomes) {
        assert!(
            snapshot.header.last.index > self.applied,
            "a snapshot never takes the state machine back"
        );
        self.restore(snapshot)
            .expect("a snapshot is checksummed, and made by a node of this version");
        self.digest(outcomes);
    }

    fn preview(&mut self, command: &[u8], at: LogId, answer: Sender, outcomes: &mut Outcomes) {
        let Command::Transaction { client, ops } = Command::decode(command) else {
            return;
        };
        let outcome = self.store.preview(ops);
        let applied = Applied::Fresh(Decision { outcome, at });
        outcomes.acknowledge(Some(client), applied, answer);
    }

    /// Hashes the contents into the trace, once for each index.
    fn digest(&mut self, outcomes: &mut Outcomes) {
        if self.last_digest == self.applied {
            return;
        }
        self.last_digest = self.applied;
        let (state, sessions) = self.store.digest();
        outcomes.events.push(Event::Digest {
            index: self.applied,
            state,
            sessions,
        });
    }
}

impl Outcomes {
    /// Answers a client, and records that it hears that its request took effect, if it will hear that.
    fn acknowledge(&mut self, client: Option<ClientSeq>, applied: Applied, answer: Sender) {
        if let Applied::Fresh(decision) | Applied::Repeated(decision) = &applied
            && decision.outcome.is_done()
            && let Some(client) = client
        {
            self.events.push(Event::ClientAck {
                client,
                id: decision.at,
            });
        }
        self.answers.push((answer, Answer::Applied(applied)));
    }
}

#[cfg(test)]
mod tests;
