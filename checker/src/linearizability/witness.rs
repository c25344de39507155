//! Tries the order that the system itself claims: a sort and one pass. The claim is verified against
//! the model and real time, never trusted; if it does not hold, that says nothing about the history.

use shakedown_history::Index;

use crate::linearizability::key_history::ClientOp;
use crate::model::{Effect, Model};

/// Whether every op that returned carries a witness and the order of their log indexes is a
/// linearization. Never-returned ops are put in where a claimed op would not be right without one.
pub(crate) fn verifies<M: Model>(model: &M, ops: &[ClientOp<M::Call>]) -> bool {
    let Some(claimed) = claimed_order(model, ops) else {
        return false;
    };
    let mut replay = Replay {
        model,
        state: model.initial(),
        latest_invocation: 0,
        unused: ops.iter().filter(|op| op.returned.is_none()).collect(),
    };
    claimed.into_iter().all(|op| replay.take(op))
}

/// The returned ops by log index; at the same index those that observe come after the one that
/// updates, and in order of invocation.
fn claimed_order<'o, M: Model>(
    model: &M,
    ops: &'o [ClientOp<M::Call>],
) -> Option<Vec<&'o ClientOp<M::Call>>> {
    let returned = ops.iter().filter(|op| op.returned.is_some());
    let mut claimed: Vec<(Index, &ClientOp<M::Call>)> = returned
        .map(|op| Some((op.witness?.index, op)))
        .collect::<Option<_>>()?;
    claimed.sort_by_key(|(index, op)| {
        (
            *index,
            model.effect(&op.call) == Effect::Observe,
            op.invoked,
        )
    });
    Some(claimed.into_iter().map(|(_, op)| op).collect())
}

struct Replay<'o, M: Model> {
    model: &'o M,
    state: M::State,
    /// Of all ops taken so far: none that returned before it may follow.
    latest_invocation: u64,
    unused: Vec<&'o ClientOp<M::Call>>,
}

impl<M: Model> Replay<'_, M> {
    /// Takes `op` next; false if the model or real time forbids it.
    fn take(&mut self, op: &ClientOp<M::Call>) -> bool {
        if self.model.step(&self.state, &op.call).is_none() && !self.help(op) {
            return false;
        }
        let Some(state) = self.model.step(&self.state, &op.call) else {
            return false;
        };
        self.state = state;
        self.latest_invocation = self.latest_invocation.max(op.invoked);
        op.returned
            .is_some_and(|returned| self.latest_invocation < returned)
    }

    /// Looks for a never-returned op after which `op` is right, and takes it.
    fn help(&mut self, op: &ClientOp<M::Call>) -> bool {
        let found = self.unused.iter().enumerate().find_map(|(at, unused)| {
            let state = self.model.step(&self.state, &unused.call)?;
            let in_time = op
                .returned
                .is_some_and(|returned| unused.invoked < returned);
            (in_time && self.model.step(&state, &op.call).is_some()).then_some((at, state))
        });
        let Some((at, state)) = found else {
            return false;
        };
        self.state = state;
        self.latest_invocation = self.latest_invocation.max(self.unused.remove(at).invoked);
        true
    }
}
