//! The nemesis: carries out the schedule, and writes down each fault before it is injected.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use shakedown_history::FaultId;
use shakedown_history::fault::FaultEvent;
use shakedown_plan::{Hit, Schedule, Step};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::fault::{self, Fault, Injection};
use crate::journal::Journal;
use crate::ui::Progress;

/// Who injects faults.
pub struct Nemesis {
    cluster: Arc<Cluster>,
    journal: Arc<Journal>,
    progress: Arc<Progress>,
    /// As many as the plan lets be in force at once. Healing takes its time: a fault whose turn has come
    /// waits until it is undone.
    turns: Semaphore,
    /// What the faults in force do.
    in_force: Mutex<BTreeMap<FaultId, Hit>>,
}

impl Nemesis {
    /// A nemesis that has done nothing yet, and never lets more than `overlap` faults be in force.
    pub fn new(
        cluster: Arc<Cluster>,
        journal: Arc<Journal>,
        progress: Arc<Progress>,
        overlap: usize,
    ) -> Self {
        Self {
            cluster,
            journal,
            progress,
            turns: Semaphore::new(overlap),
            in_force: Mutex::default(),
        }
    }

    /// Carries out `schedule`, counting from now. When `stop` turns true, faults in force are healed
    /// and no more are begun.
    ///
    /// # Errors
    /// If a fault could not be injected or healed, or the journal not be written. The others have been
    /// carried on with all the same.
    pub async fn work(self, schedule: Schedule, stop: watch::Receiver<bool>) -> Result<()> {
        let begin = Instant::now();
        let nemesis = Arc::new(self);
        let mut faults = JoinSet::new();
        for step in schedule.steps {
            faults.spawn(Arc::clone(&nemesis).carry_out(step, begin, stop.clone()));
        }
        let mut outcome = Ok(());
        while let Some(ended) = faults.join_next().await {
            outcome = outcome.and(ended.context("a fault's task was lost").flatten());
        }
        outcome
    }

    async fn carry_out(
        self: Arc<Self>,
        step: Step,
        begin: Instant,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        if stopped_before(begin + step.start, &mut stop).await {
            return Ok(());
        }
        let _turn = self
            .turns
            .acquire()
            .await
            .context("nobody closes the turns")?;
        if *stop.borrow() {
            return Ok(());
        }
        let mut fault = self.decide(&step).await;
        let spec = fault.spec();
        self.progress.fault_begins(step.id, &spec.summary);
        self.journal.fault(step.id, FaultEvent::Inject(spec))?;
        let outcome = self
            .inject_and_heal(step.id, step.length, fault.as_mut(), &mut stop)
            .await;
        self.progress.fault_ends(step.id);
        self.in_force.lock().await.remove(&step.id);
        if let Err(error) = &outcome {
            self.journal.fault(
                step.id,
                FaultEvent::Failed {
                    error: format!("{error:#}"),
                },
            )?;
        }
        outcome
    }

    async fn decide(&self, step: &Step) -> Box<dyn Fault> {
        // Held while deciding, so that of two faults the later knows of the earlier.
        let mut in_force = self.in_force.lock().await;
        let others: Vec<Hit> = in_force.values().cloned().collect();
        let (hit, fault) = fault::decide(step, &self.cluster, &others).await;
        in_force.insert(step.id, hit);
        fault
    }

    async fn inject_and_heal(
        &self,
        id: FaultId,
        length: Duration,
        fault: &mut dyn Fault,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<()> {
        match fault.inject(&self.cluster).await? {
            Injection::Skipped(reason) => self.journal.fault(id, FaultEvent::Skipped { reason }),
            Injection::InForce => {
                self.journal.fault(id, FaultEvent::Injected)?;
                tokio::select! {
                    _ = stopped_before(Instant::now() + length, stop) => {}
                    never = fault.endure(&self.cluster) => match never {},
                }
                let evidence = fault.heal(&self.cluster).await?;
                self.journal.fault(id, FaultEvent::Healed { evidence })
            }
        }
    }
}

/// Waits until `deadline`; says whether `stop` came first.
async fn stopped_before(deadline: Instant, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout_at(deadline, stop.wait_for(|stop| *stop))
        .await
        .is_ok()
}
