//! A cluster whose trace a test tells step by step. Each step writes the records that a node writes;
//! nothing keeps a test from telling a story that Raft forbids.

pub(crate) mod membership;
mod reading;
mod replication;
mod snapshots;
mod verdicts;

use std::collections::BTreeMap;

use shakedown_history::event::{ClientSeq, EntryKind, HardState, Role, SnapshotMeta};
use shakedown_history::{
    Configuration, Event, Format, Index, LogHash, LogId, NodeId, Segment, Term, TraceHeader,
    TraceRecord,
};

/// An entry of a told log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: LogId,
    pub(crate) hash: LogHash,
    pub(crate) kind: EntryKind,
    pub(crate) client: Option<ClientSeq>,
}

/// A told node: what it holds, in memory and on disk, and what it has written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) term: u64,
    pub(crate) voted_for: Option<NodeId>,
    pub(crate) role: Role,
    pub(crate) log: Vec<Entry>,
    pub(crate) disk_state: HardState,
    pub(crate) disk_log: Vec<Entry>,
    /// Every state of the log since it was last on disk; a crash may leave any of them.
    pub(crate) unsynced: Vec<Vec<Entry>>,
    pub(crate) commit: u64,
    pub(crate) applied: u64,
    pub(crate) segments: Vec<Segment>,
    /// Which disk it has: a wiped one is another.
    pub(crate) disk: u64,
    /// The snapshot taken or installed last.
    pub(crate) taken: Option<SnapshotMeta>,
    /// The snapshot on disk.
    pub(crate) snapshot: Option<SnapshotMeta>,
    /// The entries that it covers.
    pub(crate) covered: Vec<Entry>,
    /// The configurations of the log, by the index of their entries, what it began with first.
    pub(crate) configs: Vec<(u64, Configuration)>,
}

impl Node {
    pub(crate) fn last(&self) -> LogId {
        last_of(&self.log).0
    }

    /// The entry at an index from 1.
    pub(crate) fn entry(&self, index: u64) -> Entry {
        self.log[usize::try_from(index).unwrap() - 1]
    }
}

fn last_of(log: &[Entry]) -> (LogId, LogHash) {
    log.last()
        .map_or((LogId::default(), LogHash::EMPTY), |e| (e.id, e.hash))
}

/// The whole cluster.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) nodes: Vec<Node>,
    pub(crate) mono: u64,
    /// What the next configuration entry contains.
    pub(crate) next_config: Option<Configuration>,
    /// What the configuration entries contain, by their hashes.
    pub(crate) configs: BTreeMap<LogHash, Configuration>,
}

impl Story {
    /// `size` nodes, n1 and so on, freshly started on empty disks.
    pub(crate) fn of(size: u64) -> Self {
        Self::with_spares(size, 0)
    }

    /// `size` nodes that form a cluster, and some more that wait to be added.
    pub(crate) fn with_spares(size: u64, spares: u64) -> Self {
        let config = Configuration::of_voters((1..=size).map(NodeId));
        let nodes = (1..=size + spares).map(|n| Node {
            id: NodeId(n),
            term: 0,
            voted_for: None,
            role: Role::Follower,
            log: Vec::new(),
            disk_state: HardState::default(),
            disk_log: Vec::new(),
            unsynced: Vec::new(),
            commit: 0,
            applied: 0,
            segments: Vec::new(),
            disk: 1,
            taken: None,
            snapshot: None,
            covered: Vec::new(),
            configs: vec![if n <= size {
                (0, config.clone())
            } else {
                (0, Configuration::default())
            }],
        });
        let mut story = Self {
            nodes: nodes.collect(),
            mono: 0,
            next_config: None,
            configs: BTreeMap::new(),
        };
        for n in 1..=size + spares {
            story.start(n);
        }
        story
    }

    pub(crate) fn node(&self, n: u64) -> &Node {
        &self.nodes[usize::try_from(n).unwrap() - 1]
    }

    pub(crate) fn node_mut(&mut self, n: u64) -> &mut Node {
        &mut self.nodes[usize::try_from(n).unwrap() - 1]
    }

    /// Writes one record.
    pub(crate) fn write(&mut self, n: u64, ev: Event) {
        self.mono += 1;
        let mono = self.mono;
        let node = self.node_mut(n);
        let term = Term(node.term);
        let segment = node
            .segments
            .last_mut()
            .expect("a node writes after its start");
        let seq = segment.records.len() as u64 + 1;
        segment.records.push(TraceRecord {
            seq,
            mono,
            term,
            ev,
        });
    }

    /// Starts a process on what the node's disk holds.
    pub(crate) fn start(&mut self, n: u64) {
        self.start_with(n, None);
    }

    /// The same, with what the node knows to be lost.
    pub(crate) fn start_with(&mut self, n: u64, lost: Option<Index>) {
        self.open_segment(n);
        self.recover_snapshot(n);
        self.recover_configs(n);
        let node = self.node_mut(n);
        node.log.clone_from(&node.disk_log);
        node.unsynced.clear();
        (node.term, node.voted_for) = (node.disk_state.term.0, node.disk_state.voted_for);
        let snapshot = node.snapshot.clone();
        let applied = snapshot.as_ref().map_or(Index(0), |s| s.last.index);
        (node.role, node.commit, node.applied) = (Role::Follower, applied.0, applied.0);
        let (last, last_hash) = last_of(&node.log);
        let start = Event::Start {
            hard_state: node.disk_state,
            snapshot,
            first: Index(applied.0 + 1),
            last,
            last_hash,
            applied,
            commit: applied,
            config: node.config(),
            lost,
        };
        self.write(n, start);
    }

    fn open_segment(&mut self, n: u64) {
        let node = self.node_mut(n);
        let disk = match node.disk {
            1 => format!("disk of {}", node.id),
            other => format!("disk {other} of {}", node.id),
        };
        let earlier = node.segments.iter().filter(|s| s.header.disk == disk);
        let header = TraceHeader {
            format: Format::Trace,
            version: 1,
            cluster: "told".into(),
            node: node.id,
            incarnation: earlier.count() as u64 + 1,
            disk,
        };
        node.segments.push(Segment {
            header,
            records: Vec::new(),
            first_line: 1,
            torn: false,
        });
    }

    /// A log that lacks what the snapshot covers begins anew after it.
    fn recover_snapshot(&mut self, n: u64) {
        let node = self.node_mut(n);
        let last = node.snapshot.as_ref().map(|s| s.last);
        if last.is_some_and(|last| node.disk_log.iter().all(|e| e.id != last)) {
            node.disk_log.clone_from(&node.covered);
        }
    }

    /// The configurations of the log that the disk holds.
    fn recover_configs(&mut self, n: u64) {
        let entries = self.node(n).disk_log.iter().filter_map(|entry| {
            let config = self.configs.get(&entry.hash)?;
            Some((entry.id.index.0, config.clone()))
        });
        let recovered: Vec<_> = entries.collect();
        let node = self.node_mut(n);
        node.configs.truncate(1);
        node.configs.extend(recovered);
    }

    /// Enters `term` and, with a vote or without, puts it on disk.
    pub(crate) fn enter_term(&mut self, n: u64, term: u64, voted_for: Option<u64>) {
        if self.node(n).role == Role::Leader && self.node(n).term < term {
            self.step_down(n, term);
        }
        let node = self.node_mut(n);
        (node.term, node.voted_for) = (term, voted_for.map(NodeId));
        node.disk_state = HardState {
            term: Term(term),
            voted_for: node.voted_for,
        };
        let state = node.disk_state;
        self.write(n, Event::HardStateDurable(state));
    }

    pub(crate) fn step_down(&mut self, n: u64, seen_term: u64) {
        self.node_mut(n).role = Role::Follower;
        self.write(
            n,
            Event::StepDown {
                reason: "higher term".into(),
                seen_term: Term(seen_term),
            },
        );
    }

    /// `n` votes for `candidate` in `term`.
    pub(crate) fn vote(&mut self, n: u64, term: u64, candidate: u64) {
        self.enter_term(n, term, Some(candidate));
        self.say_vote(n, candidate);
    }

    /// Only the record of a vote, without its reaching the disk.
    pub(crate) fn say_vote(&mut self, n: u64, candidate: u64) {
        let (candidate_last, last) = (self.node(candidate).last(), self.node(n).last());
        let candidate = NodeId(candidate);
        self.write(
            n,
            Event::VoteGranted {
                candidate,
                candidate_last,
                last,
                pre_vote: false,
            },
        );
    }

    pub(crate) fn campaign(&mut self, n: u64, term: u64) {
        self.enter_term(n, term, Some(n));
        let last = self.node(n).last();
        self.write(n, Event::BecomeCandidate { last });
    }

    /// `n` has won with these votes, and appends its no-op.
    pub(crate) fn lead(&mut self, n: u64, votes: &[u64]) {
        let (last, config) = (self.node(n).last(), self.node(n).config());
        let votes = votes.iter().copied().map(NodeId).collect();
        self.node_mut(n).role = Role::Leader;
        self.write(
            n,
            Event::BecomeLeader {
                last,
                votes,
                config,
            },
        );
        self.append(n, "", EntryKind::Noop, None);
    }

    /// A whole election: `n` campaigns in `term`, and these vote for it, itself included.
    pub(crate) fn elect(&mut self, n: u64, term: u64, votes: &[u64]) {
        self.campaign(n, term);
        for voter in votes.iter().filter(|v| **v != n) {
            self.vote(*voter, term, n);
        }
        self.lead(n, votes);
    }

    /// The process is killed and started again.
    pub(crate) fn restart(&mut self, n: u64) {
        self.start(n);
    }
}
