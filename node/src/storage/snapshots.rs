//! The thread that makes snapshots durable.

use std::path::PathBuf;
use std::sync::mpsc as thread_mpsc;
use std::thread;

use shakedown_history::LogId;
use shakedown_raft::Snapshot;
use tokio::sync::mpsc;

use super::log::DiskFailure;
use super::{StorageError, replace_durably};

/// One snapshot under way at a time.
#[derive(Debug)]
pub struct SnapshotSaver {
    snapshots: thread_mpsc::Sender<Snapshot>,
    outcomes: mpsc::Receiver<Result<LogId, DiskFailure>>,
}

impl SnapshotSaver {
    /// Starts the thread, which ends with the saver or with the first failure.
    #[must_use]
    pub fn start(dir: PathBuf) -> Self {
        let (snapshots, inbox) = thread_mpsc::channel::<Snapshot>();
        let (outbox, outcomes) = mpsc::channel(1);
        let write = move |snapshot: &Snapshot| {
            let bytes = postcard::to_stdvec(snapshot).expect("a snapshot is plain data");
            match replace_durably(&dir.join("snapshot"), &bytes) {
                Ok(()) => Ok(snapshot.header.last),
                Err(StorageError::Io { source, .. }) => Err(DiskFailure {
                    op: "snapshot",
                    source,
                }),
                Err(e) => unreachable!("writing finds nothing wrong with what is there: {e}"),
            }
        };
        thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || {
                for snapshot in inbox {
                    if outbox.blocking_send(write(&snapshot)).is_err() {
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

    /// Begins to make a snapshot durable.
    ///
    /// # Panics
    /// If the thread has ended: nothing may be saved after a failure.
    pub fn save(&self, snapshot: Snapshot) {
        self.snapshots
            .send(snapshot)
            .expect("the snapshot thread runs until it reports a failure");
    }

    /// Waits for the snapshot under way; pends for ever when there is none. Cancel safe.
    pub async fn saved(&mut self) -> Result<LogId, DiskFailure> {
        self.outcomes
            .recv()
            .await
            .expect("the snapshot thread runs until it reports a failure")
    }
}
