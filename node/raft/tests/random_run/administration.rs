//! The administrator: changes who belongs to the cluster, hands the leadership over, and replaces
//! disks, with the care that a cluster needs to survive that.

use rand::RngExt;
use rand::seq::{IndexedRandom, IteratorRandom};
use shakedown_raft::{Change, DiskId, Index, Input, Membership, NodeId};

use super::Simulation;
use super::profile::Binding;
use crate::cluster::Disk;

impl Simulation {
    /// Asks a leader for a change, any that its membership allows.
    pub(super) fn change_membership(&mut self) {
        let Some(leader) = self.any_leader() else {
            return;
        };
        let core = self.cluster.host(leader).core().expect("it leads");
        let membership = core.membership().clone();
        if let Some(change) = self.draw_change(&membership) {
            self.ask_for(leader, change);
        }
    }

    pub(super) fn ask_for(&mut self, leader: NodeId, change: Change) {
        let token = self.clients.draw_token();
        let input = Input::ChangeMembership { token, change };
        self.cluster.feed(leader, input);
    }

    fn draw_change(&mut self, membership: &Membership) -> Option<Change> {
        if let Some(wiped) = self.untrusted(membership) {
            return Some(Change::Remove(wiped));
        }
        let outsiders = self
            .nodes
            .iter()
            .filter(|n| !membership.members.contains_key(n));
        let outsider = outsiders.copied().choose(&mut self.random);
        let learner = membership.config.learners.choose(&mut self.random).copied();
        let voter = membership.config.voters.choose(&mut self.random).copied();
        let may_shrink = !self.is_damaged() && membership.config.voters.len() > 1;
        match self.random.random_range(0..6) {
            0 | 1 => outsider.map(|node| self.addition(node)),
            2 | 3 => learner.map(Change::Promote),
            4 if may_shrink => voter.map(Change::Remove),
            5 if may_shrink => {
                let (old, new) = (voter?, learner?);
                Some(Change::Replace { old, new })
            }
            _ => None,
        }
    }

    fn addition(&mut self, node: NodeId) -> Change {
        let disk = self.cluster.host(node).settings().disk;
        let names_disk = self.wiped.contains(&node) || self.random.random();
        Change::AddLearner {
            node,
            address: String::new(),
            disk: disk.filter(|_| names_disk),
        }
    }

    /// A member that speaks from another disk than the one it is known by.
    pub(super) fn untrusted(&self, membership: &Membership) -> Option<NodeId> {
        let members = membership.members.keys().copied();
        let mut wiped = members.filter(|node| self.wiped.contains(node));
        wiped.find(|node| !membership.trusts(*node, self.cluster.host(*node).settings().disk))
    }

    pub(super) fn transfer_leadership(&mut self) {
        let Some(leader) = self.any_leader() else {
            return;
        };
        let to = self.random.random_ratio(1, 2).then(|| self.any_node());
        let token = self.clients.draw_token();
        let input = Input::TransferLeadership { token, to };
        self.cluster.feed(leader, input);
    }

    /// Whether some node has lost something that is not made good. Then nobody is removed, and
    /// no other disk is harmed: the cluster must keep a quorum of whole disks.
    pub(super) fn is_damaged(&self) -> bool {
        let hosts = self.cluster.hosts.values();
        hosts.into_iter().any(|host| host.disk().loss.is_some()) || !self.wiped.is_empty()
    }

    /// Wiped nodes that are known by their new disk, by everyone, count as any other again.
    pub(super) fn forget_healed_disks(&mut self) {
        if self.wiped.is_empty() {
            return;
        }
        if let Some(membership) = self.agreed_membership() {
            let whole = |node: &NodeId| {
                let disk = self.cluster.host(*node).settings().disk;
                membership.members.get(node).is_some_and(|m| m.disk == disk)
            };
            let healed: Vec<_> = self.wiped.iter().copied().filter(whole).collect();
            self.wiped.retain(|node| !healed.contains(node));
        }
    }

    /// The membership that all its members have on their disks, if it is committed and not joint.
    fn agreed_membership(&self) -> Option<Membership> {
        let leader = self.nodes.iter().find(|node| self.leads(**node))?;
        let core = self.cluster.host(*leader).core()?;
        let membership = core.membership();
        let on_disk = |node: &NodeId| self.cluster.host(*node).disk().membership();
        let (index, _) = on_disk(leader)?;
        let agree = membership.members.keys().all(|node| {
            on_disk(node).is_some_and(|(at, known)| at == index && known == *membership)
        });
        let settled = index <= core.commit_index() && !membership.is_joint();
        (agree && settled && index > Index(0)).then(|| membership.clone())
    }

    /// Whether that node's disk may be harmed: the others are a quorum without it, and all know who
    /// they are.
    fn may_harm(&self, node: NodeId) -> bool {
        let Some(membership) = self.agreed_membership() else {
            return false;
        };
        !self.is_damaged()
            && membership.votes(node)
            && membership.config.is_quorum(|voter| voter != node)
    }

    /// Damages an entry on a node's disk; the node dies of it.
    pub(super) fn corrupt(&mut self, node: NodeId) {
        if self.may_harm(node) {
            self.cluster.crash(node);
            let disk = self.cluster.host(node).disk();
            let (base, last) = (disk.base.id.index.0, disk.last().index.0);
            if base < last {
                let index = self.random.random_range(base + 1..=last);
                self.cluster.corrupt(node, Index(index));
            }
        }
    }

    /// Puts an empty disk into a node, under its old name.
    pub(super) fn wipe(&mut self, node: NodeId) {
        if self.profile.binding == Binding::Unbound || !self.may_harm(node) {
            return;
        }
        // A node that knows of no binding would count the promises of the new disk.
        let knows = |other: &NodeId| {
            let known = self.cluster.host(*other).disk().membership();
            known.is_none_or(|(_, membership)| {
                let member = membership.members.get(&node);
                member.is_none_or(|member| member.disk.is_some())
            })
        };
        let unbound_bootstrap = self.profile.binding == Binding::Learned;
        let initiated = |other: &NodeId| self.cluster.host(*other).disk().membership().is_some();
        let voters_know = self.profile.voters.iter().all(initiated) || !unbound_bootstrap;
        if !voters_know || !self.nodes.iter().all(knows) {
            return;
        }
        self.cluster.crash(node);
        let mut settings = self.cluster.host(node).settings().clone();
        self.disks += 1;
        settings.disk = Some(DiskId(1_000 + self.disks));
        if self.random.random() {
            settings.bootstrap = Membership::default();
        }
        self.cluster.replace_disk(settings, Disk::default());
        self.wiped.insert(node);
    }
}
