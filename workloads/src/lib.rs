//! What clients ask of a cluster, how they ask it, and which checks judge the answers.
//!
//! - [`workload`]: the trait: seeded operations, final reads, checks
//! - [`register`]: reads, writes and compare-and-set on a few keys, judged by linearizability
//! - [`client`]: the trait: one request, three possible outcomes
//! - [`node_client`]: a client of the embedded node's HTTP API
//! - [`recorder`]: writes the history, each invocation before its request leaves
//! - [`drive`]: the client processes at work

pub mod client;
pub mod drive;
pub mod node_client;
pub mod recorder;
pub mod register;
pub mod workload;

pub use client::{Answer, Client, Outcome};
pub use drive::{Drive, Tally};
pub use node_client::NodeClient;
pub use recorder::{Clock, Recorder};
pub use register::{Mix, Register};
pub use workload::{Request, Workload};
