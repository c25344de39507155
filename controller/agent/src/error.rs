//! What can go wrong on a host.

use std::io;
use std::net::SocketAddr;

use shakedown_clock::ClockError;

use crate::protocol::Exit;

/// A command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is nothing to inject a fault into.
    #[error("the node does not run: it was never started; start it first")]
    NeverStarted,
    /// The node is dead already.
    #[error("the node does not run: process {pid} ended with {exit}; start it first")]
    Dead {
        /// The process that was.
        pid: i32,
        /// How it ended.
        exit: Exit,
    },
    /// One agent has one node.
    #[error("the node runs already as process {pid}; kill it first")]
    AlreadyRunning {
        /// The process.
        pid: i32,
    },
    /// Pausing twice would count one pause twice.
    #[error("process {pid} is paused already; resume it first")]
    AlreadyPaused {
        /// The process.
        pid: i32,
    },
    /// There is no pause to end.
    #[error("process {pid} is not paused")]
    NotPaused {
        /// The process.
        pid: i32,
    },
    /// It died under our hands.
    #[error("process {pid} ended while its threads were watched")]
    EndedMeanwhile {
        /// The process.
        pid: i32,
    },
    /// A command without a program.
    #[error("argv is empty: name the program to start")]
    NoProgram,
    /// A process outlived its deadline.
    #[error("process {pid} has not ended {deadline_ms} ms after {signal}; send SIGKILL")]
    Outlived {
        /// The process.
        pid: i32,
        /// What it was sent.
        signal: &'static str,
        /// How long it had.
        deadline_ms: u64,
    },
    /// Its threads did not get into the state that they should be in.
    #[error("the threads of process {pid} are in states {states} {waited_ms} ms after {signal}")]
    WrongState {
        /// The process.
        pid: i32,
        /// What it was sent.
        signal: &'static str,
        /// One letter a thread, as in `/proc/<pid>/stat`.
        states: String,
        /// How long we waited.
        waited_ms: u128,
    },
    /// The clock could not be moved.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The node did not say how it is.
    #[error("GET http://{addr}/v1/status: {reason}")]
    Status {
        /// Where it should listen.
        addr: SocketAddr,
        /// Why there is no answer.
        reason: String,
    },
    /// The system refused something.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
}

impl AgentError {
    /// For `map_err`: the system refused `what`.
    pub(crate) fn system<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }
}
