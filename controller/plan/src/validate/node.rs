//! How nodes must not be set up.

use std::time::Duration;

use crate::duration::format_duration;
use crate::mistake::Mistakes;
use crate::node::ReadMode;
use crate::plan::{Known, Plan};
use crate::wording::suggest;

/// A lease is shorter than the shortest election timeout by two ticks of the node's clock.
const LEASE_LESS_THAN_TIMEOUT: Duration = Duration::from_millis(10);
const PPM: u64 = 1_000_000;

pub(super) fn node(plan: &Plan, known: &Known<'_>, found: &mut Mistakes) {
    timeouts(plan, found);
    reads(plan, found);
    if plan.node.snapshot_every == 0 {
        found.add(
            "node.snapshot_every",
            "a snapshot after 0 entries",
            "write 1 or more; a large number for none",
        );
    }
    planted_bug(plan, known, found);
}

fn timeouts(plan: &Plan, found: &mut Mistakes) {
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
}

fn reads(plan: &Plan, found: &mut Mistakes) {
    let node = &plan.node;
    if node.clock_drift_ppm >= PPM {
        let wrong = format!(
            "clocks that run apart by {} millionths",
            node.clock_drift_ppm
        );
        found.add(
            "node.clock_drift_ppm",
            wrong,
            "write less than 1000000, such as 1000 for a thousandth",
        );
    }
    let shortest = node.election_timeout.min();
    if node.read_mode == ReadMode::Lease && shortest <= LEASE_LESS_THAN_TIMEOUT {
        let wrong = format!(
            "the shortest election timeout of {} leaves no time for a lease",
            format_duration(shortest)
        );
        found.add_about(
            "node.read_mode",
            wrong,
            "write index, or lengthen the election timeout",
            &["node.election_timeout"],
        );
    }
}

fn planted_bug(plan: &Plan, known: &Known<'_>, found: &mut Mistakes) {
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
