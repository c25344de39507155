//! Everything that is not a success. The table in `docs/node-api.md` lists them.

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use shakedown_history::{LogId, NodeId, Witness};
use shakedown_raft::Refusal;

use super::Api;
use super::body::witness;
use crate::kv;

/// How much of an explanation is sent, in bytes: it may quote what the client sent.
const MESSAGE_LEN_MAX: usize = 300;

/// A request that did not succeed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// Not a request that there is.
    BadRequest(String),
    /// The token is missing or wrong.
    Unauthorized,
    /// The body took too long.
    TooSlow,
    /// The body is over the limit.
    TooLarge,
    /// A `cas` found another value.
    CasMismatch {
        key: String,
        actual: kv::Json,
        at: LogId,
    },
    /// An `append` found something that is not a list.
    NotAList {
        key: String,
        actual: kv::Json,
        at: LogId,
    },
    /// A later request of this client was applied already.
    StaleSession,
    /// There is no such session.
    SessionExpired { definite: bool },
    /// The driver has refused it.
    Refused { node: NodeId, why: Refusal },
    /// Too much is under way.
    Overloaded,
    /// Undecided when its time was up.
    Timeout { definite: bool },
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
    actual: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness>,
}

impl ErrorBody {
    fn new(error: &'static str, definite: bool, message: impl Into<String>) -> Self {
        Self {
            error,
            definite,
            message: message.into(),
            ..Self::default()
        }
    }

    /// A refusal that the state machine decided.
    fn decided(
        error: &'static str,
        message: String,
        key: String,
        actual: kv::Json,
        at: LogId,
    ) -> Self {
        let actual = RawValue::from_string(actual.to_string());
        Self {
            key: Some(key),
            actual: Some(actual.expect("values are JSON")),
            witness: Some(witness(at)),
            ..Self::new(error, true, message)
        }
    }
}

impl Api {
    /// A refusal as its client sees it.
    pub(super) fn refusal(&self, why: Refusal) -> ApiError {
        ApiError::Refused {
            node: self.node,
            why,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, body) = self.describe();
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl ApiError {
    /// Not a request that there is.
    pub(super) fn bad_request(mut why: String) -> Self {
        let mut len = why.len().min(MESSAGE_LEN_MAX);
        while !why.is_char_boundary(len) {
            len -= 1;
        }
        why.truncate(len);
        Self::BadRequest(why)
    }

    fn describe(self) -> (StatusCode, ErrorBody) {
        let of = |status, error, definite, message: &str| {
            (status, ErrorBody::new(error, definite, message))
        };
        match self {
            Self::BadRequest(why) => of(StatusCode::BAD_REQUEST, "bad-request", true, &why),
            Self::Unauthorized => of(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                true,
                "send the node's token: Authorization: Bearer TOKEN",
            ),
            Self::TooSlow => of(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                true,
                "the body did not arrive in time",
            ),
            Self::TooLarge => {
                let why = format!("the body is over {} bytes", super::BODY_LEN_MAX);
                of(StatusCode::PAYLOAD_TOO_LARGE, "too-large", true, &why)
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
            Self::StaleSession => of(
                StatusCode::CONFLICT,
                "stale-session",
                false,
                "a later seq of this client was applied already; whether this one ever took effect \
                 is forgotten",
            ),
            Self::SessionExpired { definite } => of(
                StatusCode::CONFLICT,
                "session-expired",
                definite,
                "there is no such session: open one with POST /v1/sessions",
            ),
            Self::Refused { node, why } => refused(node, why),
            Self::Overloaded => unavailable("overloaded", "too much is under way; come back later"),
            Self::Timeout { definite } => of(
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                definite,
                "not decided in time",
            ),
        }
    }
}

/// All refusals of the core are definite.
fn refused(node: NodeId, why: Refusal) -> (StatusCode, ErrorBody) {
    match why {
        Refusal::NotLeader { leader } => not_leader(node, leader),
        Refusal::Overwritten => unavailable(
            "overwritten",
            "another leader's entry took the place of this one",
        ),
        Refusal::LeadershipLost => unavailable(
            "leadership-lost",
            "the leader stepped down before it was confirmed",
        ),
        Refusal::Transferring => unavailable(
            "transferring",
            "the leadership is being handed over; ask the next leader",
        ),
        Refusal::TransferFailed => unavailable(
            "transfer-failed",
            "the node to which the leadership was to go did not take it in time",
        ),
        Refusal::NotNow => unavailable(
            "not-now",
            "a membership change is under way, or the leader has not committed in its term yet; try \
             again",
        ),
        Refusal::LagsBehind => unavailable(
            "lags-behind",
            "the learner has not caught up yet; try again",
        ),
        Refusal::NoSuchChange(why) => {
            let body = ErrorBody::new("no-such-change", true, why);
            (StatusCode::CONFLICT, body)
        }
    }
}

/// A definite refusal that another time would not meet.
fn unavailable(error: &'static str, why: &str) -> (StatusCode, ErrorBody) {
    let body = ErrorBody::new(error, true, why);
    (StatusCode::SERVICE_UNAVAILABLE, body)
}

fn not_leader(node: NodeId, leader: Option<NodeId>) -> (StatusCode, ErrorBody) {
    let whereabouts = match leader {
        Some(leader) => format!("{leader} may be"),
        None => "nobody is known to be".to_owned(),
    };
    let body = ErrorBody {
        leader,
        ..ErrorBody::new(
            "not-leader",
            true,
            format!("{node} is not the leader; {whereabouts}"),
        )
    };
    (StatusCode::MISDIRECTED_REQUEST, body)
}
