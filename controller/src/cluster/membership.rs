//! Who belongs to the cluster: nodes are removed, replaced, and added again.

use std::time::Duration;

use anyhow::Result;
use shakedown_agent::protocol::{Command, NodeState};
use shakedown_history::{Evidence, Index, NodeId};
use tokio::time::Instant;

use super::Cluster;
use crate::system::{Change, NodeStatus, Refusal};

/// How long one attempt at a change may take: several rounds and an fsync on each node.
const ATTEMPT_PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before the next attempt.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a node stands, by the leader's account and its own.
enum Standing {
    /// It votes.
    Voter,
    /// It receives the log.
    Learner,
    /// It is a member under the name of another disk: what it promised there, it does not know.
    OnAnotherDisk,
    /// It is no member.
    Stranger(NodeStatus),
    /// That cannot be told now, and why.
    Unclear(String),
}

impl Cluster {
    /// The leader of the highest term, and what it says of itself.
    pub async fn leading(&self) -> Option<(NodeId, NodeStatus)> {
        let statuses = self.statuses().await;
        let leaders = statuses.into_iter().filter(|(_, status)| status.leads);
        leaders.max_by_key(|(node, status)| (status.term, *node))
    }

    /// Removes a node from the cluster, whatever that takes until `deadline`. Answers where the log says
    /// so; none if the answer was lost and the leader's status says so instead. From now on the node
    /// counts as displaced, until it is restored.
    ///
    /// # Errors
    /// Why it could not be done.
    pub async fn remove(&self, node: NodeId, deadline: Instant) -> Result<Option<Index>, String> {
        self.displace(node);
        let change = Change::Remove(node);
        loop {
            let refusal = match self.attempt(&change).await {
                Ok(index) => return Ok(Some(index)),
                Err(refusal) => refusal,
            };
            // An attempt whose answer was lost may have succeeded.
            if refusal.senseless
                && let Some((_, status)) = self.leading().await
                && !is_member(&status, node)
            {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                return Err(refusal.why);
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        }
    }

    /// Hands the leadership of the leader `from` to `to`, or to whoever is most up to date. One attempt.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn hand_over(&self, from: NodeId, to: Option<NodeId>) -> Result<NodeId, Refusal> {
        self.system.hand_over(from, to, ATTEMPT_PATIENCE).await
    }

    /// Kills a node, if it lives, and wipes its disk. From now on it starts as one who joins, and counts
    /// as displaced until it is restored.
    ///
    /// # Errors
    /// If its agent cannot do it.
    pub async fn wipe(&self, node: NodeId) -> Result<Vec<Evidence>> {
        self.displace(node);
        let mut evidence = Vec::new();
        let state = self.state(node).await?;
        if matches!(state, NodeState::Running { .. } | NodeState::Stopped { .. }) {
            evidence.push(self.kill(node).await?);
        }
        self.absences().wiped.insert(node);
        let dir = self.system.data_dir(node);
        evidence.push(self.evidence(node, Command::WipeData { dir }).await?);
        Ok(evidence)
    }

    /// Makes a node a voter again that was removed or wiped, whatever that takes: it is removed under its
    /// old disk, starts on an empty one, is added, catches up and is promoted. Says how far it
    /// came by `deadline`; that a cluster does not take it back is for others to judge.
    ///
    /// # Errors
    /// If its agent cannot do its part.
    pub async fn restore(&self, node: NodeId, deadline: Instant) -> Result<Evidence> {
        let begun = Instant::now();
        let mut steps = Vec::new();
        let obstacle = loop {
            let obstacle = match self.restore_further(node, &mut steps).await? {
                Ok(()) => break None,
                Err(obstacle) => obstacle,
            };
            if Instant::now() >= deadline {
                break Some(obstacle);
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        };
        let seconds = begun.elapsed().as_secs_f64();
        let steps_text = steps.join(", ");
        let summary = match &obstacle {
            None => format!("{node} votes again after {seconds:.1} s: {steps_text}"),
            Some(obstacle) => {
                format!("{node} does not vote after {seconds:.1} s ({steps_text}): {obstacle}")
            }
        };
        if obstacle.is_none() {
            self.absences().displaced.remove(&node);
        }
        Ok(Evidence {
            node: Some(node),
            bit: obstacle.is_none(),
            summary,
            detail: serde_json::json!({ "steps": steps, "seconds": seconds }),
        })
    }

    /// Restores all displaced nodes. Those that the cluster does not take back are left alone.
    ///
    /// # Errors
    /// If an agent cannot do its part.
    pub async fn restore_all(&self) -> Result<()> {
        let deadline = Instant::now() + self.recovery;
        let displaced = self.absences().displaced.clone();
        for node in displaced {
            let restored = self.restore(node, deadline).await?;
            if !restored.bit {
                tracing::warn!("{}", restored.summary);
            }
        }
        Ok(())
    }

    /// One step towards a voter; the inner error says why there is more to do.
    async fn restore_further(
        &self,
        node: NodeId,
        steps: &mut Vec<String>,
    ) -> Result<Result<(), String>> {
        if !matches!(self.state(node).await?, NodeState::Running { .. }) {
            self.start(node).await?;
        }
        let change = match self.standing(node).await {
            Standing::Voter => return Ok(Ok(())),
            Standing::Unclear(why) => return Ok(Err(why)),
            Standing::Learner => Change::Promote(node),
            Standing::OnAnotherDisk => Change::Remove(node),
            Standing::Stranger(status) if status.last_index.0 > 0 => {
                self.wipe(node).await?;
                steps.push("wiped".to_owned());
                return Ok(Err("it has just been wiped".to_owned()));
            }
            Standing::Stranger(NodeStatus { disk, .. }) => Change::Add { node, disk },
        };
        Ok(match self.attempt(&change).await {
            Ok(index) => {
                steps.push(format!("{change} at {index}"));
                Err("it is on its way".to_owned())
            }
            Err(refusal) => Err(format!("{change}: {refusal}")),
        })
    }

    async fn attempt(&self, change: &Change) -> Result<Index, Refusal> {
        let Some((leader, _)) = self.leading().await else {
            return Err(Refusal {
                why: "nobody leads".to_owned(),
                senseless: false,
            });
        };
        self.system
            .change_members(leader, change, ATTEMPT_PATIENCE)
            .await
    }

    async fn standing(&self, node: NodeId) -> Standing {
        let Some((_, leading)) = self.leading().await else {
            return Standing::Unclear("nobody leads".to_owned());
        };
        let Some(own) = self.status(node).await else {
            return Standing::Unclear(format!("{node} does not answer"));
        };
        if !leading.config.outgoing.is_empty() {
            return Standing::Unclear("another change is under way".to_owned());
        }
        if !is_member(&leading, node) {
            return Standing::Stranger(own);
        }
        match leading.disks.get(&node) {
            Some(known) if *known != own.disk => Standing::OnAnotherDisk,
            _ if leading.config.voters.contains(&node) => Standing::Voter,
            _ => Standing::Learner,
        }
    }

    fn displace(&self, node: NodeId) {
        self.absences().displaced.insert(node);
    }
}

fn is_member(status: &NodeStatus, node: NodeId) -> bool {
    let config = &status.config;
    let lists = [&config.voters, &config.outgoing, &config.learners];
    lists.into_iter().any(|nodes| nodes.contains(&node))
}
