//! Who votes, and what makes a quorum.

use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// Who votes. While `outgoing` is not empty the configuration is joint (§6): a decision needs a
/// majority of each half.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct Configuration {
    /// The (incoming) voters, sorted.
    pub voters: Vec<NodeId>,
    /// The outgoing voters of a joint configuration, sorted.
    #[serde(default)]
    pub outgoing: Vec<NodeId>,
    /// Who receives the log but does not vote, sorted.
    #[serde(default)]
    pub learners: Vec<NodeId>,
}

impl Serialize for Configuration {
    /// Text leaves empty lists out. Binary formats get every field: a reader without field names
    /// could not tell which are missing.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let binary = !serializer.is_human_readable();
        let mut fields = serializer.serialize_struct("Configuration", 3)?;
        fields.serialize_field("voters", &self.voters)?;
        for (name, nodes) in [("outgoing", &self.outgoing), ("learners", &self.learners)] {
            if binary || !nodes.is_empty() {
                fields.serialize_field(name, nodes)?;
            } else {
                fields.skip_field(name)?;
            }
        }
        fields.end()
    }
}

impl Configuration {
    /// A configuration of plain voters.
    pub fn of_voters(voters: impl IntoIterator<Item = NodeId>) -> Self {
        let mut voters: Vec<NodeId> = voters.into_iter().collect();
        voters.sort_unstable();
        voters.dedup();
        Self {
            voters,
            ..Self::default()
        }
    }

    /// Whether the nodes that `agrees` accepts are a majority of the voters and, while joint, of the
    /// outgoing voters too. No voters, no quorum.
    pub fn is_quorum(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        let majority =
            |half: &[NodeId]| half.iter().filter(|n| agrees(**n)).count() > half.len() / 2;
        majority(&self.voters) && (self.outgoing.is_empty() || majority(&self.outgoing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ids: &[u64]) -> Vec<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn a_quorum_is_more_than_half_and_of_each_half_while_joint() {
        let four = Configuration::of_voters(nodes(&[1, 2, 3, 4]));
        assert!(!four.is_quorum(|n| n.0 <= 2));
        assert!(four.is_quorum(|n| n.0 <= 3));
        let joint = Configuration {
            outgoing: nodes(&[1, 2, 3]),
            ..Configuration::of_voters(nodes(&[3, 4, 5]))
        };
        assert!(
            !joint.is_quorum(|n| n.0 >= 3),
            "only one of the outgoing three"
        );
        assert!(joint.is_quorum(|n| n.0 >= 2 && n.0 <= 4));
        assert!(
            !Configuration::default().is_quorum(|_| true),
            "nobody is no quorum"
        );
    }
}
