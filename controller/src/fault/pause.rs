//! SIGSTOP, and SIGCONT when the fault ends.

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_agent::protocol::Command;
use shakedown_history::{Evidence, NodeId};

use super::processes::ProcessFault;
use crate::cluster::Cluster;

pub(super) struct Pause;

impl ProcessFault for Pause {
    fn inject<'a>(&'a self, cluster: &'a Cluster, node: NodeId) -> BoxFuture<'a, Result<Evidence>> {
        cluster.evidence(node, Command::PauseNode).boxed()
    }

    /// Only now is it known whether the process stood still.
    fn heal<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: NodeId,
    ) -> BoxFuture<'a, Result<Option<Evidence>>> {
        async move { Ok(Some(cluster.evidence(node, Command::ResumeNode).await?)) }.boxed()
    }
}
