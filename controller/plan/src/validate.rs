//! What a plan must not say, although each of its fields can be read.

use std::time::Duration;

use shakedown_history::NodeId;

use crate::duration::format_duration;
use crate::faults::{ClockFaults, PartitionFaults};
use crate::mistake::{Mistake, Mistakes};
use crate::plan::{Known, Plan};
use crate::target::{Target, minority_size};
use crate::wording::suggest;

/// The largest cluster that a plan may ask for.
pub(crate) const NODES_MAX: usize = 15;
const PROCESSES_MAX: usize = 1_000;
const KEYS_MAX: usize = 10_000;
const SKEW_MAX: f64 = 10.0;
const MEMORY_MIB_MIN: u64 = 16;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Shorter, and injecting and healing take longer than the fault.
const FAULT_LENGTH_MIN: Duration = Duration::from_millis(50);
const CLOCK_RATE_MAX: f64 = 100.0;

/// All mistakes.
pub(crate) fn validate(plan: &Plan, known: &Known<'_>) -> Vec<Mistake> {
    let mut found = Mistakes::default();
    name(plan, &mut found);
    cluster(plan, &mut found);
    node(plan, known, &mut found);
    workload(plan, &mut found);
    faults(plan, &mut found);
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

fn node(plan: &Plan, known: &Known<'_>, found: &mut Mistakes) {
    let (shortest, longest) = (
        plan.node.election_timeout.min(),
        plan.node.election_timeout.max(),
    );
    if plan.node.heartbeat * 2 > shortest {
        let wrong = format!(
            "{} is not well below the shortest election timeout of {}: followers would depose a healthy leader",
            format_duration(plan.node.heartbeat),
            format_duration(shortest)
        );
        let instead = format!("write {} or less", format_duration(shortest / 2));
        found.add_about("node.heartbeat", wrong, instead, &["node.election_timeout"]);
    }
    if longest >= plan.time {
        let wrong = format!(
            "an election may take as long as the whole run of {}",
            format_duration(plan.time)
        );
        found.add_about(
            "node.election_timeout",
            wrong,
            "shorten it, or lengthen time",
            &["time"],
        );
    }
    if let Some(bug) = &plan.node.planted_bug
        && !known.planted_bugs.contains(&bug.as_str())
    {
        let instead = match known.planted_bugs {
            [] => "this build has none: write null, or build with planted bugs".to_owned(),
            names => suggest(bug, names),
        };
        found.add(
            "node.planted_bug",
            format!("there is no planted bug `{bug}`"),
            instead,
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

fn faults(plan: &Plan, found: &mut Mistakes) {
    let faults = &plan.faults;
    if let Some(partition) = &faults.partition {
        shapes(partition, plan, found);
    }
    let targets_of = [
        ("kill", faults.kill.as_ref().map(|f| &f.targets)),
        ("pause", faults.pause.as_ref().map(|f| &f.targets)),
        ("clock", faults.clock.as_ref().map(|f| &f.targets)),
    ];
    for (family, list) in targets_of {
        targets(
            &format!("faults.{family}.targets"),
            list.map_or(&[], Vec::as_slice),
            plan,
            found,
        );
        if list.is_some_and(Vec::is_empty) {
            let instead = format!("write for example [one], or leave {family} out");
            found.add(
                format!("faults.{family}.targets"),
                "the list is empty",
                instead,
            );
        }
    }
    if let Some(clock) = &faults.clock {
        clocks(clock, found);
    }
}

fn shapes(partition: &PartitionFaults, plan: &Plan, found: &mut Mistakes) {
    if partition.shapes.is_empty() {
        found.add(
            "faults.partition.shapes",
            "the list is empty",
            "write for example [halves], or leave partition out",
        );
    }
    for (i, shape) in partition.shapes.iter().enumerate() {
        let field = format!("faults.partition.shapes[{i}]");
        if shape.nodes_min() > plan.nodes {
            let wrong = format!("{shape} does not exist among {} nodes", plan.nodes);
            let instead = format!(
                "write `nodes: {}` or more, or leave the shape out",
                shape.nodes_min()
            );
            found.add_about(field, wrong, instead, &["nodes"]);
        } else if partition.shapes[..i].contains(shape) {
            found.add(field, format!("{shape} is there already"), "leave it out");
        }
    }
}

fn targets(field: &str, targets: &[Target], plan: &Plan, found: &mut Mistakes) {
    for (i, target) in targets.iter().enumerate() {
        let field = format!("{field}[{i}]");
        let unknown = |node: &&NodeId| !(1..=plan.nodes as u64).contains(&node.0);
        if let Target::Nodes(nodes) = target
            && let Some(node) = nodes.iter().find(unknown)
        {
            let wrong = format!("there is no {node} among {} nodes", plan.nodes);
            found.add_about(
                field,
                wrong,
                format!("write n1 to n{}", plan.nodes),
                &["nodes"],
            );
        } else if *target == Target::Minority && minority_size(plan.nodes) == 0 {
            let wrong = format!("a cluster of {} has no minority", plan.nodes);
            found.add_about(
                field,
                wrong,
                "write `nodes: 3` or more, or another target",
                &["nodes"],
            );
        } else if targets[..i].contains(target) {
            found.add(field, format!("{target} is there already"), "leave it out");
        }
    }
}

fn clocks(clock: &ClockFaults, found: &mut Mistakes) {
    if clock.clocks.is_empty() {
        found.add(
            "faults.clock.clocks",
            "the list is empty",
            "write for example [realtime], or leave clock out",
        );
    }
    for (i, which) in clock.clocks.iter().enumerate() {
        if clock.clocks[..i].contains(which) {
            found.add(
                format!("faults.clock.clocks[{i}]"),
                format!("{which} is there already"),
                "leave it out",
            );
        }
    }
    if clock.rate.min() <= 0.0 || clock.rate.max() > CLOCK_RATE_MAX {
        let wrong = format!("{} times as fast as real time", clock.rate);
        let instead = format!("write numbers above 0 and up to {CLOCK_RATE_MAX}, such as 0.5..2");
        found.add("faults.clock.rate", wrong, instead);
    }
    if clock.offset.max() > DAY {
        let wrong = format!("a jump of {}", clock.offset);
        found.add("faults.clock.offset", wrong, "write durations up to 24h");
    }
    let nothing =
        clock.offset.min().is_zero() && clock.rate.min() <= 1.0 && clock.rate.max() >= 1.0;
    if nothing {
        let wrong = format!(
            "with rates of {} it may leave a clock as it is, and no such fault can bite",
            clock.rate
        );
        found.add_about(
            "faults.clock.offset",
            wrong,
            "write a range above 0, such as 10ms..10s",
            &["faults.clock.rate"],
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
