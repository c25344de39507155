//! The progress line of a run, on stderr and only where that is a terminal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use shakedown_history::{FaultId, Phase};
use shakedown_plan::Plan;
use shakedown_workloads::Tally;

const REDRAW_MS: u64 = 100;

/// What a run is doing, one line that is drawn again and again.
pub struct Progress {
    bar: ProgressBar,
    work: Duration,
    tally: Arc<Tally>,
    faults: Arc<Mutex<BTreeMap<FaultId, String>>>,
}

impl Progress {
    /// The line of one run of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(REDRAW_MS));
        Self {
            bar,
            work: plan.time,
            tally: Arc::default(),
            faults: Arc::default(),
        }
    }

    /// What the clients count into.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// A step began.
    pub fn phase(&self, phase: Phase) {
        let words = match phase {
            Phase::Boot => "boot sandbox and network",
            Phase::Start => "start nodes",
            Phase::Work => return self.work_begins(),
            Phase::Heal => "heal everything",
            Phase::Recover => "wait until the cluster serves again",
            Phase::FinalReads => "final reads",
            Phase::Stop => "stop nodes",
        };
        self.bar.set_style(style("{spinner} {msg}"));
        self.bar.set_message(words);
    }

    fn work_begins(&self) {
        let (tally, faults) = (Arc::clone(&self.tally), Arc::clone(&self.faults));
        let work_s = self.work.as_secs_f64();
        let line = style("{elapsed_work} {ops} {faults}")
            .with_key(
                "elapsed_work",
                move |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
                    let _ = write!(w, "[{:>4.1}/{work_s} s]", state.elapsed().as_secs_f64());
                },
            )
            .with_key(
                "ops",
                move |_: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
                    let _ = write!(w, "{} ops, {} ok", tally.completed(), tally.ok());
                },
            )
            .with_key(
                "faults",
                move |_: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
                    for fault in faults
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .values()
                    {
                        let _ = write!(w, " · {fault}");
                    }
                },
            );
        self.bar.set_style(line);
        self.bar.reset_elapsed();
    }

    /// A fault is about to be injected.
    pub fn fault_begins(&self, fault: FaultId, summary: &str) {
        tracing::info!(%fault, summary, "fault");
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.insert(fault, summary.to_owned());
    }

    /// A fault is over.
    pub fn fault_ends(&self, fault: FaultId) {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&fault);
    }

    /// The run is over; the line goes.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}
