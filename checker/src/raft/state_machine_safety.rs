//! All nodes apply the same entry at an index, to the same effect (State Machine Safety, Raft §5.4.3,
//! Figure 3).

use rustc_hash::FxHashMap;
use shakedown_history::{Event, Index, LogHash, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "state-machine-safety",
    promise: "All nodes apply the same entry at an index, to the same effect (State Machine Safety, Raft §5.4.3)",
    subject: "applied entry",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut applied: FxHashMap<Index, (Outcome, Place<'_>)> = FxHashMap::default();
    let mut digests: FxHashMap<Index, (Outcome, Place<'_>)> = FxHashMap::default();
    for place in places(cluster.traces) {
        let Some((index, outcome)) = outcome(place.event()) else {
            continue;
        };
        let seen = match outcome {
            Outcome::Applied { .. } => &mut applied,
            Outcome::State { .. } => &mut digests,
        };
        findings.looked_at += usize::from(matches!(outcome, Outcome::Applied { .. }));
        let first = *seen.entry(index).or_insert((outcome, place));
        if first.0 != outcome {
            report(&mut findings, index, first, (outcome, place));
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// What must be the same on all nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Applied {
        id: LogId,
        hash: LogHash,
        effect: bool,
    },
    State {
        state: LogHash,
        sessions: LogHash,
    },
}

fn outcome(event: &Event) -> Option<(Index, Outcome)> {
    match event {
        Event::Apply {
            id, hash, effect, ..
        } => Some((
            id.index,
            Outcome::Applied {
                id: *id,
                hash: *hash,
                effect: *effect,
            },
        )),
        Event::Digest {
            index,
            state,
            sessions,
        } => Some((
            *index,
            Outcome::State {
                state: *state,
                sessions: *sessions,
            },
        )),
        _ => None,
    }
}

fn in_words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Applied { id, hash, effect } => {
            let effect = if effect { "with" } else { "without" };
            format!("applied {id} (hash {hash}) {effect} effect")
        }
        Outcome::State { state, sessions } => {
            format!("had state {state} and sessions {sessions}")
        }
    }
}

fn report(
    findings: &mut Findings,
    index: Index,
    (first, earlier): (Outcome, Place<'_>),
    (second, later): (Outcome, Place<'_>),
) {
    let (a, b) = (earlier.node(), later.node());
    let summary = format!(
        "the state machines of {a} and {b} differ at index {index}: {a} {}, {b} {}",
        in_words(first),
        in_words(second),
    );
    let argument = vec![
        "State machines that apply the same entries in the same order are in the same state after each index (§2).".to_owned(),
        format!("At index {index}, {} {}.", earlier.incarnation(), in_words(first)),
        format!("At the same index, {} {}.", later.incarnation(), in_words(second)),
    ];
    findings.add(
        "state-machines-diverge",
        summary,
        argument,
        &[earlier, later],
    );
}
