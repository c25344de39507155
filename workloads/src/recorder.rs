//! Writes the history while it happens.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use shakedown_history::{Header, NodeId, Op, OpKind, ProcessId, Witness, jsonl};

/// The run's one clock: nanoseconds since its start.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the run's start; never goes backward.
    fn now_ns(&self) -> u64;
}

/// Appends ops to `history.jsonl`. Each record is handed to the system before `record` returns, so
/// that an invocation is on disk before its request leaves, even if we are killed.
pub struct Recorder {
    clock: Box<dyn Clock>,
    file: Mutex<File>,
}

struct File {
    sink: std::fs::File,
    next_index: u64,
}

/// What to record; index and time are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Who.
    pub process: ProcessId,
    /// Invocation or which completion.
    pub kind: OpKind,
    /// What.
    pub f: &'a str,
    /// On which key.
    pub key: Option<&'a str>,
    /// Arguments and results.
    pub value: Value,
    /// Asked or answering node.
    pub node: Option<NodeId>,
    /// Why not ok.
    pub error: Option<String>,
    /// Where it took effect.
    pub witness: Option<Witness>,
    /// Whether it is a final read.
    pub is_final: bool,
}

impl Recorder {
    /// Starts a history file.
    ///
    /// # Errors
    /// If the file cannot be made or written.
    pub fn create(path: &Path, header: &Header, clock: Box<dyn Clock>) -> io::Result<Self> {
        let mut sink = std::fs::File::create_new(path)?;
        jsonl::write_line(&mut sink, header)?;
        Ok(Self {
            clock,
            file: Mutex::new(File {
                sink,
                next_index: 0,
            }),
        })
    }

    /// Appends one record, and says at what time.
    ///
    /// # Errors
    /// If the file cannot be written: the run must stop, what is recorded stays readable.
    pub fn record(&self, entry: Entry<'_>) -> io::Result<u64> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // The time is read under the lock, so that times and indexes have the same order.
        let time = self.clock.now_ns();
        let op = Op {
            index: file.next_index,
            time,
            process: entry.process,
            kind: entry.kind,
            f: entry.f.to_owned(),
            key: entry.key.map(str::to_owned),
            value: entry.value,
            node: entry.node,
            error: entry.error,
            witness: entry.witness,
            is_final: entry.is_final,
        };
        jsonl::write_line(&mut file.sink, &op)?;
        file.next_index += 1;
        Ok(time)
    }
}
