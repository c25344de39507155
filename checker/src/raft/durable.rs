//! What was ever on the nodes' disks, by their own traces.

use rustc_hash::{FxHashMap, FxHashSet};
use shakedown_history::{Index, LogId, NodeId, NodeTrace, Term};

use super::log_view::LogView;
use super::place::places_of;

/// For each node and term the highest entry of that term that was ever on its disk. All entries of the
/// term below it were too: a log has them in one run (Log Matching).
#[derive(Default)]
pub(super) struct Durable {
    highest: FxHashMap<(NodeId, Term), Index>,
    /// How far a snapshot on each node's disk ever reached. What lies under it is held, though not shown.
    covered: FxHashMap<NodeId, Index>,
    traced: FxHashSet<NodeId>,
}

impl Durable {
    pub(super) fn of(traces: &[NodeTrace]) -> Self {
        let mut durable = Self {
            traced: traces.iter().map(|t| t.node).collect(),
            ..Self::default()
        };
        for (position, trace) in traces.iter().enumerate() {
            let mut log = LogView::default();
            let mut covered = Index(0);
            for place in places_of(position, trace) {
                let same_disk = log.disk() == Some(place.disk());
                let before = if same_disk { log.durable() } else { Index(0) };
                log.advance(&place);
                for entry in log.known(before, log.durable()) {
                    let highest = durable.highest.entry((place.node(), entry.id.term));
                    let highest = highest.or_default();
                    *highest = entry.id.index.max(*highest);
                }
                if log.base() > covered && log.base() <= log.durable() {
                    covered = log.base();
                    durable.covered.insert(place.node(), covered);
                }
            }
        }
        durable
    }

    /// Whether the node's trace shows the entry on its disk; yes for a node without a trace.
    pub(super) fn may_hold(&self, node: NodeId, id: LogId) -> bool {
        let reaches = |known: Option<&Index>| known.is_some_and(|index| *index >= id.index);
        reaches(self.highest.get(&(node, id.term)))
            || reaches(self.covered.get(&node))
            || !self.traced.contains(&node)
    }
}
