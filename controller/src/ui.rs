//! Every line that a person sees in the terminal: results on stdout, all else on stderr.

mod campaign;
mod doctor;
mod outcome;
mod progress;

pub use campaign::{RunResult, campaign_ends, campaign_line};
pub use doctor::{Finding, doctor};
pub use outcome::{run_begins, run_ends, verdict};
pub use progress::Progress;

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

use console::style;
use serde_json::json;
use shakedown_raft::planted::Row;
use tracing_subscriber::EnvFilter;

use crate::cli::OutputFormat;

/// Our name, version and commit.
pub fn tool() -> String {
    format!(
        "shakedown {} ({})",
        env!("CARGO_PKG_VERSION"),
        env!("SHAKEDOWN_COMMIT")
    )
}

/// Logs go to stderr; `RUST_LOG` says how much, warnings by default.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// A line for stdout. Whoever reads it may stop early; that is no error of ours.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line for stderr.
fn remark(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The command failed.
pub fn error(error: &anyhow::Error) {
    remark(format!("error: {error:#}"));
}

/// What is wrong with a plan.
pub fn mistakes(errors: &dyn Display) {
    remark(errors);
}

/// What is allowed in a plan and yet looks wrong.
pub fn lint(lint: &shakedown_plan::Finding) {
    remark(format!("warning: {lint}"));
}

/// How far a benchmark is.
pub fn bench_progress(line: &str) {
    remark(line);
}

/// What a benchmark found.
///
/// # Errors
/// If the JSON cannot be made.
pub fn bench(report: &shakedown_bench::Report, format: OutputFormat) -> anyhow::Result<()> {
    match format {
        OutputFormat::Text => say(report.to_string().trim_end()),
        OutputFormat::Json => say(serde_json::to_string(report)?),
    }
    Ok(())
}

/// A plan without mistakes.
pub fn valid_plan(path: &Path) {
    say(format!("{}: valid", path.display()));
}

/// Where a page was written.
pub fn report_written(path: &Path) {
    say(path.display());
}

/// The table of planted bugs, each with the plan that finds it.
///
/// # Errors
/// If the JSON cannot be made.
pub fn planted_bugs(rows: &[(Row, &str)], format: OutputFormat) -> anyhow::Result<()> {
    if format == OutputFormat::Json {
        let object = |(row, plan): &(Row, &str)| {
            json!({
                "name": row.name, "zoo": row.zoo, "deviation": row.deviation,
                "breaks": row.breaks, "invariant": row.invariant, "seen": row.seen,
                "simulation": row.simulation.to_string(), "plan": plan,
            })
        };
        let objects: Vec<_> = rows.iter().map(object).collect();
        say(serde_json::to_string(&objects)?);
        return Ok(());
    }
    for (row, plan) in rows {
        say(format!("{:<18} {}", style(row.name).bold(), row.deviation));
        say(format!(
            "{:<18} breaks: {}; seen in: {}; simulation: {} by {}; plan: {plan}",
            "", row.breaks, row.seen, row.simulation, row.invariant
        ));
    }
    Ok(())
}
