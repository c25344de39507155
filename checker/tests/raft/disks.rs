//! In which order things reach the disk, what follows an error, and what leaders believe of disks.

use insta::assert_snapshot;
use shakedown_history::event::HardState;
use shakedown_history::{Event, Index, LogId, NodeId, Term};

use crate::story::Story;

fn leading() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.request(1, 1);
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.apply(1);
    story
}

#[test]
fn a_term_is_on_disk_before_its_entries() {
    let mut story = leading();
    story.elect(1, 2, &[1, 3]);
    story.node_mut(2).term = 2;
    story.follow(2, 1, 3);
    let last = story.node(2).last();
    story.write(2, Event::AppendDurable { last });
    assert_snapshot!(story.violations());
}

#[test]
fn a_log_is_compacted_only_under_a_snapshot_on_disk() {
    let mut story = leading();
    story.take_snapshot(1, 2);
    let mut late = story.clone();
    late.compact(1, 2);
    late.save_snapshot(1);
    assert_snapshot!(late.violations());
    story.save_snapshot(1);
    story.compact(1, 1);
    story.restart(1);
    story.compact(1, 2);
    story.assert_legal();
}

#[test]
fn a_log_is_not_compacted_past_its_snapshot() {
    let mut story = leading();
    story.take_snapshot(1, 1);
    story.save_snapshot(1);
    story.compact(1, 2);
    assert_eq!(story.violated(), ["durability-order"]);
}

#[test]
fn a_log_on_disk_stands_on_the_snapshot_before_it() {
    let mut story = leading();
    story.snapshot(1, 2);
    story.receive_snapshot(3, 1, 2);
    // Snapshot and log reached the disk together; only the log is spoken of.
    story.sync(3);
    story.ack(3, 1, 2);
    story.compact(3, 2);
    story.assert_legal();
}

#[test]
fn a_node_promises_nothing_after_an_error_of_its_disk() {
    let mut story = leading();
    story.disk_error(2);
    let mut after_a_restart = story.clone();
    story.vote(2, 2, 1);
    assert_snapshot!(story.violations());
    after_a_restart.restart(2);
    after_a_restart.elect(1, 2, &[1, 2]);
    after_a_restart.replicate(1, &[2]);
    after_a_restart.assert_legal();
}

#[test]
fn what_needs_no_disk_may_go_on_after_an_error() {
    let mut story = leading();
    story.disk_error(2);
    story.learn_commit(2, 2);
    story.apply(2);
    story.assert_legal();
}

#[test]
fn each_kind_of_promise_after_an_error_is_seen() {
    let state = HardState {
        term: Term(1),
        voted_for: Some(NodeId(1)),
    };
    let last = LogId::new(1, 2);
    let matched = last;
    let to = NodeId(1);
    let promises = [
        Event::HardStateDurable(state),
        Event::AppendDurable { last },
        Event::SnapshotDurable { last },
        Event::Ack {
            to,
            matched,
            reject: false,
        },
    ];
    for promise in promises {
        let mut story = leading();
        story.disk_error(2);
        story.write(2, promise);
        assert_eq!(story.violated(), ["disk-error"]);
    }
}

#[test]
fn a_match_does_not_go_back() {
    let mut story = leading();
    story.request(1, 2);
    story.replicate(1, &[2, 3]);
    story.commit(1, 3, &[1, 2, 3]);
    story.request(1, 3);
    story.replicate(1, &[2]);
    let acks = [(1, 4), (2, 4), (3, 2)];
    let acks = acks.map(|(n, i)| (NodeId(n), Index(i))).to_vec();
    story.say_leader_commit(1, 4, acks);
    assert_snapshot!(story.violations());
}

#[test]
fn a_leader_believes_no_more_than_a_follower_has() {
    let mut story = leading();
    story.request(1, 2);
    story.replicate(1, &[2]);
    // n3 has nothing, and is not needed for a quorum.
    story.commit(1, 3, &[1, 2, 3]);
    assert_snapshot!(story.violations());
}

#[test]
fn a_leader_believes_no_more_than_it_has_itself() {
    let mut story = leading();
    let acks = [(1, 2), (2, 9)];
    let acks = acks.map(|(n, i)| (NodeId(n), Index(i))).to_vec();
    story.say_leader_commit(1, 2, acks);
    assert_eq!(story.violated(), ["match-index"]);
}

#[test]
fn a_new_leader_begins_anew() {
    let mut story = leading();
    story.elect(1, 2, &[1, 3]);
    story.replicate(1, &[3]);
    let acks = [(1, 3), (2, 0), (3, 3)];
    let acks = acks.map(|(n, i)| (NodeId(n), Index(i))).to_vec();
    story.say_leader_commit(1, 3, acks);
    story.assert_legal();
}

#[test]
fn a_follower_that_was_brought_up_by_a_snapshot_holds_what_lies_under_it() {
    let mut story = leading();
    story.snapshot(1, 2);
    story.elect(1, 2, &[1, 2]);
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    story.apply(1);
    story.snapshot(1, 3);
    story.install_snapshot(3, 1, 3);
    story.ack(3, 1, 2);
    story.request(1, 2);
    story.replicate(1, &[2]);
    let acks = [(1, 4), (2, 4), (3, 2)];
    let acks = acks.map(|(n, i)| (NodeId(n), Index(i))).to_vec();
    story.say_leader_commit(1, 4, acks);
    story.assert_legal();
}
