//! What a restart must find, and what it need not.

use insta::assert_snapshot;
use shakedown_history::Event;
use shakedown_history::event::{EntryKind, HardState};

use crate::story::Story;

fn replicated() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.learn_commit(2, 2);
    story
}

#[test]
fn an_acknowledged_entry_is_there_after_a_restart() {
    let mut story = replicated();
    story.restart(2);
    story.assert_legal();
    story.node_mut(2).disk_log.truncate(1);
    story.restart(2);
    assert_snapshot!(story.violations());
}

#[test]
fn a_durable_entry_is_there_after_a_restart() {
    let mut story = replicated();
    story.node_mut(1).disk_log.clear();
    story.restart(1);
    assert_snapshot!(story.violations());
}

#[test]
fn an_entry_in_memory_may_be_there_or_not() {
    for survives in [false, true] {
        let mut story = replicated();
        story.append(1, "b", EntryKind::Command, None);
        if survives {
            story.node_mut(1).disk_log = story.node(1).log.clone();
        }
        story.restart(1);
        story.elect(1, 2, &[1, 3]);
        story.replicate(1, &[3]);
        story.commit(1, story.node(1).last().index.0, &[1, 3]);
        story.assert_legal();
    }
}

#[test]
fn a_truncation_in_memory_may_be_undone_by_a_crash() {
    let mut story = replicated();
    story.command(1, "never committed");
    story.elect(2, 2, &[2, 3]);
    // n1 replaces its entry 3 in memory, is killed, and finds the old one on its disk.
    story.follow(1, 2, 3);
    story.restart(1);
    story.replicate(2, &[1, 3]);
    story.commit(2, 3, &[1, 2, 3]);
    story.learn_commit(1, 3);
    story.restart(1);
    story.assert_legal();
}

#[test]
fn an_installed_snapshot_covers_what_the_log_lacks() {
    let mut story = replicated();
    story.install_snapshot(3, 1, 2);
    story.restart(3);
    story.elect(3, 2, &[2, 3]);
    story.replicate(3, &[2]);
    story.commit(3, 3, &[2, 3]);
    story.assert_legal();
}

#[test]
fn a_wiped_disk_has_promised_nothing() {
    let mut story = replicated();
    let node = story.node_mut(2);
    node.disk_log.clear();
    node.disk_state = HardState::default();
    story.restart(2);
    assert!(!story.violated().is_empty());
    let header = &mut story.node_mut(2).segments.last_mut().unwrap().header;
    (header.disk, header.incarnation) = ("another disk".into(), 1);
    story.assert_legal();
}

#[test]
fn what_a_crash_brought_back_is_known() {
    let mut story = replicated();
    story.command(1, "never committed");
    story.command(1, "nor this");
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[3]);
    story.commit(2, 3, &[2, 3]);
    story.follow(1, 2, 3);
    // Its own entries 3 and 4 are back, and with them it must not lead.
    story.restart(1);
    story.elect(1, 3, &[1, 3]);
    let reports = story.reports();
    let lacking = reports
        .iter()
        .find(|r| r.check == "leader-completeness")
        .unwrap();
    assert_snapshot!(lacking.anomalies[0].summary);
}

#[test]
fn what_recovery_found_is_on_disk() {
    let mut story = replicated();
    story.command(1, "b");
    story.follow(2, 1, 3);
    // n2 dies before its sync returns, but the write had come through.
    story.node_mut(2).disk_log = story.node(2).log.clone();
    story.restart(2);
    story.ack(2, 1, 3);
    story.assert_legal();
}

#[test]
fn what_was_truncated_is_promised_no_longer() {
    let mut story = Story::of(5);
    story.elect(1, 1, &[1, 2, 3]);
    story.replicate(1, &[2, 3, 4, 5]);
    story.command(1, "acknowledged by n3 alone");
    story.replicate(1, &[3]);
    story.elect(2, 2, &[2, 4, 5]);
    // n3 replaces its entry 2 in memory, and dies when only the truncation is on its disk.
    story.follow(3, 2, 2);
    story.node_mut(3).disk_log.truncate(1);
    story.restart(3);
    story.assert_legal();
}

#[test]
fn a_late_completion_of_an_overwritten_entry_promises_nothing() {
    let mut story = replicated();
    story.append(1, "synced too late", EntryKind::Command, None);
    let overwritten = story.node(1).last();
    story.elect(2, 2, &[2, 3]);
    story.follow(1, 2, 3);
    story.write(1, Event::AppendDurable { last: overwritten });
    story.restart(1);
    story.assert_legal();
}
