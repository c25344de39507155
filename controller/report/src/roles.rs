//! What each node was, when: follower, candidate, leader, down or paused.

use shakedown_history::fault::FaultWindow;
use shakedown_history::{Event, NodeId, NodeTrace, Segment, TraceRecord};

use crate::page::RunPage;

/// Traces may begin before the run's start (nodes boot first) and end after its last op. Stamps
/// further out come from another machine's clock.
const SLACK_NS: u64 = 600_000_000_000;

/// What a node was during a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Follower,
    Candidate,
    Leader,
    Down,
    Paused,
}

impl NodeState {
    /// One letter, for the page's data.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Follower => 'f',
            Self::Candidate => 'c',
            Self::Leader => 'l',
            Self::Down => 'd',
            Self::Paused => 'p',
        }
    }
}

/// A node stayed the same from `from` to `to`, in nanoseconds since the run's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) state: NodeState,
    pub(crate) term: u64,
}

/// One node's spans in order of time; pauses come last, over the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeLane {
    pub(crate) node: NodeId,
    pub(crate) spans: Vec<Span>,
}

impl NodeLane {
    /// When this node became leader, and of which term.
    pub(crate) fn elections(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(|s| s.state == NodeState::Leader)
    }
}

/// The lanes of all nodes whose traces can be placed on the run's time, and remarks on the others.
pub(crate) fn node_lanes(page: &RunPage, end_ns: u64) -> (Vec<NodeLane>, Vec<String>) {
    let mut lanes = Vec::new();
    let mut remarks = Vec::new();
    for trace in &page.traces {
        let clock = Clock {
            origin: page.header.origin_mono_ns,
            end_ns,
        };
        if clock.places(trace) {
            lanes.push(lane(trace, &page.faults, &clock));
        } else {
            remarks.push(format!(
                "The trace of {} is not drawn: its time stamps are not on the run's clock.",
                trace.node
            ));
        }
    }
    (lanes, remarks)
}

/// From a node's monotonic stamps to the run's time.
struct Clock {
    origin: u64,
    end_ns: u64,
}

impl Clock {
    fn places(&self, trace: &NodeTrace) -> bool {
        let earliest = self.origin.saturating_sub(SLACK_NS);
        let latest = self.origin + self.end_ns + SLACK_NS;
        let mut records = trace.segments.iter().flat_map(|s| &s.records);
        self.origin > 0 && records.all(|r| (earliest..=latest).contains(&r.mono))
    }

    /// Moments before the start or after the end are drawn at the edge.
    fn time(&self, mono: u64) -> u64 {
        mono.saturating_sub(self.origin).min(self.end_ns)
    }
}

fn lane(trace: &NodeTrace, faults: &[FaultWindow], clock: &Clock) -> NodeLane {
    let node = trace.node;
    let mut spans = Vec::new();
    let starts: Vec<u64> = trace
        .segments
        .iter()
        .map(|s| first_moment(s, clock))
        .collect();
    for (i, segment) in trace.segments.iter().enumerate() {
        let next_start = starts.get(i + 1).copied();
        let end = end_of(segment, node, starts[i], next_start, faults, clock);
        push_roles(segment, end, clock, &mut spans);
        let down_to = next_start.unwrap_or(clock.end_ns);
        if end < down_to {
            spans.push(Span {
                from: end,
                to: down_to,
                state: NodeState::Down,
                term: 0,
            });
        }
    }
    for fault in faults
        .iter()
        .filter(|f| hits(f, node) && f.spec.family.contains("pause"))
    {
        if let Some(from) = fault.injected {
            let to = fault.healed.unwrap_or(clock.end_ns);
            spans.push(Span {
                from,
                to,
                state: NodeState::Paused,
                term: 0,
            });
        }
    }
    NodeLane { node, spans }
}

fn first_moment(segment: &Segment, clock: &Clock) -> u64 {
    segment.records.first().map_or(0, |r| clock.time(r.mono))
}

fn hits(fault: &FaultWindow, node: NodeId) -> bool {
    fault.spec.targets.contains(&node)
}

/// Faults that end the node's process.
fn kills(fault: &FaultWindow) -> bool {
    ["kill", "crash", "power"]
        .iter()
        .any(|name| fault.spec.family.contains(name))
}

/// When an incarnation ended. A quiet node's last record may be long before it was killed, so the
/// fault journal knows better than the trace; an incarnation that nothing ended lives on.
fn end_of(
    segment: &Segment,
    node: NodeId,
    start: u64,
    next_start: Option<u64>,
    faults: &[FaultWindow],
    clock: &Clock,
) -> u64 {
    let last = segment.records.last().map_or(start, |r| clock.time(r.mono));
    let until = next_start.unwrap_or(clock.end_ns);
    let kills = faults
        .iter()
        .filter(|f| hits(f, node) && kills(f))
        .filter_map(|f| f.injected);
    let killed = kills.filter(|t| (last..=until).contains(t)).min();
    match (killed, next_start) {
        (Some(killed), _) => killed,
        (None, Some(_)) => last,
        (None, None) => clock.end_ns,
    }
}

fn push_roles(segment: &Segment, end: u64, clock: &Clock, spans: &mut Vec<Span>) {
    let mut current: Option<Span> = None;
    for record in &segment.records {
        let time = clock.time(record.mono).min(end);
        let state = state_after(record, current.map(|s| s.state));
        let term = record.term.0;
        if current.is_some_and(|s| s.state == state && s.term == term) {
            continue;
        }
        spans.extend(current.map(|s| Span { to: time, ..s }).filter(is_visible));
        current = Some(Span {
            from: time,
            to: end,
            state,
            term,
        });
    }
    spans.extend(current);
}

/// An instant's role (a term passed through) is not drawn, except that an election always is.
fn is_visible(span: &Span) -> bool {
    span.from < span.to || span.state == NodeState::Leader
}

fn state_after(record: &TraceRecord, before: Option<NodeState>) -> NodeState {
    match &record.ev {
        Event::BecomeLeader { .. } => NodeState::Leader,
        Event::BecomeCandidate { .. } | Event::BecomePreCandidate => NodeState::Candidate,
        Event::Start { .. } | Event::StepDown { .. } => NodeState::Follower,
        _ => before.unwrap_or(NodeState::Follower),
    }
}

/// Every election of the run: when, who, which term; in order of time.
pub(crate) fn elections(lanes: &[NodeLane]) -> Vec<(u64, NodeId, u64)> {
    let mut all: Vec<_> = lanes
        .iter()
        .flat_map(|l| l.elections().map(|s| (s.from, l.node, s.term)))
        .collect();
    all.sort_unstable();
    all
}
