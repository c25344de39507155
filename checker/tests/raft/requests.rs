//! Applying, and answering clients.

use insta::assert_snapshot;
use shakedown_history::event::ClientSeq;
use shakedown_history::{Event, Index, LogHash};

use crate::story::Story;

/// Requests 1 and 2 of client 7 are committed at indexes 2 and 3, on n1 and n2.
fn two_requests() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.request(1, 1);
    story.request(1, 2);
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    story.learn_commit(2, 3);
    story
}

#[test]
fn applying_in_order_and_answering_after_it_is_legal() {
    let mut story = two_requests();
    story.apply(1);
    story.answer(1, 1, 2);
    story.apply(2);
    story.restart(2);
    story.learn_commit(2, 3);
    story.apply(2);
    story.assert_legal();
}

#[test]
fn what_recovery_knew_to_be_committed_is_applied_and_answered_for() {
    let recover = |known: u64, from_snapshot: bool| {
        let mut story = two_requests();
        story.apply(1);
        if from_snapshot {
            story.snapshot(1, 3);
        }
        story.restart(1);
        let start = &mut story.node_mut(1).segments[1].records[0].ev;
        if let Event::Start { commit, .. } = start {
            *commit = Index(known);
        }
        story
    };
    let mut story = recover(3, false);
    for (index, effect) in [(1, false), (2, true), (3, true)] {
        story.say_apply(1, index, effect);
    }
    story.assert_legal();
    // Whatever a snapshot covers is committed, even if the node does not say so.
    let mut story = recover(0, true);
    story.answer(1, 2, 3);
    story.assert_legal();
}

#[test]
fn an_entry_is_applied_once() {
    let mut story = two_requests();
    story.apply(1);
    story.say_apply(1, 3, true);
    assert_snapshot!(story.violations());
}

#[test]
fn no_entry_is_skipped() {
    let mut story = two_requests();
    story.say_apply(2, 1, false);
    story.say_apply(2, 3, true);
    assert_snapshot!(story.violations());
}

#[test]
fn no_entry_is_applied_before_it_is_committed() {
    let mut story = two_requests();
    story.apply(1);
    story.request(1, 3);
    story.say_apply(1, 4, true);
    assert_snapshot!(story.violations());
}

#[test]
fn a_stale_snapshot_is_not_installed() {
    let mut story = two_requests();
    story.apply(2);
    story.install_snapshot(2, 1, 2);
    assert_snapshot!(story.violations());
}

#[test]
fn a_snapshot_of_what_was_just_applied_is_harmless() {
    let mut story = two_requests();
    story.apply(2);
    story.install_snapshot(2, 1, 3);
    story.assert_legal();
}

#[test]
fn an_entry_has_the_same_effect_everywhere() {
    let mut story = two_requests();
    story.apply(1);
    story.say_apply(2, 1, false);
    story.say_apply(2, 2, false);
    assert_snapshot!(story.violations());
}

#[test]
fn states_are_functions_of_the_index() {
    let mut story = two_requests();
    for n in [1, 2] {
        story.apply(n);
        let digest = Event::Digest {
            index: Index(3),
            state: LogHash(n),
            sessions: LogHash(0),
        };
        story.write(n, digest);
    }
    assert_snapshot!(story.violations());
}

#[test]
fn a_retry_has_no_effect() {
    let mut story = two_requests();
    story.request(1, 2);
    story.replicate(1, &[2]);
    story.commit(1, 4, &[1, 2]);
    let mut twice = story.clone();
    story.apply(1);
    story.answer(1, 2, 4);
    story.assert_legal();
    for (index, effect) in [(1, false), (2, true), (3, true), (4, true)] {
        twice.say_apply(1, index, effect);
    }
    assert_snapshot!(twice.violations());
}

#[test]
fn an_answer_stands_on_a_committed_entry() {
    let mut story = two_requests();
    story.request(1, 3);
    story.answer(1, 3, 4);
    // n1 is cut off with request 3, and n2 commits its own entry at that index.
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[3]);
    story.commit(2, 4, &[2, 3]);
    assert_snapshot!(story.violations());
}

#[test]
fn an_answer_before_the_commit_is_too_early_even_if_the_commit_follows() {
    let mut story = two_requests();
    story.request(1, 3);
    story.answer(1, 3, 4);
    story.replicate(1, &[2]);
    story.commit(1, 4, &[1, 2]);
    assert_snapshot!(story.violations());
}

#[test]
fn an_answer_by_index_alone_is_for_another_entry() {
    let mut story = two_requests();
    story.request(1, 3);
    let overwritten = story.node(1).last();
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[1, 3]);
    story.commit(2, 4, &[1, 2, 3]);
    story.learn_commit(1, 4);
    // Index 4 is committed, and n1 forgets that its own request stood there in another term.
    let client = ClientSeq { client: 7, seq: 3 };
    story.write(
        1,
        Event::ClientAck {
            client,
            id: overwritten,
        },
    );
    assert_eq!(story.violated(), ["client-acknowledgement"]);
}

#[test]
fn an_answer_is_for_the_request_of_its_entry() {
    let mut story = two_requests();
    story.apply(1);
    story.answer(1, 1, 3);
    assert_snapshot!(story.violations());
}
