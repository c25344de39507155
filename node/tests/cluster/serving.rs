//! A healthy cluster keeps the contract of `docs/node-api.md`.

use serde_json::{Value, json};
use shakedown_history::Event;

use crate::harness::{Cluster, NOTHING, append, eventually};

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
    let write = |client, seq, op| json!({"client": client, "seq": seq, "ops": [op]});
    cluster
        .commit(&write(1, 5, json!({"f": "w", "key": "x", "value": 1})))
        .await;
    let mismatch = json!({"client": 2, "seq": 1, "ops": [
        {"f": "w", "key": "y", "value": 1}, {"f": "cas", "key": "x", "old": 2, "new": 3}]});
    let answer = cluster.decide(&mismatch).await;
    assert_eq!(answer.error(), (409, "cas-mismatch", true));
    assert_eq!(
        (&answer.body["key"], &answer.body["actual"]),
        (&json!("x"), &json!(1))
    );
    assert!(answer.body["witness"]["index"].is_u64());
    assert_eq!(cluster.read("y").await, Value::Null, "all or nothing");

    let not_a_list = write(2, 2, json!({"f": "append", "key": "x", "value": 1}));
    assert_eq!(
        cluster.decide(&not_a_list).await.error(),
        (409, "not-a-list", true)
    );
    let stale = write(1, 4, json!({"f": "w", "key": "x", "value": 2}));
    assert_eq!(
        cluster.decide(&stale).await.error(),
        (409, "stale-session", false)
    );
    for body in [append(3, 1, 0), json!({"ops": [{"f": "r", "key": "x"}]})] {
        let answer = eventually("a follower that knows the leader", async || {
            let leader = cluster.leader().await;
            let follower = cluster.others(leader).next()?;
            let answer = cluster.post(follower, body.to_string()).await;
            (answer.body["leader"] == format!("n{leader}")).then_some(answer)
        });
        assert_eq!(answer.await.error(), (421, "not-leader", true));
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_and_do_no_harm() {
    let cluster = Cluster::start(1).await;
    let answer = cluster.post(1, r#"{"ops": []}"#).await;
    assert_eq!(answer.error(), (400, "bad-request", true));
    let large = append(1, 1, "x".repeat(1 << 20));
    assert_eq!(
        cluster.post(1, large.to_string()).await.error(),
        (413, "too-large", true)
    );
    let fits = append(1, 1, "x".repeat((1 << 20) - 200));
    assert_eq!(cluster.post(1, fits.to_string()).await.status, 200);
}

#[tokio::test]
async fn status_tells_the_node_its_disk_and_its_clock() {
    let cluster = Cluster::start(3).await;
    let witness = cluster.commit(&append(1, 1, 1)).await["witness"].clone();
    let (leader, status) = eventually("a leader says that it leads", async || {
        let leader = cluster.leader().await;
        let status = cluster.try_status(leader).await?;
        (status["role"] == "leader").then_some((leader, status))
    })
    .await;
    assert_eq!(status["node"], format!("n{leader}"));
    assert_eq!(status["planted_bug"], Value::Null);
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
    for other in cluster.others(leader) {
        let status = cluster.try_status(other).await.unwrap();
        assert_eq!(status["node"], format!("n{other}"));
    }
}

#[tokio::test]
async fn the_trace_shows_election_commit_and_acknowledgement_in_order() {
    let cluster = Cluster::start(3).await;
    cluster.commit(&append(2, 1, 0)).await;
    cluster.read("l").await;
    let events: Vec<_> = (1..=3).map(|node| cluster.events(node)).collect();
    let is_ack = |event: &Event| matches!(event, Event::ClientAck { .. });
    let leader = events
        .iter()
        .find(|events| events.iter().any(is_ack))
        .expect("an answer");
    let first = |wanted: fn(&Event) -> bool| leader.iter().position(wanted).expect("it is there");
    let order = [
        first(|e| matches!(e, Event::Start { .. })),
        first(|e| matches!(e, Event::HardStateDurable(_))),
        first(|e| matches!(e, Event::BecomeLeader { .. })),
        first(|e| matches!(e, Event::AppendDurable { .. })),
        first(|e| matches!(e, Event::Commit { .. })),
        first(|e| matches!(e, Event::Apply { effect: true, .. })),
        first(|e| matches!(e, Event::ClientAck { .. })),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let anywhere = |wanted: fn(&Event) -> bool| events.iter().flatten().any(wanted);
    assert!(anywhere(|e| matches!(e, Event::ReadServed { .. })));
    assert!(anywhere(|e| matches!(e, Event::Ack { reject: false, .. })));
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn contents_are_hashed_alike_on_all_nodes() {
    let cluster = Cluster::start(3).await;
    for seq in 1..=1030 {
        let ops = json!([{"f": "w", "key": format!("k{}", seq % 7), "value": seq}]);
        cluster
            .commit(&json!({"client": 1, "seq": seq, "ops": ops}))
            .await;
    }
    let digest = |node| {
        cluster
            .events(node)
            .into_iter()
            .find(|e| matches!(e, Event::Digest { .. }))
    };
    let digests = eventually("all nodes apply 1024 entries", async || {
        (1..=3).map(digest).collect::<Option<Vec<_>>>()
    })
    .await;
    assert!(
        digests.iter().all(|digest| *digest == digests[0]),
        "{digests:?}"
    );
}
