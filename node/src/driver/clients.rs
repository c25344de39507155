//! Requests that wait for a decision, and answers that wait for the trace.

use std::collections::BTreeMap;

use bytes::Bytes;
use shakedown_history::{Index, Term};
use shakedown_raft::{Read, Refusal, Token};
use tokio::sync::mpsc::UnboundedSender;

use crate::kv::Applied;
use crate::request::Answer;

/// How many requests may wait at once.
const OPEN_LEN_MAX: usize = 16_384;

type Sender = UnboundedSender<Answer>;

/// Requests and answers.
#[derive(Debug, Default)]
pub(super) struct Clients {
    numbers_drawn: u64,
    writes: BTreeMap<Token, OpenWrite>,
    reads: BTreeMap<Token, OpenRead>,
    /// Confirmed reads, by what they must see and by number, until it is applied.
    confirmed: BTreeMap<(Index, u64), ConfirmedRead>,
    outbox: Vec<(Sender, Answer)>,
}

/// A command somewhere between the API and its commit.
#[derive(Debug)]
pub(super) struct OpenWrite {
    /// As it went to the log.
    pub(super) command: Bytes,
    /// Who waits.
    pub(super) answer: Sender,
}

#[derive(Debug)]
struct OpenRead {
    keys: Vec<String>,
    answer: Sender,
}

/// A read that may be served once the state machine is far enough.
#[derive(Debug)]
pub(super) struct ConfirmedRead {
    /// Its number in the trace and what it must see.
    pub(super) read: Read,
    /// The term in which this node led when it was confirmed.
    pub(super) term: Term,
    /// What is wanted.
    pub(super) keys: Vec<String>,
    /// Who waits.
    pub(super) answer: Sender,
}

impl Clients {
    /// Whether no more should be let in.
    pub(super) fn are_too_many(&self) -> bool {
        self.writes.len() + self.reads.len() + self.confirmed.len() >= OPEN_LEN_MAX
    }

    /// A token for a write that is about to be proposed.
    pub(super) fn open_write(&mut self, command: Bytes, answer: Sender) -> Token {
        let token = self.draw_token();
        self.writes.insert(token, OpenWrite { command, answer });
        token
    }

    /// A token for a read.
    pub(super) fn open_read(&mut self, keys: Vec<String>, answer: Sender) -> Token {
        let token = self.draw_token();
        self.reads.insert(token, OpenRead { keys, answer });
        token
    }

    /// A number never drawn before.
    pub(super) fn draw_number(&mut self) -> u64 {
        self.numbers_drawn += 1;
        self.numbers_drawn
    }

    fn draw_token(&mut self) -> Token {
        Token(self.draw_number())
    }

    /// Takes a write that is decided; none if its client is gone.
    pub(super) fn close_write(&mut self, token: Token) -> Option<OpenWrite> {
        self.writes
            .remove(&token)
            .filter(|write| !write.answer.is_closed())
    }

    /// The core has confirmed a read.
    pub(super) fn confirm_read(&mut self, read: Read, term: Term) {
        if let Some(OpenRead { keys, answer }) = self.reads.remove(&read.token) {
            let confirmed = ConfirmedRead {
                read,
                term,
                keys,
                answer,
            };
            self.confirmed.insert((read.index, read.number), confirmed);
        }
    }

    /// Takes a confirmed read that a state machine at `applied` can serve.
    pub(super) fn take_servable(&mut self, applied: Index) -> Option<ConfirmedRead> {
        let first = self.confirmed.first_entry()?;
        (first.get().read.index <= applied).then(|| first.remove())
    }

    /// The core has refused a request.
    pub(super) fn refuse(&mut self, token: Token, why: Refusal) {
        let write = self.writes.remove(&token).map(|write| write.answer);
        let read = self.reads.remove(&token).map(|read| read.answer);
        if let Some(answer) = write.or(read) {
            self.answer(&answer, Answer::Refused(why));
        }
    }

    /// Answers a request once the round takes effect.
    pub(super) fn answer(&mut self, to: &Sender, answer: Answer) {
        self.outbox.push((to.clone(), answer));
    }

    /// Answers with what came of a transaction once the round takes effect.
    pub(super) fn answer_applied(&mut self, to: &Sender, applied: Applied) {
        self.answer(to, Answer::Applied(applied));
    }

    /// Hands out the answers. The trace must be on file.
    pub(super) fn deliver(&mut self) {
        for (to, answer) in self.outbox.drain(..) {
            // A client that has gone misses nothing.
            let _ = to.send(answer);
        }
    }

    /// Forgets requests that nobody waits for. What they proposed is still decided by the log.
    pub(super) fn forget_the_gone(&mut self) {
        self.writes.retain(|_, write| !write.answer.is_closed());
        self.reads.retain(|_, read| !read.answer.is_closed());
        self.confirmed.retain(|_, read| !read.answer.is_closed());
    }
}
