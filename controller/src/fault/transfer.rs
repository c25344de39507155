//! Transfers of the leadership, one after the other.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;
use shakedown_history::{Evidence, FaultSpec, NodeId, Term};
use shakedown_plan::Successor;
use tokio::time::Instant;

use super::{Fault, Injection};
use crate::cluster::Cluster;

/// How long to try for the first transfer.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);
/// How long the new leader may take to show itself.
const LEADER_PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Transfer {
    spec: FaultSpec,
    to: Successor,
    every: Duration,
    draw: u64,
    rounds: u64,
    done: Vec<Handover>,
}

/// Who led in which term, before and after.
struct Handover {
    from: (NodeId, Term),
    to: (NodeId, Term),
}

impl Transfer {
    pub(super) fn new(spec: FaultSpec, to: Successor, every_ms: u64, draw: u64) -> Self {
        Self {
            spec,
            to,
            every: Duration::from_millis(every_ms),
            draw,
            rounds: 0,
            done: Vec::new(),
        }
    }

    /// One transfer; the error says why there was none.
    async fn transfer(&mut self, cluster: &Cluster) -> Result<(), String> {
        let (leader, status) = cluster.leading().await.ok_or("nobody leads")?;
        let voters = &status.config.voters;
        let named = self.to.named(voters, leader, self.draw, self.rounds);
        self.rounds += 1;
        if voters.as_slice() == [leader] {
            return Err("there is no other voter".to_owned());
        }
        let handed_over = cluster.hand_over(leader, named).await;
        let next = handed_over.map_err(|refusal| refusal.to_string())?;
        let term = self.term_of(cluster, next, status.term).await;
        self.done.push(Handover {
            from: (leader, status.term),
            to: (
                next,
                term.ok_or_else(|| format!("{next} does not lead after all"))?,
            ),
        });
        Ok(())
    }

    /// In which term after `before` the node leads, once it says so.
    async fn term_of(&self, cluster: &Cluster, node: NodeId, before: Term) -> Option<Term> {
        let deadline = Instant::now() + LEADER_PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = cluster.status(node).await
                && status.leads
                && status.term > before
            {
                return Some(status.term);
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    fn evidence(&self) -> Evidence {
        let mut way: Vec<String> = Vec::new();
        for Handover { from, to } in &self.done {
            way.push(format!("{} → {} (term {})", from.0, to.0, to.1));
        }
        let details: Vec<_> = self
            .done
            .iter()
            .map(|Handover { from, to }| json!({ "from": from.0, "term": from.1, "to": to.0, "next_term": to.1 }))
            .collect();
        Evidence {
            node: None,
            bit: !self.done.is_empty(),
            summary: format!(
                "{} of {} transfers: {}",
                self.done.len(),
                self.rounds,
                way.join(", ")
            ),
            detail: json!(details),
        }
    }
}

impl Fault for Transfer {
    fn spec(&self) -> FaultSpec {
        self.spec.clone()
    }

    fn inject<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Result<Injection>> {
        async {
            let deadline = Instant::now() + FIRST_PATIENCE;
            loop {
                match self.transfer(cluster).await {
                    Ok(()) => return Ok(Injection::InForce),
                    Err(why) if Instant::now() >= deadline => {
                        let why = format!("the leadership could not be handed on: {why}");
                        return Ok(Injection::Skipped(why));
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        }
        .boxed()
    }

    fn endure<'a>(&'a mut self, cluster: &'a Cluster) -> BoxFuture<'a, Infallible> {
        async {
            loop {
                tokio::time::sleep(self.every).await;
                if let Err(why) = self.transfer(cluster).await {
                    tracing::debug!("no transfer: {why}");
                }
            }
        }
        .boxed()
    }

    fn heal<'a>(&'a mut self, _cluster: &'a Cluster) -> BoxFuture<'a, Result<Vec<Evidence>>> {
        async { Ok(vec![self.evidence()]) }.boxed()
    }
}
