//! What one seed varies: the cluster, its settings and its faults. Each seed leaves some kinds of
//! fault out ("swarm testing", Groce et al., ISSTA 2012): a fault that is always about hides what
//! others would show.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use shakedown_raft::{DiskId, Membership, NodeId, PlantedBug, Settings};

use super::acts::{Act, WEIGHTS};

/// One act takes that long.
pub(crate) const ACT_NS: u64 = 1_000;
/// Clocks go faster or slower than true time by at most this.
const DRIFT_PERCENT_MAX: u64 = 4;

/// How promises are bound to disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Not at all.
    Unbound,
    /// To the disk from which a node speaks first.
    Learned,
    /// To the disks that the bootstrap membership names.
    Known,
}

/// What one seed varies.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The voters at first.
    pub(crate) voters: Vec<NodeId>,
    /// Nodes that wait to be added.
    pub(crate) spares: Vec<NodeId>,
    pub(crate) acts: usize,
    pub(crate) tick_ns: u64,
    /// Each clock's rate, in percent of true time.
    pub(crate) clock_percent: BTreeMap<NodeId, u64>,
    pub(crate) binding: Binding,
    pub(crate) weights: Vec<(Act, u32)>,
    /// Whether messages overtake each other.
    pub(crate) reorders: bool,
    /// Whether state machines lag behind what is committed.
    pub(crate) lags: bool,
    pub(crate) clients: u64,
    pub(crate) registers: u64,
    /// Nodes whose election timeouts are all short; the others' are all long. Nobody in most seeds.
    hasty: BTreeSet<NodeId>,
    settings: Settings,
}

impl Profile {
    pub(crate) fn draw(random: &mut impl Rng, planted_bug: Option<PlantedBug>) -> Self {
        let count = *[2, 3, 3, 3, 3, 4, 5, 5].choose(random).expect("some");
        let voters: Vec<NodeId> = (1..=count).map(NodeId).collect();
        let spares: Vec<NodeId> = (count + 1..=count + random.random_range(0..=2))
            .map(NodeId)
            .collect();
        let all = voters.len() + spares.len();
        let tick_ns = ACT_NS * all as u64 * random.random_range(3..=6);
        let bindings = [Binding::Unbound, Binding::Learned, Binding::Known];
        let everyone = voters.iter().chain(&spares);
        let uneven = random.random_ratio(1, 5);
        let hasty = everyone
            .clone()
            .filter(|_| uneven && random.random_ratio(2, 3));
        Self {
            hasty: hasty.copied().collect(),
            clock_percent: everyone
                .map(|node| (*node, clock_percent(random)))
                .collect(),
            acts: random.random_range(1_000..=4_000),
            tick_ns,
            binding: *bindings.choose(random).expect("some"),
            weights: draw_weights(random),
            reorders: random.random_ratio(2, 3),
            lags: random.random(),
            clients: random.random_range(2..=6),
            registers: random.random_range(1..=3),
            settings: draw_settings(random, tick_ns, planted_bug),
            voters,
            spares,
        }
    }

    /// Everyone who may ever belong to the cluster.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.voters.iter().chain(&self.spares).copied().collect()
    }

    /// What a node is told when it first starts.
    pub(crate) fn settings(&self, node: NodeId, seed: u64) -> Settings {
        let mut bootstrap = Membership::default();
        if self.voters.contains(&node) {
            bootstrap = Membership::of_voters(self.voters.clone());
            for (node, member) in &mut bootstrap.members {
                member.disk = (self.binding == Binding::Known).then(|| first_disk(*node));
            }
        }
        let (min, max) = (
            self.settings.election_timeout_ticks_min,
            self.settings.election_timeout_ticks_max,
        );
        let (min, max) = match self.hasty.is_empty() {
            true => (min, max),
            false if self.hasty.contains(&node) => (min, min + 2),
            false => (max - 2, max),
        };
        Settings {
            election_timeout_ticks_min: min,
            election_timeout_ticks_max: max,
            node,
            disk: (self.binding != Binding::Unbound).then(|| first_disk(node)),
            bootstrap,
            seed,
            ..self.settings.clone()
        }
    }

    /// The longest election timeout.
    pub(crate) fn election_ticks_max(&self) -> u64 {
        self.settings.election_timeout_ticks_max
    }

    /// How many of the longest election timeouts a cluster gets until it must serve. Where the same
    /// nodes are always first, whether or not they can win, it takes longer.
    pub(crate) fn patience(&self) -> u64 {
        if self.hasty.is_empty() { 40 } else { 150 }
    }

    /// Whether a deaf node leaves the others alone: it stands for election again and again.
    pub(crate) fn tames_deaf(&self) -> bool {
        self.settings.pre_vote || self.hasty.is_empty()
    }

    /// Whether a server that was removed leaves the others alone although it does not know.
    pub(crate) fn tames_removed(&self) -> bool {
        self.settings.sticky_leader || self.settings.pre_vote
    }

    pub(crate) fn has_leases(&self) -> bool {
        self.settings.lease_ns > 0
    }
}

fn first_disk(node: NodeId) -> DiskId {
    DiskId(u128::from(node.0))
}

fn clock_percent(random: &mut impl Rng) -> u64 {
    random.random_range(100 - DRIFT_PERCENT_MAX..=100 + DRIFT_PERCENT_MAX)
}

fn draw_settings(random: &mut impl Rng, tick_ns: u64, planted_bug: Option<PlantedBug>) -> Settings {
    let sticky_leader = random.random();
    let leases = sticky_leader && random.random_ratio(2, 3);
    let ticks_min = random.random_range(10..=14);
    // A vote is refused for at least one tick less than the shortest timeout, by the voter's clock.
    let promise_ns = (ticks_min - 1) * tick_ns;
    let lease_ns = promise_ns * (100 - DRIFT_PERCENT_MAX) / (100 + DRIFT_PERCENT_MAX);
    Settings {
        node: NodeId(1),
        disk: None,
        bootstrap: Membership::default(),
        election_timeout_ticks_min: ticks_min,
        election_timeout_ticks_max: ticks_min + random.random_range(5..=10),
        heartbeat_ticks: random.random_range(2..=4),
        pre_vote: random.random(),
        check_quorum: true,
        sticky_leader,
        lease_ns: if leases { lease_ns } else { 0 },
        entries_per_message_max: random.random_range(1..=5),
        bytes_per_message_max: *[60, 1 << 20].choose(random).expect("some"),
        bytes_in_flight_max: *[200, 1 << 20].choose(random).expect("some"),
        messages_in_flight_max: random.random_range(1..=8),
        snapshot_chunk_bytes: *[24, 48, 96, 1 << 10].choose(random).expect("some"),
        log_retention: random.random_range(0..=6),
        disk_stall_ticks: random.random_range(15..=60),
        incarnation: 1,
        seed: 0,
        planted_bug,
    }
}

/// Every kind of fault is left out by some seeds, and rules others.
fn draw_weights(random: &mut impl Rng) -> Vec<(Act, u32)> {
    let mut draw = |(act, weight, vital): &(Act, u32, bool)| {
        let factor = match random.random_range(0..10) {
            _ if *vital => 2,
            0..3 => 0,
            3..7 => 2,
            7..9 => 4,
            _ => 10,
        };
        (*act, weight * factor)
    };
    WEIGHTS.iter().map(&mut draw).collect()
}
