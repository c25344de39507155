//! What the planted bugs of this layer make of the state machine.

use std::collections::BTreeMap;

use bytes::Bytes;
use nix::time::ClockId;
use shakedown_history::{Index, NodeId};
use shakedown_raft::PlantedBug;

use crate::clock;
use crate::kv::{Command, Store};

/// For how long a session may be idle by the node's own clock, with `sessions-by-clock`.
const SESSION_IDLE_NS: i64 = 300_000_000;

/// Of so many entries in a row one is carried out otherwise on each node, with `local-apply`.
const LOCAL_PERIOD: u64 = 64;

/// A node that may be built to do wrong.
#[derive(Debug, Default)]
pub(super) struct Deviation {
    bug: Option<PlantedBug>,
    node: u64,
    /// When each session was used last, by this node's wall clock.
    session_used_ns: BTreeMap<u64, i64>,
}

impl Deviation {
    pub(super) fn new(node: NodeId, bug: Option<PlantedBug>) -> Self {
        Self {
            bug,
            node: node.0,
            ..Self::default()
        }
    }

    /// What this node takes an entry's command for.
    pub(super) fn understand(&mut self, at: Index, command: Command, store: &mut Store) -> Command {
        match self.bug {
            Some(PlantedBug::LocalApply) if at.0 % LOCAL_PERIOD == self.node % LOCAL_PERIOD => {
                return Command::Malformed;
            }
            Some(PlantedBug::SessionsByClock) => self.expire_sessions(at, &command, store),
            _ => {}
        }
        command
    }

    fn expire_sessions(&mut self, at: Index, command: &Command, store: &mut Store) {
        let now_ns = clock::believed_ns(ClockId::CLOCK_REALTIME);
        self.session_used_ns.retain(|client, used_ns| {
            let is_idle = now_ns - *used_ns > SESSION_IDLE_NS;
            if is_idle {
                store.end_session(*client);
            }
            !is_idle
        });
        let client = command.client().map_or(at.0, |request| request.client);
        self.session_used_ns.insert(client, now_ns);
    }

    /// The contents as a snapshot has them.
    pub(super) fn save(&self, store: &Store) -> Bytes {
        match self.bug {
            Some(PlantedBug::SnapshotForgetsSessions) => store.save_without_sessions(),
            _ => store.save(),
        }
    }

    /// Whether a read is served before what it must see is applied.
    pub(super) fn reads_early(&self) -> bool {
        self.bug == Some(PlantedBug::ReadBeforeApplied)
    }
}
