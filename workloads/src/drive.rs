//! The client processes at work.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shakedown_history::{OpKind, ProcessId};
use tokio::sync::watch;

use crate::client::{Client, Outcome};
use crate::recorder::{Entry, Recorder};
use crate::workload::{Request, Workload};

/// How long a process rests after a refusal, so that a cluster without a leader does not fill the
/// history with refusals.
const REST_AFTER_FAIL: Duration = Duration::from_millis(20);

/// What has been done so far, for progress lines and gates.
#[derive(Debug, Default)]
pub struct Tally {
    /// Completions that took effect.
    pub ok: AtomicU64,
    /// Definite failures.
    pub fail: AtomicU64,
    /// Indeterminate ones.
    pub info: AtomicU64,
}

impl Tally {
    fn count(&self, kind: OpKind) {
        let counter = match kind {
            OpKind::Ok => &self.ok,
            OpKind::Fail => &self.fail,
            OpKind::Info => &self.info,
            OpKind::Invoke => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How many have taken effect.
    #[must_use]
    pub fn ok(&self) -> u64 {
        self.ok.load(Ordering::Relaxed)
    }

    /// How many have completed in any way.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.ok() + self.fail.load(Ordering::Relaxed) + self.info.load(Ordering::Relaxed)
    }
}

/// Clients, a workload and a history, put to work together.
pub struct Drive {
    /// What is asked.
    pub workload: Arc<Mutex<dyn Workload>>,
    /// Where it is written down.
    pub recorder: Arc<Recorder>,
    /// What has been done.
    pub tally: Arc<Tally>,
    /// The run's seed: it decides the pauses of rate-limited processes.
    pub seed: u64,
    /// How many process ids are already taken.
    pub first_process: u64,
}

impl Drive {
    /// Lets one process a client work until `stop` turns true. `rate` limits all of them together, in
    /// ops per second; none means flat out. Returns the first process id not used.
    ///
    /// # Errors
    /// If the history cannot be written.
    pub async fn work(
        &self,
        clients: Vec<Box<dyn Client>>,
        rate: Option<f64>,
        stop: watch::Receiver<bool>,
    ) -> io::Result<u64> {
        let concurrency = clients.len() as u64;
        let mut threads = tokio::task::JoinSet::new();
        for (number, client) in clients.into_iter().enumerate() {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            random.set_stream(u64::MAX - number as u64);
            let thread = Thread {
                number,
                process: ProcessId(self.first_process + number as u64),
                concurrency,
                client,
                workload: Arc::clone(&self.workload),
                recorder: Arc::clone(&self.recorder),
                tally: Arc::clone(&self.tally),
                pace: rate.map(|rate| Pace {
                    mean: Duration::from_secs_f64(concurrency as f64 / rate),
                    random,
                }),
            };
            threads.spawn(thread.work(stop.clone()));
        }
        let mut next_process = self.first_process;
        while let Some(ended) = threads.join_next().await {
            let process = ended.map_err(io::Error::other)??;
            next_process = next_process.max(process.0 + concurrency);
        }
        Ok(next_process)
    }

    /// Asks one thing with a fresh process, as part of the final phase.
    ///
    /// # Errors
    /// If the history cannot be written.
    pub async fn ask_once(
        &self,
        process: ProcessId,
        client: &mut dyn Client,
        request: &Request,
    ) -> io::Result<Outcome> {
        recorded(&self.recorder, &self.tally, process, client, request, true).await
    }
}

/// One client thread: a succession of processes, each retired by an indeterminate op.
struct Thread {
    number: usize,
    process: ProcessId,
    concurrency: u64,
    client: Box<dyn Client>,
    workload: Arc<Mutex<dyn Workload>>,
    recorder: Arc<Recorder>,
    tally: Arc<Tally>,
    pace: Option<Pace>,
}

/// Pauses of a rate-limited process: uniform around the mean, so that processes do not march in step.
struct Pace {
    mean: Duration,
    random: ChaCha8Rng,
}

impl Thread {
    async fn work(mut self, mut stop: watch::Receiver<bool>) -> io::Result<ProcessId> {
        while !*stop.borrow() {
            let request = lock(&self.workload).next(self.number);
            let client = self.client.as_mut();
            let outcome = recorded(
                &self.recorder,
                &self.tally,
                self.process,
                client,
                &request,
                false,
            )
            .await?;
            match &outcome {
                Outcome::Ok(answer) => lock(&self.workload).learn(self.number, &request, answer),
                Outcome::Fail { .. } => rest(REST_AFTER_FAIL, &mut stop).await,
                Outcome::Info { .. } => self.process.0 += self.concurrency,
            }
            if let Some(pace) = &mut self.pace {
                let pause = pace.mean.mul_f64(pace.random.random_range(0.0..2.0));
                rest(pause, &mut stop).await;
            }
        }
        Ok(self.process)
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn rest(pause: Duration, stop: &mut watch::Receiver<bool>) {
    // An error means that nobody can stop us any more; the loop ends by itself then.
    let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
}

async fn recorded(
    recorder: &Recorder,
    tally: &Tally,
    process: ProcessId,
    client: &mut dyn Client,
    request: &Request,
    is_final: bool,
) -> io::Result<Outcome> {
    let invocation = Entry {
        process,
        kind: OpKind::Invoke,
        f: request.f,
        key: request.key.as_deref(),
        value: request.value.clone(),
        node: Some(client.node(request)),
        error: None,
        witness: None,
        is_final,
    };
    recorder.record(invocation.clone())?;
    let outcome = client.ask(request).await;
    let completion = match &outcome {
        Outcome::Ok(answer) => Entry {
            kind: OpKind::Ok,
            value: answer.value.clone(),
            node: Some(answer.node),
            witness: answer.witness,
            ..invocation
        },
        Outcome::Fail { error } => Entry {
            kind: OpKind::Fail,
            error: Some(error.clone()),
            ..invocation
        },
        Outcome::Info { error } => Entry {
            kind: OpKind::Info,
            error: Some(error.clone()),
            ..invocation
        },
    };
    tally.count(completion.kind);
    recorder.record(completion)?;
    Ok(outcome)
}
