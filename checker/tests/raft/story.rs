//! A cluster whose trace a test tells step by step. Each step writes the records that a node writes;
//! nothing keeps a test from telling a story that Raft forbids.

use std::fmt::Write as _;

use shakedown_checker::{CheckReport, Verdict, check_traces};
use shakedown_history::event::{ClientSeq, EntryKind, HardState, Role, SnapshotMeta};
use shakedown_history::{
    Configuration, Event, Format, Index, LogHash, LogId, NodeId, NodeTrace, Segment, Term,
    TraceHeader, TraceRecord,
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
}

impl Story {
    /// `size` nodes, n1 and so on, freshly started on empty disks.
    pub(crate) fn of(size: u64) -> Self {
        let nodes = (1..=size).map(|n| Node {
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
        });
        let mut story = Self {
            nodes: nodes.collect(),
            mono: 0,
        };
        for n in 1..=size {
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

    pub(crate) fn config(&self) -> Configuration {
        Configuration::of_voters(self.nodes.iter().map(|n| n.id))
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
        let config = self.config();
        let node = self.node_mut(n);
        let header = TraceHeader {
            format: Format::Trace,
            version: 1,
            cluster: "told".into(),
            node: node.id,
            disk: format!("disk of {}", node.id),
            incarnation: node.segments.len() as u64 + 1,
        };
        node.segments.push(Segment {
            header,
            records: Vec::new(),
            first_line: 1,
            torn: false,
        });
        node.log.clone_from(&node.disk_log);
        node.unsynced.clear();
        (node.term, node.voted_for) = (node.disk_state.term.0, node.disk_state.voted_for);
        (node.role, node.commit, node.applied) = (Role::Follower, 0, 0);
        let (last, last_hash) = last_of(&node.log);
        let start = Event::Start {
            hard_state: node.disk_state,
            snapshot: None,
            first: Index(1),
            last,
            last_hash,
            applied: Index(0),
            commit: Index(0),
            config,
        };
        self.write(n, start);
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
        let (last, config) = (self.node(n).last(), self.config());
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

    /// A new entry of the node's own term, in memory.
    pub(crate) fn append(
        &mut self,
        n: u64,
        payload: &str,
        kind: EntryKind,
        client: Option<ClientSeq>,
    ) {
        let node = self.node(n);
        let (last, hash) = last_of(&node.log);
        let id = LogId::new(node.term, last.index.0 + 1);
        let hash = hash.chain(id.term, payload.as_bytes());
        self.take(
            n,
            Entry {
                id,
                hash,
                kind,
                client,
            },
        );
    }

    /// A client's command at the leader, on its disk.
    pub(crate) fn command(&mut self, n: u64, payload: &str) {
        self.append(n, payload, EntryKind::Command, None);
        self.sync(n);
    }

    /// Request `seq` of client 7 at the leader, on its disk.
    pub(crate) fn request(&mut self, n: u64, seq: u64) {
        let client = ClientSeq { client: 7, seq };
        self.append(
            n,
            &format!("request {seq}"),
            EntryKind::Command,
            Some(client),
        );
        self.sync(n);
    }

    /// Appends a given entry.
    pub(crate) fn take(&mut self, n: u64, entry: Entry) {
        let node = self.node_mut(n);
        node.log.push(entry);
        node.unsynced.push(node.log.clone());
        self.write(
            n,
            Event::Append {
                id: entry.id,
                hash: entry.hash,
                kind: entry.kind,
            },
        );
    }

    pub(crate) fn truncate(&mut self, n: u64, from: u64) {
        let old_last = self.node(n).last();
        let node = self.node_mut(n);
        node.log.truncate(usize::try_from(from).unwrap() - 1);
        node.unsynced.push(node.log.clone());
        self.write(
            n,
            Event::Truncate {
                from: Index(from),
                old_last,
            },
        );
    }

    /// The log reaches the disk.
    pub(crate) fn sync(&mut self, n: u64) {
        let node = self.node_mut(n);
        node.disk_log.clone_from(&node.log);
        node.unsynced.clear();
        let last = node.last();
        self.write(n, Event::AppendDurable { last });
    }

    pub(crate) fn ack(&mut self, n: u64, leader: u64, index: u64) {
        let matched = if index == 0 {
            LogId::default()
        } else {
            self.node(n).entry(index).id
        };
        self.write(
            n,
            Event::Ack {
                to: NodeId(leader),
                matched,
                reject: false,
            },
        );
    }

    /// `n` takes over `leader`'s log up to `index`, in memory: in its term, truncating what conflicts.
    pub(crate) fn follow(&mut self, n: u64, leader: u64, index: u64) {
        let term = self.node(leader).term;
        if self.node(n).term < term {
            self.enter_term(n, term, None);
        }
        for i in 1..=index {
            let entry = self.node(leader).entry(i);
            if self.node(n).last().index.0 >= i {
                if self.node(n).entry(i) == entry {
                    continue;
                }
                self.truncate(n, i);
            }
            self.take(n, entry);
        }
    }

    /// [`Story::follow`], then to disk and acknowledged.
    pub(crate) fn replicate(&mut self, leader: u64, followers: &[u64]) {
        let index = self.node(leader).last().index.0;
        self.sync(leader);
        for n in followers {
            self.follow(*n, leader, index);
            self.sync(*n);
            self.ack(*n, leader, index);
        }
    }

    /// The leader commits up to `index`, counting these nodes as holding its whole log.
    pub(crate) fn commit(&mut self, n: u64, index: u64, holders: &[u64]) {
        let last = self.node(n).last().index;
        self.say_leader_commit(
            n,
            index,
            holders.iter().map(|h| (NodeId(*h), last)).collect(),
        );
    }

    pub(crate) fn say_leader_commit(&mut self, n: u64, index: u64, acks: Vec<(NodeId, Index)>) {
        let config = self.config();
        let node = self.node_mut(n);
        node.commit = index;
        let to = node.entry(index).id;
        let none = None;
        self.write(
            n,
            Event::Commit {
                to,
                role: Role::Leader,
                config,
                acks,
                leader_commit: none,
                prev_plus_len: none,
            },
        );
    }

    /// A follower commits up to `index`, as its leader's message allows.
    pub(crate) fn learn_commit(&mut self, n: u64, index: u64) {
        self.say_commit(n, index, index, index);
    }

    pub(crate) fn say_commit(
        &mut self,
        n: u64,
        index: u64,
        leader_commit: u64,
        prev_plus_len: u64,
    ) {
        let node = self.node_mut(n);
        node.commit = index;
        let to = node.entry(index).id;
        let commit = Event::Commit {
            to,
            role: Role::Follower,
            config: Configuration::default(),
            acks: Vec::new(),
            leader_commit: Some(Index(leader_commit)),
            prev_plus_len: Some(Index(prev_plus_len)),
        };
        self.write(n, commit);
    }

    /// Applies everything up to the commit index.
    pub(crate) fn apply(&mut self, n: u64) {
        while self.node(n).applied < self.node(n).commit {
            let index = self.node(n).applied + 1;
            let entry = self.node(n).entry(index);
            // A retry of an earlier request has no effect.
            let earlier = &self.node(n).log[..usize::try_from(index).unwrap() - 1];
            let retry = entry.client.is_some() && earlier.iter().any(|e| e.client == entry.client);
            self.say_apply(n, index, entry.kind == EntryKind::Command && !retry);
        }
    }

    pub(crate) fn say_apply(&mut self, n: u64, index: u64, effect: bool) {
        let Entry {
            id, hash, client, ..
        } = self.node(n).entry(index);
        self.node_mut(n).applied = index;
        self.write(
            n,
            Event::Apply {
                id,
                hash,
                effect,
                client,
            },
        );
    }

    /// The leader answers a request of client 7.
    pub(crate) fn answer(&mut self, n: u64, seq: u64, index: u64) {
        let id = self.node(n).entry(index).id;
        self.write(
            n,
            Event::ClientAck {
                client: ClientSeq { client: 7, seq },
                id,
            },
        );
    }

    /// The leader's state up to `index` replaces the follower's.
    pub(crate) fn install_snapshot(&mut self, n: u64, leader: u64, index: u64) {
        let entry = self.node(leader).entry(index);
        let config = self.config();
        let term = self.node(leader).term;
        if self.node(n).term < term {
            self.enter_term(n, term, None);
        }
        let kept: Vec<Entry> = self
            .node(leader)
            .log
            .iter()
            .copied()
            .filter(|e| e.id.index <= entry.id.index)
            .collect();
        let node = self.node_mut(n);
        let kept_suffix = node.log.contains(&entry);
        if !kept_suffix {
            node.log = kept;
        }
        node.disk_log.clone_from(&node.log);
        node.unsynced.clear();
        (node.commit, node.applied) = (node.commit.max(index), index);
        let meta = SnapshotMeta {
            last: entry.id,
            hash: entry.hash,
            config,
        };
        self.write(
            n,
            Event::SnapshotInstalled {
                meta,
                from: NodeId(leader),
                kept_suffix,
            },
        );
    }

    /// The process is killed and started again.
    pub(crate) fn restart(&mut self, n: u64) {
        self.start(n);
    }

    pub(crate) fn traces(&self) -> Vec<NodeTrace> {
        let trace = |n: &Node| NodeTrace {
            node: n.id,
            segments: n.segments.clone(),
        };
        self.nodes.iter().map(trace).collect()
    }

    pub(crate) fn reports(&self) -> Vec<CheckReport> {
        let nodes: Vec<NodeId> = self.nodes.iter().map(|n| n.id).collect();
        check_traces(&self.traces(), &nodes)
    }

    /// The violated checks in full, for snapshots.
    pub(crate) fn violations(&self) -> String {
        let mut text = String::new();
        for report in self
            .reports()
            .iter()
            .filter(|r| r.verdict == Verdict::Violation)
        {
            writeln!(text, "{}: {}", report.check, report.summary).unwrap();
            for anomaly in &report.anomalies {
                writeln!(text, "  {}: {}", anomaly.kind, anomaly.summary).unwrap();
                for sentence in &anomaly.argument {
                    writeln!(text, "    - {sentence}").unwrap();
                }
                for place in &anomaly.trace {
                    let (node, incarnation) = (place.node, place.incarnation);
                    writeln!(
                        text,
                        "    @ {node}.{incarnation} #{}: {}",
                        place.seq, place.what
                    )
                    .unwrap();
                }
            }
        }
        text
    }

    /// The names of the violated checks.
    pub(crate) fn violated(&self) -> Vec<String> {
        let violated = self
            .reports()
            .into_iter()
            .filter(|r| r.verdict == Verdict::Violation);
        violated.map(|r| r.check).collect()
    }

    /// No promise is broken.
    pub(crate) fn assert_legal(&self) {
        assert_eq!(self.violations(), "");
    }
}
