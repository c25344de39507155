//! Ways to read that promise less than they seem to.

use crate::duration::format_duration;
use crate::faults::{Clock, ClockFaults};
use crate::mistake::Mistakes;
use crate::node::{Node, ReadMode};
use crate::plan::Plan;

const PPM: f64 = 1e6;

pub(super) fn reads(plan: &Plan, found: &mut Mistakes) {
    let node = &plan.node;
    match node.read_mode {
        ReadMode::Index => {}
        ReadMode::Local => found.add(
            "node.read_mode",
            "local reads are stale by design, and the checkers will say so",
            "write index or lease, unless you want to see that",
        ),
        ReadMode::Lease => {
            if !node.sticky_leader {
                found.add(
                    "node.sticky_leader",
                    "without it somebody else may be elected while a lease runs, and lease reads be stale",
                    "write true, or `read_mode: index`",
                );
            }
            if let Some(clock) = &plan.faults.clock {
                drift(node, clock, found);
            }
        }
    }
}

/// Whether clocks run further apart than lease reads are told.
fn drift(node: &Node, clock: &ClockFaults, found: &mut Mistakes) {
    if !clock.clocks.contains(&Clock::Monotonic) {
        return;
    }
    let needed_ppm = (drift_of(node, clock) * PPM).ceil();
    #[expect(clippy::cast_precision_loss, reason = "a drift is below a million")]
    let stated_ppm = node.clock_drift_ppm as f64;
    if needed_ppm <= stated_ppm {
        return;
    }
    let wrong = format!(
        "monotonic clocks that jump by up to {} and run {} times as fast are further apart than the {stated_ppm} ppm that leases rely on: lease reads may be stale",
        format_duration(clock.offset.max()),
        clock.rate
    );
    let instead = if needed_ppm < PPM {
        format!("write `clock_drift_ppm: {needed_ppm}` or more, or tamer clocks")
    } else {
        "write tamer clocks, or `read_mode: index`".to_owned()
    };
    found.add("faults.clock", wrong, instead);
}

/// By which part an election timeout may pass faster on one node than a lease does on another: the
/// leader's clock is slow, or a follower's jumps ahead and is fast.
fn drift_of(node: &Node, clock: &ClockFaults) -> f64 {
    let timeout = node.election_timeout.min().as_secs_f64();
    let left = (1.0 - clock.offset.max().as_secs_f64() / timeout).max(0.0);
    1.0 - clock.rate.min().min(left / clock.rate.max())
}
