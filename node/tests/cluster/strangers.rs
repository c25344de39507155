//! Whoever talks garbage to a node's peer address is ignored.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::harness::{Cluster, append};

fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..], &crc32c::crc32c(body).to_le_bytes(), body].concat()
}

fn hello(protocol: &str, cluster: &str, from: u64, to: u64) -> Vec<u8> {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let greeting = (protocol, cluster, from, to, address, [7_u8; 16]);
    frame(&postcard::to_stdvec(&greeting).unwrap())
}

/// Says it and waits until the node hangs up. It may say who it is, but no more.
fn is_refused(cluster: &Cluster, node: usize, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(cluster.peer_addr(node)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // The node may hang up before it has taken everything.
    let _ = stream.write_all(bytes);
    match stream.read_to_end(&mut Vec::new()) {
        Ok(said) => said < 100,
        Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[tokio::test]
async fn garbage_closes_the_connection_and_nothing_else() {
    let mut cluster = Cluster::start(3).await;
    let greeting = |from| hello("shakedown-peer 2", "test", from, 1);
    let after_greeting = |bytes: &[u8]| [greeting(2), bytes.to_vec()].concat();
    for (what, bytes) in [
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xff; 4096]),
        ("another cluster", hello("shakedown-peer 2", "other", 2, 1)),
        ("another protocol", hello("shakedown-peer 1", "test", 2, 1)),
        ("nobody", greeting(0)),
        ("itself", greeting(1)),
        ("meant for another", hello("shakedown-peer 2", "test", 2, 3)),
        ("an endless frame", after_greeting(&[0xff; 8])),
        (
            "a wrong checksum",
            after_greeting(&[4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ),
        ("not a proof", after_greeting(&frame(&[0xff; 40]))),
        ("a wrong proof", after_greeting(&frame(&[0xff; 32]))),
    ] {
        assert!(is_refused(&cluster, 1, &bytes), "{what}");
    }
    assert!((1..=3).all(|node| cluster.ended(node).is_none()));
    cluster.commit(&append(1, 1, 1)).await;
    assert_eq!(cluster.read("l").await, json!([1]));
}
