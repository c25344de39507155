//! Faults: how each family is decided, injected, undone, and what proves that it bit.

mod clock;
mod kill;
mod partition;
mod pause;

use anyhow::Result;
use futures_util::future::BoxFuture;
use serde_json::json;
use shakedown_history::{Evidence, FaultId, FaultSpec, NodeId};
use shakedown_plan::{Fault as Planned, Hit, Step};

use crate::cluster::Cluster;
use clock::ClockSkew;
use kill::Kill;
use partition::Partition;
use pause::Pause;

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

    /// Undoes it, and says what proves that it bit.
    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>>;
}

/// Decides whom a step of the schedule hits, now that it is known who leads.
pub async fn decide(step: &Step, cluster: &Cluster) -> Box<dyn Fault> {
    let leader = cluster.leader().await;
    let hit = step.fault.resolve(&cluster.nodes(), leader, step.draw);
    let spec = spec(&step.fault, &hit);
    match &step.fault {
        Planned::Partition { .. } => Box::new(Partition::new(step.id, spec, &hit.cut)),
        Planned::Kill { .. } => Box::new(Kill::new(Victims::new(step.id, spec))),
        Planned::Pause { .. } => Box::new(Pause::new(Victims::new(step.id, spec))),
        Planned::Clock { clock, offset_ms, rate, .. } => {
            let victims = Victims::new(step.id, spec);
            Box::new(ClockSkew::new(victims, *clock, *offset_ms, *rate))
        }
    }
}

/// The fault as the journal has it, with what the coverage contract asks about it.
fn spec(fault: &Planned, hit: &Hit) -> FaultSpec {
    let mut spec = hit.spec(fault);
    spec.params["leaves_majority"] = json!(hit.leaves_majority);
    spec.params["deposes_leader"] = json!(hit.deposes_leader);
    spec
}

/// The nodes whose processes a fault takes hold of.
struct Victims {
    fault: FaultId,
    spec: FaultSpec,
}

impl Victims {
    fn new(fault: FaultId, spec: FaultSpec) -> Self {
        Self { fault, spec }
    }

    fn nodes(&self) -> &[NodeId] {
        &self.spec.targets
    }

    /// Keeps the nodes whose processes no other fault holds; says why if none is left.
    fn claim(&mut self, cluster: &Cluster) -> Option<Injection> {
        self.spec.targets = cluster.claim(self.fault, &self.spec.targets);
        self.nodes().is_empty().then(|| {
            Injection::Skipped("every target is in the hands of another fault".to_owned())
        })
    }

    fn release(&self, cluster: &Cluster) {
        cluster.release(self.fault);
    }
}
