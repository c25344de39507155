//! What the node says about itself: `GET /v1/status`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::error::AgentError;
use crate::protocol::StatusSource;

/// How long to wait for a connection, and then for each part of the answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// An answer longer than this is not a status.
const ANSWER_LEN_MAX: u64 = 1 << 20;

/// Asks the node. Blocks for a few seconds at most.
pub(crate) fn get(source: &StatusSource) -> Result<Value, AgentError> {
    ask(source).map_err(|reason| AgentError::Status {
        addr: source.addr,
        reason,
    })
}

fn ask(source: &StatusSource) -> Result<Value, String> {
    let answer = exchange(source).map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer is cut off")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("it answered {status:?}"));
    }
    serde_json::from_str(body).map_err(|e| format!("its answer is not JSON: {e}"))
}

/// HTTP/1.0, because its answer ends where the connection ends and is never chunked.
fn exchange(source: &StatusSource) -> std::io::Result<Vec<u8>> {
    let StatusSource { addr, token } = source;
    let mut stream = TcpStream::connect_timeout(addr, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let authorization = token.as_ref().map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let request = format!("GET /v1/status HTTP/1.0\r\nHost: {addr}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};
    use std::thread::{self, JoinHandle};

    use super::*;

    /// Answers one request; the thread returns what was asked.
    fn answering(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (addr, asked)
    }

    #[test]
    fn the_body_is_passed_through() {
        let (addr, asked) =
            answering("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"term\":7}");
        assert_eq!(get(&addr.into()).unwrap(), serde_json::json!({"term": 7}));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /v1/status HTTP/1.0\r\n"), "{asked}");
        assert!(!asked.contains("Authorization"), "{asked}");
    }

    #[test]
    fn the_token_is_shown_to_a_node_that_asks_for_it() {
        let (addr, asked) = answering("HTTP/1.0 200 OK\r\n\r\n{}");
        let token = Some("s3cret".to_owned());
        get(&StatusSource { addr, token }).unwrap();
        let asked = asked.join().unwrap();
        assert!(
            asked.contains("\r\nAuthorization: Bearer s3cret\r\n"),
            "{asked}"
        );
    }

    #[test]
    fn whatever_is_wrong_is_said_with_the_address() {
        let reason = |answer| {
            let (addr, _) = answering(answer);
            let error = get(&addr.into()).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("GET http://{addr}/v1/status: ")),
                "{error}"
            );
            error
        };
        assert!(reason("HTTP/1.0 503 Busy\r\n\r\n{}").contains("503 Busy"));
        assert!(reason("HTTP/1.0 200 OK\r\n\r\nhello").contains("not JSON"));
        assert!(reason("HTTP/1.0 200").contains("cut off"));
        let nobody = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert!(
            get(&nobody.into())
                .unwrap_err()
                .to_string()
                .contains("refused")
        );
    }
}
