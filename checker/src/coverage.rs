//! Whether a run was worth something: its faults bit, and its clients got work done meanwhile.
//!
//! A cluster that nobody disturbed, or that served nobody, keeps every promise. Such a run is
//! `inconclusive`. Coverage is never a violation: it speaks of the run, not of the system.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shakedown_history::fault::FaultWindow;
use shakedown_history::{Event, History, NodeTrace, OpKind, Term};

use crate::verdict::{CheckReport, Verdict};

const CHECK: &str = "coverage";
const PROMISE: &str = "The faults bit, and the clients got work done meanwhile";

/// What a run must show to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoverageContract {
    /// Whether every fault that was injected must have evidence that it bit.
    pub every_fault_bites: bool,
    /// How many ops must be ok over the whole run, final reads left out.
    pub min_ok_ops: u64,
    /// How many ops of each `f` must be ok, final reads apart from the others.
    pub min_ok_ops_per_f: u64,
    /// How many ops must be invoked and ok within each fault window in which a majority could serve.
    pub min_ok_ops_in_fault_windows: u64,
    /// Shorter fault windows, in milliseconds, are not asked for ok ops.
    pub shortest_window_asked_ms: u64,
    /// Whether at least one leader must be elected in or after the windows that took a leader away.
    pub leader_change_if_leader_hit: bool,
    /// How long after such a window's end, in milliseconds, an election still counts.
    pub leader_change_within_ms: u64,
}

impl Default for CoverageContract {
    fn default() -> Self {
        Self {
            every_fault_bites: true,
            min_ok_ops: 1,
            min_ok_ops_per_f: 1,
            min_ok_ops_in_fault_windows: 1,
            shortest_window_asked_ms: 1_500,
            leader_change_if_leader_hit: true,
            leader_change_within_ms: 10_000,
        }
    }
}

/// Checks a run against the contract.
///
/// `origin_mono_ns` is the monotonic stamp of the run's start: what a trace's stamps count from zero
/// at. A fault that was skipped counts neither way; one that failed makes the run a harness error.
#[must_use]
pub fn check_coverage(
    history: &History,
    faults: &[FaultWindow],
    traces: &[NodeTrace],
    origin_mono_ns: u64,
    contract: &CoverageContract,
) -> CheckReport {
    let work = Work::of(history);
    let failed: Vec<String> = faults.iter().filter_map(failure).collect();
    let mut unmet = Vec::new();
    unmet.extend(faults_without_bite(faults, contract));
    unmet.extend(work_not_done(&work, contract));
    unmet.extend(idle_windows(&work, faults, contract));
    unmet.extend(leader_never_changed(
        faults,
        &elections(traces, origin_mono_ns),
        contract,
    ));
    if !failed.is_empty() {
        let summary = failed
            .into_iter()
            .chain(unmet)
            .collect::<Vec<_>>()
            .join(" ");
        return CheckReport::new(CHECK, PROMISE, Verdict::HarnessError, summary);
    }
    if !unmet.is_empty() {
        return CheckReport::new(CHECK, PROMISE, Verdict::Inconclusive, unmet.join(" "));
    }
    let bit = faults.iter().filter(|f| f.bit()).count();
    let summary = format!(
        "{} ops were ok; {bit} of {} faults bit",
        work.ok.len(),
        faults.len()
    );
    CheckReport::new(CHECK, PROMISE, Verdict::Pass, summary)
}

/// What the clients got done.
struct Work {
    /// When each ok op that is no final read was invoked and completed.
    ok: Vec<(u64, u64)>,
    /// How many ops of each `f` were invoked and ok; final reads (`true`) apart.
    per_f: BTreeMap<(bool, String), (u64, u64)>,
}

impl Work {
    fn of(history: &History) -> Self {
        let mut work = Self {
            ok: Vec::new(),
            per_f: BTreeMap::new(),
        };
        for (invocation, completion) in history.pairs() {
            let counts = work
                .per_f
                .entry((invocation.is_final, invocation.f.clone()))
                .or_default();
            counts.0 += 1;
            let Some(ok) = completion.filter(|c| c.kind == OpKind::Ok) else {
                continue;
            };
            counts.1 += 1;
            if !invocation.is_final {
                work.ok.push((invocation.time, ok.time));
            }
        }
        work
    }

    fn ok_within(&self, from: u64, to: u64) -> u64 {
        let within = |(invoked, completed): &&(u64, u64)| *invoked >= from && *completed <= to;
        self.ok.iter().filter(within).count() as u64
    }
}

fn ns(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

fn name(fault: &FaultWindow) -> String {
    format!("fault {} ({})", fault.fault, fault.spec.summary)
}

fn failure(fault: &FaultWindow) -> Option<String> {
    let error = fault.failed.as_ref()?;
    Some(format!("The harness failed at {}: {error}.", name(fault)))
}

fn faults_without_bite(faults: &[FaultWindow], contract: &CoverageContract) -> Vec<String> {
    if !contract.every_fault_bites {
        return Vec::new();
    }
    let counted: Vec<&FaultWindow> = faults
        .iter()
        .filter(|f| f.skipped.is_none() && f.failed.is_none())
        .collect();
    if counted.is_empty() && !faults.is_empty() {
        return vec![format!(
            "None of the {} scheduled faults was injected; the first was not because: {}.",
            faults.len(),
            faults
                .iter()
                .find_map(|f| f.skipped.clone().or(f.failed.clone()))
                .unwrap_or_default(),
        )];
    }
    counted.into_iter().filter_map(why_not_bitten).collect()
}

fn why_not_bitten(fault: &FaultWindow) -> Option<String> {
    let name = name(fault);
    if fault.injected.is_none() {
        return Some(format!("The run was cut off before {name} was in force."));
    }
    if fault.healed.is_none() {
        return Some(format!(
            "{} was never healed, so nothing shows that it bit.",
            capitalized(&name)
        ));
    }
    if fault.evidence.is_empty() {
        return Some(format!(
            "{} left no evidence that it bit.",
            capitalized(&name)
        ));
    }
    let dud = fault.evidence.iter().find(|e| !e.bit)?;
    let whom = dud.node.map_or(String::new(), |node| format!(" {node}"));
    Some(format!(
        "{} did not bite{whom}: {}.",
        capitalized(&name),
        dud.summary
    ))
}

fn capitalized(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

fn work_not_done(work: &Work, contract: &CoverageContract) -> Vec<String> {
    let mut unmet = Vec::new();
    if (work.ok.len() as u64) < contract.min_ok_ops {
        unmet.push(format!(
            "Only {} ops were ok in the whole run; {} asked for.",
            work.ok.len(),
            contract.min_ok_ops
        ));
    }
    for ((is_final, f), (invoked, ok)) in &work.per_f {
        if *ok < contract.min_ok_ops_per_f {
            let kind = if *is_final { "final " } else { "" };
            unmet.push(format!(
                "Only {ok} of {invoked} {kind}{f} ops were ok; {} asked for.",
                contract.min_ok_ops_per_f
            ));
        }
    }
    unmet
}

/// The fault windows in which a majority could have served the clients, and too little was served.
fn idle_windows(work: &Work, faults: &[FaultWindow], contract: &CoverageContract) -> Vec<String> {
    let asked = contract.min_ok_ops_in_fault_windows;
    let unserved = faults.iter().filter_map(|fault| {
        let (from, to) = span(fault)?;
        let long_enough = to.saturating_sub(from) >= ns(contract.shortest_window_asked_ms);
        if !long_enough || !majority_could_serve(from, to, faults) {
            return None;
        }
        let ok = work.ok_within(from, to);
        (ok < asked).then(|| {
            let seconds = (to - from) as f64 / 1e9;
            format!(
                "Only {ok} ops were ok during the {seconds:.1} s of {}, although a majority could serve; {asked} asked for.",
                name(fault)
            )
        })
    });
    unserved.collect()
}

/// When a fault was in force, from injection to healing.
fn span(fault: &FaultWindow) -> Option<(u64, u64)> {
    fault.injected.zip(fault.healed)
}

/// Whether no fault that takes the majority away was in force in the meantime.
fn majority_could_serve(from: u64, to: u64, faults: &[FaultWindow]) -> bool {
    faults.iter().all(|fault| {
        let overlaps = fault.injected.is_some_and(|injected| {
            injected <= to && fault.healed.is_none_or(|healed| healed >= from)
        });
        !overlaps || fault.spec.leaves_majority
    })
}

/// Each election's time, in nanoseconds since the run's start, and term.
fn elections(traces: &[NodeTrace], origin_mono_ns: u64) -> Vec<(u64, Term)> {
    let records = traces
        .iter()
        .flat_map(|t| &t.segments)
        .flat_map(|s| &s.records);
    let elected = records.filter(|r| matches!(r.ev, Event::BecomeLeader { .. }));
    elected
        .filter_map(|r| Some((r.mono.checked_sub(origin_mono_ns)?, r.term)))
        .collect()
}

fn leader_never_changed(
    faults: &[FaultWindow],
    elections: &[(u64, Term)],
    contract: &CoverageContract,
) -> Option<String> {
    let hits: Vec<(u64, u64)> = faults
        .iter()
        .filter(|f| f.spec.deposes_leader && f.bit())
        // Bringing it into force may take as long as an election: a leader that is removed hands over.
        .filter_map(|f| Some((f.begun, f.healed?)))
        .collect();
    if !contract.leader_change_if_leader_hit || hits.is_empty() {
        return None;
    }
    let grace = ns(contract.leader_change_within_ms);
    let changed = hits.iter().any(|(from, to)| {
        let before = elections
            .iter()
            .filter(|(time, _)| time < from)
            .map(|(_, term)| term)
            .max();
        let after = |time: u64| time >= *from && time <= to.saturating_add(grace);
        elections
            .iter()
            .any(|(time, term)| after(*time) && before.is_none_or(|b| term > b))
    });
    (!changed).then(|| {
        format!(
            "No new leader was elected in any of the {} fault windows that hit a leader, nor in the {:.1} s after.",
            hits.len(),
            contract.leader_change_within_ms as f64 / 1e3
        )
    })
}
