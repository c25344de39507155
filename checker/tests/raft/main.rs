//! Raft's promises on traces: told by hand, made at random, and hostile.

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
