//! Unary gRPC calls over one HTTP/2 connection.
//!
//! A message goes out behind five bytes, a flag for compression and the length; the answer ends with the
//! trailer `grpc-status`. See <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::future::poll_fn;
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::RecvStream;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Uri};
use tokio::net::TcpStream;

/// Flag and length.
const PREFIX_LEN: usize = 5;
/// So large that no answer of ours ever waits for the window.
const WINDOW_BYTES: u32 = 1 << 24;

/// A connection that makes one call at a time.
#[derive(Debug)]
pub(crate) struct GrpcConnection {
    requests: SendRequest<Bytes>,
    address: SocketAddr,
}

impl GrpcConnection {
    /// Connects, and keeps the connection going in a task of the current runtime.
    ///
    /// # Errors
    /// If nobody listens there, or it is no HTTP/2.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake(stream)
            .await?;
        tokio::spawn(async {
            if let Err(e) = connection.await {
                tracing::debug!("an HTTP/2 connection ended: {e}");
            }
        });
        Ok(Self { requests, address })
    }

    /// Where the method `path`, as in `/etcdserverpb.KV/Put`, is called on this connection.
    ///
    /// # Errors
    /// If that is no path.
    pub(crate) fn method(&self, path: &str) -> anyhow::Result<Uri> {
        let uri = format!("http://{}{path}", self.address);
        uri.parse().with_context(|| format!("{uri} is no address"))
    }

    /// Calls a method and returns the message that it answers.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is no success.
    pub(crate) async fn call(&mut self, method: &Uri, message: &[u8]) -> anyhow::Result<Bytes> {
        poll_fn(|cx| self.requests.poll_ready(cx)).await?;
        let request = Request::post(method.clone())
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let (response, mut body) = self.requests.send_request(request, false)?;
        body.send_data(framed(message), true)?;
        let (head, mut body) = response.await?.into_parts();
        ensure!(head.status == 200, "the call answers HTTP {}", head.status);
        let answer = collect(&mut body).await?;
        match body.trailers().await? {
            Some(trailers) => success(&trailers)?,
            None => success(&head.headers)?,
        }
        unframed(answer)
    }
}

async fn collect(body: &mut RecvStream) -> anyhow::Result<Bytes> {
    let mut whole = Bytes::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        whole = if whole.is_empty() {
            part
        } else {
            [whole, part].concat().into()
        };
    }
    Ok(whole)
}

fn success(headers: &HeaderMap) -> anyhow::Result<()> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        Some("0") => Ok(()),
        Some(code) => bail!(
            "the call fails with gRPC status {code}: {}",
            text("grpc-message").unwrap_or_default()
        ),
        None => bail!("the call ends without a gRPC status"),
    }
}

fn framed(message: &[u8]) -> Bytes {
    let len = u32::try_from(message.len()).expect("our messages are short");
    let mut frame = BytesMut::with_capacity(PREFIX_LEN + message.len());
    frame.put_u8(0);
    frame.put_u32(len);
    frame.put_slice(message);
    frame.freeze()
}

fn unframed(mut frame: Bytes) -> anyhow::Result<Bytes> {
    ensure!(frame.len() >= PREFIX_LEN, "a gRPC message is cut off");
    let prefix = frame.split_to(PREFIX_LEN);
    ensure!(prefix[0] == 0, "a gRPC message is compressed");
    let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    ensure!(
        len as usize == frame.len(),
        "a gRPC message of {} bytes says that it has {len}",
        frame.len()
    );
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Response};
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_frame_is_a_flag_a_length_and_the_message() {
        assert_eq!(framed(b"abc"), &b"\0\0\0\0\x03abc"[..]);
    }

    proptest! {
        #[test]
        fn frames_are_opened_again(message: Vec<u8>) {
            prop_assert_eq!(unframed(framed(&message)).unwrap(), message);
        }

        #[test]
        fn hostile_frames_are_refused_or_exact(bytes: Vec<u8>) {
            let len = bytes.len();
            if let Ok(message) = unframed(bytes.into()) {
                prop_assert_eq!(message.len() + PREFIX_LEN, len);
            }
        }
    }

    /// Serves one connection; answers each message with itself, or with a failure if it is empty.
    async fn serve(listener: TcpListener) {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            assert_eq!(request.uri().path(), "/service/Echo");
            assert_eq!(request.headers()["content-type"], "application/grpc");
            assert_eq!(request.headers()["te"], "trailers");
            let mut body = request.into_body();
            tokio::spawn(async move {
                let frame = collect(&mut body).await.unwrap();
                let failed = frame.len() == PREFIX_LEN;
                let mut trailers = HeaderMap::new();
                let status = if failed { "14" } else { "0" };
                trailers.insert("grpc-status", HeaderValue::from_static(status));
                trailers.insert("grpc-message", HeaderValue::from_static("no leader"));
                if failed {
                    let mut response = Response::new(());
                    *response.headers_mut() = trailers;
                    respond.send_response(response, true).unwrap();
                } else {
                    let mut stream = respond.send_response(Response::new(()), false).unwrap();
                    stream.send_data(frame, false).unwrap();
                    stream.send_trailers(trailers).unwrap();
                }
            });
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn calls_follow_each_other_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener));
        let mut connection = GrpcConnection::connect(address).await.unwrap();
        let echo = connection.method("/service/Echo").unwrap();
        for message in [&b"one"[..], b"two"] {
            assert_eq!(connection.call(&echo, message).await.unwrap(), message);
        }
        let error = connection.call(&echo, b"").await.unwrap_err().to_string();
        assert!(error.contains("14: no leader"), "{error}");
        assert_eq!(connection.call(&echo, b"three").await.unwrap(), "three");
    }
}
