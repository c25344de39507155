//! SIGKILL, and a start on the same disk when the fault ends.

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_history::{Evidence, FaultSpec};

use super::{Fault, Injection, Victims};
use crate::cluster::Cluster;

pub(super) struct Kill {
    victims: Victims,
    evidence: Vec<Evidence>,
}

impl Kill {
    pub(super) fn new(victims: Victims) -> Self {
        Self {
            victims,
            evidence: Vec::new(),
        }
    }
}

impl Fault for Kill {
    fn spec(&self) -> FaultSpec {
        self.victims.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        async {
            if let Some(skipped) = self.victims.claim(cluster) {
                return Ok(skipped);
            }
            for node in self.victims.nodes() {
                self.evidence.push(cluster.kill(*node).await?);
            }
            Ok(Injection::InForce)
        }
        .boxed()
    }

    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async {
            for node in self.victims.nodes() {
                cluster.start(*node).await?;
            }
            self.victims.release(cluster);
            Ok(std::mem::take(&mut self.evidence))
        }
        .boxed()
    }
}
