//! SIGSTOP: what is undecided is said to be, and comes out once.

use serde_json::json;

use crate::harness::{Cluster, NOTHING, SLOW_ELECTIONS, append};

#[tokio::test]
async fn a_write_without_a_quorum_is_indefinite_and_takes_effect_at_most_once() {
    let cluster = Cluster::start_with(3, &SLOW_ELECTIONS).await;
    cluster.commit(&append(1, 1, "before")).await;
    cluster.session(2).await;
    let leader = cluster.pause_all_but_the_leader().await;
    let request = append(2, 1, "undecided");
    let answer = cluster.post(leader, request.to_string()).await;
    assert_eq!(answer.error(), (504, "timeout", false));
    cluster.others(leader).for_each(|node| cluster.resume(node));
    cluster.commit(&request).await;
    assert_eq!(cluster.read("l").await, json!(["before", "undecided"]));
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn a_read_without_a_quorum_is_not_answered() {
    let cluster = Cluster::start_with(3, &SLOW_ELECTIONS).await;
    let leader = cluster.pause_all_but_the_leader().await;
    let answer = cluster
        .post(leader, json!({"ops": [{"f": "r", "key": "x"}]}).to_string())
        .await;
    let (_, error, definite) = answer.error();
    assert!(
        ["leadership-lost", "timeout"].contains(&error),
        "{answer:?}"
    );
    assert!(definite, "a read has no effect");
    cluster.others(leader).for_each(|node| cluster.resume(node));
    cluster.read("x").await;
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn a_paused_leader_does_not_serve_what_is_out_of_date() {
    let cluster = Cluster::start(3).await;
    cluster.commit(&append(1, 1, "old")).await;
    let old = cluster.leader().await;
    cluster.pause(old);
    let others: Vec<_> = cluster.others(old).collect();
    cluster.leader_among(&others).await;
    for node in others {
        let _ = cluster.post(node, append(1, 2, "new").to_string()).await;
    }
    cluster.resume(old);
    let read = json!({"ops": [{"f": "r", "key": "l"}]}).to_string();
    let answer = cluster.post(old, read).await;
    if answer.status == 200 {
        assert_eq!(answer.body["results"][0]["value"], json!(["old", "new"]));
    }
    assert_eq!(cluster.read("l").await, json!(["old", "new"]));
    assert_eq!(cluster.broken_promises(), NOTHING);
}
