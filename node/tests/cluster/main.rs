//! Real processes of `raft-node` on loopback addresses.

mod disk_failures;
mod harness;
mod kills;
mod pauses;
#[cfg(feature = "planted-bugs")]
mod planted_bugs;
mod serving;
mod strangers;
