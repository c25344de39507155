//! Whether a history is linearizable: whether every op can be thought to take effect at one instant
//! between its invocation and its return, so that all answers are right one after the other.

mod budget;
mod engine;
mod explain;
mod key_history;
mod minimize;
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
/// Of how many failing, and of how many undecided keys a report says more than their number.
const MOST_EXPLAINED: usize = 8;

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
pub fn check_linearizability<M: Model>(
    history: &History,
    model: &M,
    budget: Budget,
) -> CheckReport {
    let keys = match key_history::by_key(history, model) {
        Ok(keys) => keys,
        Err(why) => {
            let summary = format!("this history is not of the model that should check it: {why}");
            return CheckReport::new(CHECK, PROMISE, Verdict::HarnessError, summary);
        }
    };
    let decisions = schedule::decide_all(model, &keys, budget);
    let anomalies = explain_some(history, model, &keys, &decisions, budget);
    let verdict = verdict(&decisions);
    let summary = summary(&keys, &decisions, budget);
    CheckReport {
        anomalies,
        ..CheckReport::new(CHECK, PROMISE, verdict, summary)
    }
}

/// Explains the failing keys, the smallest failure first; of very many only the first.
fn explain_some<M: Model>(
    history: &History,
    model: &M,
    keys: &[KeyHistory<M::Call>],
    decisions: &[(Decision, How)],
    budget: Budget,
) -> Vec<Anomaly> {
    let failing = keys
        .iter()
        .zip(decisions)
        .filter_map(|(key, (decision, _))| match decision {
            Decision::NotLinearizable { stuck } => Some((key, *stuck)),
            Decision::Linearizable | Decision::Undecided { .. } => None,
        });
    let mut anomalies: Vec<Anomaly> = failing
        .take(MOST_EXPLAINED)
        .map(|(key, stuck)| explain::explain(history, model, key, stuck, budget.memory_bytes))
        .collect();
    anomalies.sort_by_key(|anomaly| anomaly.ops.len());
    anomalies
}

fn verdict(decisions: &[(Decision, How)]) -> Verdict {
    let of_one = |(decision, _): &(Decision, How)| match decision {
        Decision::Linearizable => Verdict::Pass,
        Decision::NotLinearizable { .. } => Verdict::Violation,
        Decision::Undecided { .. } => Verdict::Inconclusive,
    };
    decisions.iter().map(of_one).max().unwrap_or(Verdict::Pass)
}

fn summary<C>(keys: &[KeyHistory<C>], decisions: &[(Decision, How)], budget: Budget) -> String {
    let ops: usize = keys.iter().map(|key| key.ops.len()).sum();
    let count = |how| {
        decisions
            .iter()
            .filter(|d| **d == (Decision::Linearizable, how))
            .count()
    };
    let (by_witness, by_search) = (count(How::Witness), count(How::Search));
    let mut parts = vec![format!(
        "{ops} ops on {} {}: {} linearizable ({by_witness} by the system's own order, verified; {by_search} by search)",
        keys.len(),
        if keys.len() == 1 { "key" } else { "keys" },
        by_witness + by_search,
    )];
    let failing = decisions
        .iter()
        .filter(|(d, _)| matches!(d, Decision::NotLinearizable { .. }));
    match failing.count() {
        0 => {}
        n if n > MOST_EXPLAINED => {
            parts.push(format!(
                "{n} not linearizable, of which {MOST_EXPLAINED} are explained"
            ));
        }
        n => parts.push(format!("{n} not linearizable")),
    }
    let undecided = keys
        .iter()
        .zip(decisions)
        .filter_map(|(key, (decision, _))| match decision {
            Decision::Undecided { why, decided } => Some(left_open(key, *why, *decided, budget)),
            Decision::Linearizable | Decision::NotLinearizable { .. } => None,
        });
    let undecided: Vec<String> = undecided.collect();
    parts.extend(undecided.iter().take(MOST_EXPLAINED).cloned());
    if undecided.len() > MOST_EXPLAINED {
        parts.push(format!(
            "{} more keys not decided",
            undecided.len() - MOST_EXPLAINED
        ));
    }
    parts.join("; ")
}

/// Why a key is not decided, and how far the search came.
fn left_open<C>(key: &KeyHistory<C>, why: Exhausted, decided: usize, budget: Budget) -> String {
    let name = key
        .key
        .as_deref()
        .map_or_else(|| "ops without key".to_owned(), |k| format!("key {k}"));
    let limit = match why {
        Exhausted::Time | Exhausted::Effort => format!("within {:?}", budget.time),
        Exhausted::Memory => format!("within {} bytes", budget.memory_bytes),
        Exhausted::Concurrency => "because more than 1024 ops are open at once".to_owned(),
    };
    let returned = key.ops.iter().filter(|op| op.returned.is_some()).count();
    format!("{name} not decided {limit}: {decided} of its {returned} returned ops were")
}
