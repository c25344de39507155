//! All checks on what a run left, and the page that shows them. It needs nothing but the run
//! directory, however the run ended.

use anyhow::{Context as _, Result};
use shakedown_checker::conduct::check_conduct;
use shakedown_checker::coverage::{CoverageContract, check_coverage};
use shakedown_checker::raft::check_traces;
use shakedown_checker::{Budget, CheckReport, RunVerdict, Verdict};
use shakedown_history::fault::{FaultWindow, windows};
use shakedown_history::{Format, Header, History, NodeTrace, ReadError, RunDir, RunRecord};
use shakedown_plan::{Known, Plan};
use shakedown_raft::PlantedBug;
use shakedown_report::{RunFile, RunPage, render_run};
use shakedown_workloads::Workload as _;

use crate::run::workload;
use crate::{store, ui};

/// What a run left, as far as it can be read.
pub struct Records {
    header: Header,
    plan: Plan,
    history: Option<History>,
    faults: Vec<FaultWindow>,
    traces: Vec<NodeTrace>,
    log: Vec<RunRecord>,
    /// Each file that could not be read, and why.
    unreadable: Vec<String>,
}

impl Records {
    /// Reads a run directory.
    ///
    /// # Errors
    /// If it has no readable plan: then it is not a run directory.
    pub fn read(dir: &RunDir) -> Result<Self> {
        let (plan, _) = Plan::read(
            &dir.plan(),
            &Known {
                planted_bugs: &planted_bugs(),
            },
        )
        .with_context(|| format!("{} is not a run directory", dir.path().display()))?;
        let mut unreadable = Vec::new();
        // A run that failed before its work began has no history; the run log says why.
        let history = dir
            .history()
            .exists()
            .then(|| History::read(&dir.history()));
        let history = history.and_then(|read| keep(read, &mut unreadable));
        let faults = keep(dir.read_faults(), &mut unreadable).unwrap_or_default();
        let traces = keep(dir.read_traces(), &mut unreadable).unwrap_or_default();
        let log = keep(dir.read_run_log(), &mut unreadable).unwrap_or_default();
        let (header, history) = history.map_or_else(
            || (without_history(dir, &plan), None),
            |(header, history)| (header, Some(history)),
        );
        let faults = windows(&faults);
        Ok(Self {
            header,
            plan,
            history,
            faults,
            traces,
            log,
            unreadable,
        })
    }

    /// Runs every check.
    pub fn judge(&self) -> RunVerdict {
        // First what may be behind everything else.
        let mut checks = check_conduct(&self.log);
        checks.extend(self.readable());
        checks.extend(self.workload_checks());
        checks.extend(check_traces(&self.traces, &self.plan.node_ids()));
        checks.push(self.coverage());
        checks.extend(self.every_family());
        RunVerdict::of_checks(checks)
    }

    fn readable(&self) -> Option<CheckReport> {
        let why = self.unreadable.first()?;
        let promise = "Every record of the run can be read";
        Some(CheckReport::new(
            "records",
            promise,
            Verdict::HarnessError,
            why,
        ))
    }

    fn workload_checks(&self) -> Vec<CheckReport> {
        let Some(history) = &self.history else {
            return Vec::new();
        };
        workload(&self.plan).check(history, budget(&self.plan))
    }

    fn coverage(&self) -> CheckReport {
        let wanted = &self.plan.coverage;
        let contract = CoverageContract {
            every_fault_bites: wanted.every_fault_bites,
            min_ok_ops_in_fault_windows: wanted.ok_ops_in_fault_windows,
            leader_change_if_leader_hit: wanted.leader_change,
            ..CoverageContract::default()
        };
        let nothing = History::new(Vec::new()).expect("an empty history is well-formed");
        let history = self.history.as_ref().unwrap_or(&nothing);
        check_coverage(
            history,
            &self.faults,
            &self.traces,
            self.header.origin_mono_ns,
            &contract,
        )
    }

    /// Every fault family of the plan bit at least once.
    fn every_family(&self) -> Option<CheckReport> {
        if !self.plan.coverage.every_family {
            return None;
        }
        let never: Vec<_> = self
            .plan
            .faults
            .never_bit(&self.faults)
            .iter()
            .map(ToString::to_string)
            .collect();
        let (verdict, summary) = if never.is_empty() {
            (Verdict::Pass, "every family of the plan bit".to_owned())
        } else {
            (
                Verdict::Inconclusive,
                format!("these families never bit: {}", never.join(", ")),
            )
        };
        let promise = "Every fault family of the plan bit at least once";
        Some(CheckReport::new(
            "fault-families",
            promise,
            verdict,
            summary,
        ))
    }

    /// The page for people. It takes the records over: those of a long run are large.
    pub fn into_page(self, dir: &RunDir, verdict: RunVerdict) -> RunPage {
        RunPage {
            name: store::name_of(dir),
            header: self.header,
            plan_yaml: self.plan.to_yaml(),
            verdict,
            history: self.history,
            faults: self.faults,
            traces: self.traces,
            files: files(dir),
            notes: self.unreadable,
            repeat_command: format!("shakedown run {}", store::from_here(&dir.plan()).display()),
        }
    }
}

/// Judges a run and writes `verdict.json` and `report.html`. Returns the page and the plan's name.
///
/// # Errors
/// If the directory is not a run's, or the files cannot be written.
pub fn judge_and_report(dir: &RunDir) -> Result<(RunPage, String)> {
    let records = Records::read(dir)?;
    let verdict = records.judge();
    store::write_whole(&dir.verdict(), &serde_json::to_vec_pretty(&verdict)?)?;
    let plan = records.plan.name.clone();
    let page = records.into_page(dir, verdict);
    store::write_whole(&dir.report(), render_run(&page).as_bytes())?;
    Ok((page, plan))
}

/// The names of all bugs that this build can plant.
pub fn planted_bugs() -> Vec<&'static str> {
    let compiled_in = cfg!(feature = "planted-bugs");
    PlantedBug::ALL
        .iter()
        .filter(|_| compiled_in)
        .map(|bug| bug.row().name)
        .collect()
}

fn budget(plan: &Plan) -> Budget {
    let memory_bytes = usize::try_from(plan.checks.memory_mib << 20).unwrap_or(usize::MAX);
    Budget {
        time: plan.checks.time,
        memory_bytes,
    }
}

fn keep<T>(read: Result<T, ReadError>, unreadable: &mut Vec<String>) -> Option<T> {
    read.map_err(|error| unreadable.push(error.to_string()))
        .ok()
}

/// The header of a run that did not get as far as its history.
fn without_history(dir: &RunDir, plan: &Plan) -> Header {
    let log = shakedown_history::jsonl::read::<RunRecord>(&dir.run_log(), Format::Run);
    log.map(|lines| lines.header).unwrap_or(Header {
        format: Format::Run,
        version: shakedown_history::jsonl::FORMAT_VERSION,
        seed: plan.seed,
        tool: ui::tool(),
        argv: Vec::new(),
        origin_mono_ns: 0,
        started: String::new(),
    })
}

/// The directory's files, but for the page itself and the nodes' data.
fn files(dir: &RunDir) -> Vec<RunFile> {
    let mut files = Vec::new();
    for folder in ["", "trace", "log"] {
        let Ok(listing) = std::fs::read_dir(dir.path().join(folder)) else {
            continue;
        };
        for entry in listing.flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if !metadata.is_file() || path == dir.report() {
                continue;
            }
            let relative = path.strip_prefix(dir.path()).unwrap_or(&path);
            let path = relative.display().to_string();
            files.push(RunFile {
                path,
                bytes: metadata.len(),
                sha256: None,
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
