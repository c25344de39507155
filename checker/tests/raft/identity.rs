//! Disks that are wiped, and the nodes that come back on new ones.

use insta::assert_snapshot;

use crate::story::Story;
use crate::story::membership::{joint, learning, voters};

/// n1 leads; n3 has acknowledged on its first disk.
fn leading() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 3]);
    story.request(1, 1);
    story.replicate(1, &[2, 3]);
    story.commit(1, 2, &[1, 2, 3]);
    story
}

#[test]
fn a_wiped_disk_does_not_vote_under_the_old_name() {
    let mut story = leading();
    story.start_wiped(3);
    story.elect(2, 2, &[2, 3]);
    assert_snapshot!(story.violations());
}

#[test]
fn a_wiped_disk_does_not_acknowledge_under_the_old_name() {
    let mut story = leading();
    story.start_wiped(3);
    story.request(1, 2);
    story.replicate(1, &[3]);
    story.commit(1, 3, &[1, 3]);
    assert_snapshot!(story.violations());
}

#[test]
fn a_wiped_disk_does_not_elect_itself() {
    let mut story = Story::of(1);
    story.elect(1, 1, &[1]);
    story.start_wiped(1);
    story.node_mut(1).configs = vec![(0, voters(&[1]))];
    story.elect(1, 2, &[1]);
    assert!(story.violated().contains(&"disk-identity".to_owned()));
}

#[test]
fn what_was_counted_before_the_disk_was_wiped_may_still_be_counted() {
    let mut story = leading();
    story.request(1, 2);
    story.replicate(1, &[3]);
    story.start_wiped(3);
    story.commit(1, 3, &[1, 3]);
    story.assert_legal();
}

#[test]
fn a_node_that_is_removed_and_added_again_speaks_from_its_new_disk() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 2], &[1, 2, 3]));
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    story.change_config(1, voters(&[1, 2]));
    story.replicate(1, &[2]);
    story.commit(1, 4, &[1, 2]);
    story.start_wiped(3);
    story.change_config(1, learning(&[1, 2], &[3]));
    story.replicate(1, &[2, 3]);
    story.commit(1, 5, &[1, 2]);
    story.apply(1);
    story.change_config(1, joint(&[1, 2, 3], &[1, 2]));
    story.replicate(1, &[2, 3]);
    story.commit(1, 6, &[1, 2, 3]);
    story.change_config(1, voters(&[1, 2, 3]));
    story.replicate(1, &[2, 3]);
    story.commit(1, 7, &[1, 3]);
    story.restart(3);
    story.elect(2, 2, &[2, 3]);
    story.assert_legal();
}

#[test]
fn a_disk_that_was_never_counted_binds_nobody() {
    let mut story = Story::of(3);
    story.start_wiped(3);
    story.elect(1, 1, &[1, 3]);
    story.assert_legal();
}
