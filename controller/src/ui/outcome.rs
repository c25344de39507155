//! What a run or a check came to.

use anyhow::Result;
use console::{Style, style};
use serde_json::json;
use shakedown_checker::{CheckReport, RunVerdict, Verdict};
use shakedown_history::RunDir;
use shakedown_plan::Plan;
use shakedown_report::{RunPage, RunSummary};

use super::{say, tool};
use crate::cli::OutputFormat;
use crate::store::from_here;

/// More sentences of an argument than this are left to the report.
const ARGUMENT_LINES: usize = 8;
/// More anomalies of one check than this are left to the report.
const ANOMALIES: usize = 2;

/// The line before a run.
pub fn run_begins(plan: &Plan, dir: &RunDir, format: OutputFormat) {
    if format == OutputFormat::Text {
        let (name, seed, nodes) = (&plan.name, plan.seed, plan.nodes);
        let time = plan.time.as_secs_f64();
        say(format!(
            "{} · plan {name} · seed {seed} · {nodes} nodes · {time} s",
            tool()
        ));
        say(format!("run directory {}", from_here(dir.path()).display()));
    }
}

/// The lines after a run.
///
/// # Errors
/// If the JSON cannot be made.
pub fn run_ends(
    page: &RunPage,
    summary: &RunSummary,
    dir: &RunDir,
    format: OutputFormat,
) -> Result<()> {
    if format == OutputFormat::Json {
        let mut object = serde_json::to_value(summary)?;
        object["run_dir"] = json!(dir.path());
        object["report"] = json!(dir.report());
        say(object);
        return Ok(());
    }
    say("");
    print_verdict(&page.verdict);
    say("");
    say(record_line(page, summary));
    say(format!("report  {}", from_here(&dir.report()).display()));
    say(format!("repeat  {}", summary.repeat_command));
    Ok(())
}

/// What was done: `12345 ops, 11 faults (11 bit), 38.2 s`.
fn record_line(page: &RunPage, summary: &RunSummary) -> String {
    let bit = page.faults.iter().filter(|f| f.bit()).count();
    format!(
        "record  {} ops, {} faults of which {bit} bit, {:.1} s",
        summary.ops,
        page.faults.len(),
        summary.duration_ns as f64 / 1e9
    )
}

/// What a check of files came to.
///
/// # Errors
/// If the JSON cannot be made.
pub fn verdict(verdict: &RunVerdict, format: OutputFormat) -> Result<()> {
    match format {
        OutputFormat::Json => say(serde_json::to_string(verdict)?),
        OutputFormat::Text => print_verdict(verdict),
    }
    Ok(())
}

fn print_verdict(verdict: &RunVerdict) {
    let (word, colour) = word(verdict.verdict);
    say(format!(
        "{}  {}",
        colour.bold().apply_to(word),
        verdict.summary
    ));
    for check in &verdict.checks {
        if check.verdict != Verdict::Pass {
            print_check(check);
        }
    }
    let held = verdict.checks.iter().filter(|c| c.verdict == Verdict::Pass);
    let held: Vec<_> = held.map(|c| c.check.as_str()).collect();
    if !held.is_empty() {
        say(format!("\n  {} {}", style("held").green(), held.join(", ")));
    }
}

fn print_check(check: &CheckReport) {
    let (word, colour) = word(check.verdict);
    let word = colour.apply_to(word.to_lowercase());
    say(format!(
        "\n  {word} {}: {}",
        style(&check.check).bold(),
        check.summary
    ));
    for anomaly in check.anomalies.iter().take(ANOMALIES) {
        say(format!("    {}", anomaly.summary));
        for sentence in anomaly.argument.iter().take(ARGUMENT_LINES) {
            say(format!("      {sentence}"));
        }
    }
    let more = check.anomalies.len().saturating_sub(ANOMALIES);
    if more > 0 {
        say(format!("    ... and {more} more in the report"));
    }
}

/// A verdict as people read it.
pub(super) fn word(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => ("PASS", Style::new().green()),
        Verdict::Violation => ("VIOLATION", Style::new().red()),
        Verdict::Inconclusive => ("INCONCLUSIVE", Style::new().yellow()),
        Verdict::HarnessError => ("HARNESS ERROR", Style::new().magenta()),
    }
}
