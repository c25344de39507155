//! Wrong clocks: a jump and a rate, for one of a node's clocks.

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_agent::protocol::Command;
use shakedown_history::{Evidence, NodeId};
use shakedown_plan::Clock as Planned;

use super::processes::ProcessFault;
use crate::cluster::Cluster;

const NS_PER_MS: i64 = 1_000_000;

pub(super) struct ClockSkew {
    pub(super) clock: Planned,
    pub(super) offset_ms: i64,
    pub(super) rate: f64,
}

impl ProcessFault for ClockSkew {
    fn inject<'a>(&'a self, cluster: &'a Cluster, node: NodeId) -> BoxFuture<'a, Result<Evidence>> {
        let command = Command::SetClock {
            clock: match self.clock {
                Planned::Realtime => shakedown_clock::Clock::Realtime,
                Planned::Monotonic => shakedown_clock::Clock::Monotonic,
            },
            step_ns: self.offset_ms * NS_PER_MS,
            rate: Some(self.rate),
            status: Some(cluster.system().status_source(node)),
        };
        cluster.evidence(node, command).boxed()
    }

    fn heal<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: NodeId,
    ) -> BoxFuture<'a, Result<Option<Evidence>>> {
        async move {
            cluster
                .evidence(node, Command::ResetClocks { status: None })
                .await?;
            Ok(None)
        }
        .boxed()
    }
}
