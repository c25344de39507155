//! One line a run, and what they came to.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};
use shakedown_checker::Verdict;

use super::outcome::word;
use super::say;
use crate::cli::OutputFormat;

/// What one run of a campaign said.
pub struct RunResult {
    /// Its seed.
    pub seed: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// Whether somebody stopped it.
    pub interrupted: bool,
    /// All that it said.
    said: Value,
}

impl RunResult {
    /// Reads the JSON that `shakedown run --format json` prints. A run that printed none broke down:
    /// a harness error.
    pub fn read(stdout: &[u8], status: ExitStatus, seed: u64) -> Self {
        let broken = || {
            json!({
                "verdict": Verdict::HarnessError,
                "summary": format!("the run ended without a result: {status}"),
            })
        };
        let said: Value = serde_json::from_slice(stdout).unwrap_or_else(|_| broken());
        let verdict = serde_json::from_value(said["verdict"].clone());
        let interrupted = said["summary"] == "the run was interrupted";
        Self {
            seed,
            verdict: verdict.unwrap_or(Verdict::HarnessError),
            interrupted,
            said,
        }
    }

    fn text(&self, field: &str) -> &str {
        self.said[field].as_str().unwrap_or_default()
    }
}

/// A run of a campaign is over.
pub fn campaign_line(number: u64, of: u64, result: &RunResult, format: OutputFormat) {
    if format == OutputFormat::Json {
        return;
    }
    let (word, colour) = word(result.verdict);
    let seconds = result.said["duration_ns"].as_f64().unwrap_or_default() / 1e9;
    let line = format!(
        "[{number}/{of}] seed {:<6} {:<13} {:>8} ops {seconds:>6.1} s  {}",
        result.seed,
        colour.apply_to(word),
        result.said["ops"].as_u64().unwrap_or_default(),
        result.text("summary"),
    );
    say(line);
}

/// The campaign is over.
pub fn campaign_ends(results: &[RunResult], took: Duration, store: &Path, format: OutputFormat) {
    let of = |verdict| results.iter().filter(|r| r.verdict == verdict).count();
    let index = store.join("index.html");
    if format == OutputFormat::Json {
        let runs: Vec<_> = results.iter().map(|r| &r.said).collect();
        say(json!({ "runs": runs, "index": index, "seconds": took.as_secs_f64() }));
        return;
    }
    say("");
    for result in results.iter().filter(|r| r.verdict != Verdict::Pass) {
        let (word, colour) = word(result.verdict);
        say(format!(
            "{} seed {}: {}",
            colour.apply_to(word),
            result.seed,
            result.text("summary")
        ));
        say(format!("  report  {}", result.text("report")));
        say(format!("  repeat  {}", result.text("repeat_command")));
    }
    say(format!(
        "{} runs in {:.0} s: {} passed, {} violations, {} inconclusive, {} harness errors",
        results.len(),
        took.as_secs_f64(),
        of(Verdict::Pass),
        of(Verdict::Violation),
        of(Verdict::Inconclusive),
        of(Verdict::HarnessError),
    ));
    say(format!("index   {}", index.display()));
}
