//! `GET /metrics`: the node about itself in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use shakedown_history::event::Role;

use super::Api;
use crate::driver::NodeStatus;
use crate::metrics::{Counter, Gauge, Histogram, Metrics};

/// What Prometheus calls this format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn get(State(api): State<Arc<Api>>) -> ([(HeaderName, &'static str); 1], String) {
    let mut page = Page(String::with_capacity(8192));
    page.status(&api.status.borrow());
    page.counts(&api.metrics);
    ([(CONTENT_TYPE, FORMAT)], page.0)
}

struct Page(String);

impl Page {
    fn status(&mut self, status: &NodeStatus) {
        let raft = &status.raft;
        let roles = [
            Role::Follower,
            Role::PreCandidate,
            Role::Candidate,
            Role::Leader,
        ];
        self.head(
            "raft_role",
            "gauge",
            "1 for the node's part, 0 for the others.",
        );
        for (role, name) in
            roles
                .into_iter()
                .zip(["follower", "pre_candidate", "candidate", "leader"])
        {
            self.line(
                "raft_role",
                &format!("{{role=\"{name}\"}}"),
                u64::from(raft.role == role),
            );
        }
        let base = raft.base.index.0;
        let snapshot = raft.snapshot.index.0;
        for (name, help, value) in [
            ("raft_term", "The current term.", raft.term.0),
            (
                "raft_leader",
                "The number of the node that leads; 0 if none is known.",
                raft.leader.map_or(0, |n| n.0),
            ),
            (
                "raft_commit_index",
                "How far the log is known to be committed.",
                raft.commit_index.0,
            ),
            (
                "raft_applied_index",
                "How far the state machine is.",
                status.last_applied.0,
            ),
            ("raft_last_index", "The end of the log.", raft.last.index.0),
            (
                "raft_log_base_index",
                "The last entry that was compacted away.",
                base,
            ),
            (
                "raft_snapshot_index",
                "The last entry in the latest snapshot; 0 without one.",
                snapshot,
            ),
            (
                "raft_voters",
                "How many nodes vote.",
                raft.membership.config.voters.len() as u64,
            ),
            (
                "raft_learners",
                "How many nodes learn.",
                raft.membership.config.learners.len() as u64,
            ),
            (
                "raft_log_damaged",
                "1 while entries lost to a damaged disk are not made good.",
                u64::from(raft.lost.is_some()),
            ),
        ] {
            self.head(name, "gauge", help);
            self.line(name, "", value);
        }
        self.head(
            "raft_match_index",
            "gauge",
            "How far each voter's log agrees with this leader's.",
        );
        for (node, index) in &raft.match_indexes {
            self.line("raft_match_index", &format!("{{node=\"{node}\"}}"), index.0);
        }
        self.head(
            "raft_fsyncs_total",
            "counter",
            "Syncs of the log that succeeded.",
        );
        self.line("raft_fsyncs_total", "", status.fsyncs);
    }

    fn counts(&mut self, metrics: &Metrics) {
        let m = metrics;
        for (name, help, counter) in [
            (
                "raft_proposals_total",
                "Commands handed to the core, each attempt.",
                &m.proposals,
            ),
            (
                "raft_refusals_total",
                "Requests that were refused.",
                &m.refusals,
            ),
            (
                "raft_entries_applied_total",
                "Entries given to the state machine.",
                &m.entries_applied,
            ),
            (
                "raft_elections_total",
                "Elections that this node stood in.",
                &m.elections,
            ),
            (
                "raft_messages_sent_total",
                "Messages handed to connections.",
                &m.messages_sent,
            ),
            (
                "raft_messages_dropped_total",
                "Messages that found no room or no connection.",
                &m.messages_dropped,
            ),
            (
                "raft_messages_received_total",
                "Messages that came in.",
                &m.messages_received,
            ),
            (
                "raft_snapshots_taken_total",
                "Snapshots that this node made.",
                &m.snapshots_taken,
            ),
            (
                "raft_snapshots_installed_total",
                "Snapshots that a leader sent.",
                &m.snapshots_installed,
            ),
            (
                "raft_log_bytes_total",
                "Bytes written to the log.",
                &m.log_bytes,
            ),
            (
                "raft_overloaded_total",
                "Requests refused because too much was under way.",
                &m.overloaded,
            ),
            (
                "raft_http_requests_total",
                "HTTP requests, whatever came of them.",
                &m.http_requests,
            ),
        ] {
            self.counter(name, help, counter);
        }
        self.head(
            "raft_reads_total",
            "counter",
            "Reads served, by how they were made safe.",
        );
        for (mode, counter) in [
            ("index", &m.reads_index),
            ("lease", &m.reads_lease),
            ("local", &m.reads_local),
        ] {
            self.line(
                "raft_reads_total",
                &format!("{{mode=\"{mode}\"}}"),
                counter.get(),
            );
        }
        self.gauge(
            "raft_open_requests",
            "Requests that wait for an answer.",
            &m.open_requests,
        );
        self.gauge(
            "raft_sessions",
            "Client sessions in the state machine.",
            &m.sessions,
        );
        self.gauge(
            "raft_http_connections",
            "Client connections that are open.",
            &m.connections,
        );
        self.histogram(
            "raft_fsync_seconds",
            "How long syncs of the log took.",
            &m.fsync_us,
            1e-6,
        );
        self.histogram(
            "raft_batch_entries",
            "How many entries one sync made durable.",
            &m.batch_entries,
            1.0,
        );
    }

    fn counter(&mut self, name: &str, help: &str, counter: &Counter) {
        self.head(name, "counter", help);
        self.line(name, "", counter.get());
    }

    fn gauge(&mut self, name: &str, help: &str, gauge: &Gauge) {
        self.head(name, "gauge", help);
        self.line(name, "", gauge.get());
    }

    /// Bounds and sum are multiplied by `unit`.
    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram, unit: f64) {
        self.head(name, "histogram", help);
        let mut count = 0;
        for (bound, cumulative) in histogram.cumulative() {
            let bound = bound.map_or("+Inf".to_owned(), |bound| scaled(bound, unit));
            self.line(
                &format!("{name}_bucket"),
                &format!("{{le=\"{bound}\"}}"),
                cumulative,
            );
            count = cumulative;
        }
        self.line(&format!("{name}_sum"), "", scaled(histogram.sum(), unit));
        self.line(&format!("{name}_count"), "", count);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        self.write(format_args!("{name}{labels} {value}\n"));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes everything");
    }
}

/// A whole number of units, with no more digits than it needs.
fn scaled(value: u64, unit: f64) -> String {
    let digits = if unit < 1.0 { 6 } else { 0 };
    let text = format!("{:.digits$}", value as f64 * unit);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
