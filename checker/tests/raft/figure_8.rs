//! Figure 8 of the paper, on five nodes.
//!
//! ```text
//!        index 1: no-op of term 1, everywhere
//! S1:t2  appends a at 2, reaches S2
//! S5:t3  (votes 3 4 5) appends b at 2, alone
//! S1:t4  (votes 2 3 4) brings a at 2 to S3
//! ```

use insta::assert_snapshot;
use shakedown_history::{Index, NodeId};

use crate::story::Story;

/// Up to where S1, leader of term 4, has its entry of term 2 on a majority: n1, n2, n3.
fn old_entry_on_a_majority() -> Story {
    let mut story = Story::of(5);
    story.elect(1, 1, &[1, 2, 3]);
    story.replicate(1, &[2, 3, 4, 5]);
    story.commit(1, 1, &[1, 2, 3, 4, 5]);
    story.elect(1, 2, &[1, 2, 3]);
    story.replicate(1, &[2]);
    story.restart(1);
    story.elect(5, 3, &[3, 4, 5]);
    story.sync(5);
    story.restart(5);
    story.elect(1, 4, &[1, 2, 3, 4]);
    story.sync(1);
    story.follow(3, 1, 2);
    story.sync(3);
    story.ack(3, 1, 2);
    story
}

#[test]
fn an_entry_on_a_majority_may_be_overwritten_while_it_is_not_committed() {
    let mut story = old_entry_on_a_majority();
    story.restart(1);
    story.elect(5, 5, &[2, 3, 4, 5]);
    story.replicate(5, &[1, 2, 3, 4]);
    story.commit(5, 3, &[1, 2, 3, 4, 5]);
    story.learn_commit(2, 3);
    for n in [2, 5] {
        story.apply(n);
    }
    story.assert_legal();
}

#[test]
fn it_is_committed_along_with_an_entry_of_the_leaders_own_term() {
    let mut story = old_entry_on_a_majority();
    story.replicate(1, &[2, 3, 5]);
    story.commit(1, 3, &[1, 2, 3, 5]);
    story.learn_commit(5, 3);
    for n in [1, 5] {
        story.apply(n);
    }
    // n5 truncated its own entry of term 3; n1's was never in danger.
    story.assert_legal();
}

#[test]
fn an_entry_truncated_in_one_term_may_be_restored_and_committed_in_a_later_one() {
    let mut story = old_entry_on_a_majority();
    story.restart(1);
    // n5 makes n2 drop its entry of term 2; in term 6 n1 brings it back and commits it.
    story.elect(5, 5, &[3, 4, 5]);
    story.replicate(5, &[2]);
    story.elect(1, 6, &[1, 3, 4]);
    story.replicate(1, &[2, 3]);
    story.commit(1, 4, &[1, 2, 3]);
    story.assert_legal();
}

#[test]
fn committing_it_by_counting_replicas_is_the_bug() {
    let mut story = old_entry_on_a_majority();
    let matched = [(1, 3), (2, 2), (3, 2)].map(|(n, i)| (NodeId(n), Index(i)));
    story.say_leader_commit(1, 2, matched.to_vec());
    story.restart(1);
    story.elect(5, 5, &[2, 3, 4, 5]);
    story.replicate(5, &[1, 2, 3, 4]);
    story.commit(5, 3, &[1, 2, 3, 4, 5]);
    assert_snapshot!(story.violations());
}
