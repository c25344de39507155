//! A follower commits no further than its leader, and no further than the entries of the leader's
//! message reach (Raft Figure 2: "set commitIndex = min(leaderCommit, index of last new entry)").

use shakedown_history::event::Role;
use shakedown_history::{Event, Index, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "follower-commit-bound",
    promise: "A follower commits no further than its leader's message vouches for (Raft Figure 2)",
    subject: "follower commit",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for place in places(cluster.traces) {
        let Event::Commit {
            to,
            role,
            leader_commit,
            prev_plus_len,
            ..
        } = place.event()
        else {
            continue;
        };
        // A cluster of one has no followers, and its leader's commits are all there is to bound.
        findings.looked_at += usize::from(*role != Role::Leader || cluster.has_one_member);
        if *role == Role::Leader {
            continue;
        }
        let too_far = |bound: &Index| to.index > *bound;
        if let Some(bound) = leader_commit.filter(too_far) {
            report(
                &mut findings,
                place,
                *to,
                &format!("its leader had committed up to {bound} only"),
            );
        } else if let Some(bound) = prev_plus_len.filter(too_far) {
            let why = format!("the leader's message vouched for its log up to {bound} only");
            report(&mut findings, place, *to, &why);
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn report(findings: &mut Findings, place: Place<'_>, to: LogId, why: &str) {
    let node = place.node();
    let summary = format!("{node} committed up to {to} as follower, but {why}");
    let argument = vec![
        "A follower's log may go on after the entries it shares with its leader, and that tail may still be overwritten (§5.3).".to_owned(),
        format!("{} committed up to index {}, but {why}.", place.incarnation(), to.index),
        "It may have committed entries that no leader ever will.".to_owned(),
    ];
    findings.add("follower-commit-too-far", summary, argument, &[place]);
}
