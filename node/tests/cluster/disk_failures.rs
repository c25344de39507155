//! A disk that refuses: the node stops, and nothing that it acknowledged is lost.

use std::os::unix::process::ExitStatusExt;

use shakedown_history::Event;

use crate::harness::{Cluster, append, eventually};

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
    let mut cluster = Cluster::prepare(1, &["--segment-bytes", "65536"]);
    cluster.start_node_with_file_limit(1, 256);
    cluster.leader().await;
    for seq in 1..=3 {
        cluster.commit(&append(1, seq, "x".repeat(50_000))).await;
    }
    let too_long = append(1, 4, "x".repeat(300_000));
    assert!(cluster.try_post(1, too_long.to_string()).await.is_none());
    let status = cluster.wait_for_end(1).await;
    assert_eq!(status.code(), Some(1));
    let log = cluster.log(1);
    assert!(log.contains("must not promise"), "{log}");
    let last = cluster.events(1).pop().unwrap();
    assert!(
        matches!(&last, Event::IoError { errno: 27, .. }),
        "{last:?}"
    );
    cluster.start_node(1);
    let list = cluster.read("l").await;
    assert!(list.as_array().unwrap().len() >= 3);
}

#[tokio::test]
async fn a_node_that_cannot_write_its_trace_dies() {
    let mut cluster = Cluster::prepare(1, &["--segment-bytes", "8192"]);
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
async fn a_node_with_a_damaged_log_is_repaired_by_the_others() {
    let mut cluster = Cluster::start(3).await;
    for seq in 1..=5 {
        cluster
            .commit(&append(1, seq, format!("value {seq}")))
            .await;
    }
    let leader = cluster.leader().await;
    let damaged = cluster.others(leader).next().unwrap();
    eventually("the last entry on the disk to be damaged", async || {
        let applied = cluster.try_status(damaged).await?["last_applied"].as_u64();
        (applied >= cluster.try_status(leader).await?["last_applied"].as_u64()).then_some(())
    })
    .await;
    cluster.kill(damaged);
    damage(&cluster, damaged, b"value 2");
    cluster.start_node(damaged);
    let is_repaired = |event: &Event| matches!(event, Event::Repaired { .. });
    eventually("the repair", async || {
        cluster
            .events(damaged)
            .iter()
            .any(is_repaired)
            .then_some(())
    })
    .await;
    let starts: Vec<_> = cluster
        .events(damaged)
        .into_iter()
        .filter_map(|event| match event {
            Event::Start { lost, .. } => Some(lost),
            _ => None,
        })
        .collect();
    assert!(matches!(starts[..], [None, Some(_)]), "{starts:?}");
    cluster.kill(damaged);
    cluster.start_node(damaged);
    eventually("a start without a loss", async || {
        let status = cluster.try_status(damaged).await?;
        status["loss"].is_null().then_some(())
    })
    .await;
    assert_eq!(cluster.read("l").await.as_array().unwrap().len(), 5);
}

/// Flips a bit of the first place in a node's log where `text` stands.
fn damage(cluster: &Cluster, node: usize, text: &[u8]) {
    let dir = cluster.data_dir(node).join("log");
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(place) = bytes.windows(text.len()).position(|window| window == text) {
            bytes[place] ^= 1;
            return std::fs::write(&path, bytes).unwrap();
        }
    }
    panic!(
        "no segment of n{node} has {:?}",
        String::from_utf8_lossy(text)
    );
}
