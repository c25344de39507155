//! `GET /v1/log?from=&max=`: a stretch of the node's log, for people.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use serde_json::{Value, json};
use shakedown_history::event::EntryKind;
use shakedown_history::{Configuration, Index, LogHash, Term, Witness};
use shakedown_raft::{Entry, Payload};
use tokio::time::Instant;

use super::Api;
use super::admin::ask_once;
use super::body::witness;
use super::error::ApiError;
use crate::kv::{self, Command, MicroOp};
use crate::request::{Answer, Ask};

/// How many entries are shown unless somebody wants more or less, and the most.
const LEN_DEFAULT: usize = 100;
const LEN_MAX: usize = 1000;

/// An answer ends once the commands in it have this many bytes.
const BYTES_MAX: usize = 1 << 20;

/// The body of the answer.
#[derive(Debug, Serialize)]
pub(super) struct LogBody {
    /// The last entry that is not held any more.
    base: Witness,
    entries: Vec<EntryBody>,
}

#[derive(Debug, Serialize)]
struct EntryBody {
    index: Index,
    term: Term,
    kind: EntryKind,
    /// Of the log up to and including this entry.
    hash: LogHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Configuration>,
}

pub(super) async fn get(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
) -> Result<Json<LogBody>, ApiError> {
    let (from, len_max) = stretch(query.as_deref().unwrap_or_default())?;
    let deadline = Instant::now() + api.request_timeout;
    match ask_once(&api, Ask::Log { from, len_max }, deadline).await? {
        Answer::Log { base, entries } => Ok(Json(LogBody {
            base: witness(base),
            entries: within_limits(&entries, len_max).map(describe).collect(),
        })),
        other => panic!("a look at the log came to {other:?}"),
    }
}

fn stretch(query: &str) -> Result<(Index, usize), ApiError> {
    let (mut from, mut len_max) = (Index(1), LEN_DEFAULT);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("from", value)) => from = Index(number(value)?),
            Some(("max", value)) => {
                len_max = usize::try_from(number(value)?).map_or(LEN_MAX, |len| len.min(LEN_MAX));
            }
            _ => {
                let why = format!("{parameter:?} is neither from=INDEX nor max=NUMBER");
                return Err(ApiError::bad_request(why));
            }
        }
    }
    Ok((from, len_max))
}

fn number(text: &str) -> Result<u64, ApiError> {
    text.parse()
        .map_err(|_| ApiError::bad_request(format!("{text:?} is not a number")))
}

fn within_limits(entries: &[Entry], len_max: usize) -> impl Iterator<Item = &Entry> {
    let mut bytes = 0;
    entries.iter().take(len_max).take_while(move |entry| {
        let is_first = bytes == 0;
        bytes += entry.payload_len().max(1);
        is_first || bytes <= BYTES_MAX
    })
}

fn describe(entry: &Entry) -> EntryBody {
    let (command, config) = match &entry.payload {
        Payload::Noop => (None, None),
        Payload::Command(bytes) => (Some(command(Command::decode(bytes))), None),
        Payload::Config(membership) => (None, Some(membership.config.clone())),
    };
    EntryBody {
        index: entry.id.index,
        term: entry.id.term,
        kind: entry.payload.kind(),
        hash: entry.hash,
        command,
        config,
    }
}

fn command(command: Command) -> Value {
    match command {
        Command::OpenSession { sessions_max } => {
            json!({"open_session": {"sessions_max": sessions_max}})
        }
        Command::Transaction { client, ops } => {
            let ops: Vec<_> = ops.iter().map(micro_op).collect();
            json!({"client": client.client, "seq": client.seq, "ops": ops})
        }
        Command::Malformed => json!({"malformed": true}),
    }
}

fn micro_op(op: &MicroOp) -> Value {
    match op {
        MicroOp::Read { key } => json!({"f": "r", "key": key}),
        MicroOp::Write { key, value } => json!({"f": "w", "key": key, "value": parsed(value)}),
        MicroOp::CompareAndSet { key, old, new } => {
            json!({"f": "cas", "key": key, "old": parsed(old), "new": parsed(new)})
        }
        MicroOp::Append { key, value } => {
            json!({"f": "append", "key": key, "value": parsed(value)})
        }
    }
}

/// A text that some peer made up may be nested too deeply.
fn parsed(value: &kv::Json) -> Value {
    serde_json::from_str(value.as_str()).unwrap_or_else(|_| value.as_str().into())
}
