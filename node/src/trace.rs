//! The trace writer: what this node did, on file before anybody can see its effect.
//!
//! Events are collected and go out in a single `write`, before the messages and replies that depend
//! on them. SIGKILL then cannot hide the cause of a visible effect. A node that cannot write its
//! trace dies: a trace with a hole is worth nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use shakedown_history::jsonl::{self, FORMAT_VERSION, Format};
use shakedown_history::trace::{TraceHeader, TraceRecord};
use shakedown_history::{Event, Term};

use crate::clock;
use crate::storage::Identity;

/// Writes one incarnation's segment, or nothing at all.
#[derive(Debug)]
pub struct TraceWriter {
    sink: Option<Sink>,
}

#[derive(Debug)]
struct Sink {
    file: File,
    path: PathBuf,
    seq: u64,
    buffer: Vec<u8>,
    /// When the first record that is not written yet was made. All of its round share it: they are
    /// one moment to everybody outside, and asking the kernel costs as much as writing a record.
    round_began: Option<u64>,
}

impl TraceWriter {
    /// Opens the trace at `path` and begins the segment of this incarnation.
    ///
    /// # Errors
    /// If the file cannot be opened or written.
    pub fn open(path: &Path, identity: &Identity) -> io::Result<Self> {
        let mut file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut buffer = Vec::new();
        if ends_in_a_torn_line(&mut file)? {
            buffer.push(b'\n');
        }
        let header = TraceHeader {
            format: Format::Trace,
            version: FORMAT_VERSION,
            cluster: identity.cluster.clone(),
            node: identity.node,
            disk: identity.disk.clone(),
            incarnation: identity.incarnation,
        };
        jsonl::write_line(&mut buffer, &header)?;
        file.write_all(&buffer)?;
        buffer.clear();
        let sink = Sink {
            file,
            path: path.to_owned(),
            seq: 0,
            buffer,
            round_began: None,
        };
        Ok(Self { sink: Some(sink) })
    }

    /// A writer that writes nothing: to measure what tracing costs.
    #[must_use]
    pub fn disabled() -> Self {
        Self { sink: None }
    }

    /// Adds an event of `term`, to be written with the next [`TraceWriter::flush`].
    pub fn record(&mut self, term: Term, ev: Event) {
        if let Some(sink) = &mut self.sink {
            sink.record(term, ev);
        }
    }

    /// Hands what was recorded to the kernel. Only then may its effects leave the process.
    ///
    /// # Panics
    /// If the file does not take it.
    pub fn flush(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink.flush();
        }
    }
}

impl Sink {
    fn record(&mut self, term: Term, ev: Event) {
        self.seq += 1;
        let mono = *self
            .round_began
            .get_or_insert_with(clock::machine_monotonic_ns);
        let record = TraceRecord {
            seq: self.seq,
            mono,
            term,
            ev,
        };
        serde_json::to_writer(&mut self.buffer, &record).expect("a buffer takes any record");
        self.buffer.push(b'\n');
    }

    fn flush(&mut self) {
        self.round_began = None;
        if self.buffer.is_empty() {
            return;
        }
        if let Err(e) = self.file.write_all(&self.buffer) {
            panic!(
                "cannot write the trace {}: {e}; make room, or give --trace another place",
                self.path.display()
            );
        }
        self.buffer.clear();
    }
}

fn ends_in_a_torn_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_history::{LogId, NodeId, NodeTrace};

    fn identity(incarnation: u64) -> Identity {
        Identity {
            cluster: "c".to_owned(),
            node: NodeId(1),
            disk: "d".to_owned(),
            incarnation,
        }
    }

    #[test]
    fn a_segment_follows_a_torn_one_and_nothing_is_written_before_flush() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n1.jsonl");
        let mut writer = TraceWriter::open(&path, &identity(1)).unwrap();
        let durable = Event::AppendDurable {
            last: LogId::new(1, 1),
        };
        writer.record(Term(1), durable.clone());
        writer.flush();
        writer.record(Term(1), durable.clone());
        drop(writer);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"seq\":2")
            .unwrap();
        let mut writer = TraceWriter::open(&path, &identity(2)).unwrap();
        writer.record(Term(2), durable);
        writer.flush();
        let trace = NodeTrace::read(&path).unwrap();
        let shape: Vec<_> = trace
            .segments
            .iter()
            .map(|s| (s.records.len(), s.torn))
            .collect();
        assert_eq!(shape, [(1, true), (1, false)]);
        let stamps = trace
            .segments
            .iter()
            .flat_map(|s| &s.records)
            .map(|r| r.mono);
        assert!(stamps.is_sorted(), "one clock");
    }
}
