//! Changes of the membership: nodes are removed, and restored when the fault ends.

use std::time::Duration;

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;
use shakedown_history::{Evidence, FaultId, FaultSpec, Index, NodeId};
use shakedown_plan::MembershipChange;
use tokio::time::Instant;

use super::{Fault, Injection};
use crate::cluster::Cluster;

/// How long a removal may take: other faults may be in force, and elections under way.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Membership {
    id: FaultId,
    spec: FaultSpec,
    change: MembershipChange,
    evidence: Vec<Evidence>,
}

impl Membership {
    pub(super) fn new(id: FaultId, spec: FaultSpec, change: MembershipChange) -> Self {
        Self {
            id,
            spec,
            change,
            evidence: Vec::new(),
        }
    }

    async fn try_inject(&mut self, cluster: &Cluster) -> Result<Injection> {
        let claimed = cluster.claim(self.id, &self.spec.targets);
        if claimed != self.spec.targets {
            cluster.release(self.id);
            return Ok(skipped("a target is in the hands of another fault"));
        }
        let injection = match self.change {
            MembershipChange::ReplaceWiped => self.wipe_and_remove(cluster).await?,
            MembershipChange::Remove | MembershipChange::ShrinkGrow => {
                self.remove_all(cluster).await?
            }
        };
        if injection != Injection::InForce {
            cluster.release(self.id);
        }
        Ok(injection)
    }

    async fn remove_all(&mut self, cluster: &Cluster) -> Result<Injection> {
        for node in self.spec.targets.clone() {
            match cluster.remove(node, patience()).await {
                Ok(index) => self.evidence.push(removed(node, index)),
                Err(why) if self.evidence.is_empty() => {
                    // It may be removed yet, if only the answer did not come.
                    cluster.restore(node, patience()).await?;
                    return Ok(skipped(&format!("{node} could not be removed: {why}")));
                }
                Err(why) => {
                    self.evidence.push(not_removed(node, &why));
                    break;
                }
            }
        }
        Ok(Injection::InForce)
    }

    async fn wipe_and_remove(&mut self, cluster: &Cluster) -> Result<Injection> {
        let node = self.spec.targets[0];
        // A wiped node whose disk nobody knows would be taken for the old one, and vote.
        let leading = cluster.leading().await;
        if !leading.is_some_and(|(_, status)| status.disks.contains_key(&node)) {
            let why = format!("no leader knows the disk of {node} yet");
            return Ok(skipped(&why));
        }
        self.evidence.extend(cluster.wipe(node).await?);
        match cluster.remove(node, patience()).await {
            Ok(index) => self.evidence.push(removed(node, index)),
            // It is down and its disk empty, so that the fault is in force; healing removes it.
            Err(why) => tracing::info!("{node} is not removed yet: {why}"),
        }
        Ok(Injection::InForce)
    }
}

impl Fault for Membership {
    fn spec(&self) -> FaultSpec {
        self.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        self.try_inject(cluster).boxed()
    }

    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async {
            let deadline = Instant::now() + cluster.recovery();
            for node in &self.spec.targets {
                let restored = cluster.restore(*node, deadline).await?;
                self.evidence.push(restored);
            }
            cluster.release(self.id);
            Ok(std::mem::take(&mut self.evidence))
        }
        .boxed()
    }
}

fn patience() -> Instant {
    Instant::now() + REMOVAL_PATIENCE
}

fn skipped(why: &str) -> Injection {
    Injection::Skipped(why.to_owned())
}

fn removed(node: NodeId, index: Option<Index>) -> Evidence {
    let summary = match index {
        Some(index) => format!("{node} is no member since index {index}"),
        None => format!("{node} is no member, as the leader says"),
    };
    Evidence {
        node: Some(node),
        bit: true,
        summary,
        detail: json!({ "index": index }),
    }
}

fn not_removed(node: NodeId, why: &str) -> Evidence {
    Evidence {
        node: Some(node),
        bit: false,
        summary: format!("{node} could not be removed: {why}"),
        detail: json!({ "why": why }),
    }
}
