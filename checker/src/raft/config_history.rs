//! The configurations that were committed, over all nodes.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use shakedown_history::event::{ConfigStep, EntryKind};
use shakedown_history::{Configuration, Event, Index, NodeTrace};

use super::committed::Committed;
use super::log_view::Entry;
use super::place::places_of;

/// Which configuration each committed index has as the last one.
#[derive(Default)]
pub(super) struct ConfigHistory<'a> {
    committed: BTreeMap<Index, &'a Configuration>,
    /// What the cluster began with; none if the traces do not go back that far, or differ.
    bootstrap: Option<&'a Configuration>,
}

impl<'a> ConfigHistory<'a> {
    pub(super) fn of(traces: &'a [NodeTrace], committed: &Committed<'_>) -> Self {
        let mut history = Self {
            bootstrap: bootstrap(traces),
            ..Self::default()
        };
        for (position, trace) in traces.iter().enumerate() {
            history.read(position, trace, committed);
        }
        history
    }

    /// The last committed configuration at or before `index`, and its index; zero for the first.
    pub(super) fn at(&self, index: Index) -> Option<(Index, &'a Configuration)> {
        self.back_from(index).next()
    }

    /// The committed configurations at or before `index`, the newest first, the bootstrap's last.
    pub(super) fn back_from(
        &self,
        index: Index,
    ) -> impl Iterator<Item = (Index, &'a Configuration)> {
        let entries = self.committed.range(..=index).rev();
        let first = self.bootstrap.map(|config| (Index(0), config));
        entries.map(|(i, config)| (*i, *config)).chain(first)
    }

    /// Brings a node's configuration entries together with what it says they contain.
    fn read(&mut self, position: usize, trace: &'a NodeTrace, committed: &Committed<'_>) {
        let mut appended: FxHashMap<Index, Entry> = FxHashMap::default();
        let mut said: FxHashMap<Index, &'a Configuration> = FxHashMap::default();
        for place in places_of(position, trace) {
            let index = match place.event() {
                Event::Append {
                    id,
                    hash,
                    kind: EntryKind::Config,
                } => {
                    let entry = Entry {
                        id: *id,
                        hash: *hash,
                    };
                    appended.insert(id.index, entry);
                    id.index
                }
                Event::ConfigChange {
                    what: ConfigStep::Append,
                    index,
                    new,
                    ..
                } => {
                    said.insert(*index, new);
                    *index
                }
                _ => continue,
            };
            if !(appended.contains_key(&index) && said.contains_key(&index)) {
                continue;
            }
            let (entry, config) = (appended.remove(&index), said.remove(&index));
            if committed.at(index).map(|claim| claim.entry) == entry {
                self.committed.extend(config.map(|config| (index, config)));
            }
        }
    }
}

fn bootstrap(traces: &[NodeTrace]) -> Option<&Configuration> {
    let mut bootstrap = None;
    for trace in traces {
        let Some(first) = trace.segments.iter().flat_map(|s| &s.records).next() else {
            continue;
        };
        let Event::Start { last, config, .. } = &first.ev else {
            return None;
        };
        if last.index > Index(0) {
            return None;
        }
        // A node that waits to be added has none.
        if config.voters.is_empty() {
            continue;
        }
        if *bootstrap.get_or_insert(config) != config {
            return None;
        }
    }
    bootstrap
}
