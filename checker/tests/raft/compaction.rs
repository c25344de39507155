//! Snapshots, taken and installed, and what they replace.

use insta::assert_snapshot;
use shakedown_history::{Event, Index, LogHash, LogId};

use crate::story::Story;
use crate::story::membership::{learning, voters};

/// Entries 1 to 4 are committed and applied on n1 and n2.
fn applied() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    for seq in 1..=3 {
        story.request(1, seq);
    }
    story.replicate(1, &[2]);
    story.commit(1, 4, &[1, 2]);
    story.learn_commit(2, 4);
    story.apply(1);
    story.apply(2);
    story
}

#[test]
fn a_cluster_that_snapshots_restarts_and_goes_on_is_legal() {
    let mut story = applied();
    story.snapshot(1, 3);
    story.snapshot(2, 4);
    for n in [1, 2] {
        story.restart(n);
    }
    story.elect(2, 2, &[1, 2]);
    story.request(2, 4);
    story.replicate(2, &[1]);
    story.commit(2, 6, &[1, 2]);
    story.learn_commit(1, 6);
    story.apply(1);
    story.apply(2);
    story.answer(2, 4, 6);
    story.assert_legal();
}

#[test]
fn an_install_on_an_empty_log_is_legal_and_the_log_goes_on() {
    let mut story = applied();
    story.snapshot(1, 4);
    story.install_snapshot(3, 1, 4);
    story.request(1, 4);
    story.follow(3, 1, 5);
    story.sync(3);
    story.ack(3, 1, 5);
    story.sync(1);
    story.commit(1, 5, &[1, 3]);
    story.learn_commit(3, 5);
    story.apply(3);
    story.restart(3);
    story.elect(3, 2, &[2, 3]);
    story.replicate(3, &[1, 2]);
    story.commit(3, 6, &[1, 2, 3]);
    story.assert_legal();
}

#[test]
fn an_install_that_keeps_what_follows_is_legal() {
    let mut story = applied();
    story.request(1, 4);
    story.follow(3, 1, 5);
    story.sync(3);
    story.ack(3, 1, 5);
    story.snapshot(1, 3);
    story.install_snapshot(3, 1, 3);
    story.learn_commit(3, 4);
    story.apply(3);
    story.assert_legal();
}

/// `n` led term 1 and has four entries that nobody else has; n1 leads term 2 with a snapshot of its
/// two, which are committed.
fn another_log_on(n: u64) -> Story {
    let mut story = Story::of(3);
    story.elect(n, 1, &[2, n]);
    for payload in ["x", "y", "z"] {
        story.command(n, payload);
    }
    story.elect(1, 2, &[1, 2]);
    story.request(1, 1);
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.apply(1);
    story.snapshot(1, 2);
    story
}

#[test]
fn an_install_that_drops_another_leaders_log_is_legal() {
    let mut story = another_log_on(3);
    story.install_snapshot(3, 1, 2);
    story.ack(3, 1, 2);
    story.restart(3);
    story.assert_legal();
}

#[test]
fn a_crash_may_undo_an_install_that_was_not_on_disk() {
    let mut story = another_log_on(3);
    story.receive_snapshot(3, 1, 2);
    story.restart(3);
    story.install_snapshot(3, 1, 2);
    story.ack(3, 1, 2);
    story.assert_legal();
}

#[test]
fn an_installed_snapshot_is_acknowledged_only_once_it_is_on_disk() {
    let mut story = applied();
    story.snapshot(1, 4);
    story.receive_snapshot(3, 1, 4);
    story.ack(3, 1, 4);
    assert_eq!(story.violated(), ["ack-durability"]);
}

#[test]
fn what_was_on_disk_before_an_install_says_nothing_of_the_snapshot() {
    let mut story = another_log_on(3);
    story.receive_snapshot(3, 1, 2);
    story.ack(3, 1, 2);
    assert_eq!(story.violated(), ["ack-durability"]);
}

#[test]
fn an_install_at_the_end_of_the_log_has_nothing_to_keep() {
    for kept_suffix in [false, true] {
        let mut story = applied();
        story.follow(3, 1, 3);
        story.sync(3);
        let meta = story.snapshot_of(1, 3);
        story.say_installed(3, 1, meta, kept_suffix);
        story.assert_legal();
    }
}

#[test]
fn an_installed_snapshot_on_disk_is_there_after_a_restart() {
    let mut story = applied();
    story.snapshot(1, 4);
    story.install_snapshot(3, 1, 4);
    story.node_mut(3).snapshot = None;
    story.node_mut(3).disk_log.clear();
    story.restart(3);
    assert_eq!(story.violated(), ["ack-durability"]);
}

#[test]
fn a_snapshot_is_labelled_with_what_was_committed() {
    let mut story = applied();
    let mut meta = story.snapshot_of(1, 3);
    meta.last = LogId::new(2, 3);
    meta.hash = LogHash(1);
    story.write(1, Event::SnapshotMade(meta));
    assert_snapshot!(story.violations());
}

#[test]
fn a_snapshot_with_the_state_of_another_index_shows_in_its_digest() {
    let mut story = applied();
    story.take_snapshot(1, 3);
    let meta = story.snapshot_of(1, 3);
    story.write(2, Event::SnapshotMade(meta));
    let without_sessions = Event::Digest {
        index: Index(3),
        state: story.node(1).entry(3).hash,
        sessions: LogHash(0),
    };
    story.write(2, without_sessions);
    assert_eq!(story.violated(), ["state-machine-safety"]);
}

#[test]
fn a_snapshot_is_not_ahead_of_the_state() {
    let mut story = applied();
    story.request(1, 4);
    story.replicate(1, &[2]);
    story.commit(1, 5, &[1, 2]);
    story.take_snapshot(1, 5);
    assert_snapshot!(story.violations());
}

/// n4 has joined as a learner at index 2, which n1 has applied.
fn with_a_learner() -> Story {
    let mut story = Story::with_spares(3, 1);
    story.elect(1, 1, &[1, 2]);
    story.replicate(1, &[2]);
    story.commit(1, 1, &[1, 2]);
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.apply(1);
    story
}

#[test]
fn a_snapshot_carries_the_last_configuration() {
    let mut story = with_a_learner();
    let mut before = story.snapshot_of(1, 1);
    before.config = voters(&[1, 2, 3]);
    story.write(1, Event::SnapshotMade(before));
    story.snapshot(1, 2);
    story.install_snapshot(4, 1, 2);
    story.restart(1);
    story.restart(4);
    story.assert_legal();
    let mut meta = story.snapshot_of(1, 2);
    meta.config = voters(&[1, 2, 3]);
    story.write(1, Event::SnapshotMade(meta));
    assert_snapshot!(story.violations());
}

#[test]
fn the_second_generation_of_snapshots_carries_it_too() {
    let mut story = with_a_learner();
    story.snapshot(1, 2);
    // The process knows the configuration of the command line only.
    if let Some(snapshot) = &mut story.node_mut(1).snapshot {
        snapshot.config = voters(&[1, 2, 3]);
    }
    story.restart(1);
    assert_eq!(story.violated(), ["snapshot-prefix"]);
}

#[test]
fn an_install_keeps_what_goes_on_from_it() {
    let mut story = applied();
    story.follow(3, 1, 4);
    story.sync(3);
    let meta = story.snapshot_of(1, 3);
    story.say_installed(3, 1, meta, false);
    assert_snapshot!(story.violations());
}

#[test]
fn an_install_keeps_nothing_of_another_log() {
    let mut story = another_log_on(3);
    story.enter_term(3, 2, None);
    let meta = story.snapshot_of(1, 2);
    story.say_installed(3, 1, meta, true);
    assert_snapshot!(story.violations());
}
