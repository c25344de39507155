//! One drill for each seed: a healed cluster meets one lasting fault, and must live with it.

use rand::seq::IndexedRandom;
use shakedown_raft::{Input, NodeId};

use super::Simulation;
use super::judge::Finding;

/// Rounds in a longest election timeout until another leads.
const ELECTIONS_MAX: u64 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drill {
    /// The leader dies.
    KillLeader,
    /// The leader hears nobody, but is heard.
    DeafLeader,
    /// The leader and the others lose each other.
    LostLeader,
    /// The leader's disk completes nothing.
    StalledLeader,
    /// The leader is asked to hand over.
    HandOver,
}

const DRILLS: [Drill; 5] = [
    Drill::KillLeader,
    Drill::DeafLeader,
    Drill::LostLeader,
    Drill::StalledLeader,
    Drill::HandOver,
];

impl Simulation {
    /// Makes one thing go wrong and waits until the cluster has got over it.
    pub(super) fn drill(&mut self) -> Result<(), Finding> {
        let leader = self.newest_leader().expect("the cluster is calm");
        let core = self.cluster.host(leader).core().expect("it leads");
        let config = core.config().clone();
        let drill = *DRILLS.choose(&mut self.random).expect("some");
        if drill != Drill::HandOver && !config.is_quorum(|voter| voter != leader) {
            // Nobody else could lead.
            return Ok(());
        }
        self.begin(drill, leader);
        let rounds = ELECTIONS_MAX * self.profile.election_ticks_max();
        let outcome = self.await_state(rounds, |s| s.is_over(drill, leader));
        outcome.map_err(|f| Finding::new("liveness", format!("{drill:?} of {leader}: {}", f.what)))
    }

    fn begin(&mut self, drill: Drill, leader: NodeId) {
        match drill {
            Drill::KillLeader => self.cluster.crash(leader),
            Drill::DeafLeader | Drill::LostLeader => {
                for other in self.nodes.clone() {
                    self.network.cut(other, leader);
                    if drill == Drill::LostLeader {
                        self.network.cut(leader, other);
                    }
                }
            }
            Drill::StalledLeader => {
                self.stalled.insert(leader);
                // Something must wait for the disk, or nobody notices.
                self.ask_afresh(leader, true);
            }
            Drill::HandOver => {
                let token = self.clients.draw_token();
                let input = Input::TransferLeadership { token, to: None };
                self.cluster.feed(leader, input);
            }
        }
    }

    /// Another leads and has committed in its term, and the old leader no longer thinks that it does.
    fn is_over(&self, drill: Drill, old: NodeId) -> Result<(), String> {
        let serves = |node: &NodeId| {
            let core = self.cluster.host(*node).core();
            core.is_some_and(|core| {
                core.leader() == Some(*node)
                    && core.last().term == core.term()
                    && core.commit_index() == core.last().index
            })
        };
        if !self.nodes.iter().any(|node| *node != old && serves(node)) && drill != Drill::HandOver {
            return Err("nobody else leads".to_owned());
        }
        match drill {
            Drill::DeafLeader | Drill::LostLeader | Drill::StalledLeader if self.leads(old) => {
                Err("the old leader has not stepped down".to_owned())
            }
            Drill::HandOver if !self.nodes.iter().any(serves) => Err("nobody leads".to_owned()),
            _ => Ok(()),
        }
    }
}
