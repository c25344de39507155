//! A disk that refuses: the node stops, and nothing that it acknowledged is lost.

use std::os::unix::process::ExitStatusExt;

use serde_json::json;
use shakedown_history::Event;

use crate::harness::{Cluster, append};

/// Writes until the node gives up; returns how many writes it acknowledged.
async fn write_until_it_fails(cluster: &Cluster, value_len: usize) -> u64 {
    for seq in 1.. {
        let value = format!("{seq}{}", "x".repeat(value_len));
        match cluster.try_post(1, append(1, seq, value).to_string()).await {
            Some(answer) => assert_eq!(answer.status, 200, "{answer:?}"),
            None => return seq - 1,
        }
    }
    unreachable!("the loop does not end")
}

#[tokio::test]
async fn a_failed_append_stops_the_node_and_loses_nothing_acknowledged() {
    let mut cluster = Cluster::prepare(1, &[]);
    cluster.start_node_with_file_limit(1, 256);
    cluster.leader().await;
    let acknowledged = write_until_it_fails(&cluster, 50_000).await;
    assert!(acknowledged >= 3, "{acknowledged}");
    let status = cluster.wait_for_end(1).await;
    assert_eq!(status.code(), Some(1));
    assert!(
        cluster.log(1).contains("cannot append the log"),
        "{}",
        cluster.log(1)
    );
    let last = cluster.events(1).pop().unwrap();
    assert!(
        matches!(&last, Event::IoError { op, errno: 27, .. } if op == "append"),
        "{last:?}"
    );
    cluster.start_node(1);
    let list = cluster.read("l").await;
    assert!(list.as_array().unwrap().len() as u64 >= acknowledged);
}

#[tokio::test]
async fn a_node_that_cannot_write_its_trace_dies() {
    let mut cluster = Cluster::prepare(1, &[]);
    cluster.start_node_with_file_limit(1, 16);
    cluster.leader().await;
    let acknowledged = write_until_it_fails(&cluster, 0).await;
    let status = cluster.wait_for_end(1).await;
    assert_eq!(status.signal(), Some(6), "it aborts");
    assert!(
        cluster.log(1).contains("cannot write the trace"),
        "{}",
        cluster.log(1)
    );
    cluster.start_node(1);
    let list = cluster.read("l").await;
    assert!(list.as_array().unwrap().len() as u64 >= acknowledged);
    assert!(
        cluster.trace(1).segments[0].torn,
        "the write was cut off by the limit"
    );
}

#[tokio::test]
async fn a_node_does_not_start_on_a_damaged_log() {
    let mut cluster = Cluster::start(1).await;
    cluster.commit(&append(1, 1, json!("a value"))).await;
    cluster.commit(&append(1, 2, json!("another"))).await;
    cluster.kill(1);
    let path = cluster.data_dir(1).join("log");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    cluster.start_node(1);
    let status = cluster.wait_for_end(1).await;
    assert_eq!(status.code(), Some(1));
    let log = cluster.log(1);
    assert!(
        log.contains("is corrupt at byte") && log.contains("log"),
        "{log}"
    );
}
