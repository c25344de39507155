//! The frames between controller and agent: one JSON object a line, both ways.
//!
//! The controller writes [`Request`]s to the agent's stdin. The agent writes [`Frame`]s to its
//! stdout: one [`Response`] to each request, in order, and [`Event`]s whenever they happen.
//! Closing stdin ends the agent and everything that it started.
//!
//! ```text
//! → {"id":1,"command":{"start_node":{"argv":["raft-node","--id","n1"],"log":"/run/n1.log","workdir":"/"}}}
//! ← {"response":{"id":1,"result":{"Ok":{"started":{"pid":4711,"evidence":[]}}}}}
//! → {"id":2,"command":"pause_node"}
//! ← {"response":{"id":2,"result":{"Ok":{"evidence":{"bit":true,"summary":"all 9 threads stopped after 1 ms","detail":{}}}}}}
//! ← {"event":{"node_exited":{"pid":4711,"exit":{"signal":11}}}}
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shakedown_clock::Clock;
use shakedown_history::Evidence;

/// What the controller asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the controller; the [`Response`] repeats it.
    pub id: u64,
    /// What to do.
    pub command: Command,
}

/// One thing to do to the node of this agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Start the node, with the clocks in force, if any. Answered by [`Reply::Started`]; an error
    /// while it runs.
    StartNode(StartNode),
    /// Send a signal that ends the node, and wait until it is reaped. Answered by
    /// [`Reply::Exited`]; an error if the node does not run or outlives the deadline.
    KillNode {
        /// Which signal.
        signal: KillSignal,
        /// How long it may take to end.
        deadline_ms: u64,
    },
    /// SIGSTOP, until every thread is stopped. Answered by [`Reply::Evidence`].
    PauseNode,
    /// SIGCONT, until no thread is stopped. Answered by [`Reply::Evidence`]: how long the node was
    /// paused and what it did meanwhile (nothing, if the fault bit).
    ResumeNode,
    /// Move one clock of the node. It stays in force through restarts of the node, until
    /// [`Command::ResetClocks`]. Answered by [`Reply::Evidence`].
    SetClock {
        /// Which.
        clock: Clock,
        /// How far it jumps, in nanoseconds. Zero changes the rate only. Below zero is refused for
        /// the monotonic clock.
        #[serde(default)]
        step_ns: i64,
        /// How fast it runs from now on, relative to real time; none leaves its rate alone.
        #[serde(default)]
        rate: Option<f64>,
        /// Where the node serves `/v1/status`, to ask what it sees; without it, the evidence is the
        /// skew by the control block alone.
        #[serde(default)]
        status: Option<StatusSource>,
    },
    /// Give the node both real clocks back. Answered by [`Reply::Evidence`] about the moment just
    /// before, which under a rate is the only telling one: then the skew has added up. A monotonic
    /// clock that is ahead keeps its lead until the node's next start, because it never goes back.
    ResetClocks {
        /// As in [`Command::SetClock`].
        #[serde(default)]
        status: Option<StatusSource>,
    },
    /// Answered by [`Reply::NodeState`].
    NodeState,
    /// Ask the node for `/v1/status`. Answered by [`Reply::Status`].
    Status(StatusSource),
    /// Remove everything in the node's data directory, which itself stays. Answered by
    /// [`Reply::Evidence`]; an error while the node runs.
    WipeData {
        /// The directory.
        dir: PathBuf,
    },
    /// Heal every fault, end the node, answer [`Reply::Done`], exit.
    Shutdown,
}

/// Where a node says how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusSource {
    /// Where it serves `/v1/status`.
    pub addr: SocketAddr,
    /// What lets us in, where that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl From<SocketAddr> for StatusSource {
    /// A node that lets everybody in.
    fn from(addr: SocketAddr) -> Self {
        Self { addr, token: None }
    }
}

/// How to start a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartNode {
    /// The program and its arguments. No shell reads them.
    pub argv: Vec<String>,
    /// Set in addition to the agent's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where its stdout and stderr are appended.
    pub log: PathBuf,
    /// Its working directory.
    pub workdir: PathBuf,
}

/// A signal that ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KillSignal {
    /// At once; the node cannot react.
    #[serde(rename = "SIGKILL")]
    Kill,
    /// The node is asked to end in order.
    #[serde(rename = "SIGTERM")]
    Term,
}

impl From<KillSignal> for Signal {
    fn from(signal: KillSignal) -> Self {
        match signal {
            KillSignal::Kill => Self::SIGKILL,
            KillSignal::Term => Self::SIGTERM,
        }
    }
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Frame {
    /// To a request.
    Response(Response),
    /// Unasked.
    Event(Event),
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The request's; none if the request could not be read.
    pub id: Option<u64>,
    /// What came of it; the error says what failed and what to do.
    pub result: Result<Reply, String>,
}

/// What a command that succeeded answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// To [`Command::StartNode`].
    Started {
        /// The new process.
        pid: i32,
        /// One for each clock that was skewed again from the first instruction.
        evidence: Vec<Evidence>,
    },
    /// To [`Command::KillNode`].
    Exited {
        /// How the node ended.
        exit: Exit,
        /// That it did. Its `node` is none, as everywhere here: the controller knows whose agent
        /// this is and fills it in.
        evidence: Evidence,
    },
    /// Whether a fault, or its healing, bit.
    Evidence(Evidence),
    /// To [`Command::NodeState`].
    NodeState(NodeState),
    /// The node's `/v1/status`, unchanged.
    Status(Value),
    /// Done; there is nothing more to say.
    Done,
}

/// What the agent tells unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The node ended, and it was not a [`Command::KillNode`] that has answered [`Reply::Exited`].
    NodeExited {
        /// The process that was.
        pid: i32,
        /// How it ended.
        exit: Exit,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "{signal}"),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

/// What the node's process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NodeState {
    /// It was never started.
    NotStarted,
    /// It runs.
    Running {
        /// Its process id.
        pid: i32,
        /// When it was started, by the host's clock, in milliseconds since 1970.
        started_unix_ms: u64,
    },
    /// It is paused.
    Stopped {
        /// Its process id.
        pid: i32,
        /// As in `running`.
        started_unix_ms: u64,
    },
    /// It ended.
    Exited {
        /// The process id that it had.
        pid: i32,
        /// How it ended.
        exit: Exit,
    },
}

/// A line that is not a frame.
#[derive(Debug, thiserror::Error)]
#[error("malformed frame {line:?}: {source}")]
pub struct FrameError {
    /// Its first 200 characters.
    pub line: String,
    source: serde_json::Error,
}

/// A frame as the line that carries it, line feed included.
pub fn encode<T: Serialize>(frame: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(frame).expect("frames have string keys only");
    line.push(b'\n');
    line
}

/// The frame that a line carries.
///
/// # Errors
/// If it is not JSON, lacks a field or has one too many.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(line).map_err(|source| {
        let line = String::from_utf8_lossy(line)
            .trim_end()
            .chars()
            .take(200)
            .collect();
        FrameError { line, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_as_the_documentation_shows_them() {
        let line =
            br#"{"id":1,"command":{"start_node":{"argv":["raft-node"],"log":"/l","workdir":"/"}}}"#;
        let request: Request = decode(line).unwrap();
        assert!(matches!(request.command, Command::StartNode(start) if start.env.is_empty()));
        let paused: Request = decode(br#"{"id":2,"command":"pause_node"}"#).unwrap();
        assert_eq!(
            paused,
            Request {
                id: 2,
                command: Command::PauseNode
            }
        );
        let exited = Frame::Event(Event::NodeExited {
            pid: 4711,
            exit: Exit::Signal(11),
        });
        let line = b"{\"event\":{\"node_exited\":{\"pid\":4711,\"exit\":{\"signal\":11}}}}\n";
        assert_eq!(encode(&exited), line);
        assert_eq!(decode::<Frame>(line).unwrap(), exited);
        let done = Frame::Response(Response {
            id: Some(3),
            result: Ok(Reply::Done),
        });
        assert_eq!(
            encode(&done),
            b"{\"response\":{\"id\":3,\"result\":{\"Ok\":\"done\"}}}\n"
        );
    }

    #[test]
    fn a_field_too_many_is_refused_and_the_line_is_named() {
        let wrong =
            decode::<Request>(br#"{"id":1,"command":"node_state","colour":"red"}"#).unwrap_err();
        let text = wrong.to_string();
        assert!(
            text.contains("colour") && text.contains("node_state"),
            "{text}"
        );
        let typo = br#"{"id":1,"command":{"kill_node":{"signal":"SIGHUP","deadline_ms":1}}}"#;
        assert!(
            decode::<Request>(typo)
                .unwrap_err()
                .to_string()
                .contains("SIGHUP")
        );
        let extra = br#"{"id":1,"command":{"status":{"addr":"127.0.0.1:1","path":"/"}}}"#;
        assert!(
            decode::<Request>(extra)
                .unwrap_err()
                .to_string()
                .contains("path")
        );
    }

    #[test]
    fn an_exit_names_its_signal() {
        assert_eq!(Exit::Signal(9).to_string(), "SIGKILL");
        assert_eq!(Exit::Code(3).to_string(), "exit status 3");
    }
}
