//! The HTTP API for clients; `docs/node-api.md` is its contract.
//!
//! - `body`: what a transaction looks like on the wire
//! - `txn`: the way of a transaction, with its repeated proposals
//! - `error`: everything that is not a success
//! - `status`: the node about itself

mod body;
mod error;
mod status;
mod txn;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use shakedown_history::NodeId;
use shakedown_raft::PlantedBug;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::driver::NodeStatus;
use crate::request::Request;
use crate::storage::Identity;
use error::ApiError;

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
    /// How long a transaction may take unless its client says otherwise.
    pub request_timeout: Duration,
    /// After how long an undecided transaction is proposed again.
    pub retry_after: Duration,
}

/// Serves clients until the process ends.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, api: Api) -> io::Result<()> {
    let router = Router::new()
        .route("/v1/txn", post(txn::post))
        .route("/v1/status", get(status::get))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_path)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .with_state(Arc::new(api));
    let listener = listener.tap_io(|stream| {
        // Without it a reply may wait 40 ms for an acknowledgement of the one before.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {e}");
        }
    });
    axum::serve(listener, router).await
}

async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::BadRequest(format!(
        "{} does not exist with this method; there are POST /v1/txn and GET /v1/status",
        uri.path()
    ))
}
