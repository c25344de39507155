//! Configurations: in which one leaders count, and how one follows another.

use insta::assert_snapshot;
use shakedown_history::event::{ConfigStep, Role};
use shakedown_history::{Event, Index};

use crate::story::Story;
use crate::story::membership::{joint, learning, voters};

/// n1 leads n1 n2 n3 in term 1, with its no-op committed; n4 and n5 wait.
fn leading() -> Story {
    let mut story = Story::with_spares(3, 2);
    story.elect(1, 1, &[1, 2]);
    story.replicate(1, &[2]);
    story.commit(1, 1, &[1, 2]);
    story
}

#[test]
fn replacing_a_node_by_a_learner_through_a_joint_configuration_is_legal() {
    let mut story = leading();
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    story.replicate(1, &[2, 4]);
    story.commit(1, 2, &[1, 2]);
    story.change_config(1, joint(&[1, 2, 4], &[1, 2, 3]));
    story.replicate(1, &[2, 4]);
    story.commit(1, 3, &[1, 2, 4]);
    story.change_config(1, voters(&[1, 2, 4]));
    story.replicate(1, &[2, 4]);
    story.commit(1, 4, &[1, 4]);
    // Whoever is left leads in the new configuration, after a restart too.
    story.restart(2);
    story.restart(4);
    story.elect(4, 2, &[2, 4]);
    story.replicate(4, &[2]);
    story.commit(4, 5, &[2, 4]);
    story.assert_legal();
}

#[test]
fn a_leader_may_commit_its_own_removal() {
    let mut story = leading();
    story.change_config(1, joint(&[2, 3], &[1, 2, 3]));
    story.replicate(1, &[2, 3]);
    story.commit(1, 2, &[1, 2, 3]);
    story.change_config(1, voters(&[2, 3]));
    story.replicate(1, &[2, 3]);
    story.commit(1, 3, &[2, 3]);
    story.step_down(1, 1);
    story.assert_legal();
}

#[test]
fn a_change_that_is_truncated_is_rolled_back() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 2, 4], &[1, 2, 3]));
    story.elect(2, 2, &[2, 3]);
    story.replicate(2, &[1, 3]);
    story.commit(2, 2, &[1, 2, 3]);
    story.elect(1, 3, &[1, 2]);
    story.replicate(1, &[2]);
    story.commit(1, 3, &[1, 2]);
    story.assert_legal();
}

#[test]
fn a_rollback_that_was_not_on_disk_is_undone_by_a_crash() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 2, 4], &[1, 2, 3]));
    story.elect(2, 2, &[2, 3]);
    story.follow(1, 2, 2);
    story.restart(1);
    story.replicate(2, &[1, 3]);
    story.commit(2, 2, &[1, 2, 3]);
    story.assert_legal();
}

#[test]
fn a_truncated_change_must_not_stay_in_force() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 2, 4], &[1, 2, 3]));
    story.enter_term(1, 2, None);
    let old_last = story.node(1).last();
    story.node_mut(1).log.truncate(1);
    story.write(
        1,
        Event::Truncate {
            from: Index(2),
            old_last,
        },
    );
    story.campaign(1, 3);
    assert_snapshot!(story.violations());
}

#[test]
fn a_rollback_goes_back_to_the_configuration_before() {
    let mut story = leading();
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.change_config(1, joint(&[1, 2, 4], &[1, 2, 3]));
    let old = story.node(1).config();
    story.write(
        1,
        Event::ConfigChange {
            what: ConfigStep::Rollback,
            index: Index(3),
            old,
            new: voters(&[1, 2, 3]),
        },
    );
    assert_snapshot!(story.violations());
}

#[test]
fn a_leader_first_commits_in_its_own_term() {
    let mut story = Story::with_spares(3, 1);
    story.elect(1, 1, &[1, 2]);
    story.replicate(1, &[2]);
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    assert_snapshot!(story.violations());
}

#[test]
fn one_change_is_in_flight_at_a_time() {
    let mut story = leading();
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    story.change_config(1, learning(&[1, 2, 3], &[4, 5]));
    assert_snapshot!(story.violations());
}

#[test]
fn a_new_leader_waits_for_the_change_it_inherits() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 2, 4], &[1, 2, 3]));
    story.replicate(1, &[2, 4]);
    story.elect(2, 2, &[1, 2]);
    story.replicate(2, &[1, 4]);
    story.commit(2, 3, &[1, 2, 4]);
    story.change_config(2, voters(&[1, 2, 4]));
    story.assert_legal();
}

#[test]
fn a_change_without_a_joint_configuration_moves_one_voter() {
    let mut story = leading();
    story.change_config(1, voters(&[1, 2, 3, 4]));
    story.replicate(1, &[2, 4]);
    story.commit(1, 2, &[1, 2, 4]);
    story.assert_legal();
    story.change_config(1, voters(&[1, 4, 5]));
    assert_snapshot!(story.violations());
}

#[test]
fn a_change_follows_what_was_in_force() {
    let mut story = leading();
    story.node_mut(1).configs = vec![(0, voters(&[1, 2]))];
    story.change_config(1, voters(&[1, 2, 4]));
    assert_eq!(story.violated(), ["config-chain"]);
}

#[test]
fn a_restart_finds_the_configuration_of_its_log() {
    let mut story = leading();
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    story.restart(1);
    story.assert_legal();
    story.configs.clear();
    story.restart(1);
    assert_snapshot!(story.violations());
}

#[test]
fn a_leader_counts_in_the_newest_configuration_of_its_log() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 4, 5], &[1, 2, 3]));
    story.replicate(1, &[2]);
    // It goes on counting as if the change came into force with its commit.
    let to = story.node(1).last();
    let config = voters(&[1, 2, 3]);
    let acks = vec![(config.voters[0], Index(2)), (config.voters[1], Index(2))];
    let (leader_commit, prev_plus_len) = (None, None);
    story.write(
        1,
        Event::Commit {
            to,
            role: Role::Leader,
            config,
            acks,
            leader_commit,
            prev_plus_len,
        },
    );
    assert_snapshot!(story.violations());
}

#[test]
fn a_candidate_counts_in_the_newest_configuration_of_its_log() {
    let mut story = leading();
    story.change_config(1, joint(&[1, 4, 5], &[1, 2, 3]));
    story.replicate(1, &[2]);
    story.campaign(2, 2);
    story.vote(3, 2, 2);
    story.node_mut(2).configs.truncate(1);
    story.lead(2, &[2, 3]);
    assert_eq!(story.violated(), ["config-in-force"]);
}
