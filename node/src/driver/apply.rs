//! The thread that applies, so that the protocol goes on while the state machine works. As with the
//! disk, one batch is under way and all that comes meanwhile is the next: a thread is woken once for
//! many entries.

use std::sync::{Arc, mpsc};
use std::thread;

use shakedown_history::Index;
use tokio::sync::Notify;

use super::state_machine::{Job, Outcomes, StateMachine};

/// The state machine's side of the driver.
#[derive(Debug)]
pub(super) struct Applier {
    batches: mpsc::Sender<Vec<Job>>,
    outcomes: mpsc::Receiver<Outcomes>,
    done: Arc<Notify>,
    waiting: Vec<Job>,
    under_way: bool,
    queued: Index,
}

impl Applier {
    /// Starts the thread, which ends with the applier.
    pub(super) fn start(machine: StateMachine) -> Self {
        let (batches, inbox) = mpsc::channel();
        let (outbox, outcomes) = mpsc::channel();
        let done = Arc::new(Notify::new());
        let applier = Self {
            batches,
            outcomes,
            done: Arc::clone(&done),
            waiting: Vec::new(),
            under_way: false,
            queued: machine.applied(),
        };
        thread::Builder::new()
            .name("apply".to_owned())
            .spawn(move || work(machine, &inbox, &outbox, &done))
            .expect("the system can start one thread");
        applier
    }

    /// How far the state machine will be once everything pushed is done.
    pub(super) fn queued(&self) -> Index {
        self.queued
    }

    /// Adds a job behind those before it.
    pub(super) fn push(&mut self, job: Job) {
        match &job {
            Job::Apply { entry, .. } => self.queued = entry.id.index,
            Job::Install(snapshot) => self.queued = snapshot.header.last.index,
            Job::Read(_) | Job::TakeSnapshot | Job::Preview { .. } => {}
        }
        self.waiting.push(job);
    }

    /// Hands over what waits, unless a batch is under way.
    pub(super) fn submit(&mut self) {
        if !self.under_way && !self.waiting.is_empty() {
            let batch = std::mem::take(&mut self.waiting);
            self.batches
                .send(batch)
                .expect("the apply thread runs as long as the driver");
            self.under_way = true;
        }
    }

    /// Waits for the batch under way; pends for ever when there is none. Cancel safe.
    pub(super) async fn outcomes(&mut self) -> Outcomes {
        loop {
            if let Ok(outcomes) = self.outcomes.try_recv() {
                self.under_way = false;
                return outcomes;
            }
            self.done.notified().await;
        }
    }

    /// Does everything that waits now, and blocks until it is done.
    pub(super) fn drain(&mut self) -> Vec<Outcomes> {
        let mut all = Vec::new();
        self.submit();
        while self.under_way {
            let outcomes = self.outcomes.recv();
            all.push(outcomes.expect("the apply thread runs as long as the driver"));
            self.under_way = false;
            self.submit();
        }
        all
    }
}

fn work(
    mut machine: StateMachine,
    inbox: &mpsc::Receiver<Vec<Job>>,
    outbox: &mpsc::Sender<Outcomes>,
    done: &Notify,
) {
    while let Ok(jobs) = inbox.recv() {
        if outbox.send(machine.run(jobs)).is_err() {
            return;
        }
        done.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use shakedown_history::{LogHash, LogId};
    use shakedown_raft::{Entry, Payload};

    use super::*;
    use crate::kv::Sessions;

    fn noop(index: u64) -> Job {
        Job::Apply {
            entry: Entry::new(LogHash::EMPTY, LogId::new(1, index), Payload::Noop),
            answer: None,
        }
    }

    #[tokio::test]
    async fn what_comes_while_a_batch_is_under_way_is_the_next() {
        let mut applier = Applier::start(StateMachine::new(Sessions::Kept));
        applier.push(noop(1));
        applier.submit();
        applier.push(noop(2));
        applier.submit();
        applier.push(noop(3));
        assert_eq!(applier.queued(), Index(3));
        assert_eq!(applier.outcomes().await.applied, Index(1));
        applier.submit();
        assert_eq!(applier.outcomes().await.applied, Index(3));
    }

    #[tokio::test]
    async fn draining_does_all_that_waits() {
        let mut applier = Applier::start(StateMachine::new(Sessions::Kept));
        applier.push(noop(1));
        applier.submit();
        applier.push(noop(2));
        let applied: Vec<_> = applier.drain().iter().map(|o| o.applied).collect();
        assert_eq!(applied, [Index(1), Index(2)]);
        assert!(applier.drain().is_empty());
        applier.push(noop(3));
        applier.submit();
        assert_eq!(
            applier.outcomes().await.applied,
            Index(3),
            "a late wake-up does no harm"
        );
    }
}
