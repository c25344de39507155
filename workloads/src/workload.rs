//! What is asked, and who judges the answers.

use serde_json::Value;
use shakedown_checker::{Budget, CheckReport};
use shakedown_history::History;

use crate::client::Answer;

/// One operation that a process is about to invoke.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `read`, `write`, `cas`, ...
    pub f: &'static str,
    /// The key, where the workload has keys.
    pub key: Option<String>,
    /// The arguments, as the history records them.
    pub value: Value,
}

impl Request {
    /// Whether it cannot change anything, so that no answer means no effect.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.f == "read"
    }
}

/// What a cluster is asked during a run.
///
/// Threads are numbered from 0. Every choice comes from the seed and, per thread, from that thread's
/// own earlier answers, never from the clock.
pub trait Workload: Send {
    /// The next operation of a thread.
    fn next(&mut self, thread: usize) -> Request;

    /// Tells what a thread learnt, so that its next operations can build on it.
    fn learn(&mut self, thread: usize, request: &Request, answer: &Answer);

    /// What to read when everything has healed.
    fn final_reads(&self) -> Vec<Request>;

    /// A write that must succeed once everything has healed.
    fn liveness_probe(&mut self) -> Request;

    /// Judges the history.
    fn check(&self, history: &History, budget: Budget) -> Vec<CheckReport>;
}
