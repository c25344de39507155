//! Connections: how many, for how long, and who is let in.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::error::ApiError;
use super::{Api, router};

/// How long to wait when the process or the machine is out of something that a connection needs.
const OUT_OF_RESOURCES_PAUSE: Duration = Duration::from_millis(100);

/// What connections may do. None of it matters to a client that behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many there may be; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long the head of a request may take, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long what was sent may stay unacknowledged by the other side.
    pub unacknowledged_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            header_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            unacknowledged_timeout: Duration::from_secs(60),
        }
    }
}

/// Serves clients until the process ends.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, api: Api) -> io::Result<()> {
    let api = Arc::new(api);
    let router = TowerToHyperService::new(router(Arc::clone(&api)));
    let room = Arc::new(Semaphore::new(api.limits.connections_max));
    loop {
        let place = Arc::clone(&room).acquire_owned().await;
        let place = place.expect("nobody closes the semaphore");
        let Some(stream) = accept(&listener).await? else {
            continue;
        };
        prepare(&stream, &api.limits);
        let (api, router) = (Arc::clone(&api), router.clone());
        tokio::spawn(async move {
            api.metrics.connections.increment();
            let metrics = Arc::clone(&api.metrics);
            if let Err(e) = talk(stream, api, router).await {
                tracing::debug!("a client's connection ended: {e}");
            }
            metrics.connections.decrement();
            drop(place);
        });
    }
}

/// The next connection; none if something went wrong that may be better next time.
async fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept().await {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(e) => match (e.kind(), e.raw_os_error()) {
            (ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset, _) => Ok(None),
            (_, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) => {
                tracing::warn!("cannot accept a connection: {e}");
                tokio::time::sleep(OUT_OF_RESOURCES_PAUSE).await;
                Ok(None)
            }
            _ => Err(e),
        },
    }
}

fn prepare(stream: &TcpStream, limits: &Limits) {
    // Without it a reply may wait 40 ms for an acknowledgement of the one before.
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!("cannot set TCP_NODELAY: {e}");
    }
    // A client that vanished, or that never reads its replies, must not keep its place.
    let timeout_ms = u32::try_from(limits.unacknowledged_timeout.as_millis()).unwrap_or(u32::MAX);
    if let Err(e) = setsockopt(stream, TcpUserTimeout, &timeout_ms) {
        tracing::debug!("cannot set TCP_USER_TIMEOUT: {e}");
    }
}

/// Answers the requests of one connection, one after the other.
async fn talk(
    stream: TcpStream,
    api: Arc<Api>,
    router: TowerToHyperService<axum::Router>,
) -> hyper::Result<()> {
    let header_timeout = api.limits.header_timeout;
    let service = service_fn(move |request: Request<Incoming>| {
        api.metrics.http_requests.increment();
        let admitted = admits(api.token.as_deref(), request.headers());
        let response = admitted.then(|| router.call(request.map(Body::new)));
        async {
            match response {
                Some(response) => response.await,
                None => Ok::<_, Infallible>(ApiError::Unauthorized.into_response()),
            }
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// Whether a request brings the token along. How long the comparison takes does not tell how
/// much of a wrong one is right.
fn admits(token: Option<&str>, headers: &HeaderMap) -> bool {
    let Some(token) = token.map(str::as_bytes) else {
        return true;
    };
    let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let Some(given) = given.and_then(|value| value.strip_prefix(b"Bearer ")) else {
        return false;
    };
    let difference = |sum: u8, (a, b): (&u8, &u8)| black_box(sum | (a ^ b));
    given.len() == token.len() && given.iter().zip(token).fold(0, difference) == 0
}
