//! Linearizable reads without the log: ReadIndex (§8; dissertation §6.4), on a leader and on followers
//! that ask it.
//!
//! A leader numbers its rounds of heartbeats. A read that comes in is bound to a round that is sent
//! *after* it, and is confirmed when a quorum has echoed that round or a later one. While one round
//! is under way, reads gather for the next, so that a round serves many.

use std::collections::{BTreeMap, VecDeque};

use shakedown_history::event::ReadMode;
use shakedown_history::{Event, Index, NodeId};

use crate::io::{Read, Refusal, Reply, Token};
use crate::message::{Body, ReadIndexOutcome};
use crate::planted::PlantedBug;
use crate::raft::Raft;

/// A leader's open reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// The latest round that was sent.
    round: u64,
    /// Reads that came in after that.
    waiting: Vec<Reader>,
    /// Reads bound to a round, oldest round first.
    asked: VecDeque<Asked>,
}

/// Who wants to read.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// A client of this node.
    Client { token: Token, number: u64 },
    /// A follower for a client of its own.
    Follower { node: NodeId, read: u64 },
}

#[derive(Debug)]
struct Asked {
    reader: Reader,
    index: Index,
    round: u64,
}

/// A follower's reads that wait for the leader's answer, by the number that names each there.
#[derive(Debug, Default)]
pub(crate) struct ForwardedReads(BTreeMap<u64, (Token, u64)>);

impl Reads {
    pub(crate) fn round(&self) -> u64 {
        self.round
    }

    /// Whether reads wait and nothing is under way that they would have to wait for.
    fn wants_round(&self) -> bool {
        self.asked.is_empty() && !self.waiting.is_empty()
    }

    /// Opens a round; the waiting reads are bound to it, and must see everything up to `index`.
    fn open_round(&mut self, index: Index) {
        self.round += 1;
        self.bind(index);
    }

    fn bind(&mut self, index: Index) {
        let round = self.round;
        self.asked
            .extend(self.waiting.drain(..).map(|reader| Asked {
                reader,
                index,
                round,
            }));
    }

    /// The requests of this node's own clients, oldest first. Followers notice by themselves that the
    /// term is over.
    pub(crate) fn into_tokens(self) -> impl Iterator<Item = Token> {
        let asked = self.asked.into_iter().map(|asked| asked.reader);
        asked.chain(self.waiting).filter_map(|reader| match reader {
            Reader::Client { token, .. } => Some(token),
            Reader::Follower { .. } => None,
        })
    }
}

impl Raft {
    pub(crate) fn on_read(&mut self, token: Token, mode: ReadMode, now_ns: u64) {
        self.now_ns = now_ns;
        let number = self.reads_started + 1;
        if self.leadership().is_none() {
            return self.forward_read(token, number);
        }
        self.reads_started = number;
        self.trace(Event::ReadStart { read: number });
        if mode == ReadMode::Lease && self.holds_lease() && self.has_committed_in_term() {
            self.output.reply.push(Reply::ReadReady(Read {
                token,
                index: self.commit_index,
                number,
                mode: ReadMode::Lease,
            }));
            return;
        }
        self.wait_for_round(Reader::Client { token, number });
    }

    fn wait_for_round(&mut self, reader: Reader) {
        let unconfirmed = self.deviates(PlantedBug::ReadUnconfirmed);
        let commit_index = self.commit_index;
        if let Some(leadership) = self.leadership_mut() {
            leadership.reads.waiting.push(reader);
            if unconfirmed {
                leadership.reads.bind(commit_index);
            }
        }
        self.serve_reads();
    }

    /// A follower asks its leader at which index it may serve.
    fn forward_read(&mut self, token: Token, number: u64) {
        let Some(leader) = self.leader() else {
            let why = Refusal::NotLeader { leader: None };
            self.output.reply.push(Reply::Refused { token, why });
            return;
        };
        self.reads_started = number;
        self.trace(Event::ReadStart { read: number });
        // Unlike the number in the trace, this one must not come again after a restart: an answer to the
        // process before would be taken for one to this.
        let read = self.settings.incarnation << 40 | number;
        self.forwarded.0.insert(read, (token, number));
        self.send(leader, Body::ReadIndex { read });
    }

    pub(crate) fn on_read_index(&mut self, node: NodeId, read: u64) {
        if self.leadership().is_some() {
            self.wait_for_round(Reader::Follower { node, read });
        } else {
            let outcome = ReadIndexOutcome::Refused;
            self.send(node, Body::ReadIndexReply { read, outcome });
        }
    }

    pub(crate) fn on_read_index_reply(
        &mut self,
        leader: NodeId,
        read: u64,
        outcome: ReadIndexOutcome,
    ) {
        if self.leader() != Some(leader) {
            return;
        }
        let Some((token, number)) = self.forwarded.0.remove(&read) else {
            return;
        };
        match outcome {
            ReadIndexOutcome::Confirmed { index, round, acks } => {
                let read = Read {
                    token,
                    index,
                    number,
                    mode: ReadMode::Index,
                };
                self.let_read(read, round, acks);
            }
            ReadIndexOutcome::Refused => self.refuse_read(token),
        }
    }

    /// A quorum has answered the round: a client of this node may read.
    fn let_read(&mut self, read: Read, round: u64, acks: Vec<NodeId>) {
        self.trace(Event::ReadBarrier {
            read: read.number,
            index: read.index,
            round,
            acks,
        });
        self.output.reply.push(Reply::ReadReady(read));
    }

    /// Nobody will answer them: the leader they were sent to is no more.
    pub(crate) fn refuse_forwarded_reads(&mut self) {
        for (token, _) in std::mem::take(&mut self.forwarded.0).into_values() {
            self.refuse_read(token);
        }
    }

    fn refuse_read(&mut self, token: Token) {
        let why = Refusal::LeadershipLost;
        self.output.reply.push(Reply::Refused { token, why });
    }

    /// Confirms what can be confirmed, and opens a round if one is needed.
    pub(crate) fn serve_reads(&mut self) {
        self.confirm_reads();
        if self.leadership().is_some_and(|l| l.reads.wants_round()) && self.has_committed_in_term()
        {
            self.open_round();
            self.send_heartbeats();
            self.confirm_reads();
        }
    }

    /// Makes the heartbeats about to be sent a new round. Reads are bound to it only when this leader
    /// has committed an entry of its own term: before, it may not know of everything committed (§8).
    pub(crate) fn open_round(&mut self) {
        let commit_index = self.commit_index;
        if self.has_committed_in_term()
            && let Some(leadership) = self.leadership_mut()
        {
            leadership.reads.open_round(commit_index);
            let round = leadership.reads.round();
            self.note_round_sent(round);
            self.extend_lease();
        }
    }

    pub(crate) fn has_committed_in_term(&self) -> bool {
        let committed = self.log.id_at(self.commit_index);
        committed.is_some_and(|id| id.term == self.term())
            || self.deviates(PlantedBug::ReadBeforeOwnCommit)
    }

    fn confirm_reads(&mut self) {
        while let Some(round) = self
            .leadership()
            .and_then(|l| Some(l.reads.asked.front()?.round))
        {
            let acks = self.echoes_of(round);
            if !self.confirms_read(&acks) {
                return;
            }
            let leadership = self.leadership_mut().expect("the read is a leader's");
            let asked = leadership.reads.asked.pop_front().expect("seen above");
            self.confirm_read(&asked, acks);
        }
    }

    fn confirms_read(&self, acks: &[NodeId]) -> bool {
        if self.deviates(PlantedBug::ReadShortQuorum) {
            return acks.len() >= self.config().voters.len() / 2;
        }
        self.is_quorum(|node| acks.contains(&node))
    }

    fn confirm_read(&mut self, asked: &Asked, acks: Vec<NodeId>) {
        let (index, round) = (asked.index, asked.round);
        match asked.reader {
            Reader::Client { token, number } => {
                let read = Read {
                    token,
                    index,
                    number,
                    mode: ReadMode::Index,
                };
                self.let_read(read, round, acks);
            }
            Reader::Follower { node, read } => {
                let outcome = ReadIndexOutcome::Confirmed { index, round, acks };
                self.send(node, Body::ReadIndexReply { read, outcome });
            }
        }
    }

    /// The voters who echoed this round or a later one; this leader itself knows that it leads.
    pub(crate) fn echoes_of(&self, round: u64) -> Vec<NodeId> {
        let echoed = |node: &NodeId| {
            let progress = self.leadership().and_then(|l| l.peers.get(node));
            progress.map_or(*node == self.node(), |p| p.round >= round)
        };
        let voters = self.membership().voters();
        voters.into_iter().filter(echoed).collect()
    }
}
