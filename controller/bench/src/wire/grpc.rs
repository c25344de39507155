//! Unary gRPC calls over one HTTP/2 connection.
//!
//! A message goes out behind five bytes, a flag for compression and the length. See
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::net::SocketAddr;

use anyhow::{bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http2::{Frame, Session};

/// Flag and length.
const PREFIX_LEN: usize = 5;

/// A connection that makes one call at a time.
#[derive(Debug)]
pub(crate) struct GrpcConnection {
    stream: TcpStream,
    session: Session,
    /// What was read and not yet taken.
    read: Vec<u8>,
    request: Vec<u8>,
}

impl GrpcConnection {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            session: Session::new(address.to_string()),
            read: Vec::new(),
            request: Vec::new(),
        })
    }

    /// Calls a method, as in `/etcdserverpb.KV/Put`, and returns the message that it answers.
    ///
    /// # Errors
    /// If the connection breaks, or the call fails. The connection is then of no more use.
    pub(crate) async fn call(
        &mut self,
        method: &'static str,
        message: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        self.request.clear();
        frame(&mut self.request, message);
        self.session.request(method, &self.request)?;
        self.stream.write_all(&self.session.out).await?;
        self.session.out.clear();
        loop {
            if let Some(answer) = take_answer(&mut self.session, &mut self.read)? {
                return Ok(answer);
            }
            let n = self.stream.read_buf(&mut self.read).await?;
            ensure!(n > 0, "the connection ends within an answer");
        }
    }
}

/// Takes all frames that were read. Returns the message of the answer, if that is complete.
fn take_answer(session: &mut Session, read: &mut Vec<u8>) -> anyhow::Result<Option<Vec<u8>>> {
    let mut taken = 0;
    let mut message = None;
    while let Some(frame) = Frame::parse(&read[taken..])? {
        taken += frame.len();
        if let Some(answer) = session.receive(&frame)? {
            message = Some(unframed(answer)?.to_vec());
        }
    }
    read.drain(..taken);
    Ok(message)
}

fn frame(frame: &mut Vec<u8>, message: &[u8]) {
    let len = u32::try_from(message.len()).expect("our messages are short");
    frame.push(0);
    frame.extend_from_slice(&len.to_be_bytes());
    frame.extend_from_slice(message);
}

/// The message of a unary call's answer. A call that fails has none, but only a status in its headers, which
/// are not decoded here.
fn unframed(answer: &[u8]) -> anyhow::Result<&[u8]> {
    let Some((prefix, message)) = answer.split_at_checked(PREFIX_LEN) else {
        bail!("the call fails: its answer has no message");
    };
    ensure!(prefix[0] == 0, "a gRPC message is compressed");
    let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    ensure!(
        len as usize == message.len(),
        "a gRPC message of {} bytes says that it has {len}",
        message.len()
    );
    Ok(message)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Response};
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame(&mut bytes, message);
        bytes
    }

    #[test]
    fn a_frame_is_a_flag_a_length_and_the_message() {
        assert_eq!(framed(b"abc"), b"\0\0\0\0\x03abc");
    }

    proptest! {
        #[test]
        fn frames_are_opened_again(message: Vec<u8>) {
            let frame = framed(&message);
            prop_assert_eq!(unframed(&frame).unwrap(), message);
        }

        #[test]
        fn hostile_frames_are_refused_or_exact(bytes: Vec<u8>) {
            if let Ok(message) = unframed(&bytes) {
                prop_assert_eq!(message.len() + PREFIX_LEN, bytes.len());
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
                let frame = body.data().await.unwrap().unwrap();
                body.flow_control().release_capacity(frame.len()).unwrap();
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
        let echo = "/service/Echo";
        for message in [&b"one"[..], b"two", b"three"] {
            assert_eq!(connection.call(echo, message).await.unwrap(), message);
        }
        let error = connection.call(echo, b"").await.unwrap_err().to_string();
        assert!(error.contains("the call fails"), "{error}");
    }
}
