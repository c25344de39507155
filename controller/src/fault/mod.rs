//! Faults: how each family is decided, injected, undone, and what proves that it bit.

mod clock;
mod kill;
mod membership;
mod partition;
mod pause;
mod processes;
mod transfer;

use std::convert::Infallible;
use std::future::pending;

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_history::{Evidence, FaultSpec};
use shakedown_plan::{Fault as Planned, Hit, Step};

use crate::cluster::Cluster;
use clock::ClockSkew;
use kill::Kill;
use membership::Membership;
use partition::Partition;
use pause::Pause;
use processes::OnProcesses;
use transfer::Transfer;

/// What became of an injection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injection {
    /// The fault is in force.
    InForce,
    /// It was not injected, and why.
    Skipped(String),
}

/// One fault of one run: decided, then injected, then healed.
pub trait Fault: Send {
    /// What was decided; written to the journal before anything is done.
    fn spec(&self) -> FaultSpec;

    /// Brings the fault into force.
    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>>;

    /// What goes on while it is in force, if anything does. Is dropped when its time is up.
    fn endure<'a>(&'a mut self, _cluster: &'a Cluster) -> BoxFuture<'a, Infallible> {
        pending().boxed()
    }

    /// Undoes it, and says what proves that it bit.
    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>>;
}

/// Decides whom a step of the schedule hits, now that it is known who leads. `in_force` is what the
/// other faults do meanwhile: two that each leave a majority may together leave none.
pub async fn decide(step: &Step, cluster: &Cluster, in_force: &[Hit]) -> (Hit, Box<dyn Fault>) {
    let leader = cluster.leader().await;
    let hit = step.fault.resolve(&cluster.nodes(), leader, step.draw);
    let spec = spec(&step.fault, &hit, cluster, in_force);
    let fault: Box<dyn Fault> = match &step.fault {
        Planned::Partition { .. } => Box::new(Partition::new(step.id, spec, &hit.cut)),
        Planned::Kill { .. } => Box::new(OnProcesses::new(step.id, spec, Kill)),
        Planned::Pause { .. } => Box::new(OnProcesses::new(step.id, spec, Pause)),
        Planned::Clock {
            clock,
            offset_ms,
            rate,
            ..
        } => {
            let skew = ClockSkew {
                clock: *clock,
                offset_ms: *offset_ms,
                rate: *rate,
            };
            Box::new(OnProcesses::new(step.id, spec, skew))
        }
        Planned::Membership { change, .. } => Box::new(Membership::new(step.id, spec, *change)),
        Planned::Transfer { to, every_ms } => {
            Box::new(Transfer::new(spec, *to, *every_ms, step.draw))
        }
    };
    (hit, fault)
}

/// The fault as the journal has it.
fn spec(fault: &Planned, hit: &Hit, cluster: &Cluster, in_force: &[Hit]) -> FaultSpec {
    let others: Vec<&Hit> = in_force.iter().collect();
    let leaves_majority = hit.leaves_majority_beside(&cluster.nodes(), &others);
    FaultSpec {
        leaves_majority,
        ..hit.spec(fault)
    }
}
