//! `shakedown campaign`: the same plan with many seeds. Each run is a process of its own, so that
//! none can harm the next.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use shakedown_checker::Verdict;
use shakedown_plan::Campaign;

use crate::cli::CampaignArgs;
use crate::commands::plan;
use crate::ui::{self, RunResult};

/// # Errors
/// If our own executable cannot be started.
pub fn campaign(args: &CampaignArgs) -> Result<ExitCode> {
    let plan = match plan::read(&args.plan) {
        Ok(plan) => plan,
        Err(wrong) => return Ok(wrong),
    };
    let settings = plan.campaign.clone().unwrap_or_default();
    let limits = Campaign {
        runs: args.runs.unwrap_or(settings.runs),
        budget: args.budget.unwrap_or(settings.budget),
    };
    let begin = Instant::now();
    let mut results: Vec<RunResult> = Vec::new();
    for number in 0..limits.runs {
        if begin.elapsed() >= limits.budget {
            break;
        }
        let seed = plan.for_run(number).seed;
        let result = run_once(args, seed)?;
        ui::campaign_line(number + 1, limits.runs, &result, args.plan.format);
        let stopped = result.interrupted;
        results.push(result);
        if stopped {
            break;
        }
    }
    let worst = results
        .iter()
        .map(|r| r.verdict)
        .max()
        .unwrap_or(Verdict::Inconclusive);
    ui::campaign_ends(
        &results,
        begin.elapsed(),
        &args.plan.store,
        args.plan.format,
    );
    Ok(ExitCode::from(worst.exit_code()))
}

fn run_once(args: &CampaignArgs, seed: u64) -> Result<RunResult> {
    let output = Command::new(std::env::current_exe().context("cannot find our own executable")?)
        .args(arguments(args, seed))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start a run")?;
    Ok(RunResult::read(&output.stdout, output.status, seed))
}

/// The command line of one run: ours, with its seed.
fn arguments(args: &CampaignArgs, seed: u64) -> Vec<std::ffi::OsString> {
    let plan = &args.plan;
    let mut line: Vec<std::ffi::OsString> = vec!["run".into()];
    line.extend(
        plan.plan
            .iter()
            .map(|p: &PathBuf| p.clone().into_os_string()),
    );
    let mut flag = |name: &str, value: Option<std::ffi::OsString>| {
        if let Some(value) = value {
            line.push(name.into());
            line.push(value);
        }
    };
    flag("--seed", Some(seed.to_string().into()));
    flag(
        "--time",
        plan.time.map(|t| format!("{}ms", t.as_millis()).into()),
    );
    flag("--nodes", plan.nodes.map(|n| n.to_string().into()));
    flag("--planted-bug", plan.planted_bug.clone().map(Into::into));
    flag("--store", Some(plan.store.clone().into_os_string()));
    flag("--format", Some("json".into()));
    line
}
