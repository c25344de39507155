//! The trace of a node.

use shakedown_history::jsonl::{FORMAT_VERSION, Format};
use shakedown_history::{Segment, TraceHeader, TraceRecord};
use shakedown_raft::{Event, Term};

use super::Host;
use crate::cluster::Happened;

impl Host {
    pub(super) fn open_segment(&mut self, incarnation: u64) {
        let header = TraceHeader {
            format: Format::Trace,
            version: FORMAT_VERSION,
            cluster: "simulation".to_owned(),
            node: self.settings.node,
            disk: match self.settings.disk {
                Some(disk) => format!("{:032x}", disk.0),
                None => format!("disk of {}", self.settings.node),
            },
            incarnation,
        };
        let records = Vec::new();
        self.trace.segments.push(Segment {
            header,
            records,
            first_line: 1,
            torn: false,
        });
    }

    pub(super) fn record(&mut self, term: Term, events: Vec<Event>, happened: &mut Vec<Happened>) {
        let segment = self
            .trace
            .segments
            .last_mut()
            .expect("a node that runs has started");
        for ev in events {
            happened.push(Happened::Traced(self.settings.node, term, ev.clone()));
            let seq = segment.records.len() as u64 + 1;
            segment.records.push(TraceRecord {
                seq,
                mono: self.now,
                term,
                ev,
            });
        }
    }
}
