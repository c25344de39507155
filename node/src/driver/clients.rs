//! Requests that wait for a decision, and answers that wait for the trace.

use std::collections::BTreeMap;

use bytes::Bytes;
use shakedown_history::{Index, Term};
use shakedown_raft::{Read, Refusal, Token};
use tokio::sync::mpsc::UnboundedSender;

use super::state_machine::ServableRead;
use crate::kv::Command;
use crate::request::Answer;

/// How many requests may wait at once.
const OPEN_LEN_MAX: usize = 16_384;

/// Where a request's answer goes.
pub(super) type Sender = UnboundedSender<Answer>;

/// Requests and answers.
#[derive(Debug, Default)]
pub(super) struct Clients {
    tokens_drawn: u64,
    open: BTreeMap<Token, Open>,
    /// Confirmed reads, by what they must see and by number, until it is on its way to the state
    /// machine.
    confirmed: BTreeMap<(Index, u64), ServableRead>,
    outbox: Vec<(Sender, Answer)>,
}

/// A request somewhere between the API and its decision.
#[derive(Debug)]
struct Open {
    wish: Wish,
    answer: Sender,
}

/// What must be remembered of a request to answer it.
#[derive(Debug)]
pub(super) enum Wish {
    /// A command, as it went to the log.
    Write(Bytes),
    /// The values of these keys.
    Read(Vec<String>),
    /// A membership change or a transfer of leadership.
    Operation,
}

impl Clients {
    /// Whether no more should be let in.
    pub(super) fn are_too_many(&self) -> bool {
        self.len() >= OPEN_LEN_MAX
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.confirmed.len()
    }

    /// How long the command is that waits under this token.
    pub(super) fn command_len(&self, token: Token) -> usize {
        self.command(token).map_or(0, Bytes::len)
    }

    /// Whether a client's transaction waits under this token.
    pub(super) fn is_transaction(&self, token: Token) -> bool {
        let command = self.command(token).map(|command| Command::decode(command));
        matches!(command, Some(Command::Transaction { .. }))
    }

    fn command(&self, token: Token) -> Option<&Bytes> {
        match self.open.get(&token) {
            Some(Open {
                wish: Wish::Write(command),
                ..
            }) => Some(command),
            _ => None,
        }
    }

    /// A token for a request that is about to be handed to the core: never drawn before.
    pub(super) fn open(&mut self, wish: Wish, answer: Sender) -> Token {
        self.tokens_drawn += 1;
        let token = Token(self.tokens_drawn);
        self.open.insert(token, Open { wish, answer });
        token
    }

    /// Takes a request that is decided; none if its client is gone.
    pub(super) fn close(&mut self, token: Token) -> Option<(Wish, Sender)> {
        let Open { wish, answer } = self.open.remove(&token)?;
        (!answer.is_closed()).then_some((wish, answer))
    }

    /// The core has confirmed a read, in `term`.
    pub(super) fn confirm_read(&mut self, read: Read, term: Term) {
        if let Some((Wish::Read(keys), answer)) = self.close(read.token) {
            let servable = ServableRead {
                number: read.number,
                index: read.index,
                mode: read.mode,
                term,
                keys,
                answer,
            };
            self.confirmed.insert((read.index, read.number), servable);
        }
    }

    /// Takes a confirmed read that may follow what has been queued for the state machine.
    pub(super) fn take_servable(&mut self, queued: Index) -> Option<ServableRead> {
        let first = self.confirmed.first_entry()?;
        (first.key().0 <= queued).then(|| first.remove())
    }

    /// The core has refused a request.
    pub(super) fn refuse(&mut self, token: Token, why: Refusal) {
        if let Some((_, answer)) = self.close(token) {
            self.answer(answer, Answer::Refused(why));
        }
    }

    /// Answers a request once the round takes effect.
    pub(super) fn answer(&mut self, to: Sender, answer: Answer) {
        self.outbox.push((to, answer));
    }

    /// Answers several.
    pub(super) fn answer_all(&mut self, mut answers: Vec<(Sender, Answer)>) {
        self.outbox.append(&mut answers);
    }

    /// Whether answers wait to be handed out.
    pub(super) fn have_answers(&self) -> bool {
        !self.outbox.is_empty()
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
        self.open.retain(|_, open| !open.answer.is_closed());
        self.confirmed.retain(|_, read| !read.answer.is_closed());
    }
}
