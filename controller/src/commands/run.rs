//! `shakedown run`: one run in a sandbox, judged and reported.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use shakedown_history::{Format, Header, RunDir, RunEvent, RunRecord, jsonl};
use shakedown_plan::Plan;
use shakedown_report::RunSummary;
use shakedown_sandbox::{Sandbox, Side};
use shakedown_workloads::Clock as _;

use crate::cli::{OutputFormat, RunArgs};
use crate::commands::plan;
use crate::interrupt::Interrupt;
use crate::journal::RunClock;
use crate::judge::judge_and_report;
use crate::run::Run;
use crate::store::Store;
use crate::ui::{self, Progress};

/// # Errors
/// If the store cannot be written or there is no sandbox to be had.
pub fn run(args: &RunArgs) -> Result<ExitCode> {
    let plan = match plan::read(&args.plan) {
        Ok(plan) => plan,
        Err(wrong) => return Ok(wrong),
    };
    let started = jiff::Timestamp::now();
    let store = Store::open(&args.plan.store)?;
    let dir = store.new_run(
        &plan.name,
        &started.strftime("%Y%m%dT%H%M%SZ").to_string(),
        plan.seed,
    )?;
    crate::store::write_whole(&dir.plan(), plan.to_yaml().as_bytes())?;
    let clock = RunClock::start();
    let header = Header {
        format: Format::Run,
        version: jsonl::FORMAT_VERSION,
        seed: plan.seed,
        tool: ui::tool(),
        argv: std::env::args().collect(),
        origin_mono_ns: clock.origin_ns(),
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    };
    ui::run_begins(&plan, &dir, args.plan.format);
    // Nothing before this line may have started a thread.
    match shakedown_sandbox::enter()? {
        Side::Inside(sandbox) => {
            inside(&sandbox, &plan, &dir, header, clock)?;
            conclude(&store, &dir, args.plan.format)
        }
        Side::Outside(exit) if exit.is_crash() => {
            let error = format!("the controller broke down: {exit}");
            note_crash(&dir, clock, error)?;
            conclude(&store, &dir, args.plan.format)
        }
        Side::Outside(exit) => {
            let code = u8::try_from(exit.shell_code()).unwrap_or(u8::MAX);
            Ok(ExitCode::from(code))
        }
    }
}

fn inside(
    sandbox: &Sandbox,
    plan: &Plan,
    dir: &RunDir,
    header: Header,
    clock: RunClock,
) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let interrupt = Interrupt::listen().context("cannot listen for signals")?;
        let progress = Arc::new(Progress::new(plan));
        let run = Run {
            plan,
            dir,
            header,
            clock,
            interrupt,
            progress: Arc::clone(&progress),
        };
        let outcome = run.conduct(sandbox).await;
        progress.finish();
        outcome
    })
}

/// Judges, reports, and tells the person.
fn conclude(store: &Store, dir: &RunDir, format: OutputFormat) -> Result<ExitCode> {
    let (page, plan) = judge_and_report(dir)
        .with_context(|| format!("the run in {} is not judged", dir.path().display()))?;
    let href = store.relative(&dir.report()).display().to_string();
    let summary = RunSummary::of(&page, &plan, &href);
    store.add_to_index(dir, &summary)?;
    if page.verdict.verdict == shakedown_checker::Verdict::Pass {
        forget_data(dir);
    }
    ui::run_ends(&page, &summary, dir, format)?;
    Ok(ExitCode::from(page.verdict.verdict.exit_code()))
}

/// The nodes' disks are kept only where somebody will want to look into them.
fn forget_data(dir: &RunDir) {
    let data = dir.path().join("data");
    if let Err(error) = std::fs::remove_dir_all(&data) {
        tracing::warn!(%error, "cannot remove {}", data.display());
    }
}

/// The inside died without a word; the run log says so.
fn note_crash(dir: &RunDir, clock: RunClock, error: String) -> Result<()> {
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(dir.run_log())
        .with_context(|| format!("{error}; and there is no run log"))?;
    let record = RunRecord {
        time: clock.now_ns(),
        event: RunEvent::HarnessError { error },
    };
    jsonl::write_line(&mut log, &record).context("cannot write the run log")
}
