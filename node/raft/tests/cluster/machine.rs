//! The state machine of the tests: registers, and the last request of each client.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::ClientSeq;
use shakedown_raft::{Entry, LogHash, LogId, Payload, Term};

/// How many numbers a row of a snapshot has.
const ROW: usize = 3;

/// Registers and sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    pub(crate) fn decode(bytes: &[u8]) -> Self {
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
    /// Whether the client has gone on to a later request: this one is answered by nobody.
    pub(crate) outdated: bool,
}

impl Machine {
    pub(crate) fn apply(&mut self, entry: &Entry) -> Applied {
        self.applied = entry.id;
        let Payload::Command(bytes) = &entry.payload else {
            return Applied {
                client: None,
                effect: false,
                outdated: false,
            };
        };
        let command = Command::decode(bytes);
        let ClientSeq { client, seq } = command.client;
        let latest = self.sessions.get(&client).map_or(0, |(last, _)| *last);
        if seq > latest {
            let found = self.registers.insert(command.register, command.value);
            self.sessions.insert(client, (seq, found.unwrap_or(0)));
        }
        Applied {
            client: Some(command.client),
            effect: seq > latest,
            outdated: seq < latest,
        }
    }

    /// Hashes of registers and sessions.
    pub(crate) fn digest(&self) -> (LogHash, LogHash) {
        let hash = |numbers: Vec<u64>| {
            let bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
            LogHash::EMPTY.chain(Term(0), &bytes)
        };
        let registers = self
            .registers
            .iter()
            .flat_map(|(key, value)| [*key, *value]);
        let sessions = self.sessions.iter();
        let sessions = sessions.flat_map(|(client, (seq, found))| [*client, *seq, *found]);
        (hash(registers.collect()), hash(sessions.collect()))
    }

    /// Rows of numbers: the first says where this is, and how many registers follow.
    pub(crate) fn save(&self) -> Bytes {
        let LogId { term, index } = self.applied;
        let first = [term.0, index.0, self.registers.len() as u64];
        let registers = self.registers.iter().map(|(key, value)| [*key, *value, 0]);
        let sessions = self.sessions.iter();
        let sessions = sessions.map(|(client, (seq, found))| [*client, *seq, *found]);
        let rows = [first].into_iter().chain(registers).chain(sessions);
        let bytes: Vec<u8> = rows.flatten().flat_map(u64::to_le_bytes).collect();
        bytes.into()
    }

    /// Takes whatever has enough bytes: what is wrong with a snapshot is for the checker to find out.
    pub(crate) fn restore(bytes: &[u8]) -> Self {
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let numbers: Vec<u64> = bytes.chunks_exact(8).map(number).collect();
        let mut rows = numbers.chunks_exact(ROW);
        let first = rows.next().expect("a snapshot says where it is");
        let registers = usize::try_from(first[2]).expect("a count");
        Self {
            applied: LogId::new(first[0], first[1]),
            registers: rows
                .by_ref()
                .take(registers)
                .map(|r| (r[0], r[1]))
                .collect(),
            sessions: rows.map(|row| (row[0], (row[1], row[2]))).collect(),
        }
    }
}
