//! The configuration in force on a node over time: the newest one in its log, committed or not (§6).

use shakedown_history::event::ConfigStep;
use shakedown_history::{Configuration, Event, Index};

use super::place::Place;

/// A node's configurations at one record of its trace.
#[derive(Default)]
pub(super) struct ConfigView<'a> {
    disk: Option<&'a str>,
    /// What was in force before the first of `entries`; none before the first start.
    base: Option<&'a Configuration>,
    /// The log up to here was behind it when `base` became known.
    base_index: Index,
    /// The configuration entries of the log after that, in order.
    entries: Vec<(Index, &'a Configuration)>,
    /// What went out of force in this incarnation: a crash may bring it back.
    dropped: Vec<&'a Configuration>,
    /// A truncation that took a configuration away, until the node says that it went back.
    overdue: Option<Place<'a>>,
    /// Whether anything was truncated in this incarnation. A crash may undo that, with what came in its
    /// place.
    truncated: bool,
}

impl<'a> ConfigView<'a> {
    /// The configuration in force; none before the node's first start.
    pub(super) fn in_force(&self) -> Option<&'a Configuration> {
        self.entries.last().map(|(_, c)| *c).or(self.base)
    }

    /// The log's newest configuration entry whose index is known.
    pub(super) fn newest_index(&self) -> Option<Index> {
        self.entries.last().map(|(index, _)| *index)
    }

    /// The configuration entries whose indexes are known, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (Index, &'a Configuration)> {
        self.entries.iter().rev().copied()
    }

    /// Up to where the log was when the oldest configuration of this view became known.
    pub(super) fn base_index(&self) -> Index {
        self.base_index
    }

    /// The truncation after which the node should have gone back to an earlier configuration.
    pub(super) fn overdue(&self) -> Option<Place<'a>> {
        self.overdue
    }

    /// What should be in force after a restart that found a log up to `last`, if the node found
    /// something else that no crash explains.
    pub(super) fn lost_in_restart(&self, place: &Place<'a>) -> Option<&'a Configuration> {
        let Event::Start {
            last,
            config,
            lost: None,
            ..
        } = place.event()
        else {
            return None;
        };
        if self.disk != Some(place.disk()) || self.dropped.contains(&config) {
            return None;
        }
        let known = self.newest_first().map(|(_, config)| config);
        if self.truncated && known.chain(self.base).any(|known| known == config) {
            return None;
        }
        let kept = self.newest_first().find(|(index, _)| *index <= last.index);
        let due = kept.map(|(_, c)| c).or(self.base)?;
        (due != config).then_some(due)
    }

    /// Goes past one record of the node.
    pub(super) fn advance(&mut self, place: &Place<'a>) {
        if self.disk != Some(place.disk()) {
            *self = Self {
                disk: Some(place.disk()),
                ..Self::default()
            };
        }
        match place.event() {
            Event::Start { last, config, .. } => {
                self.drop_from(Index(last.index.0.saturating_add(1)));
                self.believe(config, last.index);
                self.dropped.clear();
                self.overdue = None;
                self.truncated = false;
            }
            Event::Truncate { from, .. } => {
                self.truncated = true;
                if self.drop_from(*from) {
                    self.overdue = Some(*place);
                }
            }
            Event::SnapshotInstalled {
                meta, kept_suffix, ..
            } => {
                // Until the snapshot is on disk, a crash may bring any of them back.
                let known = self.newest_first().map(|(_, config)| config);
                let known: Vec<_> = known.chain(self.base).collect();
                self.dropped.extend(known);
                let last = meta.last.index;
                self.entries.retain(|(i, _)| *kept_suffix && *i > last);
                (self.base, self.base_index) = (Some(&meta.config), last);
            }
            Event::ConfigChange {
                what, index, new, ..
            } => self.change(*what, *index, new),
            _ => {}
        }
    }

    fn change(&mut self, what: ConfigStep, index: Index, new: &'a Configuration) {
        match what {
            ConfigStep::Append => {
                self.drop_from(index);
                self.entries.push((index, new));
            }
            ConfigStep::Rollback => {
                self.drop_from(index);
                self.believe(new, Index(index.0.saturating_sub(1)));
                self.overdue = None;
            }
            ConfigStep::Active => {}
        }
    }

    /// Takes the node's word for what is in force, if it is something else than this view has.
    fn believe(&mut self, config: &'a Configuration, upto: Index) {
        if self.in_force() != Some(config) {
            self.dropped.extend(self.in_force());
            self.entries.clear();
            (self.base, self.base_index) = (Some(config), upto);
        }
    }

    /// Forgets the entries from `from` on; true if there were any.
    fn drop_from(&mut self, from: Index) -> bool {
        let kept = self.entries.partition_point(|(index, _)| *index < from);
        let removed = self.entries.split_off(kept);
        self.dropped
            .extend(removed.iter().map(|(_, config)| *config));
        // Where both have the same members there is nothing to go back to.
        removed
            .last()
            .is_some_and(|(_, config)| Some(*config) != self.in_force())
    }
}
