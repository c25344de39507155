//! What a correct system would answer, op by op.
//!
//! A [`Model`] is sequential: it says which answers are right when ops take effect one after the other.
//! The checkers ask whether concurrent ops can be put into such an order.

mod register;

use std::hash::Hash;

use shakedown_history::Op;

pub use register::{Register, RegisterCall};

/// A sequential specification of one object; a history of many keys is many objects.
///
/// ```
/// use shakedown_checker::{Effect, Model};
/// use shakedown_history::Op;
///
/// /// A counter: `add` n, `read` the sum.
/// struct Counter;
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// enum Call {
///     Add(i64),
///     Read(i64),
/// }
///
/// impl Model for Counter {
///     type State = i64;
///     type Call = Call;
///
///     fn initial(&self) -> i64 {
///         0
///     }
///
///     fn call(&self, invocation: &Op, ok: Option<&Op>) -> Result<Option<Call>, String> {
///         match (invocation.f.as_str(), ok) {
///             ("add", _) => invocation.value.as_i64().map(|n| Some(Call::Add(n))),
///             ("read", Some(ok)) => ok.value.as_i64().map(|n| Some(Call::Read(n))),
///             ("read", None) => Some(None),
///             _ => None,
///         }
///         .ok_or_else(|| format!("a counter has no {} of {}", invocation.f, invocation.value))
///     }
///
///     fn step(&self, sum: &i64, call: &Call) -> Option<i64> {
///         match call {
///             Call::Add(n) => Some(sum + n),
///             Call::Read(seen) => (seen == sum).then_some(*sum),
///         }
///     }
///
///     fn effect(&self, call: &Call) -> Effect {
///         match call {
///             Call::Add(_) => Effect::Update,
///             Call::Read(_) => Effect::Observe,
///         }
///     }
/// }
/// ```
pub trait Model: Sync {
    /// The object's state. Equal states must behave equally ever after.
    type State: Clone + Eq + Hash;
    /// An op with its arguments and, where it has one, its result. Equal calls must do the same.
    type Call: Clone + Eq + Hash + Send + Sync;

    /// The state before the first op.
    fn initial(&self) -> Self::State;

    /// Reads a call from its records: the invocation, and the `ok` completion if there is one. None
    /// if the call constrains nothing, as a read that never returned.
    ///
    /// # Errors
    /// If the records are not of this model: says what is wrong with them.
    fn call(&self, invocation: &Op, ok: Option<&Op>) -> Result<Option<Self::Call>, String>;

    /// The state after `call`, or none if in `state` a correct system could not have answered so.
    fn step(&self, state: &Self::State, call: &Self::Call) -> Option<Self::State>;

    /// What `call` can do to a state, in all states alike. The default is always right; a
    /// sharper answer makes the search faster.
    fn effect(&self, _call: &Self::Call) -> Effect {
        Effect::Update
    }

    /// `call` as a register sees it, if this model is a register: opens the way to the engine made
    /// for registers.
    fn as_register<'c>(&self, _call: &'c Self::Call) -> Option<&'c RegisterCall> {
        None
    }
}

/// What a call can do to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Never changes any state.
    Observe,
    /// May change the state.
    Update,
}
