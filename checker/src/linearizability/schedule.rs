//! Many keys, few threads, one budget.
//!
//! Every key gets a small effort first; a key that is not decided goes to the end of the queue and
//! gets twice as much next time. So a hard key cannot starve the others, and starting over costs it
//! no more than as much again.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Mutex, MutexGuard};
use std::thread;

use crate::linearizability::budget::{Budget, Exhausted, Limits, Meter};
use crate::linearizability::engine::{self, Decision};
use crate::linearizability::key_history::KeyHistory;
use crate::linearizability::witness;
use crate::model::Model;

/// How a key was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The system's own order was verified.
    Witness,
    /// By search.
    Search,
}

/// A turn of one key.
struct Turn {
    key: usize,
    /// None: verify the witness first.
    effort: Option<u64>,
}

/// Decides every key; results in the order of `keys`.
pub(crate) fn decide_all<M: Model>(
    model: &M,
    keys: &[KeyHistory<M::Call>],
    budget: Budget,
) -> Vec<(Decision, How)> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(keys.len());
    let limits = Limits::new(budget, threads);
    let turns = (0..keys.len())
        .map(|key| Turn { key, effort: None })
        .collect();
    let queue: Mutex<VecDeque<Turn>> = Mutex::new(turns);
    let start = (
        Decision::Undecided {
            why: Exhausted::Time,
            decided: 0,
        },
        How::Search,
    );
    let results = Mutex::new(vec![start; keys.len()]);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(turn) = pop(&queue) {
                    let key = turn.key;
                    let (decision, how, next) = take_turn(model, &keys[key], turn, limits);
                    if let Some(next) = next {
                        locked(&queue).push_back(next);
                    }
                    record(&mut locked(&results)[key], decision, how);
                }
            });
        }
    });
    results
        .into_inner()
        .expect("a thread that panics ends the scope with a panic")
}

fn take_turn<M: Model>(
    model: &M,
    key: &KeyHistory<M::Call>,
    turn: Turn,
    limits: Limits,
) -> (Decision, How, Option<Turn>) {
    if turn.effort.is_none() && witness::verifies(model, &key.ops) {
        return (Decision::Linearizable, How::Witness, None);
    }
    let effort = turn
        .effort
        .unwrap_or_else(|| 10_000 + 64 * key.ops.len() as u64);
    let mut meter = Meter::new(limits, effort);
    let decision = match meter.check_time() {
        Ok(()) => engine::decide(model, &key.ops, &mut meter),
        Err(why) => Decision::Undecided { why, decided: 0 },
    };
    let again = matches!(
        decision,
        Decision::Undecided {
            why: Exhausted::Effort,
            ..
        }
    );
    let next = again.then(|| Turn {
        effort: Some(effort.saturating_mul(2)),
        ..turn
    });
    (decision, How::Search, next)
}

/// Keeps the best of what was found; of two attempts without an answer the later reason and the
/// longer way.
fn record(result: &mut (Decision, How), decision: Decision, how: How) {
    let decided_before = match result.0 {
        Decision::Undecided { decided, .. } => decided,
        decision => unreachable!("a decided key has no further turn: {decision:?}"),
    };
    let decision = match decision {
        Decision::Undecided { why, decided } => Decision::Undecided {
            why,
            decided: decided.max(decided_before),
        },
        decision => decision,
    };
    *result = (decision, how);
}

fn pop(queue: &Mutex<VecDeque<Turn>>) -> Option<Turn> {
    locked(queue).pop_front()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no thread panics while it holds the lock")
}
