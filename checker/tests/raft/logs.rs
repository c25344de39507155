//! Logs: matching, order, and who may remove what.

use insta::assert_snapshot;
use shakedown_history::event::EntryKind;
use shakedown_history::{LogHash, LogId};

use crate::story::{Entry, Story};

#[test]
fn a_leader_does_not_remove_its_own_entries() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.truncate(1, 2);
    assert_snapshot!(story.violations());
}

#[test]
fn a_deposed_leader_may() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[1]);
    story.assert_legal();
}

#[test]
fn entries_of_one_term_and_index_are_one_entry() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.follow(2, 1, 1);
    story.append(2, "b", EntryKind::Command, None);
    assert_snapshot!(story.violations());
}

#[test]
fn a_log_has_no_holes() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.command(1, "b");
    let third = story.node(1).entry(3);
    story.follow(2, 1, 1);
    story.take(2, third);
    assert_snapshot!(story.violations());
}

#[test]
fn terms_do_not_fall_along_a_log_nor_run_ahead() {
    let mut story = Story::of(3);
    story.elect(1, 5, &[1, 2]);
    for (term, index) in [(4, 2), (9, 3)] {
        let hash = LogHash(index);
        let entry = Entry {
            id: LogId::new(term, index),
            hash,
            kind: EntryKind::Command,
            client: None,
        };
        story.take(1, entry);
    }
    assert_snapshot!(story.violations());
}

#[test]
fn committed_entries_are_not_removed() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    // A late, empty message makes n2 cut its log back to what the message knew.
    story.truncate(2, 2);
    assert_snapshot!(story.violations());
}

#[test]
fn a_new_leader_has_what_was_committed() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.elect(3, 2, &[2, 3]);
    assert_snapshot!(story.violations());
}

#[test]
fn the_earliest_leader_that_committed_an_entry_counts() {
    let mut story = Story::of(3);
    story.elect(3, 2, &[2, 3]);
    story.replicate(3, &[1, 2]);
    story.commit(3, 1, &[1, 2, 3]);
    // Committed in term 2, removed in term 3, committed again in term 5 by a node told first.
    story.enter_term(2, 3, None);
    story.truncate(2, 1);
    story.elect(1, 5, &[1, 3]);
    story.replicate(1, &[3]);
    story.commit(1, 2, &[1, 3]);
    assert_eq!(story.violated(), ["committed-never-lost"]);
}

#[test]
fn a_leadership_ends_with_its_step_down_or_its_term() {
    for traces_step_down in [true, false] {
        let mut story = Story::of(3);
        story.elect(1, 1, &[1, 2]);
        if traces_step_down {
            story.step_down(1, 1);
        } else {
            story.node_mut(1).term = 2;
        }
        story.truncate(1, 1);
        story.assert_legal();
    }
}
