//! True time, and each node's own idea of it.

use shakedown_raft::{Input, NodeId, PlantedBug};

use rand::RngExt;

use super::Simulation;

/// A node's clock: it goes a little too fast or too slow.
#[derive(Debug)]
pub(crate) struct Clock {
    percent: u64,
    /// By this clock.
    next_tick_ns: u64,
    /// How far wall time was set back in all.
    wall_behind_ns: u64,
}

impl Clock {
    pub(crate) fn new(percent: u64, tick_ns: u64) -> Self {
        Self {
            percent,
            next_tick_ns: tick_ns,
            wall_behind_ns: 0,
        }
    }

    fn read(&self, true_ns: u64) -> u64 {
        true_ns * self.percent / 100
    }
}

impl Simulation {
    /// Lets true time pass; whose tick is due gets it. A node that is paused gets none, nor makes up
    /// for it afterwards.
    pub(super) fn pass_time(&mut self, ns: u64) {
        self.now_ns += ns;
        self.cluster.set_clock(self.now_ns);
        for position in 0..self.nodes.len() {
            let node = self.nodes[position];
            let paused = self.is_paused(node);
            let clock = self.clocks.get_mut(&node).expect("each node has one");
            let local_ns = clock.read(self.now_ns);
            if local_ns >= clock.next_tick_ns && !paused {
                clock.next_tick_ns = local_ns + self.profile.tick_ns;
                let now_ns = self.clock_of(node);
                self.cluster.feed(node, Input::Tick { now_ns });
            }
        }
    }

    /// What the node's clock shows: monotonic time, or with the planted bug `wall-clock-lease` wall time.
    pub(super) fn clock_of(&self, node: NodeId) -> u64 {
        let clock = &self.clocks[&node];
        let wall_behind_ns = match self.cluster.host(node).deviates(PlantedBug::WallClockLease) {
            true => clock.wall_behind_ns,
            false => 0,
        };
        clock.read(self.now_ns).saturating_sub(wall_behind_ns)
    }

    /// Sets the wall clock of a node back.
    pub(super) fn jump_wall_clock(&mut self, node: NodeId) {
        let ticks = self.random.random_range(10..=60);
        let clock = self.clocks.get_mut(&node).expect("each node has one");
        clock.wall_behind_ns += ticks * self.profile.tick_ns;
    }
}
