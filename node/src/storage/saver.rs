//! The thread that saves the node's own snapshots, so that the log does not wait for them.

use std::sync::mpsc as thread_mpsc;
use std::thread;

use shakedown_raft::{LogId, Snapshot};
use tokio::sync::mpsc;

use super::failure::DiskFailure;
use super::snapshots::Snapshots;
use super::synced::Synced;

/// The way to the thread.
#[derive(Debug)]
pub struct SnapshotSaver {
    snapshots: thread_mpsc::Sender<Snapshot>,
    outcomes: mpsc::UnboundedReceiver<Result<LogId, DiskFailure>>,
}

impl SnapshotSaver {
    /// Starts the thread, which ends with the saver or with the first failure.
    #[must_use]
    pub fn start(dir: Snapshots) -> Self {
        let (snapshots, inbox) = thread_mpsc::channel::<Snapshot>();
        let (outbox, outcomes) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || {
                for snapshot in inbox {
                    let saved = dir.write(&snapshot, "saving", &mut Synced::default());
                    let failed = saved.is_err();
                    let outcome = saved.map(|()| snapshot.header.last);
                    if outbox.send(outcome).is_err() || failed {
                        return;
                    }
                }
            })
            .expect("the system can start one thread");
        Self {
            snapshots,
            outcomes,
        }
    }

    /// Begins to save a snapshot; they are saved in the order they come.
    ///
    /// # Panics
    /// If the thread has ended: nothing may be saved after a failure was reported.
    pub fn save(&self, snapshot: Snapshot) {
        self.snapshots
            .send(snapshot)
            .expect("the thread runs until it reports a failure");
    }

    /// Waits for the next snapshot that is durable, file and directory; pends for ever when none is under
    /// way. Cancel safe.
    ///
    /// # Errors
    /// If the disk refuses: the node must stop.
    pub async fn saved(&mut self) -> Result<LogId, DiskFailure> {
        self.outcomes
            .recv()
            .await
            .expect("the thread runs until it reports a failure")
    }
}
