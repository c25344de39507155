//! Everything that is not a success. The table in `docs/node-api.md` lists them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use shakedown_history::{LogId, NodeId, Witness};

use super::body::witness;

/// A request that did not succeed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// Not a transaction.
    BadRequest(String),
    /// The body is over the limit.
    TooLarge,
    /// A `cas` found another value.
    CasMismatch {
        key: String,
        actual: Value,
        at: LogId,
    },
    /// An `append` found something that is not a list.
    NotAList {
        key: String,
        actual: Value,
        at: LogId,
    },
    /// A later request of this client was applied already.
    StaleSession,
    /// This node does not lead.
    NotLeader {
        node: NodeId,
        leader: Option<NodeId>,
    },
    /// Another entry took the place of this one.
    Overwritten,
    /// A read could not be confirmed.
    LeadershipLost,
    /// Too much is under way.
    Overloaded,
    /// Undecided when its time was up.
    Timeout { only_reads: bool },
}

/// The body of an error.
#[derive(Debug, Default, Serialize)]
struct ErrorBody {
    error: &'static str,
    definite: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness>,
}

impl ErrorBody {
    fn definite(error: &'static str, message: impl Into<String>) -> Self {
        Self {
            error,
            definite: true,
            message: message.into(),
            ..Self::default()
        }
    }

    fn indefinite(error: &'static str, message: impl Into<String>) -> Self {
        Self {
            definite: false,
            ..Self::definite(error, message)
        }
    }

    /// A refusal that the state machine decided.
    fn decided(
        error: &'static str,
        message: String,
        key: String,
        actual: Value,
        at: LogId,
    ) -> Self {
        Self {
            key: Some(key),
            actual: Some(actual),
            witness: Some(witness(at)),
            ..Self::definite(error, message)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, body) = self.describe();
        (status, Json(body)).into_response()
    }
}

impl ApiError {
    fn describe(self) -> (StatusCode, ErrorBody) {
        match self {
            Self::BadRequest(why) => (
                StatusCode::BAD_REQUEST,
                ErrorBody::definite("bad-request", why),
            ),
            Self::TooLarge => {
                let why = format!("the body is over {} bytes", super::BODY_LEN_MAX);
                (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    ErrorBody::definite("too-large", why),
                )
            }
            Self::CasMismatch { key, actual, at } => {
                let why = format!("{key:?} has another value");
                let body = ErrorBody::decided("cas-mismatch", why, key, actual, at);
                (StatusCode::CONFLICT, body)
            }
            Self::NotAList { key, actual, at } => {
                let why = format!("{key:?} is not a list");
                let body = ErrorBody::decided("not-a-list", why, key, actual, at);
                (StatusCode::CONFLICT, body)
            }
            Self::StaleSession => {
                let why = "a later seq of this client was applied already; whether this one ever \
                           took effect is forgotten";
                (
                    StatusCode::CONFLICT,
                    ErrorBody::indefinite("stale-session", why),
                )
            }
            Self::NotLeader { node, leader } => not_leader(node, leader),
            Self::Overwritten => {
                let why = "another leader's entry took the place of this one";
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorBody::definite("overwritten", why),
                )
            }
            Self::LeadershipLost => {
                let why = "the leader stepped down before the read was confirmed";
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorBody::definite("leadership-lost", why),
                )
            }
            Self::Overloaded => {
                let why = "too much is under way; come back later";
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorBody::definite("overloaded", why),
                )
            }
            Self::Timeout { only_reads } => {
                let why = "not decided in time";
                let mut body = ErrorBody::indefinite("timeout", why);
                body.definite = only_reads;
                (StatusCode::GATEWAY_TIMEOUT, body)
            }
        }
    }
}

fn not_leader(node: NodeId, leader: Option<NodeId>) -> (StatusCode, ErrorBody) {
    let whereabouts = match leader {
        Some(leader) => format!("{leader} may be"),
        None => "nobody is known to be".to_owned(),
    };
    let body = ErrorBody {
        leader,
        ..ErrorBody::definite(
            "not-leader",
            format!("{node} is not the leader; {whereabouts}"),
        )
    };
    (StatusCode::MISDIRECTED_REQUEST, body)
}
