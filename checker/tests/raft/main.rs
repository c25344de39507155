//! Raft's promises on traces: told by hand, made at random, and hostile.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod commits;
mod elections;
mod figure_8;
mod gaps;
mod healthy;
mod hostile;
mod logs;
mod requests;
mod restarts;
mod simulation;
mod story;
