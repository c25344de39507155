//! A record where it stands: whose, in which incarnation.

use shakedown_history::{Event, NodeId, NodeTrace, Term, TraceHeader, TraceRecord};

use super::narration;
use crate::verdict::TraceRef;

/// One record of one node's trace.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The position of the node among the traces.
    pub(super) trace: usize,
    pub(super) header: &'a TraceHeader,
    pub(super) record: &'a TraceRecord,
}

impl<'a> Place<'a> {
    pub(super) fn node(&self) -> NodeId {
        self.header.node
    }

    pub(super) fn disk(&self) -> &'a str {
        &self.header.disk
    }

    pub(super) fn term(&self) -> Term {
        self.record.term
    }

    pub(super) fn event(&self) -> &'a Event {
        &self.record.ev
    }

    /// Whether both stand in one incarnation's trace.
    pub(super) fn is_of_same_incarnation(&self, other: &Self) -> bool {
        std::ptr::eq(self.header, other.header)
    }

    /// The node and its incarnation, in words.
    pub(super) fn incarnation(&self) -> String {
        format!(
            "{} in its incarnation {}",
            self.node(),
            self.header.incarnation
        )
    }

    pub(super) fn trace_ref(&self) -> TraceRef {
        TraceRef {
            node: self.node(),
            incarnation: self.header.incarnation,
            seq: self.record.seq,
            mono: self.record.mono,
            what: narration::narrate(self.node(), self.record),
        }
    }
}

/// All records, one node after the other, each node's in its own order.
pub(super) fn places(traces: &[NodeTrace]) -> impl Iterator<Item = Place<'_>> {
    traces
        .iter()
        .enumerate()
        .flat_map(|(position, trace)| places_of(position, trace))
}

/// The records of one node, in order.
pub(super) fn places_of(position: usize, trace: &NodeTrace) -> impl Iterator<Item = Place<'_>> {
    trace.segments.iter().flat_map(move |segment| {
        segment.records.iter().map(move |record| Place {
            trace: position,
            header: &segment.header,
            record,
        })
    })
}

/// All records in the order of terms, each node's in its own order.
///
/// A message has no effect on a node of a higher term, so this order never puts an effect before its
/// cause across terms, whatever the clocks say. Within a term the monotonic stamps decide.
pub(super) fn places_by_term(traces: &[NodeTrace]) -> Vec<Place<'_>> {
    let mut keyed = Vec::new();
    for (position, trace) in traces.iter().enumerate() {
        let (mut term, mut mono) = (Term(0), 0);
        for place in places_of(position, trace) {
            if place.term() > term {
                (term, mono) = (place.term(), 0);
            }
            mono = mono.max(place.record.mono);
            keyed.push(((term, mono), place));
        }
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, place)| place).collect()
}
