//! The HTTP API for clients and operators; `docs/node-api.md` is its contract.
//!
//! - `serve`: connections, their limits, and who is let in
//! - `asked`: what all requests have in common: a body, a time by which to answer
//! - `body`: what a transaction looks like on the wire
//! - `txn`: transactions and sessions
//! - `attempts`: a command's way through the log, with its repeated proposals
//! - `admin`: membership and leadership
//! - `log`: a stretch of the log
//! - `error`: everything that is not a success
//! - `status`: the node about itself
//! - `exposition`: the node about itself, for Prometheus

mod admin;
mod asked;
mod attempts;
mod body;
mod error;
mod exposition;
mod log;
mod serve;
mod status;
mod txn;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::routing::{get, post};
use shakedown_history::NodeId;
use shakedown_history::event::ReadMode;
use shakedown_raft::PlantedBug;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use crate::driver::NodeStatus;
use crate::metrics::Metrics;
use crate::request::{Answer, Ask, Request};
use crate::storage::Identity;
pub use body::{Malformed, Transaction};
use error::ApiError;
pub use serve::{Limits, serve};

/// The longest body of a request, in bytes.
pub const BODY_LEN_MAX: usize = 1 << 20;

/// What the handlers know.
#[derive(Debug)]
pub struct Api {
    /// This node.
    pub node: NodeId,
    /// Its disk and incarnation.
    pub identity: Identity,
    /// Its deviation.
    pub planted_bug: Option<PlantedBug>,
    /// To the driver.
    pub requests: mpsc::Sender<Request>,
    /// From the driver.
    pub status: watch::Receiver<NodeStatus>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How long a transaction may take unless its client says otherwise.
    pub request_timeout: Duration,
    /// After how long an undecided transaction is proposed again.
    pub retry_after: Duration,
    /// How a read is made safe unless its client says otherwise.
    pub default_read_mode: ReadMode,
    /// What every request must bring along, if anything.
    pub token: Option<String>,
    /// What connections may do.
    pub limits: Limits,
}

impl Api {
    /// Hands a wish to the driver.
    fn ask(&self, ask: Ask, answer: mpsc::UnboundedSender<Answer>) -> Result<(), ApiError> {
        let sent = self.requests.try_send(Request { ask, answer });
        sent.map_err(|e| match e {
            TrySendError::Full(_) => ApiError::Overloaded,
            TrySendError::Closed(_) => panic!("the API ends with the driver"),
        })
    }
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/txn", post(txn::post))
        .route("/v1/sessions", post(txn::open_session))
        .route("/v1/members", post(admin::change_members))
        .route("/v1/leader", post(admin::transfer_leadership))
        .route("/v1/log", get(log::get))
        .route("/v1/status", get(status::get))
        .route("/metrics", get(exposition::get))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_path)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .with_state(api)
}

async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::bad_request(format!(
        "{} does not exist with this method; there are POST /v1/txn, /v1/sessions, /v1/members and \
         /v1/leader, and GET /v1/status, /v1/log and /metrics",
        uri.path()
    ))
}
