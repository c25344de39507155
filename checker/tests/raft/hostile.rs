//! Whatever a trace says, checking it ends with reports.

use proptest::prelude::*;
use shakedown_checker::check_traces;
use shakedown_history::event::{
    ClientSeq, ConfigStep, EntryKind, HardState, ReadMode, Role, SnapshotMeta,
};
use shakedown_history::{
    Configuration, Event, Format, Index, LogHash, LogId, NodeId, NodeTrace, Segment, Term,
    TraceHeader, TraceRecord,
};

use crate::simulation::{Simulation, Step};

/// How many numbers [`event`] knows; several may be of one kind.
pub(crate) const KINDS: u8 = 37;

/// Small numbers that meet each other, and the ends of the range.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..6_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1), 1 => any::<u64>()]
}

fn id(n: &[u64]) -> LogId {
    LogId::new(n[0], n[1])
}

fn config(n: &[u64]) -> Configuration {
    Configuration {
        outgoing: vec![NodeId(n[1])],
        ..Configuration::of_voters(n.iter().map(|n| NodeId(*n)))
    }
}

fn meta(n: &[u64]) -> SnapshotMeta {
    SnapshotMeta {
        last: id(n),
        hash: LogHash(n[2]),
        config: config(n),
    }
}

/// One event of each kind, by number.
pub(crate) fn event(which: u8, n: &[u64], flag: bool) -> Event {
    match which {
        0..10 => election_event(which, n, flag),
        10..20 => log_event(which, n, flag),
        _ => other_event(which, n, flag),
    }
}

fn election_event(which: u8, n: &[u64], flag: bool) -> Event {
    let hard_state = HardState {
        term: Term(n[0]),
        voted_for: flag.then_some(NodeId(n[1])),
    };
    let candidate = NodeId(n[0]);
    match which {
        0 | 1 => Event::Start {
            hard_state,
            snapshot: flag.then(|| meta(n)),
            first: Index(n[2]),
            last: id(&n[2..]),
            last_hash: LogHash(n[4]),
            applied: Index(n[3]),
            commit: Index(n[1]),
            config: config(n),
            lost: flag.then_some(Index(n[0])),
        },
        2 => Event::HardStateDurable(hard_state),
        3 => Event::VoteGranted {
            candidate,
            candidate_last: id(n),
            last: id(&n[2..]),
            pre_vote: flag,
        },
        4 => Event::BecomePreCandidate,
        5 => Event::BecomeCandidate { last: id(n) },
        6 | 7 => Event::BecomeLeader {
            last: id(n),
            votes: vec![candidate, NodeId(n[1])],
            config: config(n),
        },
        _ => Event::StepDown {
            reason: "x".into(),
            seen_term: Term(n[0]),
        },
    }
}

fn log_event(which: u8, n: &[u64], flag: bool) -> Event {
    let node = NodeId(n[0]);
    match which {
        10 => Event::AppendDurable { last: id(n) },
        11 => Event::Truncate {
            from: Index(n[0]),
            old_last: id(n),
        },
        12 => Event::Ack {
            to: node,
            matched: id(&n[1..]),
            reject: flag,
        },
        13 | 14 => Event::Commit {
            to: id(n),
            role: if flag { Role::Leader } else { Role::Follower },
            config: config(n),
            acks: vec![(node, Index(n[1])), (NodeId(n[2]), Index(n[3]))],
            leader_commit: flag.then_some(Index(n[3])),
            prev_plus_len: flag.then_some(Index(n[4])),
        },
        15 => Event::Apply {
            id: id(n),
            hash: LogHash(n[2]),
            effect: flag,
            client: Some(client(n)),
        },
        _ => Event::Append {
            id: id(n),
            hash: LogHash(n[2] % 3),
            kind: if flag {
                EntryKind::Config
            } else {
                EntryKind::Command
            },
        },
    }
}

fn other_event(which: u8, n: &[u64], flag: bool) -> Event {
    let (node, read, index, text) = (NodeId(n[0]), n[0], Index(n[1]), "x".to_owned());
    let what = [ConfigStep::Append, ConfigStep::Rollback, ConfigStep::Active][n[2] as usize % 3];
    match which {
        20 => Event::Digest {
            index,
            state: LogHash(n[1]),
            sessions: LogHash(n[2]),
        },
        21 => Event::SnapshotMade(meta(n)),
        22 => Event::SnapshotDurable { last: id(n) },
        23 => Event::SnapshotInstalled {
            meta: meta(n),
            from: node,
            kept_suffix: flag,
        },
        24 => Event::Compact { upto: id(n) },
        25 => Event::ClientAck {
            client: client(n),
            id: id(n),
        },
        26 => Event::IoError {
            op: text,
            errno: 5,
            handled: flag,
        },
        27 => Event::ReadStart { read },
        28 => Event::ReadBarrier {
            read,
            index,
            round: n[2],
            acks: vec![node],
        },
        29 => Event::ReadServed {
            read,
            index,
            applied: Index(n[2]),
            mode: if flag {
                ReadMode::Lease
            } else {
                ReadMode::Index
            },
        },
        30 => Event::Lease {
            until_mono_ns: n[0],
            basis_mono_ns: n[1],
        },
        31 => Event::LeaseDropped { reason: text },
        32 => Event::Repaired { last: id(n) },
        33 => Event::TransferStarted { to: node },
        34 => Event::TransferEnded {
            to: node,
            done: flag,
        },
        _ => Event::ConfigChange {
            what,
            index,
            old: config(n),
            new: config(&n[1..]),
        },
    }
}

fn client(n: &[u64]) -> ClientSeq {
    ClientSeq {
        client: n[3],
        seq: n[4],
    }
}

fn record() -> impl Strategy<Value = TraceRecord> {
    let numbers = prop::collection::vec(number(), 5);
    (
        number(),
        number(),
        number(),
        0..KINDS,
        numbers,
        any::<bool>(),
    )
        .prop_map(|(seq, mono, term, which, numbers, flag)| TraceRecord {
            seq,
            mono,
            term: Term(term),
            ev: event(which, &numbers, flag),
        })
}

fn segment() -> impl Strategy<Value = Segment> {
    let records = prop::collection::vec(record(), 0..30);
    (number(), 0..2_u8, number(), records).prop_map(|(node, disk, incarnation, records)| {
        let header = TraceHeader {
            format: Format::Trace,
            version: 1,
            cluster: "c".into(),
            node: NodeId(node),
            disk: disk.to_string(),
            incarnation,
        };
        Segment {
            header,
            records,
            first_line: 1,
            torn: false,
        }
    })
}

fn traces() -> impl Strategy<Value = Vec<NodeTrace>> {
    let trace =
        (number(), prop::collection::vec(segment(), 0..4)).prop_map(|(node, segments)| NodeTrace {
            node: NodeId(node),
            segments,
        });
    prop::collection::vec(trace, 0..5)
}

/// Whether two events are of the same kind.
fn same_kind(a: &Event, b: &Event) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_is_reported_on(traces in traces()) {
        let nodes = [NodeId(1), NodeId(2), NodeId(3)];
        prop_assert_eq!(check_traces(&traces, &nodes).len(), 29);
    }

    #[test]
    fn a_healthy_trace_without_one_kind_of_event_is_reported_on(
        steps in prop::collection::vec(any::<Step>(), 0..400),
        record in record(),
    ) {
        let mut traces = Simulation::run(3, &steps).traces();
        for segment in traces.iter_mut().flat_map(|t| &mut t.segments) {
            segment.records.retain(|r| !same_kind(&r.ev, &record.ev));
        }
        prop_assert_eq!(check_traces(&traces, &[NodeId(1), NodeId(2), NodeId(3)]).len(), 29);
    }

    #[test]
    fn a_healthy_trace_with_nodes_renamed_and_records_mixed_in_is_reported_on(
        steps in prop::collection::vec(any::<Step>(), 0..400),
        mixed_in in prop::collection::vec((any::<prop::sample::Index>(), record()), 1..10),
    ) {
        let mut traces = Simulation::run(3, &steps).traces();
        traces.swap(0, 2);
        traces[0].node = NodeId(2);
        for (position, record) in mixed_in {
            let segment = &mut traces[1].segments[0];
            let position = position.index(segment.records.len());
            segment.records.insert(position, record);
        }
        prop_assert_eq!(check_traces(&traces, &[NodeId(1), NodeId(2), NodeId(3)]).len(), 29);
    }
}
