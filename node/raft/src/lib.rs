//! The Raft protocol, and nothing else: no IO, no clock, no threads, no randomness but a seed.
//!
//! A node is a [`Raft`]: a state machine that takes an [`Input`] and says in an [`Output`] what the
//! process around it must persist, send, apply and answer. The same inputs give the same outputs.
//!
//! - [`io`]: inputs and outputs, and the contract that binds whoever drives this
//! - [`message`]: what nodes say to each other, in the paper's words
//! - [`entry`]: log entries
//! - [`membership`]: who votes, who learns, and from which disk
//! - [`snapshot`]: what stands for a compacted log
//! - [`settings`]: timeouts in ticks, limits, members, seed
//! - [`status`]: what a node knows about itself
//! - [`planted`]: named deviations from the paper, for testing the tester
//!
//! Inside, a file a part of the paper (and of Ongaro's dissertation):
//!
//! | file | what |
//! |---|---|
//! | `raft`, `receive` | the state, `step`, and what a message does |
//! | `role` | follower, pre-candidate, candidate, leader, and every transition |
//! | `election` | timeouts, votes, pre-votes, deference to a leader (§5.2, §5.4.1, §6) |
//! | `replication`, `follow` | the log, from the leader's side and the follower's (§5.3, §5.4.2) |
//! | `progress` | what a leader knows of a peer, and how fast it feeds it |
//! | `snapshotting` | compaction, snapshots made and installed (§7) |
//! | `reconfiguration`, `configurations` | joint consensus, learners (§6) |
//! | `transfer` | handing the leadership over (dissertation §3.10) |
//! | `read`, `lease` | reads without the log (dissertation §6.4) |
//! | `disk`, `repair` | stalled disks, and disks that have lost something |
//! | `log`, `invariants` | the log in memory; what is asserted after every step, in release too |

mod configurations;
mod disk;
mod election;
pub mod entry;
mod follow;
mod invariants;
pub mod io;
mod lease;
mod log;
pub mod membership;
pub mod message;
pub mod planted;
mod progress;
mod raft;
mod read;
mod receive;
mod reconfiguration;
mod repair;
mod replication;
mod role;
pub mod settings;
pub mod snapshot;
mod snapshotting;
pub mod status;
mod transfer;

pub use entry::{Entry, Payload};
pub use io::{
    AfterPersist, Base, Change, Committed, Durable, Input, LogWrite, Loss, Output, Persist, Read,
    Recovered, Refusal, Reply, Token,
};
pub use membership::{DiskId, Member, Membership};
pub use message::{AppendOutcome, Body, Message, ReadIndexOutcome};
pub use planted::PlantedBug;
pub use raft::Raft;
pub use settings::Settings;
pub use shakedown_history::event::HardState;
pub use shakedown_history::{Configuration, Event, Index, LogHash, LogId, NodeId, Term};
pub use snapshot::{Snapshot, SnapshotHeader};
pub use status::Status;
