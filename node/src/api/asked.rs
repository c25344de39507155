//! What all requests have in common: a body, and a time by which they are to be answered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::Api;
use super::body::object;
use super::error::ApiError;

/// With this header a client says how many milliseconds its request may take.
const TIMEOUT_HEADER: &str = "shakedown-timeout-ms";

/// The longest that a client may ask for.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// A request with its body.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) body: Bytes,
    /// When the client does not wait any longer.
    pub(super) deadline: Instant,
}

impl Asked {
    /// The body as JSON; an empty one counts as `{}`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body[..]
        };
        object(body).map_err(|e| ApiError::bad_request(e.to_string()))
    }
}

impl FromRequest<Arc<Api>> for Asked {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        let patience = patience(request.headers())?.unwrap_or(api.request_timeout);
        let deadline = Instant::now() + patience;
        let body = timeout(api.limits.body_timeout, Bytes::from_request(request, api));
        match body.await {
            Ok(Ok(body)) => Ok(Self { body, deadline }),
            Ok(Err(rejection)) => Err(no_body(&rejection)),
            Err(_) => Err(ApiError::TooSlow),
        }
    }
}

fn no_body(rejection: &BytesRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::bad_request(rejection.body_text()),
    }
}

fn patience(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let Some(value) = headers.get(TIMEOUT_HEADER) else {
        return Ok(None);
    };
    let milliseconds = value.to_str().ok().and_then(|text| text.parse().ok());
    match milliseconds.map(Duration::from_millis) {
        Some(timeout) if timeout <= TIMEOUT_MAX => Ok(Some(timeout)),
        _ => Err(ApiError::bad_request(format!(
            "{TIMEOUT_HEADER} is {value:?}: give milliseconds, at most {}",
            TIMEOUT_MAX.as_millis()
        ))),
    }
}
