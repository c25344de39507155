//! What goes over the wire, and what it means.

use serde::Deserialize;
use serde_json::{Value, json};
use shakedown_history::{NodeId, Witness};

use super::{Heard, Said};
use crate::client::{Answer, Outcome};
use crate::workload::Request;

/// A client's name at the cluster, with which a request that arrives twice takes effect once.
#[derive(Debug)]
pub(super) struct Session {
    client: u64,
    next_seq: u64,
}

#[derive(Deserialize)]
struct SessionReply {
    client: u64,
}

impl Session {
    /// The session that a node has opened for us.
    pub(super) fn opened(body: &[u8]) -> Result<Self, String> {
        let SessionReply { client } = serde_json::from_slice(body)
            .map_err(|e| format!("session: reply is not of the API: {e}"))?;
        Ok(Self {
            client,
            next_seq: 0,
        })
    }
}

/// Whether a refusal says that the session is of no more use.
pub(super) fn ends_session(error: &str) -> bool {
    error.starts_with("session-expired") || error.starts_with("stale-session")
}

/// A request as a transaction of one micro-op; reads need no session.
pub(super) struct Transaction<'a> {
    pub(super) request: &'a Request,
    pub(super) session: Option<&'a mut Session>,
}

impl Transaction<'_> {
    /// Takes the session's next number.
    pub(super) fn body(self) -> Value {
        let Request { f, key, value } = self.request;
        let op = match *f {
            "write" => json!({"f": "w", "key": key, "value": value}),
            "cas" => json!({"f": "cas", "key": key, "old": value[0], "new": value[1]}),
            "append" => json!({"f": "append", "key": key, "value": value}),
            _ => json!({"f": "r", "key": key}),
        };
        match self.session {
            None => json!({"ops": [op]}),
            Some(session) => {
                session.next_seq += 1;
                json!({"client": session.client, "seq": session.next_seq, "ops": [op]})
            }
        }
    }
}

#[derive(Deserialize)]
struct TxnReply {
    results: Vec<MicroResult>,
    witness: Option<Witness>,
}

#[derive(Deserialize)]
struct MicroResult {
    #[serde(default)]
    value: Value,
}

/// What a transaction that took effect came to.
pub(super) fn done(request: &Request, node: NodeId, body: &[u8]) -> Outcome {
    let reply = match serde_json::from_slice::<TxnReply>(body) {
        Ok(reply) => reply,
        Err(e) => return unanswered(request, &format!("reply is not of the API: {e}")),
    };
    match <[MicroResult; 1]>::try_from(reply.results) {
        Ok([result]) => Outcome::Ok(Answer {
            value: if request.is_read() {
                result.value
            } else {
                request.value.clone()
            },
            witness: reply.witness,
            node,
        }),
        Err(results) => {
            let error = format!("{} results for one op", results.len());
            unanswered(request, &error)
        }
    }
}

#[derive(Deserialize)]
struct Error {
    error: String,
    definite: bool,
    #[serde(default)]
    leader: Option<NodeId>,
    #[serde(default)]
    message: String,
}

/// What an error means.
pub(super) fn refused(body: &[u8]) -> Heard {
    match serde_json::from_slice::<Error>(body) {
        Ok(Error {
            definite: true,
            leader: Some(leader),
            ..
        }) => Err(leader),
        Ok(Error {
            definite: true,
            error,
            message,
            ..
        }) => Ok(Said::Refused(format!("{error}: {message}"))),
        Ok(Error { error, .. }) => Ok(Said::Unknown(error)),
        Err(e) => Ok(Said::Unknown(format!("error is not of the API: {e}"))),
    }
}

/// A read has no effect, so no answer means that nothing happened; of anything else nobody knows.
pub(super) fn unanswered(request: &Request, error: &str) -> Outcome {
    let error = error.to_owned();
    if request.is_read() {
        Outcome::Fail { error }
    } else {
        Outcome::Info { error }
    }
}
