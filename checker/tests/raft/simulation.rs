//! A small, correct Raft that tells its story: elections, delayed and repeated messages, lost memory,
//! undone truncations, snapshots and retries, all as the steps say.

mod operations;

use shakedown_history::event::{ClientSeq, EntryKind, Role};
use shakedown_history::{Event, Index, LogId, NodeId};

use crate::story::{Entry, Story};

/// What to do next, who, and how; every value means something.
pub(crate) type Step = (u8, u8, u8);

/// A message under way.
#[derive(Clone)]
enum Message {
    Append {
        term: u64,
        leader: u64,
        to: u64,
        prev: LogId,
        entries: Vec<Entry>,
        leader_commit: u64,
    },
    Ack {
        term: u64,
        leader: u64,
        from: u64,
        matched: u64,
    },
}

/// The cluster, and what it does not write down.
pub(crate) struct Simulation {
    pub(crate) story: Story,
    messages: Vec<Message>,
    /// What each leader knows of each follower's log.
    matched: Vec<Vec<u64>>,
    requests: u64,
    reads: u64,
    /// Of each node how far it may have lost entries, and its term when it found out.
    lost: Vec<Option<(u64, u64)>>,
}

impl Simulation {
    pub(crate) fn run(size: u64, steps: &[Step]) -> Story {
        let width = usize::try_from(size).unwrap() + 1;
        let matched = vec![vec![0; width]; width];
        let mut simulation = Self {
            story: Story::of(size),
            messages: Vec::new(),
            matched,
            requests: 0,
            reads: 0,
            lost: vec![None; width],
        };
        for step in steps {
            simulation.step(*step);
        }
        simulation.story
    }

    fn step(&mut self, (what, who, how): Step) {
        let size = self.story.nodes.len() as u64;
        let n = u64::from(who) % size + 1;
        let peer = u64::from(how) % size + 1;
        match what % 64 {
            // Rare, so that a leader has the time to get something done.
            0 if who < 80 => self.campaign(n, how),
            1 if who < 150 => self.crash(n, how),
            1 if who < 152 => self.damage(n, how),
            0..=7 => self.at_leader(n, |s, leader| s.request(leader, how)),
            8..=21 => self.at_leader(n, |s, leader| s.send(leader, peer, how)),
            22..=46 => self.deliver(who, how),
            47..=51 => self.at_leader(n, |s, leader| s.story.sync(leader)),
            52..=56 => self.at_leader(n, Self::commit),
            57..=60 => self.apply(n),
            61 if how < 128 => self.at_leader(n, |s, leader| s.send_snapshot(leader, peer)),
            61 => self.snapshot(n, how),
            62 | 63 if how < 200 => self.at_leader(n, |s, leader| s.operate(leader, how)),
            _ => self.story.sync(n),
        }
        // A network loses messages too: the oldest, when many are under way.
        let lost = self.messages.len().saturating_sub(8);
        self.messages.drain(..lost);
    }

    /// Does something at one of the leaders, where there is one.
    fn at_leader(&mut self, choice: u64, act: impl FnOnce(&mut Self, u64)) {
        let leaders = self.story.nodes.iter().filter(|n| n.role == Role::Leader);
        let leaders: Vec<u64> = leaders.map(|n| n.id.0).collect();
        if !leaders.is_empty() {
            act(
                self,
                leaders[usize::try_from(choice).unwrap() % leaders.len()],
            );
        }
    }

    fn campaign(&mut self, n: u64, reachable: u8) {
        if self.story.node(n).role == Role::Leader || self.is_lost(n) {
            return;
        }
        // Earlier refusals have told it the others' terms.
        let term = self.story.nodes.iter().map(|n| n.term).max().unwrap_or(0) + 1;
        self.story.campaign(n, term);
        self.story.node_mut(n).role = Role::Candidate;
        let mut votes = vec![n];
        for voter in 1..=self.story.nodes.len() as u64 {
            if voter != n && reachable >> (voter % 8) & 1 == 1 && self.grants(voter, n, term) {
                self.story.vote(voter, term, n);
                votes.push(voter);
            }
        }
        if votes.len() > self.story.nodes.len() / 2 {
            let matched = &mut self.matched[usize::try_from(n).unwrap()];
            matched.fill(0);
            self.story.lead(n, &votes);
        }
    }

    fn grants(&mut self, voter: u64, candidate: u64, term: u64) -> bool {
        let up_to_date = self.story.node(candidate).last() >= self.story.node(voter).last();
        let node = self.story.node(voter);
        if node.term >= term {
            return false;
        }
        if !up_to_date || self.is_lost(voter) {
            self.story.enter_term(voter, term, None);
            self.story.node_mut(voter).role = Role::Follower;
            return false;
        }
        if node.role == Role::Leader {
            self.story.step_down(voter, term);
        }
        self.story.node_mut(voter).role = Role::Follower;
        true
    }

    /// A new request, or a retry of the last one.
    fn request(&mut self, leader: u64, how: u8) {
        self.requests += u64::from(!how.is_multiple_of(4));
        let client = ClientSeq {
            client: 7,
            seq: self.requests,
        };
        self.story.append(
            leader,
            &format!("request {}", client.seq),
            EntryKind::Command,
            Some(client),
        );
    }

    fn send(&mut self, leader: u64, to: u64, how: u8) {
        if leader == to {
            return;
        }
        // What probing would have found. Now and then the leader is too hopeful, and gets refused.
        let (node, follower) = (self.story.node(leader), self.story.node(to));
        let shared = node
            .log
            .iter()
            .zip(&follower.log)
            .take_while(|(a, b)| a == b)
            .count();
        let prev = if how >= 230 {
            node.last().index.0
        } else {
            shared as u64
        };
        let entries = node
            .log
            .iter()
            .skip(usize::try_from(prev).unwrap())
            .take(usize::from(how / 16));
        self.messages.push(Message::Append {
            term: node.term,
            leader,
            to,
            prev: if prev == 0 {
                LogId::default()
            } else {
                node.entry(prev).id
            },
            entries: entries.copied().collect(),
            leader_commit: node.commit,
        });
    }

    fn deliver(&mut self, choice: u8, how: u8) {
        if self.messages.is_empty() {
            return;
        }
        let position = usize::from(choice) % self.messages.len();
        let message = self.messages[position].clone();
        // Messages may come again, and out of order.
        if !how.is_multiple_of(4) {
            self.messages.remove(position);
        }
        match message {
            Message::Append {
                term,
                leader,
                to,
                prev,
                entries,
                leader_commit,
            } => {
                if term >= self.story.node(to).term {
                    self.hear(to, term);
                    self.handle_append(to, leader, prev, &entries, leader_commit, how % 8 < 6);
                }
            }
            Message::Ack {
                term,
                leader,
                from,
                matched,
            } => {
                let node = self.story.node(leader);
                if node.role == Role::Leader && node.term == term {
                    let (leader, from) = (
                        usize::try_from(leader).unwrap(),
                        usize::try_from(from).unwrap(),
                    );
                    let known = &mut self.matched[leader][from];
                    *known = matched.max(*known);
                }
            }
        }
    }

    /// A message of a leader of `term`.
    fn hear(&mut self, n: u64, term: u64) {
        if self.story.node(n).term < term {
            self.story.enter_term(n, term, None);
        }
        self.story.node_mut(n).role = Role::Follower;
    }

    fn handle_append(
        &mut self,
        n: u64,
        leader: u64,
        prev: LogId,
        entries: &[Entry],
        leader_commit: u64,
        syncs: bool,
    ) {
        let node = self.story.node(n);
        let reaches = node.last().index >= prev.index;
        if prev.index > Index(0) && !(reaches && node.entry(prev.index.0).id == prev) {
            self.story.write(
                n,
                Event::Ack {
                    to: NodeId(leader),
                    matched: prev,
                    reject: true,
                },
            );
            return;
        }
        for entry in entries {
            let index = entry.id.index.0;
            if self.story.node(n).last().index.0 >= index {
                if self.story.node(n).entry(index) == *entry {
                    continue;
                }
                self.story.truncate(n, index);
            }
            self.story.take(n, *entry);
        }
        let matched = prev.index.0 + entries.len() as u64;
        if syncs {
            self.story.sync(n);
            self.repair(n, matched);
            self.acknowledge(n, leader, matched);
        }
        let commit = leader_commit.min(matched);
        if commit > self.story.node(n).commit {
            self.story.say_commit(n, commit, leader_commit, matched);
        }
    }

    fn acknowledge(&mut self, n: u64, leader: u64, matched: u64) {
        self.story.ack(n, leader, matched);
        let term = self.story.node(n).term;
        self.messages.push(Message::Ack {
            term,
            leader,
            from: n,
            matched,
        });
    }

    fn commit(&mut self, leader: u64) {
        let node = self.story.node(leader);
        let on_disk = node
            .log
            .iter()
            .zip(&node.disk_log)
            .take_while(|(a, b)| a == b)
            .count() as u64;
        let mut acks: Vec<(NodeId, Index)> = Vec::new();
        for peer in &self.story.nodes {
            let (row, column) = (
                usize::try_from(leader).unwrap(),
                usize::try_from(peer.id.0).unwrap(),
            );
            let matched = if peer.id == node.id {
                on_disk
            } else {
                self.matched[row][column]
            };
            acks.push((peer.id, Index(matched)));
        }
        let mut indexes: Vec<u64> = acks.iter().map(|(_, index)| index.0).collect();
        indexes.sort_unstable();
        let held_by_majority = indexes[(indexes.len() - 1) / 2];
        let own_term = held_by_majority > 0 && node.entry(held_by_majority).id.term.0 == node.term;
        if own_term && held_by_majority > node.commit {
            self.story.say_leader_commit(leader, held_by_majority, acks);
        }
    }

    fn apply(&mut self, n: u64) {
        let before = self.story.node(n).applied;
        self.story.apply(n);
        let node = self.story.node(n);
        if node.role != Role::Leader {
            return;
        }
        for index in before + 1..=node.applied {
            let entry = self.story.node(n).entry(index);
            if let Some(client) = entry.client {
                self.story.write(
                    n,
                    Event::ClientAck {
                        client,
                        id: entry.id,
                    },
                );
            }
        }
    }
}
