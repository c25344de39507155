//! `POST /v1/members` and `POST /v1/leader`: what operators ask for.
//!
//! Unlike transactions these are tried once: they have no session that would make a repeated attempt
//! harmless. Who hears nothing definite looks at `/v1/status`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shakedown_history::{NodeId, Witness};
use shakedown_raft::{Change, DiskId};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Api;
use super::asked::Asked;
use super::body::witness;
use super::error::ApiError;
use crate::request::{Answer, Ask};

/// The body of `POST /v1/members`.
#[derive(Debug, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
enum ChangeBody {
    Add {
        node: NodeId,
        address: SocketAddr,
        disk: Option<String>,
    },
    Promote {
        node: NodeId,
    },
    Remove {
        node: NodeId,
    },
    Replace {
        old: NodeId,
        new: NodeId,
    },
}

impl ChangeBody {
    fn into_change(self) -> Result<Change, ApiError> {
        Ok(match self {
            Self::Add {
                node,
                address,
                disk,
            } => Change::AddLearner {
                node,
                address: address.to_string(),
                disk: disk.as_deref().map(disk_id).transpose()?,
            },
            Self::Promote { node } => Change::Promote(node),
            Self::Remove { node } => Change::Remove(node),
            Self::Replace { old, new } => Change::Replace { old, new },
        })
    }
}

fn disk_id(text: &str) -> Result<DiskId, ApiError> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = digits
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten();
    number
        .map(DiskId)
        .ok_or_else(|| ApiError::bad_request(format!("disk {text:?} is not 32 hexadecimal digits")))
}

/// What a change of the membership came to.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    /// The entry that carries it, which is committed.
    witness: Witness,
}

pub(super) async fn change_members(
    State(api): State<Arc<Api>>,
    asked: Asked,
) -> Result<Json<Changed>, ApiError> {
    let change = asked.json::<ChangeBody>()?.into_change()?;
    match ask_once(&api, Ask::ChangeMembership(change), asked.deadline).await? {
        Answer::Changed(at) => Ok(Json(Changed {
            witness: witness(at),
        })),
        other => panic!("a membership change came to {other:?}"),
    }
}

/// The body of `POST /v1/leader`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaderBody {
    /// Who is to lead; none for whoever is most up to date.
    to: Option<NodeId>,
}

/// Who leads now.
#[derive(Debug, Serialize)]
pub(super) struct Transferred {
    leader: NodeId,
}

pub(super) async fn transfer_leadership(
    State(api): State<Arc<Api>>,
    asked: Asked,
) -> Result<Json<Transferred>, ApiError> {
    let LeaderBody { to } = asked.json()?;
    match ask_once(&api, Ask::TransferLeadership(to), asked.deadline).await? {
        Answer::Transferred(leader) => Ok(Json(Transferred { leader })),
        other => panic!("a transfer of the leadership came to {other:?}"),
    }
}

/// The answer to a wish, unless it is an error.
pub(super) async fn ask_once(api: &Api, ask: Ask, deadline: Instant) -> Result<Answer, ApiError> {
    let definite = matches!(ask, Ask::Log { .. });
    let (answer, mut answers) = mpsc::unbounded_channel();
    api.ask(ask, answer)?;
    match timeout_at(deadline, answers.recv()).await {
        Ok(Some(Answer::Refused(why))) => Err(api.refusal(why)),
        Ok(Some(Answer::Overloaded)) => Err(ApiError::Overloaded),
        Ok(Some(answer)) => Ok(answer),
        Ok(None) | Err(_) => Err(ApiError::Timeout { definite }),
    }
}
