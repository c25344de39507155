//! Our hands on a host: supervises one node's process, injects faults into it and undoes them.
//!
//! The controller starts an agent where the node shall run and talks to it over a pipe, one JSON
//! frame a line. A fault is written once, here, and works in a laptop's namespace and on a machine
//! alike.
//!
//! - [`protocol`]: the frames
//! - `serve`: reads requests, answers, reports the node's death; ends everything when its stdin closes
//! - `agent`: which command is whose job
//! - `supervisor`: the node's process, as a state machine
//! - `kill`, `pause`, `clock`, `wipe`: the faults, one a file
//! - `threads`: what the kernel says about the node's threads
//! - `status`: what the node says about itself
//! - `pidfd`: a process as a file descriptor
//!
//! One thread, no runtime: while a command is carried out, the next one waits. What takes long has a
//! deadline.

mod agent;
mod clock;
mod error;
mod kill;
mod pause;
mod pidfd;
pub mod protocol;
mod serve;
mod status;
mod supervisor;
mod threads;
mod wipe;

pub use error::AgentError;
pub use serve::{serve, serve_stdio};
