//! One drill for each seed: a healed cluster meets one lasting fault, and must live with it.

use rand::RngExt;
use rand::seq::IndexedRandom;
use shakedown_raft::{Input, NodeId};

use super::Simulation;
use super::judge::Finding;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drill {
    /// The leader dies.
    KillLeader,
    /// The leader hears nobody, but is heard.
    DeafLeader,
    /// The leader and the others lose each other; its wall clock is set back meanwhile.
    LostLeader,
    /// What the leader is sent comes late, and then it is lost.
    SlowLeader,
    /// One voter loses the leader, the others start again, and then all lose it.
    ForgetfulVoters,
    /// The leader's disk completes nothing.
    StalledLeader,
    /// The leader is asked to hand over.
    HandOver,
    /// The leader is asked to hand over; its word to the next comes when it has given that up, and
    /// then it is lost.
    LateHandOver,
    /// The leader does not hear one follower, and compacts what that has and it does not know of.
    MuteFollower,
    /// The leader is lost while it takes in much that is never committed; the others compact.
    TailedLeader,
}

const DRILLS: [Drill; 14] = [
    Drill::KillLeader,
    Drill::DeafLeader,
    Drill::LostLeader,
    Drill::LostLeader,
    Drill::SlowLeader,
    Drill::SlowLeader,
    Drill::ForgetfulVoters,
    Drill::ForgetfulVoters,
    Drill::StalledLeader,
    Drill::HandOver,
    Drill::LateHandOver,
    Drill::MuteFollower,
    Drill::MuteFollower,
    Drill::TailedLeader,
];

impl Simulation {
    /// Makes one thing go wrong and waits until the cluster has got over it.
    pub(super) fn drill(&mut self) -> Result<(), Finding> {
        let leader = self.newest_leader().expect("the cluster is calm");
        let core = self.cluster.host(leader).core().expect("it leads");
        let config = core.config().clone();
        let drill = *DRILLS.choose(&mut self.random).expect("some");
        let needs_another = !matches!(drill, Drill::HandOver | Drill::MuteFollower);
        if needs_another && !config.is_quorum(|voter| voter != leader) {
            // Nobody else could lead.
            return Ok(());
        }
        if drill == Drill::DeafLeader && !self.profile.tames_deaf() {
            return Ok(());
        }
        self.begin(drill, leader);
        self.run_busily(2 * self.profile.election_ticks_max());
        self.clients_ask_on = false;
        let rounds = self.profile.patience() * self.profile.election_ticks_max();
        let outcome = self.await_state(rounds, |s| s.is_over(drill, leader));
        outcome.map_err(|f| Finding::new("liveness", format!("{drill:?} of {leader}: {}", f.what)))
    }

    fn begin(&mut self, drill: Drill, leader: NodeId) {
        let election_ticks = self.profile.election_ticks_max();
        match drill {
            Drill::KillLeader => self.cluster.crash(leader),
            Drill::DeafLeader => self.cut_from_all(leader, false),
            Drill::LostLeader => {
                self.jump_wall_clock(leader);
                self.cut_from_all(leader, true);
            }
            Drill::SlowLeader => {
                let rounds = self.random.random_range(2..=8);
                self.network.slow = Some((leader, rounds));
                self.run_busily(2 * election_ticks);
                self.network.slow = None;
                self.cut_from_all(leader, true);
            }
            Drill::ForgetfulVoters => self.forget_promises(leader),
            Drill::StalledLeader => {
                self.stalled.insert(leader);
                // Something must wait for the disk, or nobody notices.
                self.ask_afresh(leader, true);
            }
            Drill::HandOver => self.hand_over(leader),
            Drill::MuteFollower => self.mute_follower(leader),
            Drill::TailedLeader => self.leave_a_tail(leader),
            Drill::LateHandOver => {
                self.hand_over(leader);
                self.network.holds_hand_over = true;
                self.run_busily(election_ticks + 6);
                self.network.holds_hand_over = false;
                self.release_all();
                let others: Vec<_> = self
                    .nodes
                    .iter()
                    .copied()
                    .filter(|n| *n != leader)
                    .collect();
                // What is on its way still arrives; nothing after it does.
                self.deliver_all();
                others
                    .iter()
                    .for_each(|other| self.network.cut(leader, *other));
                self.cut_from_all(leader, true);
            }
        }
    }

    fn hand_over(&mut self, leader: NodeId) {
        let token = self.clients.draw_token();
        let input = Input::TransferLeadership { token, to: None };
        self.cluster.feed(leader, input);
    }

    fn cut_from_all(&mut self, leader: NodeId, both_ways: bool) {
        for other in self.nodes.clone() {
            self.network.cut(other, leader);
            if both_ways {
                self.network.cut(leader, other);
            }
        }
    }

    fn forget_promises(&mut self, leader: NodeId) {
        let others: Vec<_> = self
            .nodes
            .iter()
            .copied()
            .filter(|n| *n != leader)
            .collect();
        let next = *others.choose(&mut self.random).expect("there are others");
        self.network.cut(leader, next);
        let rounds = self
            .random
            .random_range(5..=self.profile.election_ticks_max());
        self.run_busily(rounds);
        self.cut_from_all(leader, true);
        for other in others.into_iter().filter(|other| *other != next) {
            self.cluster.crash(other);
            self.restart(other);
        }
    }

    fn mute_follower(&mut self, leader: NodeId) {
        let follower = self.any_node();
        self.network.cut(follower, leader);
        let rounds = self.random.random_range(2..=8);
        for _ in 0..rounds {
            self.ask_all_leaders(true);
            self.run_round();
        }
        self.compact(leader);
        self.run_busily(1);
        self.network.heal();
    }

    fn leave_a_tail(&mut self, leader: NodeId) {
        self.cut_from_all(leader, true);
        for _ in 0..self.random.random_range(1..=12) {
            self.ask_all_leaders(true);
        }
        let rounds = 3 * self.profile.election_ticks_max();
        self.run_busily(rounds);
        if let Some(next) = self.newest_leader() {
            self.compact(next);
        }
        self.network.heal();
    }

    /// Has a node take a snapshot, and save it.
    fn compact(&mut self, node: NodeId) {
        self.cluster.snapshot(node);
        self.cluster.save_snapshot(node);
    }

    fn run_busily(&mut self, rounds: u64) {
        self.clients_ask_on = true;
        for _ in 0..rounds {
            self.run_round();
        }
    }

    /// Another leads and has committed in its term, and the old leader no longer thinks that it does.
    fn is_over(&self, drill: Drill, old: NodeId) -> Result<(), String> {
        let may_stay = matches!(
            drill,
            Drill::HandOver | Drill::MuteFollower | Drill::TailedLeader
        );
        let mut others = self.nodes.iter().filter(|node| may_stay || **node != old);
        if !others.any(|node| self.serves(*node)) {
            return Err("nobody else leads".to_owned());
        }
        match self.leads(old) && !may_stay {
            true => Err("the old leader has not stepped down".to_owned()),
            false => Ok(()),
        }
    }
}
