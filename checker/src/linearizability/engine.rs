//! Engines that decide whether the ops of one key are linearizable.

mod general;
mod multisets;
mod register;
mod slots;

use crate::linearizability::budget::{Exhausted, Meter};
use crate::linearizability::key_history::ClientOp;
use crate::linearizability::timeline::{OpId, Timeline};
use crate::model::{Model, RegisterCall};

use general::General;

/// What an engine says about the ops of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// There is an order.
    Linearizable,
    /// There is none, not even of what happened up to this op's return.
    NotLinearizable {
        /// Its position among the key's ops.
        stuck: OpId,
    },
    /// Stopped before an answer.
    Undecided {
        /// Why.
        why: Exhausted,
        /// How many returned ops it got past.
        decided: usize,
    },
}

impl Decision {
    /// Whether it is an answer.
    pub(crate) fn is_certain(self) -> bool {
        !matches!(self, Self::Undecided { .. })
    }
}

/// One search, at whatever width of slots.
trait Search {
    fn decide(&mut self, meter: &mut Meter) -> Decision;
}

/// Decides whether `ops`, which are in order of invocation, are linearizable.
pub(crate) fn decide<M: Model>(
    model: &M,
    ops: &[ClientOp<M::Call>],
    meter: &mut Meter,
) -> Decision {
    let timeline = Timeline::new(ops);
    let register: Option<Vec<&RegisterCall>> =
        ops.iter().map(|op| model.as_register(&op.call)).collect();
    if let Some(calls) = register {
        return register::decide(&calls, &timeline, meter);
    }
    match timeline.width {
        0..=64 => General::<M, 1>::new(model, ops, &timeline).decide(meter),
        65..=256 => General::<M, 4>::new(model, ops, &timeline).decide(meter),
        257..=1024 => General::<M, 16>::new(model, ops, &timeline).decide(meter),
        _ => Decision::Undecided {
            why: Exhausted::Concurrency,
            decided: 0,
        },
    }
}
