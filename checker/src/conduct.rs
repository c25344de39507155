//! Did the run itself go as it should: did the cluster come back, did its nodes stay alive, did the
//! harness work?

use shakedown_history::{Phase, RunEvent, RunRecord};

use crate::verdict::{Anomaly, CheckReport, Verdict};

/// Judges the run log.
#[must_use]
pub fn check_conduct(log: &[RunRecord]) -> Vec<CheckReport> {
    vec![harness(log), recovery(log), node_exits(log)]
}

/// After everything is healed, the cluster serves again in bounded time.
fn recovery(log: &[RunRecord]) -> CheckReport {
    let report = |verdict, summary| {
        let promise = "A healed cluster serves again in bounded time (liveness)";
        CheckReport::new("recovery", promise, verdict, summary)
    };
    for record in log {
        match &record.event {
            RunEvent::Recovered { after_ns } => {
                let summary = format!(
                    "writes through every node succeeded {} after healing",
                    seconds(*after_ns)
                );
                return report(Verdict::Pass, summary);
            }
            RunEvent::NotRecovered {
                within_ns,
                last_error,
            } => {
                return not_recovered(report, *within_ns, last_error);
            }
            _ => {}
        }
    }
    report(
        Verdict::Inconclusive,
        "the run ended before the cluster had to serve again".to_owned(),
    )
}

fn not_recovered(
    report: impl Fn(Verdict, String) -> CheckReport,
    within_ns: u64,
    last_error: &str,
) -> CheckReport {
    let summary = format!(
        "the cluster does not serve {} after healing",
        seconds(within_ns)
    );
    let anomaly = Anomaly {
        kind: "no-recovery".to_owned(),
        summary: summary.clone(),
        argument: vec![
            "Every fault was healed: all nodes run, all links are up, all clocks are right."
                .to_owned(),
            format!(
                "Writes through at least one node still failed {} later.",
                seconds(within_ns)
            ),
            format!("The last answer was: {last_error}."),
        ],
        key: None,
        ops: Vec::new(),
        trace: Vec::new(),
    };
    CheckReport {
        anomalies: vec![anomaly],
        ..report(Verdict::Violation, summary)
    }
}

/// No node ends unless it is ended. A node that does not even start is a matter of the harness, which says
/// so itself.
fn node_exits(log: &[RunRecord]) -> CheckReport {
    let at_work = log
        .iter()
        .skip_while(|record| record.event != RunEvent::Phase(Phase::Work));
    let exits = at_work.filter_map(|record| match &record.event {
        RunEvent::NodeExited {
            node,
            how,
            log_tail,
        } => Some(Anomaly {
            kind: "node-exited".to_owned(),
            summary: format!("{node} ended by itself at {}: {how}", seconds(record.time)),
            argument: vec![
                format!("Nobody ended {node}, and yet its process ended: {how}."),
                format!("The end of its log:\n{log_tail}"),
            ],
            key: None,
            ops: Vec::new(),
            trace: Vec::new(),
        }),
        _ => None,
    });
    let anomalies: Vec<_> = exits.collect();
    let summary = match anomalies.len() {
        0 => "no node ended by itself".to_owned(),
        count => format!("{count} times a node ended by itself"),
    };
    CheckReport::of_anomalies(
        "node-exits",
        "Nodes do not crash by themselves",
        anomalies,
        summary,
    )
}

/// The harness did what it set out to do.
fn harness(log: &[RunRecord]) -> CheckReport {
    let report = |verdict, summary| {
        CheckReport::new(
            "harness",
            "The run was carried out to its end",
            verdict,
            summary,
        )
    };
    let error = log.iter().find_map(|record| match &record.event {
        RunEvent::HarnessError { error } => Some(error.clone()),
        _ => None,
    });
    if let Some(error) = error {
        return report(Verdict::HarnessError, error);
    }
    let has = |event: &RunEvent| log.iter().any(|record| record.event == *event);
    if has(&RunEvent::Interrupted) {
        return report(Verdict::Inconclusive, "the run was interrupted".to_owned());
    }
    if has(&RunEvent::Finished) {
        return report(Verdict::Pass, "every phase was completed".to_owned());
    }
    report(
        Verdict::HarnessError,
        "the run was cut off: its log has no end".to_owned(),
    )
}

fn seconds(ns: u64) -> String {
    format!("{:.2} s", ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_history::NodeId;

    fn log(events: Vec<RunEvent>) -> Vec<RunRecord> {
        events
            .into_iter()
            .map(|event| RunRecord {
                time: 1_500_000_000,
                event,
            })
            .collect()
    }

    /// Harness, recovery, node exits.
    fn verdicts(events: Vec<RunEvent>) -> [Verdict; 3] {
        let reports = check_conduct(&log(events));
        [reports[0].verdict, reports[1].verdict, reports[2].verdict]
    }

    #[test]
    fn a_run_that_recovers_and_ends_passes() {
        let events = vec![RunEvent::Recovered { after_ns: 1 }, RunEvent::Finished];
        assert_eq!(verdicts(events), [Verdict::Pass; 3]);
    }

    #[test]
    fn a_cluster_that_does_not_come_back_broke_a_promise() {
        let last_error = "timeout".to_owned();
        let events = vec![
            RunEvent::NotRecovered {
                within_ns: 9,
                last_error,
            },
            RunEvent::Finished,
        ];
        assert_eq!(verdicts(events)[1], Verdict::Violation);
    }

    fn crash() -> RunEvent {
        RunEvent::NodeExited {
            node: NodeId(2),
            how: "SIGABRT".to_owned(),
            log_tail: "assertion failed".to_owned(),
        }
    }

    #[test]
    fn a_node_that_crashes_broke_a_promise_and_its_log_is_quoted() {
        let reports = check_conduct(&log(vec![RunEvent::Phase(Phase::Work), crash()]));
        assert_eq!(reports[2].verdict, Verdict::Violation);
        assert_eq!(
            reports[2].anomalies[0].summary,
            "n2 ended by itself at 1.50 s: SIGABRT"
        );
        assert!(reports[2].anomalies[0].argument[1].contains("assertion failed"));
    }

    #[test]
    fn a_node_that_does_not_start_broke_no_promise() {
        assert_eq!(
            verdicts(vec![RunEvent::Phase(Phase::Start), crash()])[2],
            Verdict::Pass
        );
    }

    #[test]
    fn a_run_cut_off_never_passes() {
        assert_eq!(verdicts(vec![])[0], Verdict::HarnessError);
        assert_eq!(
            verdicts(vec![RunEvent::Interrupted])[0],
            Verdict::Inconclusive
        );
        let error = "disk full".to_owned();
        let events = vec![RunEvent::HarnessError { error }, RunEvent::Finished];
        assert_eq!(verdicts(events)[0], Verdict::HarnessError);
    }
}
