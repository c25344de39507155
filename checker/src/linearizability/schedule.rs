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

/// What is known of a key, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) how: How,
}

/// A turn of one key.
#[derive(Clone, Copy, Debug)]
struct Turn {
    key: usize,
    /// None: verify the witness first.
    effort: Option<u64>,
    /// The most ops that an earlier turn got past.
    decided: usize,
}

/// Decides every key; results in the order of `keys`.
pub(crate) fn decide_all<M: Model>(
    model: &M,
    keys: &[KeyHistory<M::Call>],
    budget: Budget,
) -> Vec<Decided> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(keys.len());
    let limits = Limits::new(budget, threads);
    let first_turn = |key| Turn {
        key,
        effort: None,
        decided: 0,
    };
    let queue: Mutex<VecDeque<Turn>> = Mutex::new((0..keys.len()).map(first_turn).collect());
    let results: Mutex<Vec<Option<Decided>>> = Mutex::new(vec![None; keys.len()]);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(turn) = pop(&queue) {
                    let key = turn.key;
                    match take_turn(model, &keys[key], turn, limits) {
                        Ok(decided) => locked(&results)[key] = Some(decided),
                        Err(next) => locked(&queue).push_back(next),
                    }
                }
            });
        }
    });
    let results = results
        .into_inner()
        .expect("a thread that panics ends the scope with a panic");
    results
        .into_iter()
        .map(|decided| decided.expect("every key's last turn has a result"))
        .collect()
}

/// What is known of the key for good, or else its next turn.
fn take_turn<M: Model>(
    model: &M,
    key: &KeyHistory<M::Call>,
    turn: Turn,
    limits: Limits,
) -> Result<Decided, Turn> {
    if turn.effort.is_none() && witness::verifies(model, &key.ops) {
        return Ok(Decided {
            decision: Decision::Linearizable,
            how: How::Witness,
        });
    }
    let effort = turn
        .effort
        .unwrap_or_else(|| 10_000 + 64 * key.ops.len() as u64);
    let mut meter = Meter::new(limits, effort);
    let decision = match meter.check_time() {
        Ok(()) => engine::decide(model, &key.ops, &mut meter),
        Err(why) => Decision::Undecided { why, decided: 0 },
    };
    let decision = match decision {
        Decision::Undecided { why, decided } => {
            let decided = decided.max(turn.decided);
            if why == Exhausted::Effort {
                return Err(Turn {
                    effort: Some(effort.saturating_mul(2)),
                    decided,
                    ..turn
                });
            }
            Decision::Undecided { why, decided }
        }
        certain => certain,
    };
    Ok(Decided {
        decision,
        how: How::Search,
    })
}

fn pop(queue: &Mutex<VecDeque<Turn>>) -> Option<Turn> {
    locked(queue).pop_front()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no thread panics while it holds the lock")
}
