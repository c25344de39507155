//! What a restart must find, and what it need not.

use insta::assert_snapshot;
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
