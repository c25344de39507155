//! Terms, indexes, nodes and processes as types of their own, so that none is taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A Raft term (§5.1 of the paper). Zero is the term before the first election.
    Term
}
number! {
    /// A position in a Raft log. The first entry has index 1; zero is "before the log".
    Index
}
number! {
    /// A logical client process: single-threaded, retired after an indeterminate op.
    ProcessId
}
number! {
    /// A fault of one run, numbered in the order of the schedule.
    FaultId
}

impl Term {
    /// The term that a candidate enters.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Index {
    /// The index after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The index before this one.
    ///
    /// # Panics
    /// On index zero, which has none.
    #[must_use]
    pub fn prev(self) -> Self {
        Self(
            self.0
                .checked_sub(1)
                .expect("index zero has no predecessor"),
        )
    }
}

/// A member of the cluster; written `n1`, `n2`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("n{}", self.0))
    }
}

/// The text is not of the form `n1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a node: write n1, n2, ...")]
pub struct NodeIdError(String);

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let digits = text
            .strip_prefix('n')
            .filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        digits
            .and_then(|d| d.parse().ok())
            .map(Self)
            .ok_or_else(|| NodeIdError(text.to_owned()))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

/// Names one log entry: two entries with the same term and index are the same entry, and so are
/// all entries before them (Log Matching, §5.3). Ordered as voters compare logs (§5.4.1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LogId {
    /// The term in which a leader created the entry.
    #[serde(rename = "t")]
    pub term: Term,
    /// Its position.
    #[serde(rename = "i")]
    pub index: Index,
}

impl LogId {
    /// The entry at `index` created in `term`.
    #[must_use]
    pub fn new(term: u64, index: u64) -> Self {
        Self {
            term: Term(term),
            index: Index(index),
        }
    }
}

impl fmt::Display for LogId {
    /// Index and term, as in `5@t2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@t{}", self.index, self.term)
    }
}

/// The chained hash of a log up to and including one entry: equal hashes mean equal prefixes.
/// Written as 16 hexadecimal digits, because JSON readers may round a 64-bit number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogHash(pub u64);

impl LogHash {
    /// The hash of the empty log.
    pub const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Chains one more entry to this prefix: its term, then its payload's bytes (64-bit FNV-1a over
    /// the previous hash, the term and the payload, finished with the mixer of MurmurHash3).
    #[must_use]
    pub fn chain(self, term: Term, payload: &[u8]) -> Self {
        let seed = self.0.to_le_bytes().into_iter().chain(term.0.to_le_bytes());
        let mut hash = Self::EMPTY.0;
        for byte in seed.chain(payload.iter().copied()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self(hash ^ (hash >> 33))
    }
}

impl fmt::Display for LogHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for LogHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for LogHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            let hash = (text.len() == 16)
                .then(|| u64::from_str_radix(&text, 16).ok())
                .flatten();
            hash.map(Self)
                .ok_or_else(|| de::Error::custom(format!("{text:?} is not 16 hexadecimal digits")))
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_written_with_an_n() {
        assert_eq!("n12".parse(), Ok(NodeId(12)));
        for wrong in ["", "n", "12", "n-1", "n+1", "x1", "n99999999999999999999"] {
            assert!(wrong.parse::<NodeId>().is_err(), "{wrong}");
        }
        assert_eq!(serde_json::to_string(&NodeId(3)).unwrap(), "\"n3\"");
    }

    #[test]
    fn logs_compare_by_term_before_length() {
        assert!(LogId::new(3, 1) > LogId::new(2, 9));
        assert!(LogId::new(3, 2) > LogId::new(3, 1));
    }

    #[test]
    fn a_chained_hash_tells_prefixes_apart() {
        let a = LogHash::EMPTY.chain(Term(1), b"a");
        let b = LogHash::EMPTY.chain(Term(1), b"b");
        assert_ne!(a, b);
        assert_ne!(a.chain(Term(1), b"c"), b.chain(Term(1), b"c"));
        assert_ne!(a, LogHash::EMPTY.chain(Term(2), b"a"));
        let text = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<LogHash>(&text).unwrap(), a);
    }
}
