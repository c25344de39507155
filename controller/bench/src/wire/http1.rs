//! HTTP/1.1 with keep-alive, one request at a time, with as little work as possible.

use std::net::SocketAddr;
use std::str;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A head longer than this is none.
const HEAD_LEN_MAX: usize = 16 << 10;
/// No answer that we ask for is this long.
const BODY_LEN_MAX: usize = 64 << 20;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct HttpConnection {
    stream: TcpStream,
    request: Vec<u8>,
    /// What was read and not yet taken.
    read: Vec<u8>,
    authorization: String,
    address: SocketAddr,
}

impl HttpConnection {
    /// Connects; every request then carries `token` as a bearer token.
    ///
    /// # Errors
    /// If nobody listens there.
    pub(crate) async fn connect(address: SocketAddr, token: Option<&str>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            read: Vec::new(),
            authorization: authorization(token),
            address,
        })
    }

    /// Posts JSON and returns the status and the body of the answer.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is no HTTP. The connection is then of no more use.
    pub(crate) async fn post(&mut self, path: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        self.request.clear();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{}content-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.address,
            self.authorization,
            body.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await?;
        loop {
            if let Some(head) = Head::parse(&self.read)? {
                let end = head.len + head.body_len.context("an answer without its length")?;
                if self.read.len() >= end {
                    let body = self.read[head.len..end].to_vec();
                    self.read.drain(..end);
                    return Ok((head.status, body));
                }
            }
            let n = self.stream.read_buf(&mut self.read).await?;
            ensure!(n > 0, "the connection ends within an answer");
        }
    }
}

/// Gets a page over a connection of its own, to whose end it is read.
///
/// # Errors
/// If nobody listens there, or the answer is not a page of status 200.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    // With HTTP/1.0 no server sends its answer in chunks.
    let request = format!(
        "GET {path} HTTP/1.0\r\nhost: {address}\r\n{}\r\n",
        authorization(token)
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = Head::parse(&answer)?.context("the connection ends within an answer")?;
    ensure!(
        head.status == 200,
        "{address}{path} answers HTTP {}",
        head.status
    );
    let body = &answer[head.len..];
    ensure!(
        head.body_len.is_none_or(|len| len == body.len()),
        "an answer of {address}{path} is cut off"
    );
    Ok(body.to_vec())
}

fn authorization(token: Option<&str>) -> String {
    token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    })
}

/// What matters of an answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// How long the head is, in bytes.
    len: usize,
    /// How long the body is, in bytes, if the head says so.
    body_len: Option<usize>,
}

impl Head {
    /// Reads the head at the beginning of `bytes`; none if there is more to come.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let searched = &bytes[..bytes.len().min(HEAD_LEN_MAX)];
        let Some(end) = searched.windows(4).position(|four| four == b"\r\n\r\n") else {
            ensure!(bytes.len() < HEAD_LEN_MAX, "an answer's head has no end");
            return Ok(None);
        };
        let text = str::from_utf8(&bytes[..end]).context("an answer's head is no text")?;
        let mut lines = text.split("\r\n");
        let status = status(lines.next().unwrap_or_default())?;
        let mut body_len = None;
        for line in lines {
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                body_len = Some(length(value.trim())?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                bail!("an answer in chunks, which this client does not read");
            }
        }
        Ok(Some(Self {
            status,
            len: end + 4,
            body_len,
        }))
    }
}

fn status(line: &str) -> anyhow::Result<u16> {
    let mut words = line.split(' ');
    ensure!(
        words.next().is_some_and(|v| v.starts_with("HTTP/1.")),
        "the answer is no HTTP/1: {line:?}"
    );
    let code = words.next().and_then(|code| code.parse().ok());
    code.filter(|code| (100..600).contains(code))
        .with_context(|| format!("an answer without a status: {line:?}"))
}

fn length(text: &str) -> anyhow::Result<usize> {
    text.parse()
        .ok()
        .filter(|len| *len <= BODY_LEN_MAX)
        .with_context(|| format!("{text:?} is no length of an answer"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 421 Misdirected Request\r\ncontent-type: application/json\r\n\
        Content-Length: 2\r\n\r\n{}";

    #[test]
    fn a_head_is_complete_or_awaited() {
        let head = Head {
            status: 421,
            len: ANSWER.len() - 2,
            body_len: Some(2),
        };
        for len in 0..ANSWER.len() {
            let found = Head::parse(&ANSWER[..len]).unwrap();
            assert_eq!(found, (len >= head.len).then_some(head), "{len} bytes");
        }
    }

    #[test]
    fn what_this_client_cannot_read_is_refused_with_the_reason() {
        for (head, reason) in [
            ("SSH-2.0\r\n\r\n", "no HTTP/1"),
            ("HTTP/1.1 9\r\n\r\n", "without a status"),
            ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "no length"),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                "in chunks",
            ),
            ("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "without a colon"),
        ] {
            let error = Head::parse(head.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{head:?}: {error}");
        }
        assert!(Head::parse(&[b'x'; HEAD_LEN_MAX]).is_err());
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_make_a_length_that_overflows(bytes: Vec<u8>) {
            if let Ok(Some(head)) = Head::parse(&bytes) {
                prop_assert!(head.len <= bytes.len());
            }
        }

        #[test]
        fn a_damaged_head_is_refused_or_within_bounds(at in 0..ANSWER.len(), byte: u8, cut in 0..ANSWER.len()) {
            let mut bytes = ANSWER.to_vec();
            bytes[at] = byte;
            bytes.truncate(bytes.len() - cut);
            if let Ok(Some(head)) = Head::parse(&bytes) {
                prop_assert!(head.len <= bytes.len());
                prop_assert!(head.body_len.is_none_or(|len| len <= BODY_LEN_MAX));
            }
        }
    }

    /// Takes some requests, and writes two of `answers` after each, one by one.
    async fn serve(listener: TcpListener, requests: usize, answers: &[&[u8]]) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        let mut answers = answers.iter();
        for _ in 0..requests {
            let before = read.len();
            while !read[before..].ends_with(b"}") && !read[before..].ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut read).await.unwrap() > 0);
            }
            for answer in answers.by_ref().take(2) {
                stream.write_all(answer).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
        String::from_utf8(read).unwrap()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn requests_follow_each_other_and_carry_the_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (first, second) = ANSWER.split_at(30);
        let answers = [first, second, ANSWER, b""];
        let server = serve(listener, 2, &answers);
        let client = async {
            let mut connection = HttpConnection::connect(address, Some("secret")).await?;
            let one = connection.post("/v1/txn", b"{}").await?;
            let two = connection.post("/v1/txn", b"{ }").await?;
            anyhow::Ok((one, two))
        };
        let (requests, answers) = tokio::join!(server, client);
        let answer = (421, b"{}".to_vec());
        assert_eq!(answers.unwrap(), (answer.clone(), answer));
        assert_eq!(requests.matches("POST /v1/txn HTTP/1.1\r\n").count(), 2);
        assert_eq!(
            requests.matches("authorization: Bearer secret\r\n").count(),
            2
        );
        assert!(
            requests.contains("content-length: 3\r\n\r\n{ }"),
            "{requests}"
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_page_is_read_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let page: &[&[u8]] = &[b"HTTP/1.0 200 OK\r\n\r\na 1\n", b"b 2\n"];
        let (request, body) =
            tokio::join!(serve(listener, 1, page), get(address, "/metrics", None));
        assert_eq!(body.unwrap(), b"a 1\nb 2\n");
        assert!(
            request.starts_with("GET /metrics HTTP/1.0\r\n"),
            "{request}"
        );
    }
}
