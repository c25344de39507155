//! A read within a leader's lease begins before anybody else commits in a later term (Ongaro's
//! dissertation §6.4.1).
//!
//! This compares the machine's monotonic stamps, so all nodes must run on one machine. What a node
//! believes of the time does not matter: that is what the promise is about.

use rustc_hash::FxHashMap;
use shakedown_history::event::{ReadMode, Role};
use shakedown_history::{Event, NodeTrace, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "lease-exclusivity",
    promise: "Nobody else commits before a read within a lease begins (dissertation §6.4.1)",
    subject: "read within a lease",
    optional: true,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let commits = FirstCommits::of(cluster.traces);
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut lease = Lease::default();
        let mut started: FxHashMap<u64, Place<'_>> = FxHashMap::default();
        for place in places_of(position, trace) {
            lease.advance(&place);
            match place.event() {
                Event::Start { .. } => started.clear(),
                Event::ReadStart { read } => {
                    started.insert(*read, place);
                }
                Event::ReadServed { read, mode, .. } => {
                    let start = started.remove(read).unwrap_or(place);
                    if *mode == ReadMode::Lease {
                        findings.looked_at += 1;
                        check_read(&mut findings, &lease, &commits, (start, place));
                    }
                }
                _ => {}
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// A node's lease, as it says.
#[derive(Default)]
struct Lease<'a> {
    held: Option<Place<'a>>,
    /// The last record of this incarnation by which a lease was held.
    held_until: u64,
    transferring: bool,
}

impl<'a> Lease<'a> {
    fn advance(&mut self, place: &Place<'a>) {
        if self.held.is_some_and(|l| l.term() != place.term()) {
            self.end(place);
        }
        match place.event() {
            Event::Start { .. } => *self = Self::default(),
            Event::Lease { .. } if !self.transferring => self.held = Some(*place),
            // The next leader need not wait for a lease that is handed over.
            Event::TransferStarted { .. } => {
                self.transferring = true;
                self.end(place);
            }
            Event::TransferEnded { .. } => self.transferring = false,
            Event::LeaseDropped { .. } | Event::StepDown { .. } => {
                self.transferring &= !matches!(place.event(), Event::StepDown { .. });
                self.end(place);
            }
            _ => {}
        }
    }

    fn end(&mut self, place: &Place<'a>) {
        if self.held.take().is_some() {
            self.held_until = place.record.seq;
        }
    }

    /// Whether there was a lease at some time since `start`.
    fn was_held_since(&self, start: &Place<'_>) -> bool {
        self.held.is_some() || self.held_until > start.record.seq
    }
}

/// The earliest commit of a leader in any of the terms after one.
struct FirstCommits<'a>(Vec<(Term, Place<'a>)>);

impl<'a> FirstCommits<'a> {
    fn of(traces: &'a [NodeTrace]) -> Self {
        let is_leaders = |p: &Place<'_>| {
            matches!(
                p.event(),
                Event::Commit {
                    role: Role::Leader,
                    ..
                }
            )
        };
        let mut first: FxHashMap<Term, Place<'a>> = FxHashMap::default();
        for place in places(traces).filter(is_leaders) {
            let known = first.entry(place.term()).or_insert(place);
            if place.record.mono < known.record.mono {
                *known = place;
            }
        }
        let mut commits: Vec<(Term, Place<'a>)> = first.into_iter().collect();
        commits.sort_by_key(|(term, _)| *term);
        // From the last term back, each keeps the earliest of itself and all later ones.
        let mut earliest: Option<Place<'a>> = None;
        for (_, place) in commits.iter_mut().rev() {
            match earliest {
                Some(e) if e.record.mono < place.record.mono => *place = e,
                _ => earliest = Some(*place),
            }
        }
        Self(commits)
    }

    fn after(&self, term: Term) -> Option<Place<'a>> {
        let next = self.0.partition_point(|(t, _)| *t <= term);
        self.0.get(next).map(|(_, place)| *place)
    }
}

fn check_read(
    findings: &mut Findings,
    lease: &Lease<'_>,
    commits: &FirstCommits<'_>,
    (start, served): (Place<'_>, Place<'_>),
) {
    if !lease.was_held_since(&start) {
        report_no_lease(findings, start, served);
    }
    let commit = commits.after(start.term());
    if let Some(commit) = commit.filter(|c| c.record.mono < start.record.mono) {
        report_overlap(findings, commit, start, served);
    }
}

fn report_no_lease(findings: &mut Findings, start: Place<'_>, served: Place<'_>) {
    let (node, term) = (served.node(), start.term());
    let summary = format!("{node} answered a read by its lease in term {term}, but it had none");
    let argument = vec![
        "A lease ends with the leadership, and as soon as the leadership is handed over: the successor does not wait for it (dissertation §6.4.1).".to_owned(),
        format!("{} had no lease between taking the read in and answering it.", served.incarnation()),
    ];
    findings.add("read-without-lease", summary, argument, &[start, served]);
}

fn report_overlap(findings: &mut Findings, commit: Place<'_>, start: Place<'_>, served: Place<'_>) {
    let (node, other) = (start.node(), commit.node());
    let late_ms = (start.record.mono - commit.record.mono) as f64 / 1e6;
    let summary = format!(
        "{node} answered a read by its lease of term {}, {late_ms:.3} ms after {other} had committed in term {}",
        start.term(),
        commit.term(),
    );
    let argument = vec![
        "While a lease lasts, the voters that granted it elect nobody else, so that nobody else commits (dissertation §6.4.1).".to_owned(),
        format!("{} committed as leader of term {}.", commit.incarnation(), commit.term()),
        format!("{late_ms:.3} ms later, by the clock of the machine, {} took in a read in term {} and answered it by its lease.", start.incarnation(), start.term()),
        format!("The answer lacks whatever {other} has committed."),
    ];
    findings.add(
        "lease-outlived",
        summary,
        argument,
        &[commit, start, served],
    );
}
