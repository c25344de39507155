//! What was measured, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::disk::Disk;
use crate::failover::Failovers;
use crate::load::Operation;
use crate::restart::Restart;
use crate::sample::{Sample, ratio};
use crate::system::{KEYS, NODES, VALUE_BYTES};

/// The result of a benchmark. It displays as a table, and serializes with every single figure.
#[derive(Debug, Serialize)]
#[serde(tag = "figure", rename_all = "lowercase")]
pub enum Report {
    /// Throughput and latency.
    Throughput(Comparison),
    /// Killed leaders.
    Failover(Failovers),
    /// A long log.
    Restart(Restart),
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throughput(comparison) => comparison.fmt(f),
            Self::Failover(failovers) => failovers.fmt(f),
            Self::Restart(restart) => restart.fmt(f),
        }
    }
}

/// Throughput and latency of some systems.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// How often everything was measured.
    pub rounds: u16,
    /// How long, each time.
    pub time_ms: u64,
    /// How long the load was on before.
    pub warm_up_ms: u64,
    /// How many processors all share.
    pub processors: usize,
    /// Where the logs were.
    pub disk: Disk,
    /// One an operation and number of connections.
    pub rows: Vec<Row>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// One kind of load.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What clients did.
    pub operation: Operation,
    /// How many clients there were.
    pub connections: usize,
    /// What each system made of it.
    pub systems: Vec<Cell>,
    /// Each system by each that follows it.
    pub ratios: Vec<Ratio>,
}

/// What one system made of a load.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// Which system.
    pub system: String,
    /// The median of all rounds.
    pub median: Sample,
    /// Every round.
    pub rounds: Vec<Sample>,
}

/// One system's medians by another's.
#[derive(Debug, Serialize)]
pub struct Ratio {
    /// Whose.
    pub of: String,
    /// By whose.
    pub to: String,
    /// Of operations per second: more is better.
    pub ops_per_s: f64,
    /// Of median latencies: less is better.
    pub p50: f64,
    /// Of the latencies of the slowest in a hundred: less is better.
    pub p99: f64,
}

impl Cell {
    pub(crate) fn new(system: String, rounds: Vec<Sample>) -> Self {
        Self {
            system,
            median: Sample::median(&rounds),
            rounds,
        }
    }
}

impl Row {
    pub(crate) fn new(operation: Operation, connections: usize, systems: Vec<Cell>) -> Self {
        let mut ratios = Vec::new();
        for (n, of) in systems.iter().enumerate() {
            ratios.extend(systems[n + 1..].iter().map(|to| Ratio::new(of, to)));
        }
        Self {
            operation,
            connections,
            systems,
            ratios,
        }
    }
}

impl Ratio {
    fn new(of: &Cell, to: &Cell) -> Self {
        let by = |figure: fn(&Sample) -> f64| ratio(figure(&of.median), figure(&to.median));
        Self {
            of: of.system.clone(),
            to: to.system.clone(),
            ops_per_s: by(|s| s.ops_per_s),
            p50: by(|s| s.p50_ms),
            p99: by(|s| s.p99_ms),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{NODES} nodes each on 127.0.0.1, {} processors for all, fsync on, values of {VALUE_BYTES} B, \
             {KEYS} keys;\nmedians of {} rounds of {} s, each after {} s that do not count; \
             latencies in ms, processor time in µs an operation",
            self.processors,
            self.rounds,
            self.time_ms as f64 / 1e3,
            self.warm_up_ms as f64 / 1e3
        )?;
        writeln!(f, "{}", self.disk)?;
        let mut before = None;
        for row in &self.rows {
            if before.replace(row.operation) != Some(row.operation) {
                row.operation.head(f)?;
            }
            row.fmt(f)?;
        }
        let mut notes = self.notes.iter();
        notes.try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl Operation {
    fn head(self, f: &mut Formatter<'_>) -> fmt::Result {
        let title = match self {
            Self::Put => "Puts",
            Self::Get => "Linearizable reads",
        };
        writeln!(f, "\n{title}")?;
        writeln!(
            f,
            "{:>5}  {:<28} {:>8} {:>8} {:>8} {:>6} {:>8} {:>6} {:>7} {:>7}",
            "conns",
            "system",
            "ops/s",
            "p50",
            "p99",
            "errors",
            "fsyncs/s",
            "batch",
            "nodes",
            "client"
        )
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut connections = self.connections.to_string();
        for cell in &self.systems {
            let s = &cell.median;
            // Reads are not synced; what is synced beside them makes no batch.
            let batch = match self.operation {
                Operation::Put => format!("{:.1}", s.ops_per_fsync),
                Operation::Get => "-".to_owned(),
            };
            writeln!(
                f,
                "{connections:>5}  {:<28} {:>8.0} {:>8.2} {:>8.2} {:>6} {:>8.0} {batch:>6} {:>7.0} {:>7.0}",
                cell.system,
                s.ops_per_s,
                s.p50_ms,
                s.p99_ms,
                s.errors,
                s.fsyncs_per_s,
                s.nodes_us_per_op,
                s.client_us_per_op
            )?;
            connections.clear();
        }
        for ratio in &self.ratios {
            let names = format!("{} / {}", ratio.of, ratio.to);
            writeln!(
                f,
                "{:>5}  {names:<28} {:>7.2}x {:>7.2}x {:>7.2}x",
                "", ratio.ops_per_s, ratio.p50, ratio.p99
            )?;
        }
        Ok(())
    }
}

impl Display for Disk {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ms = |us: u64| us as f64 / 1e3;
        write!(
            f,
            "{}: 4 KiB with fdatasync take {:.2} ms, of a hundred the longest {:.2} ms",
            self.filesystem,
            ms(self.fdatasync_p50_us),
            ms(self.fdatasync_p99_us)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(system: &str, ops_per_s: f64) -> Cell {
        let sample = Sample {
            ops_per_s,
            p50_ms: 16_000.0 / ops_per_s,
            p99_ms: 50_000.0 / ops_per_s,
            errors: 1,
            fsyncs_per_s: 800.0,
            ops_per_fsync: ops_per_s / 800.0,
            nodes_us_per_op: 210.4,
            client_us_per_op: 31.7,
        };
        Cell::new(system.to_owned(), vec![sample])
    }

    fn comparison() -> Comparison {
        let cells = || vec![cell("shakedown", 6000.0), cell("etcd 3.4.23", 2400.0)];
        Comparison {
            rounds: 3,
            time_ms: 5000,
            warm_up_ms: 1000,
            processors: 2,
            disk: Disk {
                filesystem: "ext4".to_owned(),
                fdatasync_p50_us: 310,
                fdatasync_p99_us: 1900,
            },
            rows: vec![
                Row::new(Operation::Put, 1, cells()),
                Row::new(Operation::Put, 256, cells()),
                Row::new(Operation::Get, 16, cells()),
            ],
            notes: vec!["something failed".to_owned()],
        }
    }

    #[test]
    fn a_comparison_reads_as_a_table() {
        insta::assert_snapshot!(comparison().to_string());
    }

    #[test]
    fn a_comparison_serializes_with_every_round_and_ratio() {
        let report = serde_json::to_value(Report::Throughput(comparison())).unwrap();
        assert_eq!(report["figure"], "throughput");
        let row = &report["rows"][0];
        assert_eq!(row["operation"], "put");
        assert_eq!(row["systems"][1]["rounds"][0]["ops_per_s"], 2400.0);
        assert_eq!(row["ratios"][0]["ops_per_s"], 2.5);
        assert_eq!(row["ratios"][0]["to"], "etcd 3.4.23");
    }

    #[test]
    fn every_pair_is_compared_once() {
        let cells = vec![cell("a", 1.0), cell("b", 2.0), cell("c", 3.0)];
        let ratios = Row::new(Operation::Put, 1, cells).ratios;
        let pairs: Vec<_> = ratios.iter().map(|r| format!("{}{}", r.of, r.to)).collect();
        assert_eq!(pairs, ["ab", "ac", "bc"]);
    }
}
