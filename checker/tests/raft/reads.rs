//! Reads by read index, at the leader and at followers.

use insta::assert_snapshot;
use shakedown_history::event::ReadMode;

use crate::story::Story;
use crate::story::membership::joint;

/// Request 1 is committed at index 2 and answered; n1 leads, n2 has applied it too.
fn answered() -> Story {
    let mut story = Story::with_spares(3, 2);
    story.elect(1, 1, &[1, 2]);
    story.request(1, 1);
    story.replicate(1, &[2, 3]);
    story.commit(1, 2, &[1, 2]);
    story.apply(1);
    story.answer(1, 1, 2);
    story.learn_commit(2, 2);
    story.apply(2);
    story
}

#[test]
fn confirmed_reads_at_leader_and_follower_are_legal() {
    let mut story = answered();
    for n in [1, 2] {
        story.start_read(n, 1);
        story.confirm_read(n, 1, 2, &[1, 3]);
        story.serve_read(n, 1, 2, ReadMode::Index);
    }
    story.assert_legal();
}

#[test]
fn a_read_need_not_see_what_is_acknowledged_while_it_runs() {
    let mut story = answered();
    story.start_read(2, 1);
    story.request(1, 2);
    story.replicate(1, &[3]);
    story.commit(1, 3, &[1, 3]);
    story.apply(1);
    story.answer(1, 2, 3);
    story.confirm_read(2, 1, 2, &[1, 3]);
    story.serve_read(2, 1, 2, ReadMode::Index);
    story.assert_legal();
}

#[test]
fn a_read_sees_what_was_acknowledged_before_it() {
    for mode in [ReadMode::Index, ReadMode::Lease] {
        let mut story = answered();
        story.hold_lease(1);
        story.start_read(1, 1);
        story.confirm_read(1, 1, 1, &[1, 3]);
        story.serve_read(1, 1, 1, mode);
        assert_eq!(story.violated(), ["read-index"]);
        if mode == ReadMode::Index {
            assert_snapshot!(story.violations());
        }
    }
}

#[test]
fn a_read_needs_a_quorum() {
    let mut story = answered();
    story.start_read(1, 1);
    story.confirm_read(1, 1, 2, &[1]);
    story.serve_read(1, 1, 2, ReadMode::Index);
    assert_snapshot!(story.violations());
}

#[test]
fn a_followers_read_needs_a_quorum_too() {
    let mut story = answered();
    story.start_read(2, 1);
    story.confirm_read(2, 1, 2, &[1]);
    story.serve_read(2, 1, 2, ReadMode::Index);
    assert_eq!(story.violated(), ["read-index"]);
}

#[test]
fn while_joint_a_read_needs_a_quorum_of_both_halves() {
    let mut story = answered();
    story.change_config(1, joint(&[1, 4, 5], &[1, 2, 3]));
    story.start_read(1, 1);
    story.confirm_read(1, 1, 2, &[1, 3, 4]);
    story.serve_read(1, 1, 2, ReadMode::Index);
    story.assert_legal();
    story.start_read(1, 2);
    story.confirm_read(1, 2, 2, &[1, 3]);
    story.serve_read(1, 2, 2, ReadMode::Index);
    assert_eq!(story.violated(), ["read-index"]);
}

#[test]
fn a_leader_first_commits_in_its_own_term() {
    let mut story = answered();
    story.elect(2, 2, &[2, 3]);
    story.start_read(2, 1);
    story.confirm_read(2, 1, 2, &[2, 3]);
    story.serve_read(2, 1, 2, ReadMode::Index);
    assert_snapshot!(story.violations());
}

#[test]
fn a_read_that_nothing_confirmed_is_not_answered() {
    let mut story = answered();
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Index);
    assert_snapshot!(story.violations());
}

#[test]
fn a_confirmation_does_not_survive_the_process() {
    let mut story = answered();
    story.start_read(2, 1);
    story.confirm_read(2, 1, 2, &[1, 3]);
    story.restart(2);
    story.learn_commit(2, 2);
    story.apply(2);
    story.serve_read(2, 1, 2, ReadMode::Index);
    assert_eq!(story.violated(), ["read-index"]);
}

#[test]
fn a_read_waits_for_the_state_machine() {
    let mut story = answered();
    story.start_read(3, 1);
    story.confirm_read(3, 1, 2, &[1, 3]);
    story.serve_read(3, 1, 2, ReadMode::Index);
    assert_snapshot!(story.violations());
}

#[test]
fn a_read_sees_what_it_was_confirmed_for() {
    let mut story = answered();
    story.request(1, 2);
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    story.start_read(2, 1);
    story.confirm_read(2, 1, 3, &[1, 2]);
    story.serve_read(2, 1, 2, ReadMode::Index);
    assert_snapshot!(story.violations());
}

#[test]
fn a_local_read_promises_nothing() {
    let mut story = answered();
    story.start_read(3, 1);
    story.serve_read(3, 1, 0, ReadMode::Local);
    story.assert_legal();
}
