//! Elections, votes and terms.

use insta::assert_snapshot;
use shakedown_checker::Verdict;
use shakedown_history::event::HardState;
use shakedown_history::{Event, NodeId, Term};

use crate::story::Story;

#[test]
fn an_election_is_legal() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.elect(3, 2, &[3, 2]);
    story.assert_legal();
}

#[test]
fn two_leaders_in_a_term_name_who_voted_twice() {
    let mut story = Story::of(5);
    story.elect(2, 7, &[1, 2, 3]);
    // n3's vote never reached its disk: it forgets it.
    story.node_mut(3).disk_state = HardState::default();
    story.restart(3);
    story.elect(4, 7, &[3, 4, 5]);
    assert_snapshot!(story.violations());
}

#[test]
fn a_vote_forgotten_in_a_restart_is_told_before_it_is_given_twice() {
    let mut story = Story::of(3);
    story.elect(1, 4, &[1, 2]);
    story.node_mut(2).disk_state = HardState {
        term: Term(4),
        voted_for: None,
    };
    story.restart(2);
    assert_snapshot!(story.violations());
}

#[test]
fn a_vote_counts_only_once_it_is_on_disk() {
    let mut story = Story::of(3);
    story.campaign(1, 1);
    story.enter_term(2, 1, None);
    story.say_vote(2, 1);
    assert_snapshot!(story.violations());
}

#[test]
fn a_vote_for_an_outdated_log_is_wrong() {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.replicate(1, &[2]);
    story.campaign(3, 2);
    story.vote(2, 2, 3);
    assert_snapshot!(story.violations());
}

#[test]
fn a_leader_needs_a_quorum() {
    let mut story = Story::of(4);
    story.elect(1, 1, &[1, 2]);
    assert_snapshot!(story.violations());
}

#[test]
fn votes_of_non_members_do_not_count() {
    let mut story = Story::of(3);
    story.campaign(1, 1);
    story.lead(1, &[1, 8, 9]);
    assert_eq!(story.violated(), ["election-quorum"]);
}

#[test]
fn a_term_that_was_led_in_is_not_forgotten() {
    let mut story = Story::of(1);
    story.node_mut(1).term = 3;
    story.lead(1, &[]);
    story.restart(1);
    assert!(story.violated().contains(&"term-monotonicity".to_owned()));
}

#[test]
fn a_vote_of_an_older_term_does_not_count() {
    let mut story = Story::of(3);
    story.campaign(1, 1);
    story.vote(2, 1, 1);
    story.campaign(1, 2);
    story.lead(1, &[1, 2]);
    assert_snapshot!(story.violations());
}

#[test]
fn a_term_on_disk_is_not_forgotten() {
    let mut story = Story::of(3);
    story.elect(1, 3, &[1, 2]);
    story.node_mut(2).disk_state = HardState {
        term: Term(2),
        voted_for: None,
    };
    story.restart(2);
    assert_snapshot!(story.violations());
}

#[test]
fn a_term_does_not_fall_while_running() {
    let mut story = Story::of(3);
    story.elect(1, 3, &[1, 2]);
    story.node_mut(2).term = 1;
    story.write(
        2,
        Event::StepDown {
            reason: "confused".into(),
            seen_term: Term(1),
        },
    );
    assert_snapshot!(story.violations());
}

#[test]
fn a_pre_vote_binds_nobody() {
    let mut story = Story::of(3);
    let last = story.node(1).last();
    for candidate in [NodeId(1), NodeId(2)] {
        story.write(
            3,
            Event::VoteGranted {
                candidate,
                candidate_last: last,
                last,
                pre_vote: true,
            },
        );
    }
    story.restart(3);
    story.elect(1, 1, &[1, 3]);
    story.assert_legal();
}

#[test]
fn without_elections_nothing_is_shown() {
    let reports = Story::of(3).reports();
    let election_safety = reports
        .iter()
        .find(|r| r.check == "election-safety")
        .unwrap();
    assert_eq!(election_safety.verdict, Verdict::Inconclusive);
    assert_eq!(
        election_safety.summary,
        "the traces show no election: nothing was checked"
    );
}
