//! The thread that writes and syncs, so that the node goes on while its disk works.

use std::sync::mpsc as thread_mpsc;
use std::thread;
use std::time::{Duration, Instant};

use shakedown_raft::Persist;
use tokio::sync::mpsc;

use super::log::{DiskFailure, Log};

/// What one batch cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// How many bytes were written.
    pub bytes: u64,
    /// How many syncs it took.
    pub fsyncs: u64,
    /// How long all of it took.
    pub took: Duration,
}

/// The disk's side of the driver: one batch under way at a time.
#[derive(Debug)]
pub struct Writer {
    batches: thread_mpsc::Sender<Vec<Persist>>,
    outcomes: mpsc::Receiver<Result<Synced, DiskFailure>>,
}

impl Writer {
    /// Starts the thread, which ends with the writer or with the first failure.
    #[must_use]
    pub fn start(mut log: Log) -> Self {
        let (batches, inbox) = thread_mpsc::channel::<Vec<Persist>>();
        let (outbox, outcomes) = mpsc::channel(1);
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || {
                for batch in inbox {
                    let begin = Instant::now();
                    let outcome = log.append(&batch).map(|()| Synced {
                        fsyncs: 1,
                        took: begin.elapsed(),
                        ..Synced::default()
                    });
                    let failed = outcome.is_err();
                    if outbox.blocking_send(outcome).is_err() || failed {
                        return;
                    }
                }
            })
            .expect("the system can start one thread");
        Self { batches, outcomes }
    }

    /// Begins to write a batch: one frame, one sync.
    ///
    /// # Panics
    /// If the thread has ended: nothing may be submitted after a failure.
    pub fn submit(&self, batch: Vec<Persist>) {
        self.batches
            .send(batch)
            .expect("the disk thread runs until it reports a failure");
    }

    /// Waits for the batch under way; pends for ever when there is none. Cancel safe.
    pub async fn outcome(&mut self) -> Result<Synced, DiskFailure> {
        self.outcomes
            .recv()
            .await
            .expect("the disk thread runs until it reports a failure")
    }
}
