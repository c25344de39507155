//! Entries on their way: appended, replicated, committed, applied, answered.

use shakedown_history::event::{ClientSeq, EntryKind, Role};
use shakedown_history::{Configuration, Event, Index, LogId, NodeId};

use super::{Entry, Story, last_of};

impl Story {
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
        if entry.kind == EntryKind::Config {
            let told = self.next_config.take();
            let config = self
                .configs
                .entry(entry.hash)
                .or_insert_with(|| told.expect("somebody has told what it contains"))
                .clone();
            self.config_appended(n, entry.id.index.0, config);
        }
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
        self.roll_back(n, from);
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
        let config = self.node(n).config();
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
}
