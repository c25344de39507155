//! Decides from what clients and nodes saw whether a cluster kept its promises, and argues it.
//!
//! - [`conduct`]: whether the run itself went as it should
//! - [`coverage`]: whether the run was worth something
//! - [`raft`]: Raft's promises, on the nodes' traces
//! - [`verdict`]: verdicts, anomalies and their arguments
//! - [`model`]: what a correct system would answer, op by op
//! - [`linearizability`]: whether a history has an order that a model and real time allow
pub mod conduct;
pub mod coverage;
pub mod linearizability;
pub mod model;
pub mod raft;
pub mod verdict;

pub use coverage::{CoverageContract, check_coverage};
pub use linearizability::{Budget, check_linearizability};
pub use model::{Effect, Model, Register, RegisterCall};
pub use raft::check_traces;
pub use verdict::{Anomaly, CheckReport, RunVerdict, TraceRef, Verdict};
