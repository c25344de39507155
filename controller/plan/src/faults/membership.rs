//! Changes of the membership: nodes are removed, replaced and added again.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::target::Target;

/// Remove nodes from the cluster, and add them again with an empty disk when the fault ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MembershipFaults {
    /// What is changed; each in turn.
    pub changes: Vec<MembershipChange>,
    /// Whom it begins with: one node; each target in turn.
    pub targets: Vec<Target>,
}

impl Default for MembershipFaults {
    fn default() -> Self {
        Self {
            changes: MembershipChange::ALL.to_vec(),
            targets: vec![Target::One, Target::Leader, Target::Follower],
        }
    }
}

/// How the membership changes (§6 of the Raft paper). At the fault's end every node that was removed
/// starts with an empty disk, is added as a learner, catches up and votes again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum MembershipChange {
    /// A node is removed, and its process goes on.
    Remove,
    /// A node is killed and its disk wiped: it forgets what it has promised. It is removed, and comes
    /// back as somebody new.
    ReplaceWiped,
    /// Two nodes are removed, one after the other.
    ShrinkGrow,
}

impl MembershipChange {
    /// Every change.
    pub const ALL: [Self; 3] = [Self::Remove, Self::ReplaceWiped, Self::ShrinkGrow];

    /// The smallest cluster in which the change can be carried out.
    #[must_use]
    pub fn nodes_min(self) -> usize {
        match self {
            Self::Remove => 2,
            Self::ReplaceWiped | Self::ShrinkGrow => 3,
        }
    }

    /// How many nodes leave.
    #[must_use]
    pub fn leavers(self) -> usize {
        match self {
            Self::Remove | Self::ReplaceWiped => 1,
            Self::ShrinkGrow => 2,
        }
    }
}

impl fmt::Display for MembershipChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Remove => "remove",
            Self::ReplaceWiped => "replace-wiped",
            Self::ShrinkGrow => "shrink-grow",
        })
    }
}
