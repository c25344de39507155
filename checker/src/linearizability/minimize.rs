//! The smallest part of a failing history that still fails, and fails fairly.
//!
//! A part is a fair witness only if whatever order would explain the whole, less the dropped ops, would
//! explain the part. Dropping ops that only observe is always fair. Of a register's ops, one that left a
//! value may be dropped if no kept op that observed this value can have seen it from there: because that
//! one returned first, or because a kept op between the two, in real time, found or left another value.
//! And the last op that a kept one can have its value from, were it not for such an op between, stays too:
//! so that a person sees where the value came from.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use crate::linearizability::budget::{Budget, Limits, Meter};
use crate::linearizability::engine::{self, Decision};
use crate::linearizability::key_history::ClientOp;
use crate::linearizability::timeline::OpId;
use crate::model::{Effect, Model, RegisterCall};

/// How much may be spent on making one failure smaller, counted in ops looked at. Not time: the same history
/// has the same smallest part on every machine.
const WORK: u64 = 50_000_000;
/// What it costs to look at a configuration, in ops.
const CONFIGURATION: u64 = 100;

/// The ops of the smallest failing part found, by position, and the one of them that is stuck.
pub(crate) struct Failure {
    /// Ascending.
    pub(crate) kept: Vec<usize>,
    pub(crate) stuck: usize,
}

/// Makes `ops`, in which `stuck` cannot be linearized, smaller: first the prefix up to its return, then
/// without ever smaller chunks, until no single op can be dropped.
pub(crate) fn minimize<M: Model>(
    model: &M,
    ops: &[ClientOp<M::Call>],
    stuck: OpId,
    memory_bytes: usize,
) -> Failure {
    let end = ops[stuck as usize]
        .returned
        .expect("a stuck op is one that returned");
    let budget = Budget {
        time: std::time::Duration::MAX,
        memory_bytes,
    };
    let mut reduction = Reduction {
        model,
        ops,
        limits: Limits::new(budget, 1),
        work_left: WORK,
        origins: origins(model, ops),
        kept: (0..ops.len()).filter(|at| ops[*at].invoked < end).collect(),
        stuck: stuck as usize,
    };
    let mut size = reduction.kept.len() / 2;
    while size > 1 {
        reduction.drop_chunks(size);
        size = size.min(reduction.kept.len()) / 2;
    }
    while reduction.drop_chunks(1) {}
    Failure {
        kept: reduction.kept,
        stuck: reduction.stuck,
    }
}

struct Reduction<'a, M: Model> {
    model: &'a M,
    ops: &'a [ClientOp<M::Call>],
    limits: Limits,
    work_left: u64,
    /// For each op the last one, by invocation, that left the value which it observed.
    origins: Vec<Option<usize>>,
    kept: Vec<usize>,
    stuck: usize,
}

impl<M: Model> Reduction<'_, M> {
    /// Tries to drop each chunk of `size` ops, the oldest first; whether any could go.
    fn drop_chunks(&mut self, size: usize) -> bool {
        let mut dropped = false;
        let mut start = 0;
        while start < self.kept.len() {
            let end = self.kept.len().min(start + size);
            let Some(rest) = self.without(start, end) else {
                return false;
            };
            match self.stuck_in(&rest) {
                Some(stuck) => {
                    // What had to be kept of the chunk stays in front of what comes next.
                    start += rest.len() - (self.kept.len() - (end - start));
                    (self.kept, self.stuck, dropped) = (rest, stuck, true);
                }
                None => start = end,
            }
        }
        dropped
    }

    /// The kept ops without those from `start` to `end`, but with those of them that must stay. None if
    /// there is no work left to find out.
    fn without(&mut self, start: usize, end: usize) -> Option<Vec<usize>> {
        let mut rest = [&self.kept[..start], &self.kept[end..]].concat();
        let mut chunk = self.kept[start..end].to_vec();
        loop {
            self.work_left = self.work_left.checked_sub(self.kept.len() as u64)?;
            let visibility = Visibility::new(self.model, self.ops, &rest);
            let origins: FxHashSet<usize> =
                rest.iter().filter_map(|at| self.origins[*at]).collect();
            let (stay, go): (Vec<_>, Vec<_>) = chunk.into_iter().partition(|at| {
                origins.contains(at) || visibility.must_stay(self.model, &self.ops[*at])
            });
            if stay.is_empty() {
                return Some(rest);
            }
            chunk = go;
            rest.extend(stay);
            rest.sort_unstable();
        }
    }

    /// The op that is stuck if only `kept` are there; none if they fit, or if that is too hard to tell.
    fn stuck_in(&mut self, kept: &[usize]) -> Option<usize> {
        if kept.len() == self.kept.len() {
            return None;
        }
        let cost = kept.len() as u64;
        self.work_left = self.work_left.checked_sub(cost)?;
        let part: Vec<_> = kept.iter().map(|at| self.ops[*at].clone()).collect();
        let effort = (self.work_left / CONFIGURATION).min(10_000 + 64 * cost);
        let mut meter = Meter::new(self.limits, effort);
        let decision = engine::decide(self.model, &part, &mut meter);
        self.work_left -= CONFIGURATION * meter.spent(effort);
        match decision {
            Decision::NotLinearizable { stuck } => Some(kept[stuck as usize]),
            Decision::Linearizable | Decision::Undecided { .. } => None,
        }
    }
}

/// For each op the last one, by invocation, that left the value which it observed.
fn origins<M: Model>(model: &M, ops: &[ClientOp<M::Call>]) -> Vec<Option<usize>> {
    let mut sources: FxHashMap<&Value, Vec<usize>> = FxHashMap::default();
    for (at, op) in ops.iter().enumerate() {
        if let Some(value) = model.as_register(&op.call).and_then(RegisterCall::written) {
            sources.entry(value).or_default().push(at);
        }
    }
    let origin = |op: &ClientOp<M::Call>| {
        let value = model.as_register(&op.call)?.observed()?;
        let sources = sources.get(value)?;
        let returned = op.returned?;
        let after = sources.partition_point(|source| ops[*source].invoked < returned);
        sources[..after]
            .iter()
            .rev()
            .copied()
            .find(|source| ops[*source].invoked != op.invoked)
    };
    ops.iter().map(origin).collect()
}

/// From which ops the kept ones can have what they observed.
struct Visibility<'a> {
    /// The kept register ops that returned, in order of invocation.
    returned: Vec<Mark<'a>>,
    /// For each of them and all after it, what soonest hides an earlier value.
    hiding: Vec<Hiding<'a>>,
    /// Who observed a value, in order of invocation: when invoked, and the latest return up to there.
    observers: FxHashMap<&'a Value, Vec<(u64, u64)>>,
}

/// What a returned op tells of the register at some time between its invocation and its return.
struct Mark<'a> {
    invoked: u64,
    returned: u64,
    observed: Option<&'a Value>,
    changes: bool,
}

/// Earliest returns among ops that began after some time.
#[derive(Clone, Copy, Default)]
struct Hiding<'a> {
    /// Of the ops that changed the register.
    changed: Option<u64>,
    /// Of those that found it with two different values.
    found: [Option<(u64, &'a Value)>; 2],
}

impl<'a> Visibility<'a> {
    fn new<M: Model>(model: &'a M, ops: &'a [ClientOp<M::Call>], kept: &[usize]) -> Self {
        let mark = |op: &'a ClientOp<M::Call>| {
            let observed = model.as_register(&op.call)?.observed();
            let changes = model.effect(&op.call) != Effect::Observe;
            Some(Mark {
                invoked: op.invoked,
                returned: op.returned?,
                observed,
                changes,
            })
        };
        let returned: Vec<Mark<'a>> = kept.iter().filter_map(|at| mark(&ops[*at])).collect();
        let mut hiding = vec![Hiding::default(); returned.len() + 1];
        for (at, mark) in returned.iter().enumerate().rev() {
            hiding[at] = hiding[at + 1].and(mark);
        }
        let observers = observers(&returned);
        Self {
            returned,
            hiding,
            observers,
        }
    }

    fn must_stay<M: Model>(&self, model: &M, op: &ClientOp<M::Call>) -> bool {
        if model.effect(&op.call) == Effect::Observe {
            return false;
        }
        let Some(value) = model.as_register(&op.call).and_then(RegisterCall::written) else {
            return true;
        };
        let Some(observers) = self.observers.get(value) else {
            return false;
        };
        let hidden_from = op
            .returned
            .and_then(|returned| self.hidden_from(value, returned));
        let before_hidden = hidden_from.map_or(observers.len(), |hidden_from| {
            observers.partition_point(|(invoked, _)| *invoked <= hidden_from)
        });
        // One of them returned after the op began, and so can have seen what it left.
        observers[..before_hidden]
            .last()
            .is_some_and(|(_, latest)| *latest > op.invoked)
    }

    /// When the first kept op returns that began after `after` and changed the register, or found it with
    /// another value than `value`: ops invoked later cannot see what was there before.
    fn hidden_from(&self, value: &Value, after: u64) -> Option<u64> {
        let hiding = &self.hiding[self.returned.partition_point(|mark| mark.invoked <= after)];
        let found = hiding
            .found
            .into_iter()
            .flatten()
            .filter(|(_, found)| *found != value);
        found
            .map(|(returned, _)| returned)
            .chain(hiding.changed)
            .min()
    }
}

fn observers<'a>(returned: &[Mark<'a>]) -> FxHashMap<&'a Value, Vec<(u64, u64)>> {
    let mut observers: FxHashMap<&Value, Vec<(u64, u64)>> = FxHashMap::default();
    for mark in returned {
        if let Some(value) = mark.observed {
            let of_value = observers.entry(value).or_default();
            let latest = of_value.last().map_or(0, |(_, latest)| *latest);
            of_value.push((mark.invoked, latest.max(mark.returned)));
        }
    }
    observers
}

impl<'a> Hiding<'a> {
    fn and(self, mark: &Mark<'a>) -> Self {
        let Self {
            mut changed,
            mut found,
        } = self;
        if mark.changes {
            changed = Some(changed.map_or(mark.returned, |earliest| earliest.min(mark.returned)));
        }
        if let Some(value) = mark.observed {
            found = earliest_of_two_values(found, (mark.returned, value));
        }
        Self { changed, found }
    }
}

/// The two earliest returns with different values.
fn earliest_of_two_values<'a>(
    [first, second]: [Option<(u64, &'a Value)>; 2],
    new: (u64, &'a Value),
) -> [Option<(u64, &'a Value)>; 2] {
    match first {
        None => [Some(new), None],
        Some(first) if new.1 == first.1 => {
            [Some(if new.0 < first.0 { new } else { first }), second]
        }
        Some(first) if new.0 < first.0 => [Some(new), Some(first)],
        Some(first) => match second {
            Some(second) if second.0 <= new.0 => [Some(first), Some(second)],
            _ => [Some(first), Some(new)],
        },
    }
}
