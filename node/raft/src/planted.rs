//! Planted bugs: named deviations from the protocol, each at one place, seen in real systems.
//!
//! They put the testing tool on trial: a campaign that misses one is not to be trusted. They are
//! compiled in only with the cargo feature `planted-bugs`.

use std::fmt;
use std::str::FromStr;

mod table;

pub use table::PlantedBug;

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
    /// The check that shows it: one of the checker's, or what only the simulation sees (`liveness`,
    /// `promotion`, `only-voters-lead`).
    pub invariant: &'static str,
    /// How often the simulation of whole clusters finds it by that check.
    pub simulation: Found,
}

/// How often a simulation finds a planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// With so many seeds.
    pub count: u64,
    /// Of so many.
    pub of: u64,
    /// One of those that find it, the first; of no meaning if there is none.
    pub seed: u64,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => write!(f, "not in {} seeds; a script shows it", self.of),
            count => write!(f, "{count} of {} seeds", self.of),
        }
    }
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
