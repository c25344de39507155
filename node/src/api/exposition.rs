//! `GET /metrics`: the node about itself in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use shakedown_history::event::Role;

use super::Api;
use crate::driver::NodeStatus;
use crate::metrics::{Histogram, Metrics};

/// What Prometheus calls this format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

const ROLES: [(Role, &str); 4] = [
    (Role::Follower, "follower"),
    (Role::PreCandidate, "pre_candidate"),
    (Role::Candidate, "candidate"),
    (Role::Leader, "leader"),
];

/// A family of one sample: its name, its help, and where its value comes from.
type Row<From> = (&'static str, &'static str, fn(&From) -> u64);

#[rustfmt::skip]
const STATUS: [Row<NodeStatus>; 10] = [
    ("raft_term", "The current term.", |s| s.raft.term.0),
    ("raft_leader", "The number of the node that leads; 0 if none is known.", |s| s.raft.leader.map_or(0, |node| node.0)),
    ("raft_commit_index", "How far the log is known to be committed.", |s| s.raft.commit_index.0),
    ("raft_applied_index", "How far the state machine is.", |s| s.last_applied.0),
    ("raft_last_index", "The end of the log.", |s| s.raft.last.index.0),
    ("raft_log_base_index", "The last entry that was compacted away.", |s| s.raft.base.index.0),
    ("raft_snapshot_index", "The last entry in the latest snapshot; 0 without one.", |s| s.raft.snapshot.index.0),
    ("raft_voters", "How many nodes vote.", |s| s.raft.membership.config.voters.len() as u64),
    ("raft_learners", "How many nodes learn.", |s| s.raft.membership.config.learners.len() as u64),
    ("raft_log_damaged", "1 while entries lost to a damaged disk are not made good.", |s| u64::from(s.raft.lost.is_some())),
];

#[rustfmt::skip]
const COUNTERS: [Row<Metrics>; 12] = [
    ("raft_proposals_total", "Commands handed to the core, each attempt.", |m| m.proposals.get()),
    ("raft_refusals_total", "Requests that were refused.", |m| m.refusals.get()),
    ("raft_entries_applied_total", "Entries given to the state machine.", |m| m.entries_applied.get()),
    ("raft_elections_total", "Elections that this node stood in.", |m| m.elections.get()),
    ("raft_messages_sent_total", "Messages handed to connections.", |m| m.messages_sent.get()),
    ("raft_messages_dropped_total", "Messages that found no room or no connection.", |m| m.messages_dropped.get()),
    ("raft_messages_received_total", "Messages that came in.", |m| m.messages_received.get()),
    ("raft_snapshots_taken_total", "Snapshots that this node made.", |m| m.snapshots_taken.get()),
    ("raft_snapshots_installed_total", "Snapshots that a leader sent.", |m| m.snapshots_installed.get()),
    ("raft_log_bytes_total", "Bytes written to the log.", |m| m.log_bytes.get()),
    ("raft_overloaded_total", "Requests refused because too much was under way.", |m| m.overloaded.get()),
    ("raft_http_requests_total", "HTTP requests, whatever came of them.", |m| m.http_requests.get()),
];

/// A mode of reading, and where its count comes from.
type Reads = (&'static str, fn(&Metrics) -> u64);

#[rustfmt::skip]
const READS: [Reads; 3] = [
    ("index", |m| m.reads_index.get()), ("lease", |m| m.reads_lease.get()), ("local", |m| m.reads_local.get()),
];

#[rustfmt::skip]
const GAUGES: [Row<Metrics>; 3] = [
    ("raft_open_requests", "Requests that wait for an answer.", |m| m.open_requests.get()),
    ("raft_sessions", "Client sessions in the state machine.", |m| m.sessions.get()),
    ("raft_http_connections", "Client connections that are open.", |m| m.connections.get()),
];

pub(super) async fn get(State(api): State<Arc<Api>>) -> ([(HeaderName, &'static str); 1], String) {
    let mut page = Page(String::with_capacity(8192));
    page.status(&api.status.borrow());
    page.counts(&api.metrics);
    ([(CONTENT_TYPE, FORMAT)], page.0)
}

struct Page(String);

impl Page {
    fn status(&mut self, status: &NodeStatus) {
        self.head(
            "raft_role",
            "gauge",
            "1 for the node's part, 0 for the others.",
        );
        for (role, name) in ROLES {
            let is_so = u64::from(status.raft.role == role);
            self.line(format_args!("raft_role{{role=\"{name}\"}}"), is_so);
        }
        for (name, help, value) in STATUS {
            self.single(name, "gauge", help, value(status));
        }
        let help = "How far each voter's log agrees with this leader's.";
        self.head("raft_match_index", "gauge", help);
        for (node, index) in &status.raft.match_indexes {
            self.line(format_args!("raft_match_index{{node=\"{node}\"}}"), index.0);
        }
        let help = "Syncs of the log that succeeded.";
        self.single("raft_fsyncs_total", "counter", help, status.fsyncs);
    }

    fn counts(&mut self, metrics: &Metrics) {
        for (name, help, counter) in COUNTERS {
            self.single(name, "counter", help, counter(metrics));
        }
        let help = "Reads served, by how they were made safe.";
        self.head("raft_reads_total", "counter", help);
        for (mode, counter) in READS {
            let count = counter(metrics);
            self.line(format_args!("raft_reads_total{{mode=\"{mode}\"}}"), count);
        }
        for (name, help, gauge) in GAUGES {
            self.single(name, "gauge", help, gauge(metrics));
        }
        let help = "How long syncs of the log took.";
        self.histogram("raft_fsync_seconds", help, &metrics.fsync_us, seconds);
        let help = "How many entries one sync made durable.";
        self.histogram("raft_batch_entries", help, &metrics.batch_entries, |n| {
            n.to_string()
        });
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.line(format_args!("{name}"), value);
    }

    /// `show` writes bounds and the sum in the unit of the name.
    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        histogram: &Histogram,
        show: fn(u64) -> String,
    ) {
        self.head(name, "histogram", help);
        let mut count = 0;
        for (bound, cumulative) in histogram.cumulative() {
            let bound = bound.map_or("+Inf".to_owned(), show);
            self.line(format_args!("{name}_bucket{{le=\"{bound}\"}}"), cumulative);
            count = cumulative;
        }
        self.line(format_args!("{name}_sum"), show(histogram.sum()));
        self.line(format_args!("{name}_count"), count);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, sample: std::fmt::Arguments<'_>, value: impl std::fmt::Display) {
        self.write(format_args!("{sample} {value}\n"));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes everything");
    }
}

/// Microseconds as seconds, with no more digits than it needs.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
