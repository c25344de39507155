//! Transfers of the leadership.

use std::fmt;
use std::time::Duration;

use rand::RngExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shakedown_history::NodeId;

use crate::random::stream;
use crate::range::{Range, milliseconds};
use crate::target::shuffled;

/// Hand the leadership on, again and again (§3.10 of Ongaro's dissertation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransferFaults {
    /// To whom; each in turn.
    pub to: Vec<Successor>,
    /// From one transfer to the next.
    pub every: Range<Duration>,
}

impl Default for TransferFaults {
    fn default() -> Self {
        Self {
            to: Successor::ALL.to_vec(),
            every: milliseconds(300, 600),
        }
    }
}

/// Who is to lead next.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Successor {
    /// A drawn voter, however far it lags.
    Voter,
    /// Whoever is most up to date, as the leader sees it.
    MostUpToDate,
}

impl Successor {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Voter, Self::MostUpToDate];

    /// The node to name to `leader` in a fault's transfer number `round`, counted from 0; none
    /// where the leader is to choose, or where there is no other voter. The fault's `draw` decides.
    #[must_use]
    pub fn named(self, voters: &[NodeId], leader: NodeId, draw: u64, round: u64) -> Option<NodeId> {
        let others: Vec<NodeId> = voters.iter().copied().filter(|v| *v != leader).collect();
        match self {
            Self::MostUpToDate => None,
            Self::Voter => {
                let draw = stream(draw ^ round, "successor").random();
                shuffled(&others, draw).first().copied()
            }
        }
    }
}

impl fmt::Display for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Voter => "voter",
            Self::MostUpToDate => "most-up-to-date",
        })
    }
}
