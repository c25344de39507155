//! Anomalies into a report: the first few in full, the rest counted.

use super::Cluster;
use super::place::Place;
use crate::verdict::{Anomaly, CheckReport, Verdict};

/// How many anomalies a report shows; more of the same tell nothing new.
const SHOWN: usize = 3;

/// How many anomalies are kept to choose the first from.
const KEPT: usize = 256;

/// What a file of this folder checks.
pub(super) struct Property {
    /// The check's name: `election-safety`.
    pub(super) check: &'static str,
    /// The promise and where it is stated: `Election Safety (Raft §5.2)`.
    pub(super) promise: &'static str,
    /// What it is about, in the singular: `election`.
    pub(super) subject: &'static str,
    /// Whether a run that counts may show none of them, because the cluster did not use what they
    /// are about: then the promise is kept. Otherwise a run without any is inconclusive.
    pub(super) optional: bool,
}

/// What one check found so far.
#[derive(Default)]
pub(super) struct Findings {
    kept: Vec<Anomaly>,
    found: usize,
    /// How many of its subjects the check has looked at.
    pub(super) looked_at: usize,
}

impl Findings {
    /// Notes an anomaly that `places` show, in the order of the argument.
    pub(super) fn add(
        &mut self,
        kind: &str,
        summary: String,
        argument: Vec<String>,
        places: &[Place<'_>],
    ) {
        self.found += 1;
        if self.kept.len() < KEPT {
            self.kept.push(Anomaly {
                kind: kind.to_owned(),
                summary,
                argument,
                key: None,
                ops: Vec::new(),
                trace: places.iter().map(Place::trace_ref).collect(),
            });
        }
    }

    /// The check's report. Anomalies are a violation whatever else is missing; without any, a gap in
    /// the traces makes it inconclusive, and so does the lack of subjects that every run has.
    pub(super) fn report(mut self, property: &Property, cluster: &Cluster<'_>) -> CheckReport {
        self.kept
            .sort_by_key(|anomaly| anomaly.trace.iter().map(|r| r.mono).max());
        self.kept.truncate(SHOWN);
        let looked_at = count(self.looked_at, property.subject);
        let (verdict, summary) = if self.found > 0 {
            (Verdict::Violation, self.violation_summary(&looked_at))
        } else if let Some(gap) = cluster.gaps.first() {
            (
                Verdict::Inconclusive,
                format!("no breach among {looked_at}, but {gap}"),
            )
        } else if self.looked_at == 0 && property.optional {
            let summary = format!(
                "not put to the test: the traces show no {}",
                property.subject
            );
            (Verdict::Pass, summary)
        } else if self.looked_at == 0 {
            let summary = format!(
                "the traces show no {}: nothing was checked",
                property.subject
            );
            (Verdict::Inconclusive, summary)
        } else {
            (Verdict::Pass, format!("holds for {looked_at}"))
        };
        let report = CheckReport::new(property.check, property.promise, verdict, summary);
        CheckReport {
            anomalies: self.kept,
            ..report
        }
    }

    fn violation_summary(&self, looked_at: &str) -> String {
        let breaches = if self.found == 1 {
            "1 breach".to_owned()
        } else {
            format!("{} breaches", self.found)
        };
        let shown = if self.found > SHOWN {
            format!(", the first {SHOWN} shown")
        } else {
            String::new()
        };
        format!("{breaches} among {looked_at}{shown}")
    }
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => match noun.strip_suffix('y') {
            Some(stem) => format!("{number} {stem}ies"),
            None => format!("{number} {noun}s"),
        },
    }
}
