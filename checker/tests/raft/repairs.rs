//! Nodes whose disks lost entries.

use insta::assert_snapshot;
use shakedown_history::{Event, Index, LogId, NodeId};

use crate::story::Story;

/// n2 holds three committed entries, then loses all but the first.
fn damaged() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.request(1, 1);
    story.request(1, 2);
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    story.start_damaged(2, 1);
    story
}

#[test]
fn a_node_that_says_what_it_lost_and_is_repaired_is_legal() {
    let mut story = damaged();
    // Killed once more before anything is back.
    story.start_with(2, Some(Index(3)));
    story.replicate(1, &[2]);
    story.repaired(2);
    story.elect(2, 2, &[2, 3]);
    story.assert_legal();
}

#[test]
fn a_node_that_lost_more_than_it_says_is_found_out() {
    let mut story = damaged();
    story.node_mut(2).segments.pop();
    story.start_with(2, Some(Index(2)));
    assert_eq!(story.violated(), ["ack-durability"]);
}

#[test]
fn a_node_does_not_vote_while_entries_are_lost() {
    let mut story = damaged();
    story.campaign(1, 2);
    story.vote(2, 2, 1);
    assert_snapshot!(story.violations());
}

#[test]
fn a_node_takes_no_part_in_elections_while_entries_are_lost() {
    let pre_vote = Event::VoteGranted {
        candidate: NodeId(3),
        candidate_last: LogId::new(1, 3),
        last: LogId::new(1, 1),
        pre_vote: true,
    };
    let last = LogId::new(1, 1);
    let roles = [
        pre_vote,
        Event::BecomePreCandidate,
        Event::BecomeCandidate { last },
    ];
    for role in roles {
        let mut story = damaged();
        story.write(2, role);
        assert_eq!(story.violated(), ["repair"]);
    }
}

#[test]
fn a_node_is_repaired_only_once_it_has_what_was_committed() {
    let mut story = damaged();
    story.follow(2, 1, 2);
    story.sync(2);
    story.repaired(2);
    assert_snapshot!(story.violations());
}

#[test]
fn what_is_repaired_is_on_disk() {
    let mut story = damaged();
    story.follow(2, 1, 3);
    story.repaired(2);
    assert_eq!(story.violated(), ["repair"]);
}

#[test]
fn a_loss_is_not_forgotten_by_a_restart() {
    let mut story = damaged();
    let mut repaired = story.clone();
    story.restart(2);
    assert_eq!(story.violated(), ["repair"]);
    // Killed between the repair and its record.
    repaired.replicate(1, &[2]);
    repaired.restart(2);
    repaired.elect(2, 2, &[2, 3]);
    repaired.assert_legal();
}

#[test]
fn what_nobody_committed_need_not_come_back() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.replicate(1, &[2, 3]);
    story.commit(1, 1, &[1, 2]);
    story.request(1, 1);
    story.start_damaged(1, 1);
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[1, 3]);
    story.commit(2, 2, &[1, 2, 3]);
    story.repaired(1);
    story.elect(1, 3, &[1, 2]);
    story.assert_legal();
}

#[test]
fn a_leader_believes_less_of_a_node_that_lost_entries() {
    let mut story = damaged();
    story.request(1, 3);
    story.replicate(1, &[3]);
    let acks = [(1, 4), (2, 1), (3, 4)].map(|(n, i)| (NodeId(n), Index(i)));
    story.say_leader_commit(1, 4, acks.to_vec());
    story.assert_legal();
}

#[test]
fn what_a_later_leader_commits_need_not_be_there_however_often_the_node_is_killed() {
    let mut story = Story::of(5);
    story.elect(1, 1, &[1, 2, 3]);
    story.replicate(1, &[2, 3, 4, 5]);
    story.commit(1, 1, &[1, 2, 3, 4, 5]);
    story.request(1, 1);
    story.request(1, 2);
    story.replicate(1, &[2]);
    story.start_damaged(2, 1);
    story.elect(3, 2, &[3, 4, 5]);
    story.follow(2, 3, 2);
    story.sync(2);
    // Killed before it could say that an entry of term 2 has come.
    story.start_with(2, Some(Index(3)));
    story.repaired(2);
    story.request(3, 3);
    story.replicate(3, &[4, 5]);
    story.commit(3, 3, &[3, 4, 5]);
    story.assert_legal();
}
