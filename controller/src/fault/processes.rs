//! Faults of single processes: the same done to each target, and undone.

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_history::{Evidence, FaultId, FaultSpec, NodeId};

use super::{Fault, Injection};
use crate::cluster::Cluster;

/// What is done to one node's process.
pub(super) trait ProcessFault: Send + Sync {
    /// Brings the fault into force on a node.
    fn inject<'a>(&'a self, cluster: &'a Cluster, node: NodeId) -> BoxFuture<'a, Result<Evidence>>;

    /// Undoes it. What it says then, if it says anything, is the better evidence.
    fn heal<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: NodeId,
    ) -> BoxFuture<'a, Result<Option<Evidence>>>;
}

/// A process fault on all its targets.
pub(super) struct OnProcesses<P> {
    id: FaultId,
    spec: FaultSpec,
    fault: P,
    evidence: Vec<Evidence>,
}

impl<P: ProcessFault> OnProcesses<P> {
    pub(super) fn new(id: FaultId, spec: FaultSpec, fault: P) -> Self {
        Self {
            id,
            spec,
            fault,
            evidence: Vec::new(),
        }
    }
}

impl<P: ProcessFault> Fault for OnProcesses<P> {
    fn spec(&self) -> FaultSpec {
        self.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        async {
            // Only processes that no other fault holds: two hands on one give no evidence.
            self.spec.targets = cluster.claim(self.id, &self.spec.targets);
            if self.spec.targets.is_empty() {
                let reason = "every target is in the hands of another fault";
                return Ok(Injection::Skipped(reason.to_owned()));
            }
            for node in &self.spec.targets {
                self.evidence.push(self.fault.inject(cluster, *node).await?);
            }
            Ok(Injection::InForce)
        }
        .boxed()
    }

    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async {
            for (node, evidence) in self.spec.targets.iter().zip(&mut self.evidence) {
                if let Some(better) = self.fault.heal(cluster, *node).await? {
                    *evidence = better;
                }
            }
            cluster.release(self.id);
            Ok(std::mem::take(&mut self.evidence))
        }
        .boxed()
    }
}
