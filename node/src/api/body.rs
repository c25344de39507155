//! What a transaction looks like on the wire.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use shakedown_history::event::{ClientSeq, ReadMode};
use shakedown_history::{LogId, Witness};

use crate::kv::{Command, Json, MicroOp, OpResult};

/// The body of `POST /v1/txn`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TxnBody<'a> {
    client: Option<u64>,
    seq: Option<u64>,
    read: Option<ReadMode>,
    #[serde(borrow)]
    ops: Vec<OpBody<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpBody<'a> {
    f: Function,
    key: String,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    old: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    new: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Function {
    #[serde(rename = "r")]
    Read,
    #[serde(rename = "w")]
    Write,
    #[serde(rename = "cas")]
    CompareAndSet,
    #[serde(rename = "append")]
    Append,
}

/// A field that is there. An `Option` alone would take `null` for a missing one.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Why a body is no transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl From<serde_json::Error> for Malformed {
    fn from(e: serde_json::Error) -> Self {
        Self(e.to_string())
    }
}

/// Reads a body that is an object. Serde alone would take an array for the fields in order.
///
/// # Errors
/// If it is something else, or not such an object.
pub(super) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    match body.trim_ascii_start().first() {
        Some(b'{') => Ok(serde_json::from_slice(body)?),
        _ => Err(Malformed("the body is not a JSON object".to_owned())),
    }
}

/// A transaction that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// Only reads.
    Reads {
        /// Of these keys.
        keys: Vec<String>,
        /// How they are to be made safe, if the client says so.
        mode: Option<ReadMode>,
    },
    /// Goes through the log.
    Writes(Command),
}

impl Transaction {
    /// Reads a body. Whatever it is, this does not panic.
    ///
    /// # Errors
    /// If it is not a transaction.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let TxnBody {
            client,
            seq,
            read,
            ops,
        } = object(body)?;
        if ops.is_empty() {
            return Err(Malformed("ops is empty".to_owned()));
        }
        let ops: Vec<_> = ops
            .into_iter()
            .map(OpBody::into_op)
            .collect::<Result<_, _>>()?;
        if ops.iter().all(|op| op.key_read().is_some()) {
            let keys = ops.into_iter().map(MicroOp::into_key).collect();
            return Ok(Self::Reads { keys, mode: read });
        }
        if read.is_some() {
            return Err(Malformed(
                "read is for transactions that only read".to_owned(),
            ));
        }
        let (Some(client), Some(seq)) = (client, seq) else {
            return Err(Malformed(
                "a transaction that writes needs client and seq".to_owned(),
            ));
        };
        let client = ClientSeq { client, seq };
        Ok(Self::Writes(Command::Transaction { client, ops }))
    }
}

impl OpBody<'_> {
    fn into_op(self) -> Result<MicroOp, Malformed> {
        let Self {
            f,
            key,
            value,
            old,
            new,
        } = self;
        Ok(match (f, value, old, new) {
            (Function::Read, None, None, None) => MicroOp::Read { key },
            (Function::Write, Some(value), None, None) => {
                let value = Json::from_raw(value)?;
                MicroOp::Write { key, value }
            }
            (Function::CompareAndSet, None, Some(old), Some(new)) => {
                let (old, new) = (Json::from_raw(old)?, Json::from_raw(new)?);
                MicroOp::CompareAndSet { key, old, new }
            }
            (Function::Append, Some(value), None, None) => {
                let value = Json::from_raw(value)?;
                MicroOp::Append { key, value }
            }
            (f, ..) => return Err(Malformed(f.fields().to_owned())),
        })
    }
}

impl Function {
    fn fields(self) -> &'static str {
        match self {
            Self::Read => "r has the field key only",
            Self::Write => "w has the fields key and value",
            Self::CompareAndSet => "cas has the fields key, old and new",
            Self::Append => "append has the fields key and value",
        }
    }
}

/// The answer to a transaction that took effect: one result for each micro-op, and where. Values are
/// JSON already, so this is a matter of copying.
pub(super) fn done(results: &[OpResult], at: LogId, is_stale: bool) -> Response<Body> {
    let values = results.iter().filter_map(|result| result.value.as_ref());
    let values_len: usize = values.map(|value| value.as_str().len()).sum();
    let mut text = String::with_capacity(80 + values_len + 12 * results.len());
    text.push_str(r#"{"results":["#);
    for (i, result) in results.iter().enumerate() {
        text.push_str(if i == 0 { "{" } else { ",{" });
        if let Some(value) = &result.value {
            text.push_str(r#""value":"#);
            text.push_str(value.as_str());
        }
        text.push('}');
    }
    let stale = if is_stale { r#","stale":true"# } else { "" };
    text.push_str(&format!(
        r#"],"witness":{{"term":{},"index":{}}}{stale}}}"#,
        at.term.0, at.index.0
    ));
    json(text)
}

/// A success with this text.
pub(super) fn json(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The place in the log as clients see it.
pub(super) fn witness(at: LogId) -> Witness {
    Witness {
        term: at.term,
        index: at.index,
    }
}
