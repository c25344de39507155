//! The record formats that every part of shakedown shares.
//!
//! A run leaves a directory of [JSON-lines](jsonl) files, and this crate is the only place that
//! knows how they look:
//!
//! - [`op`]: what the clients asked and were told: `history.jsonl`
//! - [`history`]: a whole, well-formed history, each invocation paired with its completion
//! - [`fault`]: what the nemesis did, with evidence that it bit: `faults.jsonl`
//! - [`trace`]: what each node says it did: `trace/<node>.jsonl`
//! - [`event`]: the events of a trace
//! - [`configuration`]: who votes, and what makes a quorum
//! - [`run_log`]: how the run itself went: `run.jsonl`
//! - [`ids`]: terms, indexes, nodes and processes as types of their own
//! - [`run_dir`]: where in a run's directory each file lies
//!
//! It is a leaf: no clock, no randomness, no network. Readers refuse ill-formed files and name
//! the line; only a torn last line, as a killed writer leaves it, is dropped.

pub mod configuration;
pub mod event;
pub mod fault;
pub mod history;
pub mod ids;
pub mod jsonl;
pub mod op;
pub mod run_dir;
pub mod run_log;
pub mod trace;

pub use configuration::Configuration;
pub use event::Event;
pub use fault::{Evidence, FaultRecord, FaultSpec};
pub use history::{History, HistoryError};
pub use ids::{FaultId, Index, LogHash, LogId, NodeId, ProcessId, Term};
pub use jsonl::{Format, Header, ReadError};
pub use op::{Op, OpKind, Witness};
pub use run_dir::RunDir;
pub use run_log::{Phase, RunEvent, RunRecord};
pub use trace::{NodeTrace, Segment, TraceError, TraceHeader, TraceRecord};
