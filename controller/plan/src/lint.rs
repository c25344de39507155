//! What a plan may say and yet hardly means.
//!
//! - `reads`: ways to read that promise less than they seem to

mod reads;

use std::time::Duration;

use crate::duration::format_duration;
use crate::faults::{Clock, Family};
use crate::mistake::{Mistake, Mistakes};
use crate::plan::Plan;
use crate::schedule::Schedule;

/// The checker gives up where more ops than about this are undecided on one key at once.
const INDETERMINATE_OPS_A_KEY_MAX: f64 = 1_000.0;

/// All lints.
pub(crate) fn lint(plan: &Plan) -> Vec<Mistake> {
    let mut found = Mistakes::default();
    cluster(plan, &mut found);
    timeouts(plan, &mut found);
    reads::reads(plan, &mut found);
    if !plan.faults.families().is_empty() {
        clock_rates(plan, &mut found);
        removed_nodes(plan, &mut found);
        turns(plan, &mut found);
        coverage(plan, &mut found);
        checker_cost(plan, &mut found);
    }
    campaign(plan, &mut found);
    found.0
}

fn cluster(plan: &Plan, found: &mut Mistakes) {
    if plan.nodes.is_multiple_of(2) {
        let wrong = format!(
            "{} nodes tolerate no more failures than {}",
            plan.nodes,
            plan.nodes - 1
        );
        found.add("nodes", wrong, "write an odd number unless you mean it");
    }
}

fn timeouts(plan: &Plan, found: &mut Mistakes) {
    let election = plan.node.election_timeout;
    if election.min() == election.max() && plan.nodes > 1 {
        let wrong = format!("all election timeouts are {election}: votes may be split for ever");
        found.add(
            "node.election_timeout",
            wrong,
            "write a range, such as 150ms..300ms",
        );
    }
    if plan.node.heartbeat * 3 > election.min() {
        let wrong = format!(
            "two late heartbeats already reach the shortest election timeout of {}",
            format_duration(election.min())
        );
        let instead = format!("write {} or less", format_duration(election.min() / 3));
        found.add("node.heartbeat", wrong, instead);
    }
    if plan.workload.timeout < election.max() {
        let wrong = format!(
            "an election may take {}: ops that wait for one become indeterminate",
            format_duration(election.max())
        );
        found.add(
            "workload.timeout",
            wrong,
            format!("write more than {}", format_duration(election.max())),
        );
    }
    if plan.recovery.timeout < election.max() * 10 {
        let wrong = format!(
            "a few split votes of {} each use it up",
            format_duration(election.max())
        );
        found.add(
            "recovery.timeout",
            wrong,
            format!("write {} or more", format_duration(election.max() * 10)),
        );
    }
}

/// A slow leader's heartbeats, or a fast follower's patience.
fn clock_rates(plan: &Plan, found: &mut Mistakes) {
    let Some(clock) = plan
        .faults
        .clock
        .as_ref()
        .filter(|c| c.clocks.contains(&Clock::Monotonic))
    else {
        return;
    };
    let stretch = (1.0 / clock.rate.min()).max(clock.rate.max());
    if plan.node.heartbeat.as_secs_f64() * stretch >= plan.node.election_timeout.min().as_secs_f64()
    {
        let wrong = format!(
            "a clock {stretch} times off lets heartbeats of {} miss election timeouts of {}: no leader lasts",
            format_duration(plan.node.heartbeat),
            format_duration(plan.node.election_timeout.min())
        );
        found.add(
            "faults.clock.rate",
            wrong,
            "bring it nearer to 1, or shorten the heartbeat",
        );
    }
}

/// Who was removed does not know it, and stands for election.
fn removed_nodes(plan: &Plan, found: &mut Mistakes) {
    let node = &plan.node;
    if plan.faults.membership.is_some() && !node.pre_vote && !node.sticky_leader {
        found.add(
            "faults.membership",
            "a removed node may depose one leader after the other: nothing holds off its elections",
            "write `pre_vote: true` or `sticky_leader: true`, unless you want to see that",
        );
    }
}

/// Whether every family has its turn.
fn turns(plan: &Plan, found: &mut Mistakes) {
    let families = plan.faults.families().len();
    if plan.schedule.overlap > families {
        let wrong =
            format!("{families} at most are in force at once: faults of one family never overlap");
        found.add(
            "schedule.overlap",
            wrong,
            format!("write {families} or less"),
        );
    }
    let certain = Schedule::steps_min(plan);
    if certain < families {
        let consequence = if plan.coverage.every_family {
            ", and without that the run is inconclusive (coverage.every_family)"
        } else {
            ""
        };
        let wrong = format!(
            "only {certain} of {families} fault families are certain to have their turn{consequence}"
        );
        found.add("schedule", wrong, "lengthen time, or shorten length or gap");
    }
}

fn coverage(plan: &Plan, found: &mut Mistakes) {
    let shortest = plan.schedule.length.min();
    let demanded = plan.coverage.ok_ops_in_fault_windows;
    let depose = |family: &Family| *family != Family::Clock;
    let elections = plan.faults.families().iter().any(depose);
    if elections && demanded > 0 && shortest < plan.node.election_timeout.max() * 2 {
        let wrong = format!(
            "a fault of {} may end before a new leader serves, and without an op in its window the run is inconclusive",
            format_duration(shortest)
        );
        let instead = format!(
            "write {} or more",
            format_duration(plan.node.election_timeout.max() * 2)
        );
        found.add("schedule.length", wrong, instead);
    }
    if let Some(rate) = plan.workload.rate
        && rate * shortest.as_secs_f64() < demanded as f64
    {
        let wrong = format!(
            "{rate} ops per second come to less than {demanded} in a fault of {}",
            format_duration(shortest)
        );
        found.add(
            "coverage.ok_ops_in_fault_windows",
            wrong,
            "lower it, or raise workload.rate or schedule.length",
        );
    }
}

/// How many indeterminate ops pile up on the hottest key, if every fault stops the cluster.
fn checker_cost(plan: &Plan, found: &mut Mistakes) {
    let steps = Schedule::draw(plan).steps;
    let stopped: Duration = steps
        .iter()
        .filter(|step| step.fault.family().may_stop_service())
        .map(|step| step.length)
        .sum();
    let workload = &plan.workload;
    let mix = workload.mix;
    let changes = f64::from(mix.write) + f64::from(mix.cas);
    let share_of_changes = changes / (changes + f64::from(mix.read));
    let weights: f64 = (1..=workload.keys)
        .map(|rank| (rank as f64).powf(-workload.skew))
        .sum();
    let waits = stopped.as_secs_f64() / workload.timeout.as_secs_f64();
    let on_a_key = waits * workload.processes as f64 * share_of_changes / weights;
    if on_a_key > INDETERMINATE_OPS_A_KEY_MAX {
        let wrong = format!(
            "up to {on_a_key:.0} indeterminate writes may pile up on one key, and the linearizability checker may give up"
        );
        found.add(
            "workload",
            wrong,
            "use more keys, fewer processes, a longer timeout or less time",
        );
    }
}

fn campaign(plan: &Plan, found: &mut Mistakes) {
    let Some(campaign) = &plan.campaign else {
        return;
    };
    let fit = campaign.budget.as_nanos().div_ceil(plan.time.as_nanos());
    if fit < u128::from(campaign.runs) {
        let wrong = format!(
            "at most {fit} of {} runs of {} can begin within {}",
            campaign.runs,
            format_duration(plan.time),
            format_duration(campaign.budget)
        );
        found.add("campaign.budget", wrong, "raise it, or lower runs or time");
    }
}
