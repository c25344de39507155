//! What can happen next, and how often.

use rand::RngExt;
use rand::seq::IndexedRandom;
use shakedown_raft::NodeId;

use super::Simulation;
use super::profile::ACT_NS;

/// More on its way than this, and the network is delivered from before anything else.
const MESSAGES_MAX: usize = 80;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Deliver,
    Persist,
    Work,
    Client,
    WriteDown,
    HandOverSnapshot,
    SaveSnapshot,
    Restart,
    Heal,
    Resume,
    FreeDisk,
    Release,
    Drop,
    Duplicate,
    Delay,
    Crash,
    CrashTorn,
    FailSync,
    Corrupt,
    Wipe,
    StallDisk,
    Pause,
    Partition,
    Isolate,
    IsolateLeader,
    Change,
    Transfer,
    JumpWallClock,
}

/// Each act's weight, and whether no seed goes without it.
pub(crate) const WEIGHTS: [(Act, u32, bool); 28] = [
    (Act::Deliver, 4_500, true),
    (Act::Persist, 2_500, true),
    (Act::Work, 1_500, true),
    (Act::Client, 1_200, true),
    (Act::WriteDown, 100, false),
    (Act::HandOverSnapshot, 300, true),
    (Act::SaveSnapshot, 200, true),
    (Act::Restart, 250, true),
    (Act::Heal, 60, true),
    (Act::Resume, 60, true),
    (Act::FreeDisk, 60, true),
    (Act::Release, 60, true),
    (Act::Drop, 120, false),
    (Act::Duplicate, 120, false),
    (Act::Delay, 60, false),
    (Act::Crash, 40, false),
    (Act::CrashTorn, 20, false),
    (Act::FailSync, 10, false),
    (Act::Corrupt, 30, false),
    (Act::Wipe, 30, false),
    (Act::StallDisk, 15, false),
    (Act::Pause, 15, false),
    (Act::Partition, 20, false),
    (Act::Isolate, 15, false),
    (Act::IsolateLeader, 15, false),
    (Act::Change, 60, false),
    (Act::Transfer, 25, false),
    (Act::JumpWallClock, 10, false),
];

impl Simulation {
    /// Time passes, and something happens.
    pub(super) fn act(&mut self) {
        self.pass_time(ACT_NS);
        let act = self.choose_act();
        let node = self.any_node();
        match act {
            Act::Deliver => self.deliver_any(),
            Act::Persist if !self.stalled.contains(&node) && !self.is_paused(node) => {
                let outputs = self.random.random_range(1..=8);
                self.cluster.persist(node, outputs);
            }
            Act::Work if !self.is_paused(node) => {
                let tasks = self.random.random_range(1..=4);
                self.cluster.work(node, tasks);
            }
            Act::Client => self.client_acts(),
            Act::WriteDown if self.is_up(node) => self.cluster.write_down(node),
            Act::HandOverSnapshot if !self.is_paused(node) => self.cluster.hand_over_snapshot(node),
            Act::SaveSnapshot if !self.is_paused(node) => self.cluster.save_snapshot(node),
            Act::Restart => self.restart(node),
            Act::Heal => self.network.heal(),
            Act::Resume => _ = self.paused.remove(&node),
            Act::FreeDisk => _ = self.stalled.remove(&node),
            Act::Persist | Act::Work | Act::WriteDown | Act::HandOverSnapshot => {}
            Act::SaveSnapshot => {}
            fault => self.fault(fault, node),
        }
    }

    fn fault(&mut self, fault: Act, node: NodeId) {
        match fault {
            Act::Drop => drop(self.take_any()),
            Act::Duplicate => {
                let copy = self.cluster.network.choose(&mut self.random).cloned();
                self.cluster.network.extend(copy);
            }
            Act::Delay => {
                let late = self.take_any();
                self.network.delayed.extend(late);
            }
            Act::Release => self.release_one(),
            Act::Crash => self.cluster.crash(node),
            Act::CrashTorn => {
                let writes = self.random.random_range(0..=12);
                self.cluster.crash_torn(node, writes);
            }
            Act::FailSync => self.cluster.fail_sync(node),
            Act::Corrupt => self.corrupt(node),
            Act::Wipe => self.wipe(node),
            Act::StallDisk => _ = self.stalled.insert(node),
            Act::Pause => _ = self.paused.insert(node),
            Act::Partition => self.partition(),
            Act::Isolate => self.isolate(node),
            Act::IsolateLeader => {
                let leader = self.any_leader();
                leader.into_iter().for_each(|leader| self.isolate(leader));
            }
            Act::Change => self.change_membership(),
            Act::Transfer => self.transfer_leadership(),
            Act::JumpWallClock => self.jump_wall_clock(node),
            other => unreachable!("{other:?} is no fault"),
        }
    }

    fn choose_act(&mut self) -> Act {
        if self.cluster.network.len() > MESSAGES_MAX {
            return Act::Deliver;
        }
        let weights = &self.profile.weights;
        let chosen = weights.choose_weighted(&mut self.random, |(_, weight)| *weight);
        chosen.expect("some weights are positive").0
    }

    pub(super) fn any_node(&mut self) -> NodeId {
        *self.nodes.choose(&mut self.random).expect("some")
    }

    /// One of those who say that they lead.
    pub(super) fn any_leader(&mut self) -> Option<NodeId> {
        let leaders = self.nodes.iter().copied().filter(|node| self.leads(*node));
        let leaders: Vec<NodeId> = leaders.collect();
        leaders.choose(&mut self.random).copied()
    }

    pub(super) fn leads(&self, node: NodeId) -> bool {
        let core = self.cluster.host(node).core();
        core.is_some_and(|core| core.leader() == Some(node))
    }

    pub(super) fn is_up(&self, node: NodeId) -> bool {
        self.cluster.host(node).core().is_some()
    }

    pub(super) fn is_paused(&self, node: NodeId) -> bool {
        self.paused.contains(&node)
    }

    pub(super) fn restart(&mut self, node: NodeId) {
        if !self.is_up(node) {
            self.paused.remove(&node);
            self.cluster.restart(node);
        }
    }
}
