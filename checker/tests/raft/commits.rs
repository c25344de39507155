//! Commits by leaders and followers.

use insta::assert_snapshot;
use shakedown_history::event::Role;
use shakedown_history::{Configuration, Event, Index, LogId};

use crate::story::Story;
use crate::story::membership::joint;

/// n1 leads term 1; its no-op and one command are on n1 and n2, and committed.
fn committed() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story
}

#[test]
fn a_commit_on_a_quorum_is_legal() {
    let mut story = committed();
    story.learn_commit(2, 2);
    story.apply(1);
    story.apply(2);
    story.assert_legal();
}

#[test]
fn a_commit_needs_a_quorum() {
    let mut story = Story::of(5);
    story.elect(1, 1, &[1, 2, 3]);
    story.replicate(1, &[2]);
    story.commit(1, 1, &[1, 2]);
    assert_snapshot!(story.violations());
}

#[test]
fn an_acknowledgement_counts_only_if_the_entry_was_on_disk() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.sync(1);
    story.follow(2, 1, 1);
    story.ack(2, 1, 1);
    story.commit(1, 1, &[1, 2]);
    assert_snapshot!(story.violations());
}

#[test]
fn while_joint_both_halves_must_hold_an_entry() {
    let mut story = committed();
    story.change_config(1, joint(&[1, 2, 3], &[1, 8, 9]));
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    assert_snapshot!(story.violations());
}

#[test]
fn a_follower_commits_no_further_than_its_leader() {
    let mut story = committed();
    story.say_commit(2, 2, 1, 2);
    story.say_commit(2, 2, 2, 1);
    assert_snapshot!(story.violations());
}

#[test]
fn a_follower_that_commits_its_own_tail_differs_from_the_leaders() {
    let mut story = Story::of(3);
    story.elect(3, 1, &[2, 3]);
    story.command(3, "never committed");
    story.elect(1, 2, &[1, 2]);
    story.command(1, "a");
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.enter_term(3, 2, None);
    // n3 takes the leader's commit index at its word, although its own entry 2 is another one.
    story.say_commit(3, 2, 2, 2);
    assert_snapshot!(story.violations());
}

#[test]
fn two_leaders_that_commit_at_one_index_are_told_once() {
    let mut story = committed();
    // n3 and n2 lose their memory of term 1 and start over.
    story.node_mut(2).disk_log.clear();
    story.restart(2);
    story.elect(3, 2, &[2, 3]);
    story.command(3, "b");
    story.replicate(3, &[2]);
    story.commit(3, 2, &[2, 3]);
    story.learn_commit(2, 2);
    let reports = story.reports();
    let unique = reports
        .iter()
        .find(|r| r.check == "committed-uniqueness")
        .unwrap();
    assert_eq!(unique.anomalies.len(), 1, "{:#?}", unique.anomalies);
    assert_snapshot!(unique.anomalies[0].summary);
}

#[test]
fn a_commit_index_does_not_go_back() {
    let mut story = committed();
    story.say_commit(2, 2, 2, 2);
    story.say_commit(2, 1, 1, 1);
    assert_snapshot!(story.violations());
}

#[test]
fn a_commit_stays_within_the_log() {
    let mut story = committed();
    let to = LogId::new(1, 9);
    let (config, acks) = (Configuration::default(), Vec::new());
    let (leader_commit, prev_plus_len) = (Some(Index(9)), Some(Index(9)));
    story.write(
        2,
        Event::Commit {
            to,
            role: Role::Follower,
            config,
            acks,
            leader_commit,
            prev_plus_len,
        },
    );
    assert_snapshot!(story.violations());
}

#[test]
fn an_acknowledgement_reaches_no_further_than_the_disk() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.follow(2, 1, 1);
    story.sync(2);
    story.ack(2, 1, 1);
    // n1 takes n2 to hold its whole log.
    story.commit(1, 2, &[1, 2]);
    assert_eq!(story.violated(), ["leader-commit-rule", "match-index"]);
}

#[test]
fn a_node_that_commits_two_entries_at_an_index_contradicts_itself() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.command(1, "a");
    story.sync(1);
    story.commit(1, 2, &[1, 2]);
    story.elect(3, 2, &[2, 3]);
    story.command(3, "b");
    story.replicate(3, &[1]);
    story.elect(1, 3, &[1, 3]);
    story.replicate(1, &[3]);
    story.commit(1, 3, &[1, 3]);
    assert!(
        story
            .violated()
            .contains(&"committed-uniqueness".to_owned())
    );
}
