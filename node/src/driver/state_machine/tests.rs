//! Jobs in order, and what the trace and clients hear of them.

use bytes::Bytes;
use serde_json::json;
use shakedown_history::LogHash;
use shakedown_raft::{Membership, SnapshotHeader};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::kv::{Json, MicroOp};

/// A command that sets `key` to its own number.
fn command(client: u64, seq: u64, key: &str) -> Bytes {
    let ops = vec![MicroOp::Write {
        key: key.to_owned(),
        value: Json::from(&json!(seq)),
    }];
    let client = ClientSeq { client, seq };
    Command::Transaction { client, ops }.encode()
}

/// Opens the session that is named like the entry.
fn open(index: u64) -> Job {
    apply(index, Command::OpenSession { sessions_max: 10 }.encode())
}

fn entry(index: u64, payload: Payload) -> Entry {
    Entry::new(LogHash::EMPTY, LogId::new(1, index), payload)
}

fn apply(index: u64, command: Bytes) -> Job {
    Job::Apply {
        entry: entry(index, Payload::Command(command)),
        answer: None,
    }
}

fn read(number: u64, index: u64) -> (Job, UnboundedReceiver<Answer>) {
    let (answer, answers) = unbounded_channel();
    let read = ServableRead {
        number,
        index: Index(index),
        mode: ReadMode::Index,
        term: Term(4),
        keys: vec!["k".to_owned()],
        answer,
    };
    (Job::Read(read), answers)
}

/// The value that a read's answer carries, and its place.
fn value_read(answer: &Answer) -> (Json, LogId) {
    let Answer::Applied(Applied::Fresh(Decision { outcome, at })) = answer else {
        panic!("not a read's answer: {answer:?}");
    };
    let Outcome::Done(results) = outcome else {
        panic!("a read takes effect: {outcome:?}");
    };
    (results[0].value.clone().unwrap(), *at)
}

fn snapshot(last: u64, data: Bytes) -> Snapshot {
    let header = SnapshotHeader {
        last: LogId::new(1, last),
        hash: LogHash::EMPTY,
        membership: Membership::default(),
        membership_index: Index(0),
        len: data.len() as u64,
    };
    Snapshot { header, data }
}

#[test]
fn jobs_are_done_in_order_and_told_to_the_trace() {
    let mut machine = StateMachine::new(Sessions::Kept);
    let (first_read, _first) = read(1, 1);
    let (last_read, _last) = read(2, 2);
    let (answer, _answers) = unbounded_channel();
    let outcomes = machine.run(vec![
        open(1),
        first_read,
        Job::Apply {
            entry: entry(2, Payload::Command(command(1, 1, "k"))),
            answer: Some(answer),
        },
        last_read,
    ]);
    let kinds: Vec<_> = outcomes
        .events
        .iter()
        .map(|event| match event {
            Event::Apply { id, effect, .. } => ("apply", id.index.0, *effect),
            Event::ReadServed { read, applied, .. } => ("read", applied.0, *read == 2),
            Event::ClientAck { client, id } => ("ack", id.index.0, client.client == 1),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("apply", 1, true),
            ("read", 1, false),
            ("apply", 2, true),
            ("ack", 2, true),
            ("read", 2, true),
        ]
    );
    let values: Vec<_> = [0, 2].map(|i| value_read(&outcomes.answers[i].1)).to_vec();
    assert_eq!(values[0], (Json::null(), LogId::new(4, 1)));
    assert_eq!(values[1], (Json::from(&json!(1)), LogId::new(4, 2)));
    assert_eq!(outcomes.applied, Index(2));
}

#[test]
fn contents_and_sessions_go_through_a_snapshot() {
    let mut one = StateMachine::new(Sessions::Kept);
    let write = apply(2, command(1, 5, "k"));
    let outcomes = one.run(vec![open(1), write, Job::TakeSnapshot]);
    let (at, data) = outcomes.snapshot.clone().expect("it was asked for");
    assert_eq!(at, Index(2));
    let digest = |outcomes: &Outcomes| {
        let digests = outcomes.events.iter();
        digests
            .filter(|event| matches!(event, Event::Digest { .. }))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(digest(&outcomes).len(), 1);

    let mut other = StateMachine::new(Sessions::Kept);
    let (read, _answers) = read(1, 2);
    let repeated = apply(3, command(1, 5, "k"));
    let installed = other.run(vec![Job::Install(snapshot(2, data)), read, repeated]);
    assert_eq!(digest(&installed), digest(&outcomes));
    assert_eq!(value_read(&installed.answers[0].1).0, Json::from(&json!(5)));
    let effect = installed.events.iter().find_map(|event| match event {
        Event::Apply { effect, .. } => Some(*effect),
        _ => None,
    });
    assert_eq!(effect, Some(false), "the session knows the request");
    assert_eq!(installed.applied, Index(3));
}

#[test]
fn contents_are_hashed_once_a_period() {
    let mut machine = StateMachine::new(Sessions::Kept);
    let jobs = (1..=DIGEST_PERIOD).map(|index| apply(index, command(1, index, "k")));
    let digests = |outcomes: Outcomes| {
        let events = outcomes.events.into_iter();
        events
            .filter(|event| matches!(event, Event::Digest { .. }))
            .count()
    };
    assert_eq!(digests(machine.run(jobs.collect())), 1);
    assert_eq!(
        digests(machine.run(vec![Job::TakeSnapshot])),
        0,
        "the same index"
    );
}

#[test]
#[should_panic(expected = "applied in order")]
fn a_gap_is_not_applied() {
    StateMachine::new(Sessions::Kept).run(vec![apply(2, command(1, 1, "k"))]);
}

#[test]
#[should_panic(expected = "never takes the state machine back")]
fn an_old_snapshot_is_not_installed() {
    let mut machine = StateMachine::new(Sessions::Kept);
    let data = machine.run(vec![Job::TakeSnapshot]).snapshot.unwrap().1;
    machine.run(vec![
        apply(1, command(1, 1, "k")),
        Job::Install(snapshot(1, data)),
    ]);
}

fn machine_with(node: u64, bug: PlantedBug) -> StateMachine {
    StateMachine::new(Sessions::Kept).with_planted_bug(NodeId(node), Some(bug))
}

fn writes(upto: u64) -> Vec<Job> {
    let writes = (2..=upto).map(|index| apply(index, command(1, index, "k")));
    std::iter::once(open(1)).chain(writes).collect()
}

#[test]
fn local_apply_gives_each_node_contents_of_its_own() {
    let mut machines = [1, 2].map(|node| machine_with(node, PlantedBug::LocalApply));
    let digests = machines.each_mut().map(|machine| {
        machine.run(writes(66));
        machine.store.digest()
    });
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn snapshots_that_forget_sessions_let_a_request_in_again() {
    let mut one = machine_with(1, PlantedBug::SnapshotForgetsSessions);
    one.run(writes(2));
    let (at, data) = one.run(vec![Job::TakeSnapshot]).snapshot.unwrap();
    let mut other = StateMachine::new(Sessions::Kept);
    other.run(vec![Job::Install(snapshot(at.0, data))]);
    assert_eq!(one.store.session_count(), 1);
    assert_eq!(other.store.session_count(), 0);
}

#[test]
fn reads_before_applied_do_not_wait() {
    let mut machine = machine_with(1, PlantedBug::ReadBeforeApplied);
    let (early, _answers) = read(1, 9);
    let outcomes = machine.run(vec![early]);
    let served = &outcomes.events[0];
    assert!(
        matches!(
            served,
            Event::ReadServed {
                index: Index(9),
                applied: Index(0),
                ..
            }
        ),
        "{served:?}"
    );
}
