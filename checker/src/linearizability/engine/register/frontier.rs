//! Breadth first: all configurations at once move through time.

use crate::linearizability::budget::Meter;
use crate::linearizability::engine::Decision;
use crate::linearizability::engine::register::board::Board;
use crate::linearizability::engine::register::closure::{Closure, Config, Counting};
use crate::linearizability::engine::register::problem::{Problem, returning};

/// Decides exactly; or, relaxed, is sure only of `NotLinearizable`.
pub(super) fn search<const N: usize>(
    problem: &Problem<'_>,
    counting: Counting,
    meter: &mut Meter,
) -> Decision {
    let mut board: Board<'_, N> = Board::new(problem);
    let mut closure = Closure::new(counting);
    let mut frontier = vec![Config::START];
    let mut decided = 0;
    while let Some(event) = board.next_event() {
        if let Some(op) = returning(event) {
            frontier = match closure.close(&board, &frontier, op, meter) {
                Err(why) => return Decision::Undecided { why, decided },
                Ok(after) if after.is_empty() => return Decision::NotLinearizable { stuck: op },
                Ok(after) => after,
            };
            decided += 1;
        }
        board.forward();
    }
    Decision::Linearizable
}
