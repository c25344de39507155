//! What one node says it did: `trace/<node>.jsonl`.
//!
//! Each start of the process (an *incarnation*) opens a segment with a [`TraceHeader`] line; then
//! follows one [`TraceRecord`] a line, numbered without gaps. A torn line is legal only at the end of
//! a segment, as SIGKILL leaves it. The format is for every Raft implementation, not only for ours.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::ids::{NodeId, Term};
use crate::jsonl::{self, Format, ReadError};

/// The line that opens an incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHeader {
    /// Always [`Format::Trace`].
    pub format: Format,
    /// [`jsonl::FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// The cluster's name, the same on all its nodes.
    pub cluster: String,
    /// Who writes.
    pub node: NodeId,
    /// Random, written once when the node's disk was formatted: a wiped disk has another.
    pub disk: String,
    /// How many times a process has started on this disk, this start included.
    pub incarnation: u64,
}

/// One event of an incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRecord {
    /// From 1 in each incarnation; a gap means that the trace is incomplete.
    pub seq: u64,
    /// The machine's monotonic clock by raw system call, in nanoseconds, which no clock fault
    /// reaches. Advisory: no safety check depends on it.
    pub mono: u64,
    /// The node's term at the event.
    pub term: Term,
    /// What happened.
    pub ev: Event,
}

/// One incarnation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who, on which disk, which start.
    pub header: TraceHeader,
    /// What it did.
    pub records: Vec<TraceRecord>,
    /// The line of the header, counted from 1; record `i` stood on line `first_line + 1 + i`.
    pub first_line: usize,
    /// Whether a torn last line was dropped.
    pub torn: bool,
}

/// All incarnations of one node, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTrace {
    /// The node.
    pub node: NodeId,
    /// Its incarnations.
    pub segments: Vec<Segment>,
}

/// A trace could not be read.
pub type TraceError = ReadError;

impl NodeTrace {
    /// Reads `trace/<node>.jsonl`.
    ///
    /// # Errors
    /// If the file cannot be read, does not start with a header, mixes nodes, leaves a gap in `seq`, or
    /// has a malformed line that is not the torn last one of a segment.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let bytes = std::fs::read(path).map_err(|source| ReadError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &bytes)
    }

    /// [`NodeTrace::read`] for bytes at hand; `path` is for messages.
    ///
    /// # Errors
    /// As [`NodeTrace::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, TraceError> {
        let mut reader = Reader {
            path,
            segments: Vec::new(),
            unreadable: None,
        };
        for (number, line, complete) in jsonl::numbered_lines(bytes) {
            reader.line(number, line, complete)?;
        }
        let Reader { segments, .. } = reader;
        match segments.first() {
            Some(first) => Ok(Self {
                node: first.header.node,
                segments,
            }),
            None => Err(ReadError::line(
                path,
                1,
                "empty file: the header line is missing",
            )),
        }
    }
}

struct Reader<'a> {
    path: &'a Path,
    segments: Vec<Segment>,
    /// A line that did not parse, forgiven only if a header or the end of the file follows.
    unreadable: Option<ReadError>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &[u8], complete: bool) -> Result<(), ReadError> {
        // Nearly every line is a record: only what is none may be a header.
        match serde_json::from_slice::<TraceRecord>(line) {
            Ok(record) => self.record(number, record),
            Err(why) => match serde_json::from_slice::<TraceHeader>(line) {
                Ok(header) => self.open(number, header),
                Err(_) => self.neither(number, complete, &why),
            },
        }
    }

    fn record(&mut self, number: usize, record: TraceRecord) -> Result<(), ReadError> {
        let segment = self.incarnation(number)?;
        let due = segment.records.len() as u64 + 1;
        if record.seq != due {
            let seq = record.seq;
            let why = format!("seq is {seq} where {due} is due: records are missing");
            return Err(ReadError::line(self.path, number, why));
        }
        segment.records.push(record);
        Ok(())
    }

    fn neither(
        &mut self,
        number: usize,
        complete: bool,
        why: &serde_json::Error,
    ) -> Result<(), ReadError> {
        let segment = self.incarnation(number)?;
        if complete {
            self.unreadable = Some(ReadError::line(self.path, number, why));
        } else {
            segment.torn = true;
        }
        Ok(())
    }

    /// The incarnation that goes on at this line, unless an unreadable line should have been its last.
    fn incarnation(&mut self, number: usize) -> Result<&mut Segment, ReadError> {
        if let Some(error) = self.unreadable.take() {
            return Err(error);
        }
        let why = "not a trace header";
        let opened = self.segments.last_mut();
        opened.ok_or_else(|| ReadError::line(self.path, number, why))
    }

    fn open(&mut self, number: usize, header: TraceHeader) -> Result<(), ReadError> {
        jsonl::check_version(self.path, number, header.version)?;
        if let Some(previous) = self.segments.last_mut() {
            if previous.header.node != header.node {
                let why = format!(
                    "{} writes into the trace of {}",
                    header.node, previous.header.node
                );
                return Err(ReadError::line(self.path, number, why));
            }
            previous.torn = self.unreadable.take().is_some();
        }
        self.segments.push(Segment {
            header,
            records: Vec::new(),
            first_line: number,
            torn: false,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Index, LogId};

    const HEADER: &str = r#"{"format":"shakedown-trace","version":1,"cluster":"c","node":"n1","disk":"d","incarnation":1}"#;

    fn record(seq: u64) -> String {
        let ev = Event::Truncate {
            from: Index(2),
            old_last: LogId::new(1, 3),
        };
        serde_json::to_string(&TraceRecord {
            seq,
            mono: 5,
            term: Term(1),
            ev,
        })
        .unwrap()
    }

    fn parse(text: &str) -> Result<NodeTrace, TraceError> {
        NodeTrace::parse(Path::new("t"), text.as_bytes())
    }

    #[test]
    fn a_killed_incarnation_may_end_in_a_torn_line() {
        let trace = parse(&format!(
            "{HEADER}\n{}\n{{\"se\n{HEADER}\n{}\n{{",
            record(1),
            record(1)
        ));
        let trace = trace.unwrap();
        let shape: Vec<_> = trace
            .segments
            .iter()
            .map(|s| (s.records.len(), s.torn))
            .collect();
        assert_eq!(shape, [(1, true), (1, true)]);
    }

    #[test]
    fn a_malformed_line_within_an_incarnation_is_an_error() {
        let error = parse(&format!("{HEADER}\n{{\"se\n{}\n", record(1))).unwrap_err();
        assert!(error.to_string().starts_with("t:2: "), "{error}");
    }

    #[test]
    fn a_gap_is_an_error() {
        let error = parse(&format!("{HEADER}\n{}\n{}\n", record(1), record(3))).unwrap_err();
        assert!(
            error.to_string().contains("seq is 3 where 2 is due"),
            "{error}"
        );
    }

    #[test]
    fn a_trace_starts_with_a_header_and_has_one_author() {
        assert!(parse("").is_err());
        assert!(parse(&record(1)).is_err());
        let other = HEADER.replace("n1", "n2");
        assert!(
            parse(&format!("{HEADER}\n{other}\n"))
                .unwrap_err()
                .to_string()
                .contains("n2 writes")
        );
    }
}
