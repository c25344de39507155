//! A command's way through the log.
//!
//! A proposal may be lost without a word: its leader may have been deposed before anybody else had
//! it. So the same command is proposed again while it is undecided; sessions see to it that it takes
//! effect once. The answer is definite only if every attempt was refused.

use axum::body::Bytes;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, timeout_at};

use super::Api;
use super::error::ApiError;
use crate::kv::Applied;
use crate::request::{Answer, Ask};

/// What came of a command.
#[derive(Debug)]
pub(super) struct Decided {
    /// Of the attempt that was decided.
    pub(super) applied: Applied,
    /// Whether all other attempts were decided too.
    pub(super) is_last: bool,
}

/// A command on its way.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    api: &'a Api,
    command: Bytes,
    deadline: Instant,
    answer: UnboundedSender<Answer>,
    answers: UnboundedReceiver<Answer>,
    /// How many attempts may still take effect.
    undecided: usize,
}

impl<'a> Attempts<'a> {
    /// None yet.
    pub(super) fn new(api: &'a Api, command: Bytes, deadline: Instant) -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        Self {
            api,
            command,
            deadline,
            answer,
            answers,
            undecided: 0,
        }
    }

    /// Proposes until one attempt is decided or time is up.
    pub(super) async fn run(mut self) -> Result<Decided, ApiError> {
        self.propose()?;
        loop {
            let patience = (Instant::now() + self.api.retry_after).min(self.deadline);
            let answer = match timeout_at(patience, self.answers.recv()).await {
                Ok(answer) => answer.expect("this request holds a sender"),
                Err(_) if Instant::now() >= self.deadline => {
                    return Err(ApiError::Timeout { definite: false });
                }
                // Where this node does not lead any more, or is overloaded, the attempt is refused
                // and the ones before stay undecided.
                Err(_) => match self.propose() {
                    Ok(()) | Err(ApiError::Overloaded) => continue,
                    Err(e) => return Err(e),
                },
            };
            self.undecided -= 1;
            let is_last = self.undecided == 0;
            match answer {
                Answer::Applied(applied) => return Ok(Decided { applied, is_last }),
                Answer::Refused(why) if is_last => return Err(self.api.refusal(why)),
                Answer::Overloaded if is_last => return Err(ApiError::Overloaded),
                _ => {}
            }
        }
    }

    fn propose(&mut self) -> Result<(), ApiError> {
        let ask = Ask::Write(self.command.clone());
        self.api.ask(ask, self.answer.clone())?;
        self.undecided += 1;
        Ok(())
    }
}
