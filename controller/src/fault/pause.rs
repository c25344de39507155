//! SIGSTOP, and SIGCONT when the fault ends.

use anyhow::{Context as _, Result};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_agent::protocol::Command;
use shakedown_history::{Evidence, FaultSpec};

use super::{Fault, Injection, Victims};
use crate::cluster::Cluster;

pub(super) struct Pause {
    victims: Victims,
}

impl Pause {
    pub(super) fn new(victims: Victims) -> Self {
        Self { victims }
    }
}

impl Fault for Pause {
    fn spec(&self) -> FaultSpec {
        self.victims.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        async {
            if let Some(skipped) = self.victims.claim(cluster) {
                return Ok(skipped);
            }
            for node in self.victims.nodes() {
                let paused = cluster.evidence(*node, Command::PauseNode).await;
                paused.with_context(|| format!("pause {node}"))?;
            }
            Ok(Injection::InForce)
        }
        .boxed()
    }

    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async {
            let mut evidence = Vec::new();
            for node in self.victims.nodes() {
                let resumed = cluster.evidence(*node, Command::ResumeNode).await;
                evidence.push(resumed.with_context(|| format!("resume {node}"))?);
            }
            self.victims.release(cluster);
            Ok(evidence)
        }
        .boxed()
    }
}
