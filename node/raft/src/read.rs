//! Linearizable reads without the log: ReadIndex (§8; dissertation §6.4).
//!
//! A leader numbers its rounds of heartbeats. A read that comes in is bound to a round that is sent
//! *after* it, and is confirmed when a quorum has echoed that round or a later one. While one round
//! is under way, reads gather for the next, so that a round serves many.

use std::collections::VecDeque;

use shakedown_history::{Event, Index, NodeId};

use crate::io::{Read, Refusal, Reply, Token};
use crate::raft::Raft;

/// A leader's open reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// The latest round that was sent.
    round: u64,
    /// Reads that came in after that.
    waiting: Vec<Waiting>,
    /// Reads bound to a round, oldest round first.
    asked: VecDeque<Asked>,
}

#[derive(Debug)]
struct Waiting {
    token: Token,
    number: u64,
}

#[derive(Debug)]
struct Asked {
    read: Read,
    round: u64,
}

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
        let round = self.round;
        self.asked
            .extend(self.waiting.drain(..).map(|waiting| Asked {
                read: Read {
                    token: waiting.token,
                    index,
                    number: waiting.number,
                    mode: shakedown_history::event::ReadMode::Index,
                },
                round,
            }));
    }

    /// The requests of all open reads, oldest first.
    pub(crate) fn into_tokens(self) -> impl Iterator<Item = Token> {
        let asked = self.asked.into_iter().map(|asked| asked.read.token);
        asked.chain(self.waiting.into_iter().map(|waiting| waiting.token))
    }
}

impl Raft {
    pub(crate) fn on_read(&mut self, token: Token) {
        let number = self.reads_started + 1;
        let Some(leadership) = self.leadership_mut() else {
            let leader = self.leader();
            let why = Refusal::NotLeader { leader };
            self.output.reply.push(Reply::Refused { token, why });
            return;
        };
        leadership.reads.waiting.push(Waiting { token, number });
        self.reads_started = number;
        self.trace(Event::ReadStart { read: number });
        self.serve_reads();
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
        }
    }

    fn has_committed_in_term(&self) -> bool {
        let committed = self.log.id_at(self.commit_index);
        committed.is_some_and(|id| id.term == self.term())
    }

    fn confirm_reads(&mut self) {
        while let Some(round) = self
            .leadership()
            .and_then(|l| Some(l.reads.asked.front()?.round))
        {
            let acks = self.echoes_of(round);
            if !self.is_quorum(|node| acks.contains(&node)) {
                return;
            }
            let leadership = self.leadership_mut().expect("the read is a leader's");
            let Asked { read, .. } = leadership.reads.asked.pop_front().expect("seen above");
            self.trace(Event::ReadBarrier {
                read: read.number,
                index: read.index,
                round,
                acks,
            });
            self.output.reply.push(Reply::ReadReady(read));
        }
    }

    /// The voters who echoed this round or a later one; this leader itself knows that it leads.
    fn echoes_of(&self, round: u64) -> Vec<NodeId> {
        let echoed = |node: &NodeId| {
            let progress = self.leadership().and_then(|l| l.peers.get(node));
            progress.map_or(*node == self.node(), |p| p.round >= round)
        };
        self.config()
            .voters
            .iter()
            .copied()
            .filter(echoed)
            .collect()
    }
}
