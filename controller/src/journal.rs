//! The run's clock, and what the controller writes down while a run goes on.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use shakedown_history::fault::FaultEvent;
use shakedown_history::{
    FaultId, FaultRecord, Format, Header, Phase, RunDir, RunEvent, RunRecord, jsonl,
};
use shakedown_workloads::Clock;

/// Nanoseconds since the run's start, on the machine's monotonic clock: the same that the nodes stamp
/// their traces with.
#[derive(Clone, Copy, Debug)]
pub struct RunClock {
    origin_ns: u64,
}

impl RunClock {
    /// The run starts now.
    pub fn start() -> Self {
        Self {
            origin_ns: monotonic_ns(),
        }
    }

    /// What the monotonic clock showed at the start.
    pub fn origin_ns(self) -> u64 {
        self.origin_ns
    }
}

impl Clock for RunClock {
    fn now_ns(&self) -> u64 {
        monotonic_ns() - self.origin_ns
    }
}

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
    let seconds = u64::try_from(now.tv_sec()).expect("the monotonic clock is positive");
    let nanos = u64::try_from(now.tv_nsec()).expect("nanoseconds are positive");
    seconds * 1_000_000_000 + nanos
}

/// `faults.jsonl` and `run.jsonl`, each record on disk before its effect.
pub struct Journal {
    clock: RunClock,
    faults: Mutex<File>,
    run: Mutex<File>,
}

impl Journal {
    /// Starts both files.
    ///
    /// # Errors
    /// If one cannot be made or written.
    pub fn create(dir: &RunDir, header: &Header, clock: RunClock) -> anyhow::Result<Self> {
        Ok(Self {
            clock,
            faults: Mutex::new(start(&dir.faults(), header, Format::Faults)?),
            run: Mutex::new(start(&dir.run_log(), header, Format::Run)?),
        })
    }

    /// Notes what happened to a fault.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn fault(&self, fault: FaultId, event: FaultEvent) -> anyhow::Result<()> {
        append(
            &self.faults,
            &FaultRecord {
                time: self.clock.now_ns(),
                fault,
                event,
            },
        )
    }

    /// Notes what happened to the run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn run(&self, event: RunEvent) -> anyhow::Result<()> {
        append(
            &self.run,
            &RunRecord {
                time: self.clock.now_ns(),
                event,
            },
        )
    }

    /// Notes that a step began.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn phase(&self, phase: Phase) -> anyhow::Result<()> {
        tracing::info!(?phase, "phase");
        self.run(RunEvent::Phase(phase))
    }
}

fn start(path: &Path, header: &Header, format: Format) -> anyhow::Result<File> {
    let mut file =
        File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
    jsonl::write_line(
        &mut file,
        &Header {
            format,
            ..header.clone()
        },
    )
    .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file)
}

fn append(file: &Mutex<File>, record: &impl Serialize) -> anyhow::Result<()> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    jsonl::write_line(&mut *file, record).context("cannot write to the run directory: disk full?")
}
