//! What a plan must not say, although each of its fields can be read.
//!
//! - `node`: how nodes are set up
//! - `faults`: the fault families

mod faults;
mod node;

use std::time::Duration;

use crate::duration::format_duration;
use crate::mistake::{Mistake, Mistakes};
use crate::plan::{Known, Plan};

/// The largest cluster that a plan may ask for.
pub(crate) const NODES_MAX: usize = 15;
const PROCESSES_MAX: usize = 1_000;
const KEYS_MAX: usize = 10_000;
const SKEW_MAX: f64 = 10.0;
const MEMORY_MIB_MIN: u64 = 16;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Shorter, and injecting and healing take longer than the fault.
const FAULT_LENGTH_MIN: Duration = Duration::from_millis(50);

/// All mistakes.
pub(crate) fn validate(plan: &Plan, known: &Known<'_>) -> Vec<Mistake> {
    let mut found = Mistakes::default();
    name(plan, &mut found);
    cluster(plan, &mut found);
    node::node(plan, known, &mut found);
    workload(plan, &mut found);
    faults::faults(plan, &mut found);
    schedule(plan, &mut found);
    milliseconds(plan, &mut found);
    durations(plan, &mut found);
    if plan.checks.memory_mib < MEMORY_MIB_MIN {
        let wrong = format!(
            "{} MiB is too little for any checker",
            plan.checks.memory_mib
        );
        found.add(
            "checks.memory_mib",
            wrong,
            format!("write {MEMORY_MIB_MIN} or more"),
        );
    }
    if plan
        .campaign
        .as_ref()
        .is_some_and(|campaign| campaign.runs == 0)
    {
        found.add(
            "campaign.runs",
            "a campaign of no runs",
            "write 1 or more, or leave campaign out",
        );
    }
    found.0
}

fn name(plan: &Plan, found: &mut Mistakes) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if plan.name.is_empty() {
        found.add(
            "name",
            "the plan has no name",
            "write for example `name: nightly`",
        );
    } else if plan.name.starts_with('.') || !plan.name.chars().all(plain) {
        let wrong = format!("`{}` cannot be a folder's name everywhere", plan.name);
        found.add(
            "name",
            wrong,
            "use letters, digits, `-`, `_` and `.`, not beginning with `.`",
        );
    }
}

fn cluster(plan: &Plan, found: &mut Mistakes) {
    if !(1..=NODES_MAX).contains(&plan.nodes) {
        let wrong = format!("a cluster of {} nodes", plan.nodes);
        found.add(
            "nodes",
            wrong,
            format!("write a number from 1 to {NODES_MAX}"),
        );
    }
}

fn workload(plan: &Plan, found: &mut Mistakes) {
    let workload = &plan.workload;
    if !(1..=PROCESSES_MAX).contains(&workload.processes) {
        let wrong = format!("{} processes", workload.processes);
        found.add(
            "workload.processes",
            wrong,
            format!("write a number from 1 to {PROCESSES_MAX}"),
        );
    }
    if !(1..=KEYS_MAX).contains(&workload.keys) {
        let wrong = format!("{} keys", workload.keys);
        found.add(
            "workload.keys",
            wrong,
            format!("write a number from 1 to {KEYS_MAX}"),
        );
    }
    if !(0.0..=SKEW_MAX).contains(&workload.skew) {
        let wrong = format!("a skew of {}", workload.skew);
        found.add(
            "workload.skew",
            wrong,
            "write a number from 0 (even) to 10 (one key for nearly all)",
        );
    }
    if let Some(rate) = workload.rate
        && !(rate > 0.0 && rate.is_finite())
    {
        let wrong = format!("{rate} ops per second");
        found.add(
            "workload.rate",
            wrong,
            "write a number above 0, or null for as many as possible",
        );
    }
    let mix = workload.mix;
    if mix.read == 0 && mix.write == 0 && mix.cas == 0 {
        found.add(
            "workload.mix",
            "all weights are 0",
            "write for example { read: 50, write: 30, cas: 20 }",
        );
    }
}

fn schedule(plan: &Plan, found: &mut Mistakes) {
    let pacing = &plan.schedule;
    if pacing.overlap == 0 {
        found.add(
            "schedule.overlap",
            "0 faults at once",
            "write 1 or more; for a run without faults leave faults out",
        );
    }
    if pacing.length.min() < FAULT_LENGTH_MIN {
        let wrong = format!("a fault of {}", format_duration(pacing.length.min()));
        let instead = format!(
            "write {} or more, such as 1s..4s",
            format_duration(FAULT_LENGTH_MIN)
        );
        found.add("schedule.length", wrong, instead);
    }
    let needed = pacing
        .quiet
        .saturating_mul(2)
        .saturating_add(pacing.length.min());
    if !plan.faults.families().is_empty() && needed > plan.time {
        let wrong = format!(
            "not a single fault fits: {} quiet, {} fault and {} quiet are more than {}",
            format_duration(pacing.quiet),
            format_duration(pacing.length.min()),
            format_duration(pacing.quiet),
            format_duration(plan.time)
        );
        let instead = format!(
            "write `time: {}` or more, or shorten quiet or length",
            format_duration(needed)
        );
        found.add_about("schedule", wrong, instead, &["time", "faults"]);
    }
}

/// Durations that must be above nothing and below a day.
fn durations(plan: &Plan, found: &mut Mistakes) {
    let fields = [
        ("time", plan.time),
        ("node.election_timeout", plan.node.election_timeout.min()),
        ("node.heartbeat", plan.node.heartbeat),
        ("workload.timeout", plan.workload.timeout),
        ("recovery.timeout", plan.recovery.timeout),
        ("checks.time", plan.checks.time),
    ];
    let budget = plan
        .campaign
        .as_ref()
        .map(|campaign| ("campaign.budget", campaign.budget));
    for (field, duration) in fields.into_iter().chain(budget) {
        if duration.is_zero() {
            found.add(
                field,
                "no time at all",
                "write a duration above 0, such as 1s",
            );
        } else if duration > DAY && field != "campaign.budget" {
            found.add(
                field,
                format!("{} is too long", format_duration(duration)),
                "write 24h or less",
            );
        }
    }
}

/// Durations that the node counts in milliseconds.
fn milliseconds(plan: &Plan, found: &mut Mistakes) {
    let fields = [
        ("node.heartbeat", plan.node.heartbeat),
        ("node.election_timeout", plan.node.election_timeout.min()),
        ("node.election_timeout", plan.node.election_timeout.max()),
    ];
    for (field, duration) in fields {
        if !duration.subsec_nanos().is_multiple_of(1_000_000) {
            let wrong = format!("{} is not whole milliseconds", format_duration(duration));
            found.add(field, wrong, "write 1ms or a multiple of it");
        }
    }
}
