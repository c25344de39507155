//! The plan of a run: the YAML file that decides everything, and what follows from it alone.
//!
//! - [`plan`]: the file's sections, their defaults, reading and writing
//! - [`node`]: how each node is set up
//! - [`workload`]: what the clients do
//! - [`faults`]: the fault families and their parameters
//! - [`finding`]: mistakes and lints, each with its line and column
//! - [`schedule`]: which fault when, drawn from plan and seed
//! - [`fault`], [`target`], [`partition`]: what a fault comes to once the leader is known
//! - [`random`]: a stream of random numbers for each use of the seed
//! - [`duration`], [`range`]: `150ms`, `1s..4s`
//!
//! No IO but reading plan files, no clock, no randomness but the seed.

mod dealer;
pub mod duration;
pub mod fault;
pub mod faults;
pub mod finding;
mod lint;
mod mistake;
pub mod node;
mod parse;
pub mod partition;
pub mod plan;
mod positions;
pub mod random;
pub mod range;
pub mod schedule;
mod schema;
pub mod target;
mod validate;
mod wording;
pub mod workload;

pub use fault::{Fault, Hit, leaves_majority};
pub use faults::{
    Clock, ClockFaults, Family, Faults, KillFaults, MembershipChange, MembershipFaults,
    PartitionFaults, PauseFaults, Shape, Successor, TransferFaults,
};
pub use finding::{Finding, PlanErrors};
pub use node::{Node, ReadMode};
pub use partition::{Link, Partition, partition_links};
pub use plan::{Campaign, Checks, Coverage, Known, NetworkKind, Pacing, Plan, Recovery};
pub use random::{stream, token};
pub use range::Range;
pub use schedule::{Schedule, Step};
pub use schema::schema;
pub use target::{Target, resolve_target};
pub use workload::{Mix, ReadsAt, Workload, WorkloadKind};
