//! Real processes of `raft-node` on loopback addresses.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is test code, outside of test functions too"
)]

mod disk_failures;
mod harness;
mod kills;
mod pauses;
#[cfg(feature = "planted-bugs")]
mod planted_bugs;
mod serving;
mod strangers;
