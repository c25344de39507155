//! Decides from what clients and nodes saw whether a cluster kept its promises, and argues it.
//!
//! - [`verdict`]: verdicts, anomalies and their arguments
pub mod verdict;

pub use verdict::{Anomaly, CheckReport, RunVerdict, TraceRef, Verdict};
