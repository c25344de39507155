//! Each planted bug of this layer does what the table says.

use serde_json::json;
use shakedown_history::Event;

use crate::harness::{Cluster, SLOW_ELECTIONS, append, eventually};

async fn cluster_with(bug: &str) -> Cluster {
    let args = [&SLOW_ELECTIONS[..], &["--planted-bug", bug]].concat();
    Cluster::start_with(3, &args).await
}

fn assert_breaks(cluster: Cluster, promise: &str) {
    let broken = cluster.broken_promises();
    assert!(
        broken.iter().any(|b| b.starts_with(promise)),
        "not {promise}, but {broken:?}"
    );
}

#[tokio::test]
async fn stale_read_answers_without_a_quorum() {
    let cluster = cluster_with("stale-read").await;
    let leader = cluster.pause_all_but_the_leader().await;
    let read = json!({"ops": [{"f": "r", "key": "x"}]}).to_string();
    assert_eq!(cluster.post(leader, read).await.status, 200);
    let status = cluster.try_status(leader).await.unwrap();
    assert_eq!(status["planted_bug"], "stale-read");
}

#[tokio::test]
async fn ack_before_commit_answers_writes_without_a_quorum() {
    let cluster = cluster_with("ack-before-commit").await;
    cluster.session(1).await;
    let leader = cluster.pause_all_but_the_leader().await;
    let answer = cluster.post(leader, append(1, 1, 1).to_string()).await;
    assert_eq!(answer.status, 200);
    let index = answer.body["witness"]["index"].as_u64().unwrap();
    let status = cluster.try_status(leader).await.unwrap();
    assert!(status["commit_index"].as_u64().unwrap() < index, "{status}");
    assert_breaks(cluster, "client-acknowledgement");
}

#[tokio::test]
async fn forget_vote_starts_without_the_vote_that_was_given() {
    let mut cluster = cluster_with("forget-vote").await;
    let node = cluster.leader().await;
    cluster.kill(node);
    cluster.start_node(node);
    cluster.leader().await;
    let starts: Vec<_> = cluster
        .events(node)
        .into_iter()
        .filter_map(|event| match event {
            Event::Start { hard_state, .. } => Some(hard_state),
            _ => None,
        })
        .collect();
    assert_eq!(starts.len(), 2);
    assert_eq!(starts[1].voted_for, None, "a leader has voted for itself");
    assert_breaks(cluster, "vote");
}

#[tokio::test]
async fn double_apply_carries_a_repeated_request_out_again() {
    let cluster = cluster_with("double-apply").await;
    cluster.session(1).await;
    let leader = cluster.pause_all_but_the_leader().await;
    let before = cluster.try_status(leader).await.unwrap()["last_index"]
        .as_u64()
        .unwrap();
    let body = append(1, 1, "again").to_string();
    let request = cluster.post(leader, body);
    let resume = async {
        eventually("a second proposal", async || {
            let status = cluster.try_status(leader).await?;
            // One may be the entry that binds the members to their disks.
            (status["last_index"].as_u64()? >= before + 3).then_some(())
        })
        .await;
        cluster.others(leader).for_each(|node| cluster.resume(node));
    };
    let (_, ()) = tokio::join!(request, resume);
    eventually("a second effect", async || {
        (cluster.read("l").await.as_array()?.len() >= 2).then_some(())
    })
    .await;
    assert_breaks(cluster, "exactly-once");
}

#[tokio::test]
async fn ignore_io_error_goes_on_after_its_disk_has_refused() {
    let args = [
        "--segment-bytes",
        "65536",
        "--planted-bug",
        "ignore-io-error",
    ];
    let mut cluster = Cluster::prepare(1, &args);
    cluster.start_node_with_file_limit(1, 256);
    cluster.leader().await;
    cluster.commit(&append(1, 1, "x".repeat(300_000))).await;
    assert_breaks(cluster, "disk-error");
}
