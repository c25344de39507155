//! Who belongs to the cluster: the voters and learners, and what else is known of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shakedown_history::{Configuration, LogHash, NodeId, Term};

/// A disk, by the random number that it got when it was formatted. A wiped disk is another disk:
/// its node has forgotten what it promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DiskId(pub u128);

/// What is known of a member besides whether it votes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it is reached; opaque to the protocol.
    pub address: String,
    /// The disk that it first spoke from. Votes and acknowledgements of another do not count.
    pub disk: Option<DiskId>,
}

/// A configuration with what is known of its members. Travels in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Who votes and who learns.
    pub config: Configuration,
    /// Everyone in `config`.
    pub members: BTreeMap<NodeId, Member>,
}

impl Membership {
    /// Voters of whom nothing else is known.
    #[must_use]
    pub fn of_voters(voters: impl IntoIterator<Item = NodeId>) -> Self {
        let config = Configuration::of_voters(voters);
        let members = config.voters.iter().map(|n| (*n, Member::default()));
        Self {
            members: members.collect(),
            config,
        }
    }

    /// Whether a promise of `node` made on `disk` counts: its disk is the one that it is known by.
    #[must_use]
    pub fn trusts(&self, node: NodeId, disk: Option<DiskId>) -> bool {
        let known = self.members.get(&node).and_then(|member| member.disk);
        known.is_none() || known == disk
    }

    /// The hash of a log that ends in this membership: every member, with what is known of it.
    pub(crate) fn chain(&self, previous: LogHash, term: Term) -> LogHash {
        let Configuration {
            voters,
            outgoing,
            learners,
        } = &self.config;
        let hash = [voters, outgoing, learners]
            .into_iter()
            .fold(previous, |hash, nodes| {
                let bytes: Vec<u8> = nodes.iter().flat_map(|n| n.0.to_le_bytes()).collect();
                hash.chain(term, &bytes)
            });
        self.members.iter().fold(hash, |hash, (node, member)| {
            let disk = member.disk.map_or([0; 16], |disk| disk.0.to_le_bytes());
            let bytes = [&node.0.to_le_bytes()[..], &disk, member.address.as_bytes()].concat();
            hash.chain(term, &bytes)
        })
    }
}
