//! The fault families of a plan, each with its parameters.

mod membership;
mod transfer;

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use shakedown_history::fault::FaultWindow;

use crate::range::{Range, milliseconds};
use crate::target::Target;
pub use membership::{MembershipChange, MembershipFaults};
pub use transfer::{Successor, TransferFaults};

/// The faults of a run. A family that is not named is not injected; none named is a healthy run.
/// `kill:` with nothing behind it is the family with its defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Cut links between nodes. Clients keep reaching every node.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "with_defaults"
    )]
    pub partition: Option<PartitionFaults>,
    /// Kill nodes with SIGKILL, and start them again.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "with_defaults"
    )]
    pub kill: Option<KillFaults>,
    /// Stop nodes with SIGSTOP, and let them go on.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "with_defaults"
    )]
    pub pause: Option<PauseFaults>,
    /// Move nodes' clocks and make them run fast or slow.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "with_defaults"
    )]
    pub clock: Option<ClockFaults>,
    /// Remove nodes from the cluster, and add them again with an empty disk.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "with_defaults"
    )]
    pub membership: Option<MembershipFaults>,
    /// Hand the leadership on, again and again.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "with_defaults"
    )]
    pub transfer: Option<TransferFaults>,
}

/// Reads `family:` with nothing behind it as the family's defaults: who writes it wants the fault.
fn with_defaults<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Some(
        Option::<T>::deserialize(deserializer)?.unwrap_or_default(),
    ))
}

impl Faults {
    /// All families with their defaults.
    #[must_use]
    pub fn all() -> Self {
        Self {
            partition: Some(PartitionFaults::default()),
            kill: Some(KillFaults::default()),
            pause: Some(PauseFaults::default()),
            clock: Some(ClockFaults::default()),
            membership: Some(MembershipFaults::default()),
            transfer: Some(TransferFaults::default()),
        }
    }

    /// The families in use, in a fixed order.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let used = [
            (self.partition.is_some(), Family::Partition),
            (self.kill.is_some(), Family::Kill),
            (self.pause.is_some(), Family::Pause),
            (self.clock.is_some(), Family::Clock),
            (self.membership.is_some(), Family::Membership),
            (self.transfer.is_some(), Family::Transfer),
        ];
        used.into_iter()
            .filter(|(used, _)| *used)
            .map(|(_, family)| family)
            .collect()
    }
}

impl Faults {
    /// The families of the plan of which no fault bit, in a fixed order: what the run says nothing
    /// about, however many other faults it saw.
    #[must_use]
    pub fn never_bit(&self, windows: &[FaultWindow]) -> Vec<Family> {
        let bit = |family: &Family| {
            windows
                .iter()
                .any(|window| window.bit() && window.spec.family == family.to_string())
        };
        self.families()
            .into_iter()
            .filter(|family| !bit(family))
            .collect()
    }
}

/// A fault family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Cut links.
    Partition,
    /// SIGKILL and start again.
    Kill,
    /// SIGSTOP and SIGCONT.
    Pause,
    /// Wrong clocks.
    Clock,
    /// Nodes removed and added again.
    Membership,
    /// Another leader by arrangement.
    Transfer,
}

impl Family {
    /// Whether its faults may leave the cluster without a majority.
    #[must_use]
    pub fn may_stop_service(self) -> bool {
        matches!(self, Self::Partition | Self::Kill | Self::Pause)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Partition => "partition",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Clock => "clock",
            Self::Membership => "membership",
            Self::Transfer => "transfer",
        })
    }
}

/// Which links a partition cuts. The shapes are Jepsen's.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One drawn node is alone.
    IsolateOne,
    /// The leader is alone; one drawn node if nobody is known to lead.
    IsolateLeader,
    /// Two halves; with an odd number of nodes one is a majority.
    Halves,
    /// A minority of drawn size and the rest.
    RandomMinority,
    /// Two halves, and one node that still reaches both.
    Bridge,
    /// Every node reaches a majority, no two the same one, and no majority is connected among
    /// itself. From four nodes on.
    MajoritiesRing,
    /// The leader or a drawn minority can only send, or can only receive.
    OneWay,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 7] = [
        Self::IsolateOne,
        Self::IsolateLeader,
        Self::Halves,
        Self::RandomMinority,
        Self::Bridge,
        Self::MajoritiesRing,
        Self::OneWay,
    ];

    /// The smallest cluster in which the shape exists.
    #[must_use]
    pub fn nodes_min(self) -> usize {
        match self {
            Self::IsolateOne | Self::IsolateLeader | Self::Halves => 2,
            Self::RandomMinority | Self::Bridge | Self::OneWay => 3,
            Self::MajoritiesRing => 4,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::IsolateOne => "isolate-one",
            Self::IsolateLeader => "isolate-leader",
            Self::Halves => "halves",
            Self::RandomMinority => "random-minority",
            Self::Bridge => "bridge",
            Self::MajoritiesRing => "majorities-ring",
            Self::OneWay => "one-way",
        })
    }
}

/// Cut links between nodes. Clients keep reaching every node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PartitionFaults {
    /// Which links are cut; each shape in turn. All that exist from three nodes on by default.
    pub shapes: Vec<Shape>,
}

impl Default for PartitionFaults {
    fn default() -> Self {
        Self {
            shapes: Shape::ALL
                .into_iter()
                .filter(|shape| shape.nodes_min() <= 3)
                .collect(),
        }
    }
}

fn every_target() -> Vec<Target> {
    vec![
        Target::One,
        Target::Minority,
        Target::Majority,
        Target::Leader,
        Target::All,
    ]
}

/// Kill nodes with SIGKILL, and start them again when the fault ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillFaults {
    /// Whom; each target in turn.
    pub targets: Vec<Target>,
}

impl Default for KillFaults {
    fn default() -> Self {
        Self {
            targets: every_target(),
        }
    }
}

/// Stop nodes with SIGSTOP, and let them go on when the fault ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PauseFaults {
    /// Whom; each target in turn.
    pub targets: Vec<Target>,
}

impl Default for PauseFaults {
    fn default() -> Self {
        Self {
            targets: every_target(),
        }
    }
}

/// A clock of a process.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The time of day (`CLOCK_REALTIME` and its kin).
    Realtime,
    /// What timeouts are measured with (`CLOCK_MONOTONIC` and its kin).
    Monotonic,
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Realtime => "realtime",
            Self::Monotonic => "monotonic",
        })
    }
}

/// Move nodes' clocks and make them run fast or slow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClockFaults {
    /// Whom; each target in turn.
    pub targets: Vec<Target>,
    /// Which clock; each in turn.
    pub clocks: Vec<Clock>,
    /// How far a clock jumps when the fault begins. Half of the jumps of the realtime clock go
    /// back; the monotonic clock only jumps forward.
    pub offset: Range<Duration>,
    /// How fast it runs while the fault lasts: at 2, twice as fast as real time.
    pub rate: Range<f64>,
}

impl Default for ClockFaults {
    fn default() -> Self {
        Self {
            targets: every_target(),
            clocks: vec![Clock::Realtime, Clock::Monotonic],
            offset: milliseconds(10, 10_000),
            rate: Range::new(0.5, 2.0),
        }
    }
}
