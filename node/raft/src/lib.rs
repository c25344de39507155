//! The Raft protocol, and nothing else: no IO, no clock, no threads, no randomness but a seed.
//!
//! A node is a [`Raft`]: a state machine that takes an [`Input`] and says in an [`Output`] what the
//! process around it must persist, send, apply and answer. The same inputs give the same outputs.
//!
//! - [`io`]: inputs and outputs, and the contract that binds whoever drives this
//! - [`message`]: what nodes say to each other, in the paper's words
//! - [`entry`]: log entries
//! - [`settings`]: timeouts in ticks, members, seed
//! - [`status`]: what a node knows about itself
//! - [`planted`]: named deviations from the paper, for testing the tester
//!
//! Inside, a file a part of the paper: `raft` (the state and `step`), `role` (every transition),
//! `election` (§5.2, §5.4.1), `replication` (§5.3, §5.4.2), `read` (§8), `progress` (what a leader knows of a
//! peer), `log`, and `invariants` (what is asserted after every step, in release too).
//!
//! Deliberately absent so far: snapshots, membership change, pre-vote, leases.

mod election;
pub mod entry;
mod invariants;
pub mod io;
mod log;
pub mod membership;
pub mod message;
pub mod planted;
mod progress;
mod raft;
mod read;
mod replication;
mod role;
pub mod settings;
pub mod snapshot;
pub mod status;

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
