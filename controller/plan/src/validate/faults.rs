//! What must not go wrong.

use std::fmt::Display;
use std::time::Duration;

use shakedown_history::NodeId;

use super::DAY;
use crate::duration::format_duration;
use crate::faults::{ClockFaults, MembershipFaults, PartitionFaults, TransferFaults};
use crate::mistake::Mistakes;
use crate::plan::Plan;
use crate::target::{Target, minority_size};

const CLOCK_RATE_MAX: f64 = 100.0;
/// A transfer takes as long as one round between two nodes and an election.
const TRANSFER_EVERY_MIN: Duration = Duration::from_millis(50);

pub(super) fn faults(plan: &Plan, found: &mut Mistakes) {
    let faults = &plan.faults;
    if let Some(partition) = &faults.partition {
        shapes(partition, plan, found);
    }
    let targets_of = [
        ("kill", faults.kill.as_ref().map(|f| &f.targets)),
        ("pause", faults.pause.as_ref().map(|f| &f.targets)),
        ("clock", faults.clock.as_ref().map(|f| &f.targets)),
        ("membership", faults.membership.as_ref().map(|f| &f.targets)),
    ];
    for (family, named) in targets_of {
        let field = format!("faults.{family}.targets");
        if let Some(named) = named {
            list(&field, named, "one", found);
            targets(&field, named, plan, found);
        }
    }
    if let Some(clock) = &faults.clock {
        clocks(clock, found);
    }
    if let Some(membership) = &faults.membership {
        changes(membership, plan, found);
    }
    if let Some(transfer) = &faults.transfer {
        transfers(transfer, plan, found);
    }
}

/// Notes a list without items, and the second of two items that are the same.
fn list<T: PartialEq + Display>(field: &str, items: &[T], example: &str, found: &mut Mistakes) {
    if items.is_empty() {
        let family = field.split('.').nth(1).unwrap_or(field);
        let instead = format!("write for example [{example}], or leave {family} out");
        found.add(field, "the list is empty", instead);
    }
    for (i, item) in items.iter().enumerate() {
        if items[..i].contains(item) {
            let wrong = format!("{item} is there already");
            found.add(format!("{field}[{i}]"), wrong, "leave it out");
        }
    }
}

fn shapes(partition: &PartitionFaults, plan: &Plan, found: &mut Mistakes) {
    list(
        "faults.partition.shapes",
        &partition.shapes,
        "halves",
        found,
    );
    for (i, shape) in partition.shapes.iter().enumerate() {
        let field = format!("faults.partition.shapes[{i}]");
        if shape.nodes_min() > plan.nodes {
            let wrong = format!("{shape} does not exist among {} nodes", plan.nodes);
            let instead = format!(
                "write `nodes: {}` or more, or leave the shape out",
                shape.nodes_min()
            );
            found.add_about(field, wrong, instead, &["nodes"]);
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
        } else if *target == Target::Follower && plan.nodes == 1 {
            found.add_about(
                field,
                "a cluster of 1 has no followers",
                "write `nodes: 3` or more, or another target",
                &["nodes"],
            );
        }
    }
}

fn clocks(clock: &ClockFaults, found: &mut Mistakes) {
    list("faults.clock.clocks", &clock.clocks, "realtime", found);
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

fn changes(membership: &MembershipFaults, plan: &Plan, found: &mut Mistakes) {
    let MembershipFaults { changes, targets } = membership;
    list("faults.membership.changes", changes, "remove", found);
    for (i, change) in changes.iter().enumerate() {
        if change.nodes_min() > plan.nodes {
            let wrong = format!("{change} cannot be done with {} nodes", plan.nodes);
            let instead = format!(
                "write `nodes: {}` or more, or leave the change out",
                change.nodes_min()
            );
            let field = format!("faults.membership.changes[{i}]");
            found.add_about(field, wrong, instead, &["nodes"]);
        }
    }
    for (i, target) in targets.iter().enumerate() {
        let several = match target {
            Target::Minority | Target::Majority | Target::All => true,
            Target::Nodes(nodes) => nodes.len() > 1,
            Target::One | Target::Leader | Target::Follower => false,
        };
        if several {
            let wrong = format!("{target} may be several nodes, and a change begins with one");
            found.add(
                format!("faults.membership.targets[{i}]"),
                wrong,
                "write one, leader, follower, or a node such as n3",
            );
        }
    }
}

fn transfers(transfer: &TransferFaults, plan: &Plan, found: &mut Mistakes) {
    list("faults.transfer.to", &transfer.to, "voter", found);
    if transfer.every.min() < TRANSFER_EVERY_MIN {
        let wrong = format!("a transfer every {}", format_duration(transfer.every.min()));
        let instead = format!(
            "write {} or more, such as 300ms..600ms",
            format_duration(TRANSFER_EVERY_MIN)
        );
        found.add("faults.transfer.every", wrong, instead);
    }
    if plan.nodes == 1 {
        found.add_about(
            "faults.transfer",
            "a cluster of 1 has nobody to hand the leadership to",
            "write `nodes: 3` or more, or leave transfer out",
            &["nodes"],
        );
    }
}
