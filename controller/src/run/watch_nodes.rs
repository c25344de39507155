//! Nodes that end although nobody ended them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use shakedown_agent::protocol::{Event, NodeState};
use shakedown_history::{NodeId, RunDir, RunEvent};

use crate::cluster::Cluster;
use crate::journal::Journal;

/// How much of a node's log is quoted.
const TAIL_LINES: usize = 12;

/// From now on, records every node that ends by itself.
pub(super) async fn watch(cluster: &Arc<Cluster>, journal: &Arc<Journal>, dir: &RunDir) {
    for node in cluster.nodes() {
        let Some(mut events) = cluster.events(node).await else {
            continue;
        };
        let (journal, log) = (Arc::clone(journal), dir.log(node));
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Some(Event::NodeExited { exit, .. }) = event else {
                    return;
                };
                let log_tail = tail(&log);
                let how = exit.to_string();
                tracing::warn!(%node, how, "the node ended by itself");
                if let Err(error) = journal.run(RunEvent::NodeExited {
                    node,
                    how,
                    log_tail,
                }) {
                    tracing::error!("{error:#}");
                }
            }
        });
    }
}

/// # Errors
/// If a node has ended, with the end of its log.
pub(super) async fn all_alive(cluster: &Cluster, dir: &RunDir) -> Result<()> {
    for node in cluster.nodes() {
        if let NodeState::Exited { exit, .. } = cluster.state(node).await? {
            bail!("{node} did not start: {exit}. {}", last_words(dir, node));
        }
    }
    Ok(())
}

fn last_words(dir: &RunDir, node: NodeId) -> String {
    let log = dir.log(node);
    format!("The end of {}:\n{}", log.display(), tail(&log))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
