//! A leader counts votes and replicas in the newest configuration of its own log, committed or not
//! (Raft §6: "a server always uses the latest configuration in its log").

use shakedown_history::event::Role;
use shakedown_history::{Configuration, Event};

use super::Cluster;
use super::config_view::ConfigView;
use super::findings::{Findings, Property};
use super::narration::configuration;
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "config-in-force",
    promise: "A leader counts in the newest configuration of its log (Raft §6)",
    subject: "counted quorum",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut configs = ConfigView::default();
        for place in places_of(position, trace) {
            configs.advance(&place);
            let (what, counted) = match place.event() {
                Event::BecomeLeader { config, .. } => ("the votes of its election", config),
                Event::Commit {
                    role: Role::Leader,
                    config,
                    ..
                } => ("the replicas of its commit", config),
                _ => continue,
            };
            findings.looked_at += 1;
            let newest = configs.in_force().filter(|newest| *newest != counted);
            if let Some(newest) = newest {
                report(&mut findings, place, what, counted, newest);
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn report(
    findings: &mut Findings,
    place: Place<'_>,
    what: &str,
    counted: &Configuration,
    newest: &Configuration,
) {
    let (node, term) = (place.node(), place.term());
    let (counted, newest) = (configuration(counted), configuration(newest));
    let summary = format!(
        "{node} counted {what} in term {term} in the configuration {counted}, but the newest in its log is {newest}"
    );
    let argument = vec![
        "A node uses the latest configuration in its log, whether it is committed or not (§6)."
            .to_owned(),
        format!("{} counted {what} in {counted}.", place.incarnation()),
        format!("The newest configuration in its log was {newest}."),
        "A quorum of the one need not be a quorum of the other.".to_owned(),
    ];
    findings.add("counted-in-old-configuration", summary, argument, &[place]);
}
