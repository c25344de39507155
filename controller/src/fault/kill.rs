//! SIGKILL, and a start on the same disk when the fault ends.

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shakedown_history::{Evidence, NodeId};

use super::processes::ProcessFault;
use crate::cluster::Cluster;

pub(super) struct Kill;

impl ProcessFault for Kill {
    fn inject<'a>(&'a self, cluster: &'a Cluster, node: NodeId) -> BoxFuture<'a, Result<Evidence>> {
        cluster.kill(node).boxed()
    }

    fn heal<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: NodeId,
    ) -> BoxFuture<'a, Result<Option<Evidence>>> {
        async move {
            cluster.start(node).await?;
            Ok(None)
        }
        .boxed()
    }
}
