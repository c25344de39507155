//! A healthy cluster keeps the contract of `docs/node-api.md`.

use serde_json::{Value, json};
use shakedown_history::Event;

use crate::harness::{Cluster, append};

#[tokio::test]
async fn a_transaction_runs_every_micro_op_and_names_its_place() {
    let cluster = Cluster::start(3).await;
    let txn = json!({"client": 71, "seq": 4, "ops": [
        {"f": "r", "key": "x"}, {"f": "w", "key": "x", "value": 7},
        {"f": "cas", "key": "x", "old": 7, "new": {"a": [8]}}, {"f": "append", "key": "l", "value": "e"}
    ]});
    let reply = cluster.commit(&txn).await;
    assert_eq!(reply["results"], json!([{"value": null}, {}, {}, {}]));
    let place = &reply["witness"];
    assert!(place["term"].as_u64().unwrap() >= 1 && place["index"].as_u64().unwrap() >= 2);
    let reads =
        json!({"ops": [{"f": "r", "key": "x"}, {"f": "r", "key": "l"}, {"f": "r", "key": "no"}]});
    let reply = cluster.commit(&reads).await;
    assert_eq!(
        reply["results"],
        json!([{"value": {"a": [8]}}, {"value": ["e"]}, {"value": null}])
    );
    assert!(reply["witness"]["index"].as_u64() >= place["index"].as_u64());
}

#[tokio::test]
async fn every_refusal_says_whether_it_is_definite() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    cluster
        .commit(&json!({"client": 1, "seq": 5, "ops": [{"f": "w", "key": "x", "value": 1}]}))
        .await;
    let mismatch = json!({"client": 2, "seq": 1, "ops": [
        {"f": "w", "key": "y", "value": 1}, {"f": "cas", "key": "x", "old": 2, "new": 3}]});
    let answer = cluster.post(leader, mismatch.to_string()).await;
    assert_eq!(answer.error(), (409, "cas-mismatch", true));
    assert_eq!(answer.body["actual"], 1);
    assert!(answer.body["witness"]["index"].is_u64());
    assert_eq!(cluster.read("y").await, Value::Null, "all or nothing");

    let not_a_list =
        json!({"client": 2, "seq": 2, "ops": [{"f": "append", "key": "x", "value": 1}]});
    let answer = cluster.post(leader, not_a_list.to_string()).await;
    assert_eq!(answer.error(), (409, "not-a-list", true));
    let stale = json!({"client": 1, "seq": 4, "ops": [{"f": "w", "key": "x", "value": 2}]});
    let answer = cluster.post(leader, stale.to_string()).await;
    assert_eq!(answer.error(), (409, "stale-session", false));
    let follower = (1..=3).find(|node| *node != leader).unwrap();
    for body in [append(3, 1, 0), json!({"ops": [{"f": "r", "key": "x"}]})] {
        let answer = cluster.post(follower, body.to_string()).await;
        assert_eq!(answer.error(), (421, "not-leader", true));
        assert_eq!(answer.body["leader"], format!("n{leader}"));
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_and_do_no_harm() {
    let cluster = Cluster::start(1).await;
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"ops": []}"#,
        r#"{"ops": [{}]}"#,
        r#"{"ops": [{"f": "x"}]}"#,
        r#"{"ops": [{"f": "r", "key": 7}]}"#,
        r#"{"ops": [{"f": "r", "key": "x", "more": 1}]}"#,
        r#"{"ops": [{"f": "r", "key": "x"}], "more": 1}"#,
        r#"{"ops": [{"f": "w", "key": "x"}]}"#,
        r#"{"ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"client": 1, "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"client": -1, "seq": 1, "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        "\u{0}\u{1}",
        &deep,
    ] {
        let answer = cluster.post(1, body).await;
        let start = &body[..body.len().min(60)];
        assert_eq!(answer.error(), (400, "bad-request", true), "{start}");
    }
    let large = append(1, 1, "x".repeat(1 << 20));
    assert_eq!(
        cluster.post(1, large.to_string()).await.error(),
        (413, "too-large", true)
    );
    let fits = append(1, 1, "x".repeat((1 << 20) - 200));
    assert_eq!(cluster.post(1, fits.to_string()).await.status, 200);
}

#[tokio::test]
async fn paths_that_do_not_exist_are_refused() {
    let cluster = Cluster::start(1).await;
    let url = |path: &str| format!("http://{}{path}", cluster.client_addr(1));
    for request in [
        reqwest::Client::new().get(url("/v1/txn")),
        reqwest::Client::new().post(url("/v1/status")),
        reqwest::Client::new().get(url("/nothing")),
        reqwest::Client::new()
            .post(url("/v1/txn"))
            .header("shakedown-timeout-ms", "soon"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(
            response.json::<Value>().await.unwrap()["error"],
            "bad-request"
        );
    }
}

#[tokio::test]
async fn status_tells_the_node_its_disk_and_its_clock() {
    let cluster = Cluster::start(3).await;
    let witness = cluster.commit(&append(1, 1, 1)).await["witness"].clone();
    let leader = cluster.leader().await;
    let status = cluster.try_status(leader).await.unwrap();
    assert_eq!(status["node"], format!("n{leader}"));
    assert_eq!(
        (&status["role"], &status["planted_bug"]),
        (&json!("leader"), &Value::Null)
    );
    assert_eq!(status["config"], json!({"voters": ["n1", "n2", "n3"]}));
    assert_eq!(status["incarnation"], 1);
    assert_eq!(status["disk"].as_str().unwrap().len(), 32);
    assert!(status["last_applied"].as_u64() >= witness["index"].as_u64());
    assert!(status["fsyncs"].as_u64().unwrap() >= 2, "{status}");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let realtime = status["clock"]["realtime_ns"].as_u64().unwrap();
    assert!(
        now.as_nanos().abs_diff(realtime.into()) < 60_000_000_000,
        "{status}"
    );
    let follower = (1..=3).find(|node| *node != leader).unwrap();
    let status = cluster.try_status(follower).await.unwrap();
    assert_eq!(status["role"], "follower");
}

#[tokio::test]
async fn the_trace_shows_election_commit_and_acknowledgement_in_order() {
    let cluster = Cluster::start(3).await;
    for seq in 1..=1100 {
        cluster
            .post(cluster.leader().await, append(1, seq, seq).to_string())
            .await;
        if seq == 20 {
            break;
        }
    }
    cluster.commit(&append(2, 1, 0)).await;
    cluster.read("l").await;
    let leader = cluster.leader().await;
    let events = cluster.events(leader);
    let first = |wanted: fn(&Event) -> bool| events.iter().position(wanted).expect("it is there");
    let order = [
        first(|e| matches!(e, Event::Start { .. })),
        first(|e| matches!(e, Event::HardStateDurable(_))),
        first(|e| matches!(e, Event::BecomeLeader { .. })),
        first(|e| matches!(e, Event::AppendDurable { .. })),
        first(|e| matches!(e, Event::Commit { .. })),
        first(|e| matches!(e, Event::Apply { effect: true, .. })),
        first(|e| matches!(e, Event::ClientAck { .. })),
        first(|e| matches!(e, Event::ReadServed { .. })),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let follower = (1..=3).find(|node| *node != leader).unwrap();
    let acked = cluster
        .events(follower)
        .iter()
        .any(|e| matches!(e, Event::Ack { .. }));
    assert!(acked, "a follower acknowledges");
}

#[tokio::test]
async fn contents_are_hashed_alike_on_all_nodes() {
    let cluster = Cluster::start_with(3, &["--heartbeat-ms", "20"]).await;
    let many: Vec<_> = (0..4)
        .map(|n| json!({"f": "w", "key": format!("k{n}"), "value": n}))
        .collect();
    let leader = cluster.leader().await;
    let mut seq = 0;
    let digests = |node| -> Vec<Event> {
        let events = cluster.events(node);
        events
            .into_iter()
            .filter(|e| matches!(e, Event::Digest { .. }))
            .collect()
    };
    while digests(leader).is_empty() {
        for _ in 0..300 {
            seq += 1;
            cluster
                .commit(&json!({"client": 1, "seq": seq, "ops": many}))
                .await;
        }
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while (1..=3).any(|node| digests(node).is_empty()) {
        assert!(std::time::Instant::now() < deadline, "a node lags for ever");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(
        (2..=3).all(|node| digests(node)[0] == digests(1)[0]),
        "{:?}",
        digests(1)
    );
}
