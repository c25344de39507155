//! One request, three possible outcomes.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;
use shakedown_history::{NodeId, Witness};

use crate::workload::Request;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It took effect, between sending and now.
    Ok(Answer),
    /// It certainly did not take effect, and never will.
    Fail {
        /// Why.
        error: String,
    },
    /// Nobody knows.
    Info {
        /// Why.
        error: String,
    },
}

/// The answer to a request that took effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Arguments and results, as the history records them.
    pub value: Value,
    /// Where it took effect, by the system's account.
    pub witness: Option<Witness>,
    /// Who answered.
    pub node: NodeId,
}

/// What a client will eventually say.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One process's connection to the system under test.
///
/// The rule that everything rests on: only a *definite* "did not happen" (no connection was made, or
/// the system said so) is [`Outcome::Fail`]. When in doubt it is [`Outcome::Info`], which only weakens
/// the check; a wrong `Fail` makes an anomaly out of nothing. A read has no effect, so a read without
/// an answer may be called `Fail`.
pub trait Client: Send {
    /// The node that this request would go to first.
    fn node(&self, request: &Request) -> NodeId;

    /// Asks, and waits for the answer as long as the client's timeout.
    fn ask<'a>(&'a mut self, request: &'a Request) -> Asking<'a>;
}
