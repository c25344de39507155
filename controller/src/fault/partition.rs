//! Cut links between nodes, in the shapes of Jepsen's grudges.

use std::time::Duration;

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;
use shakedown_history::{Evidence, FaultId, FaultSpec, NodeId};
use shakedown_network::{Counters, Link};

use super::{Fault, Injection};
use crate::cluster::{Cluster, link};

pub(super) struct Partition {
    fault: FaultId,
    spec: FaultSpec,
    links: Vec<Link>,
    /// What the links had dropped before the cut, and how long the cut took to apply.
    before: Option<(Counters, Duration)>,
}

impl Partition {
    pub(super) fn new(fault: FaultId, spec: FaultSpec, cut: &[(NodeId, NodeId)]) -> Self {
        let links = cut.iter().map(|(from, to)| link(*from, *to)).collect();
        Self {
            fault,
            spec,
            links,
            before: None,
        }
    }

    /// The cut bit if packets were dropped on the links that it cut.
    fn evidence(&self, before: &Counters, after: &Counters, took: Duration) -> Evidence {
        let dropped: Vec<u64> = self
            .links
            .iter()
            .map(|link| (after.link(*link) - before.link(*link)).dropped.packets)
            .collect();
        let total: u64 = dropped.iter().sum();
        let apply_ms = took.as_secs_f64() * 1e3;
        let links: Vec<_> = self
            .links
            .iter()
            .zip(&dropped)
            .map(|(link, packets)| json!({"link": link.to_string(), "dropped_packets": packets}))
            .collect();
        Evidence {
            node: None,
            bit: total > 0,
            summary: format!(
                "{total} packets dropped on {} links; cut in {apply_ms:.3} ms",
                links.len()
            ),
            detail: json!({ "links": links, "apply_ms": apply_ms }),
        }
    }
}

impl Fault for Partition {
    fn spec(&self) -> FaultSpec {
        self.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        async {
            let counters = cluster.counters().await?;
            let took = cluster.cut(self.fault, self.links.clone()).await?;
            self.before = Some((counters, took));
            Ok(Injection::InForce)
        }
        .boxed()
    }

    fn heal<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async {
            cluster.mend(self.fault).await?;
            let after = cluster.counters().await?;
            let Some((before, took)) = &self.before else {
                return Ok(Vec::new());
            };
            Ok(vec![self.evidence(before, &after, *took)])
        }
        .boxed()
    }
}
