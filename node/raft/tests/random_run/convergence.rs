//! After the faults: everything is healed, and within a bounded time the cluster must be one again and
//! serve (the liveness that Raft promises, §5.6, under a fair network).

use shakedown_raft::{Change, LogHash, NodeId, Raft, Term};

use super::Simulation;
use super::judge::Finding;

impl Simulation {
    /// Heals everything and lets the cluster run fairly until it is one and has served.
    pub(super) fn converge(&mut self) -> Result<(), Finding> {
        self.heal();
        let rounds = self.profile.patience() * self.profile.election_ticks_max();
        self.await_state(rounds, Self::is_settled)?;
        self.serve_afresh()?;
        self.assert_calm()
    }

    /// Heals everything but one node, which stays down: the others elect a leader if they are a quorum.
    pub(super) fn serve_without_one(&mut self) -> Result<(), Finding> {
        self.heal();
        let missing = self.any_node();
        if self.is_damaged() || !self.is_dispensable(missing) {
            return Ok(());
        }
        self.cluster.crash(missing);
        let rounds = self.profile.patience() * self.profile.election_ticks_max();
        let outcome = self.await_state(rounds, |simulation| {
            let serving = simulation.nodes.iter().any(|node| simulation.serves(*node));
            serving.then_some(()).ok_or("nobody leads".to_owned())
        });
        if outcome.is_err() && !self.is_dispensable(missing) {
            // A configuration that was on its way has arrived, and needs it.
            return Ok(());
        }
        outcome.map_err(|f| Finding::new("liveness", format!("without {missing}, {}", f.what)))
    }

    /// Whether the others are a quorum, whatever configuration turns out to be in force, and whoever
    /// votes in one knows it. A learner that does not, and has the longest log, neither stands nor
    /// votes for another.
    fn is_dispensable(&self, node: NodeId) -> bool {
        let core = |node: &NodeId| self.cluster.hosts.get(node)?.core();
        let knows = |voter: &NodeId| core(voter).is_none_or(|c| c.membership().votes(*voter));
        let mut known = self.nodes.iter().filter_map(core).map(Raft::membership);
        known.all(|membership| {
            membership.config.voters.is_empty()
                || (membership.config.is_quorum(|voter| voter != node)
                    && membership.voters().iter().all(knows))
        })
    }

    /// Whether a node leads and has committed in its term.
    pub(super) fn serves(&self, node: NodeId) -> bool {
        let core = self.cluster.host(node).core();
        core.is_some_and(|core| {
            let committed = core.entries(core.commit_index(), 1).first();
            let term = committed.map_or(core.base().id.term, |entry| entry.id.term);
            core.leader() == Some(node) && term == core.term()
        })
    }

    pub(super) fn heal(&mut self) {
        self.network.heal();
        self.release_all();
        self.paused.clear();
        self.stalled.clear();
        for node in self.nodes.clone() {
            self.restart(node);
        }
    }

    /// Runs rounds until `reached` says nothing is missing any more.
    pub(super) fn await_state(
        &mut self,
        rounds: u64,
        reached: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<(), Finding> {
        for _ in 0..rounds {
            self.run_round();
            self.remove_untrusted();
            self.write_for_repair();
            if reached(self).is_ok() {
                return Ok(());
            }
        }
        let missing = reached(self).err().unwrap_or_default();
        Err(Finding::new(
            "liveness",
            format!("after {rounds} ticks {missing}"),
        ))
    }

    /// One tick for everybody, and time for all that follows from it.
    pub(super) fn run_round(&mut self) {
        self.pass_time(self.profile.tick_ns * 105 / 100);
        for _ in 0..2 {
            for node in self.nodes.clone() {
                while self.cluster.host(node).unpersisted() > 0 && !self.stalled.contains(&node) {
                    self.cluster.persist_all(node);
                }
                self.cluster.work(node, usize::MAX);
            }
            self.deliver_all();
            self.listen();
            if self.clients_ask_on {
                (0..2).for_each(|_| self.client_acts());
                self.ask_all_leaders(false);
                self.listen();
            }
        }
    }

    /// A node with a new disk under its old name must be removed before it can come back.
    fn remove_untrusted(&mut self) {
        let Some(leader) = self.newest_leader() else {
            return;
        };
        let core = self.cluster.host(leader).core().expect("it leads");
        if let Some(wiped) = self.untrusted(&core.membership().clone()) {
            self.ask_for(leader, Change::Remove(wiped));
        }
        if !self.profile.tames_removed() {
            self.shut_down_removed(leader);
        }
    }

    /// A loss in the leader's own term is made good only once the log is as long as it may have been:
    /// somebody must write.
    fn write_for_repair(&mut self) {
        let mut hosts = self.cluster.hosts.values();
        let round = self.now_ns / self.profile.tick_ns;
        if round.is_multiple_of(10) && hosts.any(|host| host.disk().loss.is_some()) {
            self.ask_all_leaders(true);
        }
    }

    /// Without pre-vote and deference to leaders, servers that were removed disturb the others
    /// (dissertation §4.2.3): the administrator shuts them down.
    fn shut_down_removed(&mut self, leader: NodeId) {
        let core = self.cluster.host(leader).core().expect("it leads");
        let config = core.membership().clone();
        if self.is_settled().is_ok() {
            for node in self.nodes.clone() {
                if !config.members.contains_key(&node) {
                    self.cluster.crash(node);
                }
            }
        }
    }

    /// One leader, whom all members follow; nobody lacks anything; no change is under way.
    pub(super) fn is_settled(&self) -> Result<(), String> {
        let leader = self.newest_leader().ok_or("nobody leads")?;
        let core = self.cluster.host(leader).core().expect("it leads");
        if core.membership().is_joint() {
            return Err("the configuration is joint".to_owned());
        }
        if core.commit_index() != core.last().index {
            return Err(format!("{leader} has not committed {}", core.last()));
        }
        let members = core.membership().members.keys();
        members
            .copied()
            .try_for_each(|member| self.follows(member, leader))
    }

    fn follows(&self, member: NodeId, leader: NodeId) -> Result<(), String> {
        let host = self.cluster.host(member);
        let core = self.cluster.host(leader).core().expect("it leads");
        let own = host.core().ok_or(format!("{member} is down"))?;
        let digest =
            |node: NodeId| -> (LogHash, LogHash) { self.cluster.host(node).machine.digest() };
        let lacks = if own.leader() != Some(leader) || own.term() != core.term() {
            "does not follow"
        } else if own.last() != core.last() || own.last_hash() != core.last_hash() {
            "has another log than"
        } else if own.commit_index() != core.commit_index() {
            "has committed less than"
        } else if host.disk().last() != own.last() {
            "has not written down what it has of"
        } else if host.machine.applied != core.last() {
            "has applied less than"
        } else if digest(member) != digest(leader) {
            "is in another state than"
        } else if host.disk().loss.is_some() {
            "has not made good its loss, though it follows"
        } else {
            return Ok(());
        };
        Err(format!("{member} {lacks} {leader}"))
    }

    /// A fresh write at the leader, and a fresh read at every member.
    fn serve_afresh(&mut self) -> Result<(), Finding> {
        let leader = self.newest_leader().expect("the cluster is settled");
        let core = self.cluster.host(leader).core().expect("it leads");
        let members: Vec<NodeId> = core.membership().members.keys().copied().collect();
        self.await_answer(None)?;
        let mut readers = members.into_iter();
        readers.try_for_each(|node| self.await_answer(Some(node)))
    }

    /// A read at that node, or a write at the leader, is answered; sooner or later, for a message that
    /// comes very late may still depose a leader.
    fn await_answer(&mut self, reader: Option<NodeId>) -> Result<(), Finding> {
        let before = self.clients.answered;
        for _ in 0..self.profile.patience() {
            if reader.is_some_and(|node| self.is_removed(node)) {
                return Ok(());
            }
            if let Some(node) = reader.or(self.newest_leader()) {
                self.ask_afresh(node, reader.is_none());
            }
            let rounds = self.profile.election_ticks_max();
            let answered = self.await_state(rounds, |simulation| {
                let answered = simulation.clients.answered > before;
                answered.then_some(()).ok_or(String::new())
            });
            if answered.is_ok() {
                return Ok(());
            }
        }
        let what = match reader {
            Some(node) => format!("fresh reads at {node} have no answer"),
            None => "fresh writes have no answer".to_owned(),
        };
        Err(Finding::new("liveness", what))
    }

    /// Whether the leader knows of no such member: a node whose disk was replaced is removed even now.
    fn is_removed(&self, node: NodeId) -> bool {
        let leader = self.newest_leader().map(|leader| self.cluster.host(leader));
        let core = leader.and_then(|host| host.core());
        core.is_some_and(|core| !core.membership().members.contains_key(&node))
    }

    /// A cluster that nothing disturbs elects nobody anew.
    fn assert_calm(&mut self) -> Result<(), Finding> {
        let before = self.newest_term();
        for _ in 0..3 * self.profile.election_ticks_max() {
            self.run_round();
        }
        if self.newest_term() > before {
            let why = "terms go on growing though nothing disturbs anybody".to_owned();
            return Err(Finding::new("liveness", why));
        }
        Ok(())
    }

    /// Of those who say that they lead, the one of the latest term.
    pub(super) fn newest_leader(&self) -> Option<NodeId> {
        let leaders = self.nodes.iter().copied().filter(|node| self.leads(*node));
        leaders.max_by_key(|node| self.cluster.host(*node).core().map(Raft::term))
    }

    fn newest_term(&self) -> Option<Term> {
        let leader = self.newest_leader()?;
        self.cluster.host(leader).core().map(Raft::term)
    }
}
