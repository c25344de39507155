//! What the decisions about all keys come to.

use crate::linearizability::budget::{Budget, Exhausted};
use crate::linearizability::engine::Decision;
use crate::linearizability::key_history::KeyHistory;
use crate::linearizability::schedule::{Decided, How};
use crate::verdict::{CheckReport, Verdict};

const CHECK: &str = "linearizability";
const PROMISE: &str = "Linearizability (Herlihy & Wing 1990): each operation takes effect at one \
                       instant between its invocation and its response";

/// How many failing keys, and how many undecided ones, a report says more of than their number.
pub(crate) const MOST_TOLD: usize = 8;

/// For a history that is not of the model.
pub(crate) fn unsuitable(why: &str) -> CheckReport {
    let summary = format!("this history is not of the model that should check it: {why}");
    CheckReport::new(CHECK, PROMISE, Verdict::HarnessError, summary)
}

/// The report on all keys, without explanations.
pub(crate) fn sum_up<C>(
    keys: &[KeyHistory<C>],
    decisions: &[Decided],
    budget: Budget,
) -> CheckReport {
    let ops: usize = keys.iter().map(|key| key.ops.len()).sum();
    let returned: usize = keys.iter().map(KeyHistory::returned).sum();
    if returned == 0 {
        // Nothing was promised to anybody, so that nothing was shown either.
        let summary = format!(
            "nothing to check: none of {} is known to have happened",
            count(ops, "op")
        );
        return CheckReport::new(CHECK, PROMISE, Verdict::Inconclusive, summary);
    }
    let summary = format!(
        "{}: {}",
        count(ops, "op"),
        groups(keys, decisions, budget).join("; ")
    );
    CheckReport::new(CHECK, PROMISE, worst(decisions), summary)
}

fn worst(decisions: &[Decided]) -> Verdict {
    let verdicts = decisions.iter().map(|decided| match decided.decision {
        Decision::Linearizable => Verdict::Pass,
        Decision::NotLinearizable { .. } => Verdict::Violation,
        Decision::Undecided { .. } => Verdict::Inconclusive,
    });
    verdicts.max().expect("ops that returned have a key")
}

/// How many keys were decided in which way; and each that was not.
fn groups<C>(keys: &[KeyHistory<C>], decisions: &[Decided], budget: Budget) -> Vec<String> {
    let (mut by_witness, mut by_search, mut failing) = (0, 0, 0);
    let mut undecided = Vec::new();
    for (key, decided) in keys.iter().zip(decisions) {
        match (decided.decision, decided.how) {
            (Decision::Linearizable, How::Witness) => by_witness += 1,
            (Decision::Linearizable, How::Search) => by_search += 1,
            (Decision::NotLinearizable { .. }, _) => failing += 1,
            (Decision::Undecided { why, decided }, _) => {
                undecided.push(left_open(key, why, decided, budget));
            }
        }
    }
    let counts = [
        (
            by_witness,
            "linearizable in the system's own order, verified",
        ),
        (by_search, "linearizable by search"),
        (failing, "not linearizable"),
    ];
    let told = counts.iter().filter(|(n, _)| *n > 0);
    let mut groups: Vec<String> = told
        .map(|(n, what)| format!("{} {what}", count(*n, "key")))
        .collect();
    let more = undecided.len().saturating_sub(MOST_TOLD);
    groups.extend(undecided.into_iter().take(MOST_TOLD));
    if more > 0 {
        groups.push(format!("{more} more not decided"));
    }
    groups
}

/// Why a key is not decided, and how far the search came.
fn left_open<C>(key: &KeyHistory<C>, why: Exhausted, decided: usize, budget: Budget) -> String {
    let name = key
        .key
        .as_deref()
        .map_or_else(|| "ops without key".into(), |k| format!("key {k}"));
    let limit = match why {
        Exhausted::Time | Exhausted::Effort => format!("within {:?}", budget.time),
        Exhausted::Memory => format!("within {} bytes", budget.memory_bytes),
        Exhausted::Concurrency => "because more than 1024 ops are open at once".to_owned(),
    };
    format!(
        "{name} not decided {limit}: {decided} of its {} returned ops were",
        key.returned()
    )
}

/// `1 op`, `2 ops`
fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
