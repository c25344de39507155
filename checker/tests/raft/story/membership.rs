//! Configurations that change.

use shakedown_history::event::{ConfigStep, EntryKind};
use shakedown_history::{Configuration, Event, Index, NodeId};

use super::{Node, Story};

/// Plain voters.
pub(crate) fn voters(ids: &[u64]) -> Configuration {
    Configuration::of_voters(ids.iter().copied().map(NodeId))
}

/// Voters, and the outgoing ones while joint.
pub(crate) fn joint(ids: &[u64], outgoing: &[u64]) -> Configuration {
    Configuration {
        outgoing: voters(outgoing).voters,
        ..voters(ids)
    }
}

/// Voters and learners.
pub(crate) fn learning(ids: &[u64], learners: &[u64]) -> Configuration {
    Configuration {
        learners: voters(learners).voters,
        ..voters(ids)
    }
}

impl Node {
    /// The last configuration at or before an index.
    pub(crate) fn config_at(&self, index: u64) -> Configuration {
        let at = self.configs.iter().rev().find(|(i, _)| *i <= index);
        at.map(|(_, config)| config.clone()).unwrap_or_default()
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Configuration {
        self.config_at(u64::MAX)
    }
}

impl Story {
    /// The leader appends a new configuration, on its disk.
    pub(crate) fn change_config(&mut self, n: u64, new: Configuration) {
        let payload = format!("{new:?}");
        self.next_config = Some(new);
        self.append(n, &payload, EntryKind::Config, None);
        self.sync(n);
    }

    /// A configuration's entry is in the log: it is in force from here on.
    pub(crate) fn config_appended(&mut self, n: u64, index: u64, new: Configuration) {
        let old = self.node(n).config();
        self.node_mut(n).configs.push((index, new.clone()));
        self.write(
            n,
            Event::ConfigChange {
                what: ConfigStep::Append,
                index: Index(index),
                old,
                new,
            },
        );
    }

    /// Configurations from an index on are out of the log: the one before is in force again.
    pub(crate) fn roll_back(&mut self, n: u64, from: u64) {
        while let Some((index, old)) = self.node(n).configs.last().cloned()
            && index >= from
        {
            self.node_mut(n).configs.pop();
            let new = self.node(n).config();
            self.write(
                n,
                Event::ConfigChange {
                    what: ConfigStep::Rollback,
                    index: Index(index),
                    old,
                    new,
                },
            );
        }
    }
}
