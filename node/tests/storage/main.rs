//! The disk after crashes and damage: what was acknowledged is there, or the node knows that it is not.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, outside of test functions too"
)]

mod compaction;
mod crash;
mod damage;
mod disk;
mod frames;
mod hard_state;
mod identity;
mod installation;
mod model;
mod random;
mod snapshots;
mod writers;
