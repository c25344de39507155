//! The state machine of the tests: registers, and the last request of each client.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::ClientSeq;
use shakedown_raft::{Entry, LogHash, LogId, Payload, Term};

/// Registers and sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The last entry applied.
    pub(crate) applied: LogId,
    pub(crate) registers: BTreeMap<u64, u64>,
    /// The last request of each client, and the value that it found.
    pub(crate) sessions: BTreeMap<u64, (u64, u64)>,
}

/// A request to set a register. In scripts it is only a number: the client, who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) client: ClientSeq,
    pub(crate) register: u64,
    pub(crate) value: u64,
}

impl Command {
    pub(crate) fn encode(self) -> Bytes {
        serde_json::to_vec(&self).expect("plain data").into()
    }

    fn decode(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("a command is text");
        match text.parse() {
            Ok(number) => Self {
                client: ClientSeq {
                    client: number,
                    seq: 1,
                },
                register: 0,
                value: number,
            },
            Err(_) => serde_json::from_str(text).expect("a command is a number or an object"),
        }
    }
}

/// What came of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) client: Option<ClientSeq>,
    /// Whether it changed anything.
    pub(crate) effect: bool,
}

impl Machine {
    pub(crate) fn apply(&mut self, entry: &Entry) -> Applied {
        self.applied = entry.id;
        let Payload::Command(bytes) = &entry.payload else {
            return Applied {
                client: None,
                effect: false,
            };
        };
        let command = Command::decode(bytes);
        let ClientSeq { client, seq } = command.client;
        let repeated = self
            .sessions
            .get(&client)
            .is_some_and(|(last, _)| *last >= seq);
        if !repeated {
            let found = self.registers.insert(command.register, command.value);
            self.sessions.insert(client, (seq, found.unwrap_or(0)));
        }
        Applied {
            client: Some(command.client),
            effect: !repeated,
        }
    }

    /// Hashes of registers and sessions.
    pub(crate) fn digest(&self) -> (LogHash, LogHash) {
        let hash = |text: Vec<u8>| LogHash::EMPTY.chain(Term(0), &text);
        let registers = serde_json::to_vec(&self.registers).expect("plain data");
        let sessions = serde_json::to_vec(&self.sessions).expect("plain data");
        (hash(registers), hash(sessions))
    }

    pub(crate) fn save(&self) -> Bytes {
        serde_json::to_vec(self).expect("plain data").into()
    }

    pub(crate) fn restore(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).expect("a snapshot of this machine")
    }
}
