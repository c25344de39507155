//! Raft's promises on traces: told by hand, made at random, and hostile.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod commits;
mod compaction;
mod disks;
mod elections;
mod figure_8;
mod format;
mod gaps;
mod healthy;
mod hostile;
mod identity;
mod leases;
mod logs;
mod membership;
mod reads;
mod repairs;
mod requests;
mod restarts;
mod simulation;
mod story;
