//! Wrong clocks: a jump and a rate, for one of a node's clocks.

use anyhow::{Context as _, Result};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_agent::protocol::Command;
use shakedown_history::{Evidence, FaultSpec};
use shakedown_plan::Clock as Planned;

use super::{Fault, Injection, Victims};
use crate::cluster::Cluster;

pub(super) struct ClockSkew {
    victims: Victims,
    clock: Planned,
    offset_ms: i64,
    rate: f64,
    evidence: Vec<Evidence>,
}

impl ClockSkew {
    pub(super) fn new(victims: Victims, clock: Planned, offset_ms: i64, rate: f64) -> Self {
        Self {
            victims,
            clock,
            offset_ms,
            rate,
            evidence: Vec::new(),
        }
    }
}

impl Fault for ClockSkew {
    fn spec(&self) -> FaultSpec {
        self.victims.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        async {
            if let Some(skipped) = self.victims.claim(cluster) {
                return Ok(skipped);
            }
            for node in self.victims.nodes() {
                let command = Command::SetClock {
                    clock: match self.clock {
                        Planned::Realtime => shakedown_clock::Clock::Realtime,
                        Planned::Monotonic => shakedown_clock::Clock::Monotonic,
                    },
                    step_ns: self.offset_ms * 1_000_000,
                    rate: Some(self.rate),
                    status_addr: Some(cluster.system().status_address(*node)),
                };
                let skewed = cluster.evidence(*node, command).await;
                self.evidence
                    .push(skewed.with_context(|| format!("set the clock of {node}"))?);
            }
            Ok(Injection::InForce)
        }
        .boxed()
    }

    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async {
            for node in self.victims.nodes() {
                let healed = cluster.evidence(*node, Command::ResetClocks { status_addr: None });
                healed
                    .await
                    .with_context(|| format!("reset the clocks of {node}"))?;
            }
            self.victims.release(cluster);
            Ok(std::mem::take(&mut self.evidence))
        }
        .boxed()
    }
}
