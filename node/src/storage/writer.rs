//! The thread that writes and syncs, so that the node goes on while its disk works.

use std::sync::mpsc as thread_mpsc;
use std::thread;

use shakedown_raft::Persist;
use tokio::sync::mpsc;

use super::failure::DiskFailure;
use super::log::Log;
use super::synced::Synced;

/// The disk's side of the driver: one batch under way at a time.
#[derive(Debug)]
pub struct Writer {
    batches: thread_mpsc::Sender<Vec<Persist>>,
    outcomes: mpsc::Receiver<Result<Synced, DiskFailure>>,
}

impl Writer {
    /// Starts the thread, which ends with the writer or with the first failure. `ignores_failures` makes
    /// it go on, for the planted bug of that kind.
    #[must_use]
    pub fn start(mut log: Log, ignores_failures: bool) -> Self {
        let (batches, inbox) = thread_mpsc::channel::<Vec<Persist>>();
        let (outbox, outcomes) = mpsc::channel(1);
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || {
                for batch in inbox {
                    let outcome = log.append(&batch);
                    let failed = outcome.is_err();
                    if outbox.blocking_send(outcome).is_err() || (failed && !ignores_failures) {
                        return;
                    }
                }
            })
            .expect("the system can start one thread");
        Self { batches, outcomes }
    }

    /// Begins to write a batch, as one frame with one sync where that is possible.
    ///
    /// # Panics
    /// If the thread has ended: nothing may be submitted after a failure.
    pub fn submit(&self, batch: Vec<Persist>) {
        self.batches
            .send(batch)
            .expect("the disk thread runs until it reports a failure");
    }

    /// Waits for the batch under way; pends for ever when there is none. Cancel safe.
    ///
    /// # Errors
    /// If the disk refuses: the node must stop.
    pub async fn outcome(&mut self) -> Result<Synced, DiskFailure> {
        self.outcomes
            .recv()
            .await
            .expect("the disk thread runs until it reports a failure")
    }
}
