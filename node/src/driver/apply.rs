//! Committed entries on their way to the state machine, and the answers that follow.

use shakedown_history::event::ClientSeq;
use shakedown_history::{Event, LogId};
use shakedown_raft::{Committed, Payload, Token};

use super::Driver;
use crate::kv::{Applied, Command, Decision};

/// How often the contents are hashed into the trace, in entries.
const DIGEST_PERIOD: u64 = 1024;

impl Driver {
    /// Applies the next committed entry and answers its request, if it was made here.
    pub(super) fn apply(&mut self, committed: Committed) {
        let Committed { entry, token } = committed;
        assert_eq!(
            entry.id.index,
            self.last_applied.next(),
            "entries are applied in order"
        );
        let request = match &entry.payload {
            Payload::Command(bytes) => {
                let command = Command::decode(bytes);
                let client = command.client();
                Some((client, self.store.apply(entry.id, command)))
            }
            Payload::Noop | Payload::Config(_) => None,
        };
        self.last_applied = entry.id.index;
        self.record(Event::Apply {
            id: entry.id,
            hash: entry.hash,
            effect: request
                .as_ref()
                .is_some_and(|(_, applied)| applied.has_effect()),
            client: request.as_ref().and_then(|(client, _)| *client),
        });
        if entry.id.index.0.is_multiple_of(DIGEST_PERIOD) {
            let (state, sessions) = self.store.digest();
            self.record(Event::Digest {
                index: entry.id.index,
                state,
                sessions,
            });
        }
        if let (Some((client, applied)), Some(token)) = (request, token) {
            self.answer_write(token, client, applied);
        }
    }

    /// The planted bug `ack-before-commit`: answers with what the command would do if it were
    /// carried out now.
    pub(super) fn answer_before_commit(&mut self, token: Token, at: LogId) {
        if let Some(write) = self.clients.close_write(token) {
            let command = Command::decode(&write.command);
            let client = command.client();
            let applied = match command {
                Command::OpenSession { .. } => Applied::Opened(at.index.0),
                Command::Transaction { ops, .. } => {
                    let outcome = self.store.preview(ops);
                    Applied::Fresh(Decision { outcome, at })
                }
                Command::Malformed => Applied::Malformed,
            };
            self.acknowledge(client, &applied);
            self.clients.answer_applied(&write.answer, applied);
        }
    }

    fn answer_write(&mut self, token: Token, client: Option<ClientSeq>, applied: Applied) {
        if let Some(write) = self.clients.close_write(token) {
            self.acknowledge(client, &applied);
            self.clients.answer_applied(&write.answer, applied);
        }
    }

    /// Records that the client will hear that its request took effect, if that is what it will hear.
    fn acknowledge(&mut self, client: Option<ClientSeq>, applied: &Applied) {
        if let Some(client) = client
            && let Applied::Fresh(decision) | Applied::Repeated(decision) = applied
            && decision.outcome.is_done()
        {
            self.record(Event::ClientAck {
                client,
                id: decision.at,
            });
        }
    }
}
