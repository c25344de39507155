//! Nodes that end although nobody ended them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use nix::sys::statvfs::statvfs;
use shakedown_agent::protocol::{Event, Exit, NodeState};
use shakedown_history::{NodeId, RunDir, RunEvent};

use crate::cluster::Cluster;
use crate::journal::Journal;

/// How much of a node's log is quoted.
const TAIL_LINES: usize = 12;
/// A disk with less room than this is full.
const FULL_BELOW_BYTES: u64 = 1 << 20;

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
                tracing::warn!(%node, %exit, "the node ended by itself");
                let what = if is_full(&log) {
                    RunEvent::HarnessError {
                        error: full_disk(node, exit, &log),
                    }
                } else {
                    RunEvent::NodeExited {
                        node,
                        how: exit.to_string(),
                        log_tail: tail(&log),
                    }
                };
                if let Err(error) = journal.run(what) {
                    tracing::error!("{error:#}");
                }
            }
        });
    }
}

/// Whether the disk that a file lies on is full. A node that cannot write ends, and that is our fault
/// then and not its own.
fn is_full(file: &Path) -> bool {
    statvfs(file)
        .is_ok_and(|disk| disk.blocks_available() * disk.fragment_size() < FULL_BELOW_BYTES)
}

fn full_disk(node: NodeId, exit: Exit, log: &Path) -> String {
    format!(
        "{node} ended ({exit}) because the disk under {} is full: make room, or choose another --store",
        log.display()
    )
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
