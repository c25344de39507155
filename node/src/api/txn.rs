//! `POST /v1/txn` and `POST /v1/sessions`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use shakedown_history::event::ReadMode;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Api;
use super::asked::Asked;
use super::attempts::{Attempts, Decided};
use super::body::{self, Transaction};
use super::error::ApiError;
use crate::kv::{Applied, Command, Decision, Outcome, SESSIONS_MAX};
use crate::request::{Answer, Ask};

type Replied = Result<Response, ApiError>;

pub(super) async fn post(State(api): State<Arc<Api>>, asked: Asked) -> Replied {
    let transaction = Transaction::parse(&asked.body);
    match transaction.map_err(|e| ApiError::bad_request(e.to_string()))? {
        Transaction::Reads { keys, mode } => {
            let mode = mode.unwrap_or(api.default_read_mode);
            read(&api, keys, mode, asked.deadline).await
        }
        Transaction::Writes(command) => {
            let attempts = Attempts::new(&api, command.encode(), asked.deadline);
            reply(attempts.run().await?)
        }
    }
}

/// The body of `POST /v1/sessions`: there is nothing to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// If an attempt is lost on the way and another one made, both may open a session. Nobody learns of
/// the first one's, and in time it is evicted.
pub(super) async fn open_session(State(api): State<Arc<Api>>, asked: Asked) -> Replied {
    let NoFields {} = asked.json()?;
    let command = Command::OpenSession {
        sessions_max: SESSIONS_MAX,
    };
    let attempts = Attempts::new(&api, command.encode(), asked.deadline);
    match attempts.run().await?.applied {
        Applied::Opened(client) => Ok(body::json(format!(r#"{{"client":{client}}}"#))),
        other => panic!("the opening of a session came to {other:?}"),
    }
}

async fn read(api: &Api, keys: Vec<String>, mode: ReadMode, deadline: Instant) -> Replied {
    let (answer, mut answers) = mpsc::unbounded_channel();
    api.ask(Ask::Read { keys, mode }, answer)?;
    let is_stale = mode == ReadMode::Local;
    match timeout_at(deadline, answers.recv()).await {
        Ok(Some(Answer::Applied(Applied::Fresh(Decision {
            outcome: Outcome::Done(results),
            at,
        })))) => Ok(body::done(&results, at, is_stale)),
        Ok(Some(Answer::Refused(why))) => Err(api.refusal(why)),
        Ok(Some(Answer::Overloaded)) => Err(ApiError::Overloaded),
        Ok(Some(other)) => panic!("a read came to {other:?}"),
        Ok(None) | Err(_) => Err(ApiError::Timeout { definite: true }),
    }
}

fn reply(decided: Decided) -> Replied {
    let Decision { outcome, at } = match decided.applied {
        Applied::Fresh(decision) | Applied::Repeated(decision) => decision,
        Applied::Stale => return Err(ApiError::StaleSession),
        Applied::NoSession { expired } => {
            // An id that was never given may be given yet, and then another attempt may find it.
            let definite = !expired && decided.is_last;
            return Err(ApiError::SessionExpired { definite });
        }
        other => panic!("a transaction came to {other:?}"),
    };
    match outcome {
        Outcome::Done(results) => Ok(body::done(&results, at, false)),
        Outcome::CasMismatch { key, actual } => Err(ApiError::CasMismatch { key, actual, at }),
        Outcome::NotAList { key, actual } => Err(ApiError::NotAList { key, actual, at }),
    }
}
