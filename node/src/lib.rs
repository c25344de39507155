//! The process around the protocol core: one node of a Raft cluster, with its disk, its connections
//! and its clients.
//!
//! - [`args`]: the command line
//! - [`run`]: how the parts are put together
//! - [`driver`]: the only loop, which obeys the core
//! - [`storage`]: term, vote and log on disk
//! - [`transport`]: messages between nodes
//! - [`kv`]: the replicated state machine
//! - [`api`]: HTTP for clients
//! - [`request`]: what the API asks of the driver
//! - [`metrics`]: what the node counts about itself
//! - [`trace`]: what the node says it did
//! - [`clock`]: the node's own time, and the machine's

pub mod api;
pub mod args;
pub mod clock;
pub mod driver;
pub mod kv;
pub mod metrics;
pub mod request;
mod run;
pub mod storage;
pub mod trace;
pub mod transport;

pub use args::NodeArgs;
pub use run::run;
