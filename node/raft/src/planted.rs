//! Planted bugs: named deviations from the protocol, each at one place, seen in real systems.
//!
//! They put the testing tool on trial: a campaign that misses one is not to be trusted. They are
//! compiled in only with the cargo feature `planted-bugs`.

use std::fmt;
use std::str::FromStr;

macro_rules! planted_bugs {
    ($($variant:ident = $name:literal, $zoo:literal, $layer:ident, $deviation:literal, $breaks:literal, $seen:literal;)*) => {
        /// A deliberate deviation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PlantedBug {
            $(#[doc = $deviation] $variant,)*
        }

        impl PlantedBug {
            /// All of them, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The table's row.
            #[must_use]
            pub fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        name: $name, zoo: $zoo, layer: Layer::$layer, deviation: $deviation,
                        breaks: $breaks, seen: $seen,
                    },)*
                }
            }
        }
    };
}

/// Where the deviation sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// In the protocol core.
    Raft,
    /// In the process around it: storage, state machine, API.
    Node,
}

/// What is to be known of a planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name on the command line.
    pub name: &'static str,
    /// The row of the bug zoo that it models.
    pub zoo: &'static str,
    /// Where it sits.
    pub layer: Layer,
    /// What the node does wrong.
    pub deviation: &'static str,
    /// Which promise that breaks.
    pub breaks: &'static str,
    /// Where it was seen in the wild.
    pub seen: &'static str,
}

planted_bugs! {
    StaleRead = "stale-read", "E1", Node,
        "Every node answers reads from its own state at once, without asking a quorum.",
        "linearizability", "etcd and Consul 2014";
    CommitOldTerm = "commit-old-term", "B6", Raft,
        "A leader commits entries of earlier terms by counting replicas (Figure 8).",
        "leader commit rule, committed entries are never lost", "PySyncObj #169, NATS c8687fc4d";
    VoteTwice = "vote-twice", "A4", Raft,
        "A node votes for whoever asks, even if it has voted for another in the term.",
        "one vote a term, one leader a term", "NATS bf8ebe7dd, Zeebe #5356";
    ForgetVote = "forget-vote", "A1 A2", Node,
        "A node that starts again knows its last entry's term, and no vote.",
        "terms never go back, one vote a term", "willemt 854a06d, NATS 860e23645";
    TruncateAlways = "truncate-always", "B1", Raft,
        "A follower cuts its log after the last entry of every AppendEntries, conflict or not.",
        "acknowledged entries stay", "willemt #37, RaftOS #26";
    ShortQuorum = "short-quorum", "A14", Raft,
        "A quorum is one node short of a majority.",
        "one leader a term, commits by a majority", "hashicorp 163a55f, openraft d60f1e85";
    DoubleApply = "double-apply", "G1", Node,
        "A request that was proposed twice is applied twice: sessions are ignored.",
        "a request takes effect once", "jetcd 0.8.2, RedisRaft #13";
    AckBeforeCommit = "ack-before-commit", "B22", Node,
        "A leader answers a write as soon as the entry is in its own log.",
        "what a client was told is committed", "Redpanda #5025, RavenDB-13612";
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().name)
    }
}

/// No planted bug has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBug(String);

impl fmt::Display for UnknownBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = PlantedBug::ALL.iter().map(|b| b.row().name).collect();
        write!(
            f,
            "no planted bug is called {:?}; there are: {}",
            self.0,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownBug {}

impl FromStr for PlantedBug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        let found = Self::ALL.iter().find(|b| b.row().name == name);
        found.copied().ok_or_else(|| UnknownBug(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name() {
        for bug in PlantedBug::ALL {
            assert_eq!(bug.to_string().parse(), Ok(*bug));
        }
        let error = "no-such".parse::<PlantedBug>().unwrap_err().to_string();
        assert!(error.contains("stale-read"), "{error}");
    }
}
