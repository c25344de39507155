//! The clients of one run.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use shakedown_history::{Format, Header, ProcessId};
use shakedown_plan::{Plan, WorkloadKind};
use shakedown_workloads::{Client, Drive, Mix, Outcome, Recorder, Register, Request, Workload};
use tokio::sync::watch;

use super::Run;
use crate::cluster::Cluster;

/// The workload, its recorder, and the numbers of its processes.
pub(crate) struct Clients {
    drive: Drive,
    processes: usize,
    rate: Option<f64>,
}

/// The workload that a plan asks for.
pub fn workload(plan: &Plan) -> Register {
    let settings = &plan.workload;
    match settings.kind {
        WorkloadKind::Register => {
            let mix = Mix {
                read: settings.mix.read,
                write: settings.mix.write,
                cas: settings.mix.cas,
            };
            Register::new(
                plan.seed,
                settings.processes,
                settings.keys,
                settings.skew,
                mix,
            )
        }
    }
}

impl Clients {
    pub(super) fn create(run: &Run<'_>) -> Result<Self> {
        let header = Header {
            format: Format::History,
            ..run.header.clone()
        };
        let path = run.dir.history();
        let recorder = Recorder::create(&path, &header, Box::new(run.clock))
            .with_context(|| format!("cannot start {}", path.display()))?;
        let drive = Drive {
            workload: Arc::new(Mutex::new(workload(run.plan))),
            recorder: Arc::new(recorder),
            tally: run.progress.tally(),
            seed: run.plan.seed,
            first_process: 0,
        };
        let settings = &run.plan.workload;
        Ok(Self {
            drive,
            processes: settings.processes,
            rate: settings.rate,
        })
    }

    /// Lets all processes work until `stopped`; if one fails, `stop` makes everybody else end too.
    pub(super) async fn work(
        &mut self,
        cluster: &Cluster,
        stopped: watch::Receiver<bool>,
        stop: &watch::Sender<bool>,
    ) -> Result<()> {
        let clients: Result<Vec<_>> = (0..self.processes)
            .map(|p| cluster.system().client(p))
            .collect();
        let worked = self.drive.work(clients?, self.rate, stopped).await;
        if worked.is_err() {
            // Nobody listens any more if the nemesis has ended already.
            let _ = stop.send(true);
        }
        self.drive.first_process = worked.context("cannot write the history: disk full?")?;
        Ok(())
    }

    /// A process that has not been used, and a client for it.
    pub(super) fn fresh(
        &mut self,
        cluster: &Cluster,
        home: usize,
    ) -> Result<(ProcessId, Box<dyn Client>)> {
        let process = self.drive.first_process;
        self.drive.first_process += 1;
        Ok((ProcessId(process), cluster.system().client(home)?))
    }

    /// Asks one thing as part of the final phase.
    pub(super) async fn ask(
        &self,
        process: ProcessId,
        client: &mut dyn Client,
        request: &Request,
    ) -> Result<Outcome> {
        self.drive
            .ask_once(process, client, request)
            .await
            .context("cannot write the history")
    }

    pub(super) fn probe(&self) -> Request {
        lock(&self.drive.workload).liveness_probe()
    }

    pub(super) fn final_reads(&self) -> Vec<Request> {
        lock(&self.drive.workload).final_reads()
    }
}

fn lock(workload: &Mutex<dyn Workload>) -> std::sync::MutexGuard<'_, dyn Workload + 'static> {
    workload
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
