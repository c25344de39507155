//! Depth first: follows the most promising configuration to the end, and turns back where it is stuck.

use rustc_hash::FxHashSet;

use crate::linearizability::budget::{Exhausted, Meter};
use crate::linearizability::engine::Decision;
use crate::linearizability::engine::register::board::Board;
use crate::linearizability::engine::register::closure::{Closure, Config, Counting};
use crate::linearizability::engine::register::problem::{Problem, returning};

/// A place to turn back to: configurations not yet followed, before the event at `position`.
struct Fork<const N: usize> {
    position: u32,
    /// The most promising last.
    configs: Vec<Config<N>>,
}

/// Decides exactly, where it ends.
pub(super) fn search<const N: usize>(problem: &Problem<'_>, meter: &mut Meter) -> Decision {
    Descent::<N>::new(problem).run(meter)
}

struct Descent<'p, const N: usize> {
    board: Board<'p, N>,
    closure: Closure<N>,
    forks: Vec<Fork<N>>,
    tried: FxHashSet<(u32, Config<N>)>,
    /// The op whose return was the furthest that could not be passed, and where.
    stuck: (u32, u32),
    decided: usize,
}

impl<'p, const N: usize> Descent<'p, N> {
    fn new(problem: &'p Problem<'p>) -> Self {
        Self {
            board: Board::new(problem),
            closure: Closure::new(Counting::Exact),
            forks: Vec::new(),
            tried: FxHashSet::default(),
            stuck: (0, 0),
            decided: 0,
        }
    }

    fn run(&mut self, meter: &mut Meter) -> Decision {
        let mut config = Some(Config::START);
        while let Some(here) = config {
            let Some(event) = self.board.next_event() else {
                return Decision::Linearizable;
            };
            config = match returning(event) {
                None => {
                    self.board.forward();
                    Some(here)
                }
                Some(op) => match self.descend(here, op, meter) {
                    Ok(next) => next,
                    Err(why) => {
                        return Decision::Undecided {
                            why,
                            decided: self.decided,
                        };
                    }
                },
            };
        }
        Decision::NotLinearizable {
            stuck: self.stuck.1,
        }
    }

    /// Past the return of `op`, or back to the last fork; none if there is nothing left to try.
    fn descend(
        &mut self,
        here: Config<N>,
        op: u32,
        meter: &mut Meter,
    ) -> Result<Option<Config<N>>, Exhausted> {
        let mut after = self.closure.close(&self.board, &[here], op, meter)?;
        meter.hold(self.bytes())?;
        let position = self.board.position + 1;
        if after.len() > 1 || !self.forks.is_empty() {
            after.retain(|config| self.tried.insert((position, *config)));
        }
        after.sort_by_cached_key(|config| std::cmp::Reverse(self.closure.used.total(config.used)));
        let Some(best) = after.pop() else {
            self.stuck = self.stuck.max((position, op));
            return Ok(self.turn_back());
        };
        self.board.forward();
        self.decided = self.decided.max(position as usize / 2);
        if !after.is_empty() {
            self.forks.push(Fork {
                position,
                configs: after,
            });
        }
        Ok(Some(best))
    }

    fn turn_back(&mut self) -> Option<Config<N>> {
        let fork = self.forks.last_mut()?;
        while self.board.position > fork.position {
            self.board.backward();
        }
        let config = fork.configs.pop();
        if fork.configs.is_empty() {
            self.forks.pop();
        }
        config
    }

    fn bytes(&self) -> usize {
        let entry = size_of::<(u32, Config<N>)>();
        (self.tried.len() * 2 + self.forks.len()) * entry + self.closure.bytes()
    }
}
