//! Whether a history is linearizable: whether every op can be thought to take effect at one instant
//! between its invocation and its return, so that all answers are right one after the other.

mod budget;
mod engine;
mod explain;
mod key_history;
mod minimize;
mod report;
mod schedule;
mod timeline;
mod witness;

use shakedown_history::History;

use crate::model::Model;
use crate::verdict::{Anomaly, CheckReport};

pub use budget::Budget;
use engine::Decision;
use key_history::KeyHistory;
use schedule::Decided;

/// Checks that `history` is linearizable as `model` says, each key on its own.
///
/// An `ok` op takes effect between invocation and completion. A `fail` op never did. An `info` op, and
/// one without completion, may take effect at any time from its invocation on, or never. Witnesses are
/// used as a candidate order that is verified, never trusted.
///
/// The verdict is `Inconclusive` beyond the budget, naming the keys that were not decided, and if no op
/// returned at all. It is `HarnessError` for a history that is not of this model.
///
/// # Panics
/// If the model breaks its contract: see [`Model`].
pub fn check_linearizability<M: Model>(
    history: &History,
    model: &M,
    budget: Budget,
) -> CheckReport {
    let keys = match key_history::by_key(history, model) {
        Ok(keys) => keys,
        Err(why) => {
            return report::unsuitable(&why);
        }
    };
    let decisions = schedule::decide_all(model, &keys, budget);
    let mut report = report::sum_up(&keys, &decisions, budget);
    report.anomalies = explain_some(history, model, &keys, &decisions, budget);
    report
}

/// Explains the failing keys, the smallest failure first; of very many only the first.
fn explain_some<M: Model>(
    history: &History,
    model: &M,
    keys: &[KeyHistory<M::Call>],
    decisions: &[Decided],
    budget: Budget,
) -> Vec<Anomaly> {
    let failing = keys
        .iter()
        .zip(decisions)
        .filter_map(|(key, decided)| match decided.decision {
            Decision::NotLinearizable { stuck } => Some((key, stuck)),
            Decision::Linearizable | Decision::Undecided { .. } => None,
        });
    let mut anomalies: Vec<Anomaly> = failing
        .take(report::MOST_TOLD)
        .map(|(key, stuck)| explain::explain(history, model, key, stuck, budget.memory_bytes))
        .collect();
    anomalies.sort_by_key(|anomaly| anomaly.ops.len());
    anomalies
}
