//! Who is let in, and for how long.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use shakedown_node::api::BODY_LEN_MAX;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Node, said};

/// Far beyond what a busy machine needs, and below hyper's own timeout for heads (30 s).
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn without_the_token_nobody_gets_anything() {
    let node = Node::unreachable(|api| api.token = Some("s3cret".to_owned())).await;
    for (method, path) in [
        (Method::POST, "/v1/txn"),
        (Method::POST, "/v1/sessions"),
        (Method::POST, "/v1/members"),
        (Method::POST, "/v1/leader"),
        (Method::GET, "/v1/log"),
        (Method::GET, "/v1/status"),
        (Method::GET, "/metrics"),
        (Method::GET, "/nothing"),
    ] {
        for wrong in [
            "",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer S3cret",
            "Basic s3cret",
            "s3cret",
        ] {
            let request = node.request(method.clone(), path);
            let reply = said(request.header(AUTHORIZATION, wrong)).await;
            assert_eq!(
                reply.error(),
                (401, "unauthorized", true),
                "{path} with {wrong:?}"
            );
        }
        let response = node.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
    let status = node
        .request(Method::GET, "/v1/status")
        .bearer_auth("s3cret");
    assert_eq!(said(status).await.0, 200);
}

#[tokio::test]
async fn long_bodies_are_refused_whether_their_length_is_told_or_not() {
    let node = Node::unreachable(|_| {}).await;
    for path in ["/v1/txn", "/v1/sessions", "/v1/members", "/v1/leader"] {
        let reply = node.post(path, vec![b' '; BODY_LEN_MAX + 1]).await;
        assert_eq!(reply.error(), (413, "too-large", true), "{path}");
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: n\r\ntransfer-encoding: chunked\r\n\r\n100001\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
            .write_all(&vec![b' '; BODY_LEN_MAX + 1])
            .await
            .unwrap();
        assert!(first_line(&mut stream).await.contains("413"), "{path}");
    }
    let reply = node.post("/v1/txn", vec![b' '; BODY_LEN_MAX]).await;
    assert_eq!(
        reply.error(),
        (400, "bad-request", true),
        "it was looked at"
    );
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let byte = timeout(PATIENCE, stream.read_u8())
            .await
            .expect("an answer");
        line.push(byte.unwrap());
    }
    String::from_utf8(line).unwrap()
}

/// Waits until the other side has closed the connection.
async fn wait_for_end(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // It makes no difference whether the end is a reset.
    let _ = end.expect("the node hangs up");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let node = Node::unreachable(|api| api.limits.body_timeout = SHORT).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let head = "POST /v1/txn HTTP/1.1\r\nhost: n\r\ncontent-length: 10\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(first_line(&mut stream).await.contains("408"));
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let node = Node::unreachable(|api| api.limits.header_timeout = SHORT).await;
    let whole = "GET /v1/status HTTP/1.1\r\nhost: n\r\n\r\n";
    for beginning in ["", "GET /v1/st", whole] {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        wait_for_end(&mut stream).await;
    }
    while node.metrics.connections.get() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_others_end() {
    let node = Node::unreachable(|api| api.limits.connections_max = 1).await;
    let request = b"GET /v1/status HTTP/1.1\r\nhost: n\r\n\r\n";
    let mut first = TcpStream::connect(node.address).await.unwrap();
    first.write_all(request).await.unwrap();
    assert!(first_line(&mut first).await.contains("200"));
    let mut second = TcpStream::connect(node.address).await.unwrap();
    second.write_all(request).await.unwrap();
    let early = timeout(SHORT, second.read_u8()).await;
    assert!(early.is_err(), "served beside the first: {early:?}");
    drop(first);
    assert!(first_line(&mut second).await.contains("200"));
}
