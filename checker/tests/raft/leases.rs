//! Reads within a lease.

use insta::assert_snapshot;
use shakedown_history::event::ReadMode;

use crate::story::Story;

/// n1 leads with a lease; everything is committed and applied.
fn leasing() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.request(1, 1);
    story.replicate(1, &[2, 3]);
    story.commit(1, 2, &[1, 2]);
    story.apply(1);
    story.hold_lease(1);
    story
}

/// n2 is elected and commits, while n1 still believes in its lease.
fn deposed() -> Story {
    let mut story = leasing();
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[3]);
    story.commit(2, 3, &[2, 3]);
    story
}

#[test]
fn reads_within_a_lease_and_after_the_next_election_are_legal() {
    let mut story = leasing();
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    story.drop_lease(1);
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[3]);
    story.commit(2, 3, &[2, 3]);
    story.apply(2);
    story.hold_lease(2);
    story.start_read(2, 1);
    story.serve_read(2, 1, 3, ReadMode::Lease);
    story.assert_legal();
}

#[test]
fn a_read_that_began_before_the_others_commit_may_be_answered_after_it() {
    let mut story = leasing();
    story.start_read(1, 1);
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[3]);
    story.commit(2, 3, &[2, 3]);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    story.drop_lease(1);
    story.assert_legal();
}

#[test]
fn a_lease_must_not_outlive_the_others_commit() {
    let mut story = deposed();
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    assert_snapshot!(story.violations());
}

#[test]
fn only_the_clock_of_the_machine_counts() {
    let mut story = deposed();
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    // n1's stamps say that it read before n2 committed.
    for record in &mut story.node_mut(1).segments[0].records {
        record.mono = 0;
    }
    story.assert_legal();
}

#[test]
fn a_read_by_a_lease_that_ended_is_no_read_by_a_lease() {
    let mut story = leasing();
    story.drop_lease(1);
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    assert_snapshot!(story.violations());
}

#[test]
fn a_read_that_the_lease_covered_may_be_answered_when_it_is_over() {
    let mut story = leasing();
    story.start_read(1, 1);
    story.drop_lease(1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    story.assert_legal();
}

#[test]
fn a_lease_ends_with_the_leadership() {
    let mut story = leasing();
    story.step_down(1, 1);
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    assert_eq!(story.violated(), ["lease-exclusivity"]);
}

#[test]
fn a_lease_ends_when_the_leadership_is_handed_over() {
    let mut story = leasing();
    story.start_transfer(1, 2);
    // A heartbeat's echo comes in, and must not renew it.
    story.hold_lease(1);
    let mut given_up = story.clone();
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Lease);
    assert_eq!(story.violated(), ["lease-exclusivity"]);
    given_up.end_transfer(1, 2, false);
    given_up.hold_lease(1);
    given_up.start_read(1, 1);
    given_up.serve_read(1, 1, 2, ReadMode::Lease);
    given_up.assert_legal();
}

#[test]
fn a_local_read_promises_nothing() {
    let mut story = deposed();
    story.start_read(1, 1);
    story.serve_read(1, 1, 2, ReadMode::Local);
    story.assert_legal();
}
