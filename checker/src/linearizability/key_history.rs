//! A history taken apart by key: linearizability is local, so each key is judged on its own
//! (Herlihy & Wing 1990, theorem 1; "P-compositionality" in Horn & Kroening 2015).

use rustc_hash::FxHashMap;
use shakedown_history::{History, Op, OpKind, Witness};

use crate::model::Model;

/// What the clients did to one key.
#[derive(Clone, Debug)]
pub(crate) struct KeyHistory<C> {
    /// The key; none for ops without one.
    pub(crate) key: Option<String>,
    /// In order of invocation.
    pub(crate) ops: Vec<ClientOp<C>>,
}

impl<C> KeyHistory<C> {
    /// How many of the ops returned.
    pub(crate) fn returned(&self) -> usize {
        self.ops.iter().filter(|op| op.returned.is_some()).count()
    }
}

/// An op that took effect, or may have.
#[derive(Clone, Debug)]
pub(crate) struct ClientOp<C> {
    pub(crate) call: C,
    /// The invocation's index in the history.
    pub(crate) invoked: u64,
    /// The index of the `ok`. An op without one may take effect at any time from its invocation on,
    /// or never.
    pub(crate) returned: Option<u64>,
    pub(crate) witness: Option<Witness>,
}

impl<C> ClientOp<C> {
    /// Whether it was over before `later` began. The history's indexes are one total order of what
    /// was recorded, finer than its times.
    pub(crate) fn precedes(&self, later: &Self) -> bool {
        self.returned
            .is_some_and(|returned| returned < later.invoked)
    }
}

/// Takes `history` apart, in order of each key's first op. Ops that certainly did not happen are
/// dropped, as are those that constrain nothing.
///
/// # Errors
/// If an op is not of the model: names it and says why.
pub(crate) fn by_key<M: Model>(
    history: &History,
    model: &M,
) -> Result<Vec<KeyHistory<M::Call>>, String> {
    let mut places: FxHashMap<Option<&str>, usize> = FxHashMap::default();
    let mut keys: Vec<KeyHistory<M::Call>> = Vec::new();
    for (invocation, completion) in history.pairs() {
        let Some(op) = client_op(model, invocation, completion)
            .map_err(|why| format!("#{}: {why}", invocation.index))?
        else {
            continue;
        };
        let key = invocation.key.as_deref();
        let place = *places.entry(key).or_insert_with(|| {
            keys.push(KeyHistory {
                key: key.map(str::to_owned),
                ops: Vec::new(),
            });
            keys.len() - 1
        });
        keys[place].ops.push(op);
    }
    Ok(keys)
}

fn client_op<M: Model>(
    model: &M,
    invocation: &Op,
    completion: Option<&Op>,
) -> Result<Option<ClientOp<M::Call>>, String> {
    if completion.is_some_and(|c| c.kind == OpKind::Fail) {
        return Ok(None);
    }
    let ok = completion.filter(|c| c.kind == OpKind::Ok);
    Ok(model.call(invocation, ok)?.map(|call| ClientOp {
        call,
        invoked: invocation.index,
        returned: ok.map(|ok| ok.index),
        witness: ok.and_then(|ok| ok.witness),
    }))
}
