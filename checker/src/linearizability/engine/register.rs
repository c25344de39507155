//! The engine for registers: several searches under one effort; the first that is sure decides.
//!
//! Where no op is left open, one exact frontier does. Never-returned ops are what makes histories hard,
//! so with them the frontier is tried *relaxed* first: each may be used any number of times. If even that
//! admits no order there is none. A depth-first search then looks for an order, cheapest first, while an
//! exact frontier of all configurations looks for a proof that there is none.

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
    let relaxed = frontier::search::<N>(problem, Counting::Relaxed, meter);
    if let Decision::NotLinearizable { .. } = relaxed {
        return relaxed;
    }
    let mut third = meter.third();
    let found = depth_first::search::<N>(problem, &mut third);
    if !matches!(found, Decision::Undecided { .. }) {
        return found;
    }
    frontier::search::<N>(problem, Counting::Exact, meter)
}
