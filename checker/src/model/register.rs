//! The register: one value under each key.

use serde_json::Value;
use shakedown_history::Op;

use crate::model::{Effect, Model};

/// A register under each key; before the first write its value is null.
///
/// `read` (value null in the invocation, the value read in the `ok`), `write` (value v), `cas` (value
/// `[old,new]`; a comparison that failed is recorded as `fail`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

/// What can be asked of a register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterCall {
    /// Saw this value.
    Read(Value),
    /// Sets this value, whatever was there.
    Write(Value),
    /// Found the one value and put the other.
    Cas {
        /// The value that was there.
        from: Value,
        /// The value put in its place.
        to: Value,
    },
}

impl RegisterCall {
    /// The value that the call found, if it looked.
    #[must_use]
    pub fn observed(&self) -> Option<&Value> {
        match self {
            Self::Read(value) | Self::Cas { from: value, .. } => Some(value),
            Self::Write(_) => None,
        }
    }

    /// The value that the call leaves, if it leaves one of its own.
    #[must_use]
    pub fn written(&self) -> Option<&Value> {
        match self {
            Self::Write(value) | Self::Cas { to: value, .. } => Some(value),
            Self::Read(_) => None,
        }
    }
}

impl Model for Register {
    type State = Value;
    type Call = RegisterCall;

    fn initial(&self) -> Value {
        Value::Null
    }

    fn call(&self, invocation: &Op, ok: Option<&Op>) -> Result<Option<RegisterCall>, String> {
        match invocation.f.as_str() {
            "read" => Ok(ok.map(|ok| RegisterCall::Read(ok.value.clone()))),
            "write" => Ok(Some(RegisterCall::Write(invocation.value.clone()))),
            "cas" => match invocation.value.as_array().map(Vec::as_slice) {
                Some([from, to]) => Ok(Some(RegisterCall::Cas {
                    from: from.clone(),
                    to: to.clone(),
                })),
                _ => Err(format!(
                    "the value of a cas is [old,new], not {}",
                    invocation.value
                )),
            },
            other => Err(format!(
                "a register knows read, write and cas, not {other:?}"
            )),
        }
    }

    fn step(&self, state: &Value, call: &RegisterCall) -> Option<Value> {
        if call.observed().is_some_and(|seen| seen != state) {
            return None;
        }
        Some(call.written().unwrap_or(state).clone())
    }

    fn effect(&self, call: &RegisterCall) -> Effect {
        match call {
            RegisterCall::Read(_) => Effect::Observe,
            RegisterCall::Cas { from, to } if from == to => Effect::Observe,
            _ => Effect::Update,
        }
    }

    fn as_register<'c>(&self, call: &'c RegisterCall) -> Option<&'c RegisterCall> {
        Some(call)
    }
}
