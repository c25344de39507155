//! `POST /v1/txn`: the way of a transaction.
//!
//! A proposal may be lost without a word: its leader may have been deposed before anybody else had
//! it. So the same request is proposed again while it is undecided; sessions see to it that it takes
//! effect once. The answer is definite only if every attempt was refused.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use shakedown_raft::Refusal;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, timeout_at};

use super::Api;
use super::body::{Transaction, TxnReply, witness};
use super::error::ApiError;
use crate::kv::{Applied, Decision, Outcome};
use crate::request::{Answer, Ask, Request};

/// With this header a client says how many milliseconds its transaction may take.
const TIMEOUT_HEADER: &str = "shakedown-timeout-ms";

/// The longest that a client may ask for.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

type TxnResult = Result<Json<TxnReply>, ApiError>;

pub(super) async fn post(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> TxnResult {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::BadRequest(rejection.body_text()),
    })?;
    let deadline = Instant::now() + timeout(&headers)?.unwrap_or(api.request_timeout);
    match Transaction::parse(&body)? {
        Transaction::Reads(keys) => read(&api, keys, deadline).await,
        Transaction::Writes(command) => Write::new(&api, command.encode(), deadline).run().await,
    }
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let Some(value) = headers.get(TIMEOUT_HEADER) else {
        return Ok(None);
    };
    let milliseconds = value.to_str().ok().and_then(|text| text.parse().ok());
    match milliseconds.map(Duration::from_millis) {
        Some(timeout) if timeout <= TIMEOUT_MAX => Ok(Some(timeout)),
        _ => Err(ApiError::BadRequest(format!(
            "{TIMEOUT_HEADER} is {value:?}: give milliseconds, at most {}",
            TIMEOUT_MAX.as_millis()
        ))),
    }
}

async fn read(api: &Api, keys: Vec<String>, deadline: Instant) -> TxnResult {
    let (answer, mut answers) = mpsc::unbounded_channel();
    ask(
        api,
        Ask::Read {
            keys,
            mode: shakedown_history::event::ReadMode::Index,
        },
        answer,
    )?;
    match timeout_at(deadline, answers.recv()).await {
        Ok(Some(Answer::Applied(applied))) => reply(applied),
        Ok(Some(Answer::Refused(why))) => Err(refusal(api, why)),
        Ok(Some(Answer::Overloaded)) => Err(ApiError::Overloaded),
        Ok(Some(_)) => unreachable!("a read is not answered so"),
        Ok(None) | Err(_) => Err(ApiError::Timeout { only_reads: true }),
    }
}

/// A transaction on its way through the log.
struct Write<'a> {
    api: &'a Api,
    command: Bytes,
    deadline: Instant,
    answer: UnboundedSender<Answer>,
    answers: UnboundedReceiver<Answer>,
    /// How many attempts may still take effect.
    undecided: usize,
}

impl<'a> Write<'a> {
    fn new(api: &'a Api, command: Bytes, deadline: Instant) -> Self {
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

    async fn run(mut self) -> TxnResult {
        self.propose()?;
        loop {
            let patience = (Instant::now() + self.api.retry_after).min(self.deadline);
            let answer = match timeout_at(patience, self.answers.recv()).await {
                Ok(answer) => answer.expect("this request holds a sender"),
                Err(_) if Instant::now() >= self.deadline => {
                    return Err(ApiError::Timeout { only_reads: false });
                }
                // Where this node does not lead any more, or is overloaded, the attempt is refused
                // and the ones before stay undecided.
                Err(_) => match self.propose() {
                    Ok(()) | Err(ApiError::Overloaded) => continue,
                    Err(e) => return Err(e),
                },
            };
            self.undecided -= 1;
            let last = self.undecided == 0;
            match answer {
                Answer::Applied(applied) => return reply(applied),
                Answer::Refused(why) if last => return Err(refusal(self.api, why)),
                Answer::Overloaded if last => return Err(ApiError::Overloaded),
                _ => {}
            }
        }
    }

    fn propose(&mut self) -> Result<(), ApiError> {
        ask(
            self.api,
            Ask::Write(self.command.clone()),
            self.answer.clone(),
        )?;
        self.undecided += 1;
        Ok(())
    }
}

fn ask(api: &Api, ask: Ask, answer: UnboundedSender<Answer>) -> Result<(), ApiError> {
    api.requests
        .try_send(Request { ask, answer })
        .map_err(|e| match e {
            TrySendError::Full(_) => ApiError::Overloaded,
            TrySendError::Closed(_) => panic!("the API ends with the driver"),
        })
}

fn reply(applied: Applied) -> TxnResult {
    let (Applied::Fresh(decision) | Applied::Repeated(decision)) = applied else {
        return Err(ApiError::StaleSession);
    };
    let Decision { outcome, at } = decision;
    match outcome {
        Outcome::Done(results) => Ok(Json(TxnReply {
            results,
            witness: witness(at),
        })),
        Outcome::CasMismatch { key, actual } => Err(ApiError::CasMismatch { key, actual, at }),
        Outcome::NotAList { key, actual } => Err(ApiError::NotAList { key, actual, at }),
    }
}

fn refusal(api: &Api, why: Refusal) -> ApiError {
    match why {
        Refusal::NotLeader { leader } => ApiError::NotLeader {
            node: api.node,
            leader,
        },
        Refusal::Overwritten => ApiError::Overwritten,
        _ => ApiError::LeadershipLost,
    }
}
