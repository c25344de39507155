//! The engine for registers: several searches under one effort; the first that is sure decides.
//!
//! Without never-returned ops one exact frontier does. These ops are what makes histories hard, and with
//! them come, in this order: a depth-first search, cheapest first, which finds an order soon where there is
//! one; a *relaxed* frontier in which each such op may be used any number of times, and if even that admits
//! no order there is none; the depth-first search with more effort; an exact frontier.

mod board;
mod closure;
mod depth_first;
mod frontier;
mod problem;

use crate::linearizability::budget::{Exhausted, Meter};
use crate::linearizability::engine::Decision;
use crate::linearizability::timeline::Timeline;
use crate::model::RegisterCall;

use closure::Counting;
use problem::Problem;

/// Decides whether `calls`, laid out in `timeline`, are linearizable for a register that starts with null.
pub(super) fn decide(calls: &[&RegisterCall], timeline: &Timeline, meter: &mut Meter) -> Decision {
    let problem = Problem::new(calls, timeline);
    if let Some(stuck) = problem::phantom(&problem) {
        return Decision::NotLinearizable { stuck };
    }
    match timeline.width {
        0..=64 => decide_within::<1>(&problem, meter),
        65..=256 => decide_within::<4>(&problem, meter),
        257..=1024 => decide_within::<16>(&problem, meter),
        _ => Decision::Undecided {
            why: Exhausted::Concurrency,
            decided: 0,
        },
    }
}

fn decide_within<const N: usize>(problem: &Problem<'_>, meter: &mut Meter) -> Decision {
    if problem.classes.is_empty() {
        return frontier::search::<N>(problem, Counting::Exact, meter);
    }
    // Enough for an order that is found with little turning back.
    let first = depth_first::search::<N>(problem, &mut meter.quarter());
    if first.is_certain() {
        return first;
    }
    let relaxed = frontier::search::<N>(problem, Counting::Relaxed, meter);
    if let Decision::NotLinearizable { .. } = relaxed {
        return relaxed;
    }
    let second = depth_first::search::<N>(problem, &mut meter.quarter());
    if second.is_certain() {
        return second;
    }
    frontier::search::<N>(problem, Counting::Exact, meter)
}
