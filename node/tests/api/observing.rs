//! `GET /v1/status`, `GET /v1/log` and `GET /metrics`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use shakedown_history::event::ClientSeq;
use shakedown_history::{Index, LogHash, LogId, NodeId, Term};
use shakedown_node::kv::{Command, Json, MicroOp};
use shakedown_node::request::{Answer, Ask};
use shakedown_raft::{DiskId, Entry, Loss, Member, Membership, Payload};
use tokio::sync::watch;

use crate::harness::{DOCUMENT, Node, status};

#[tokio::test]
async fn the_status_has_every_field() {
    let node = Node::unreachable(|_| {}).await;
    let mut reply = node.get("/v1/status").await.1;
    let fields = reply.as_object_mut().unwrap();
    for field in fields.keys() {
        assert!(DOCUMENT.contains(&format!("| `{field}` |")), "{field}");
    }
    let clock = fields.remove("clock").unwrap();
    assert!(clock["realtime_ns"].is_i64() && clock["monotonic_ns"].is_i64());
    assert!(fields.remove("pid").unwrap().is_u64());
    let expected = json!({
        "node": "n1", "role": "leader", "term": 3, "leader": "n1", "commit_index": 120,
        "last_applied": 119, "last_index": 121, "snapshot": {"term": 2, "index": 100},
        "log_base": {"term": 2, "index": 90}, "config": {"voters": ["n1", "n2"]}, "members": {},
        "match_indexes": {"n1": 121, "n2": 120}, "transferring_to": null, "loss": null,
        "disk": "5f".repeat(16), "incarnation": 2, "planted_bug": null, "fsyncs": 4711
    });
    assert_eq!(reply, expected);
}

#[tokio::test]
async fn the_status_tells_members_transfer_and_damage() {
    let node = Node::unreachable(|api| {
        let mut status = status();
        let member = Member {
            address: "10.0.0.2:7".to_owned(),
            disk: Some(DiskId(0xab)),
        };
        status.raft.membership.members =
            BTreeMap::from([(NodeId(1), Member::default()), (NodeId(2), member)]);
        status.raft.transferring_to = Some(NodeId(2));
        status.raft.loss = Some(Loss {
            upto: Index(44),
            term: Term(2),
        });
        (_, api.status) = watch::channel(status);
    })
    .await;
    let status = node.get("/v1/status").await.1;
    let disk = format!("{:032x}", 0xab);
    let members =
        json!({"n1": {"address": "", "disk": null}, "n2": {"address": "10.0.0.2:7", "disk": disk}});
    assert_eq!(status["members"], members);
    assert_eq!(status["transferring_to"], "n2");
    assert_eq!(status["loss"], json!({"upto": 44, "term": 2}));
}

fn entry(index: u64, payload: Payload) -> Entry {
    Entry::new(LogHash::EMPTY, LogId::new(2, index), payload)
}

fn write(value: &Value) -> Bytes {
    let op = |key: &str| MicroOp::Append {
        key: key.to_owned(),
        value: Json::from(value),
    };
    let client = ClientSeq { client: 7, seq: 4 };
    Command::Transaction {
        client,
        ops: vec![op("l")],
    }
    .encode()
}

#[tokio::test]
async fn the_log_is_shown_in_the_words_of_the_api() {
    let entries = vec![
        entry(5, Payload::Noop),
        entry(6, Payload::Command(write(&json!([1])))),
        entry(
            7,
            Payload::Command(Command::OpenSession { sessions_max: 9 }.encode()),
        ),
        entry(8, Payload::Command(Bytes::from_static(b"garbage"))),
        entry(9, Payload::Config(Membership::of_voters([NodeId(1)]))),
    ];
    let hash = entries[0].hash;
    let node = Node::answering(move |ask| {
        assert!(
            matches!(
                ask,
                Ask::Log {
                    from: Index(5),
                    len_max: 7
                }
            ),
            "{ask:?}"
        );
        Some(Answer::Log {
            base: LogId::new(1, 4),
            entries: entries.clone(),
        })
    })
    .await;
    let reply = node.get("/v1/log?from=5&max=7").await.1;
    assert_eq!(reply["base"], json!({"term": 1, "index": 4}));
    let shown = reply["entries"].as_array().unwrap();
    assert_eq!(
        shown[0],
        json!({"index": 5, "term": 2, "kind": "noop", "hash": hash})
    );
    let ops = json!([{"f": "append", "key": "l", "value": [1]}]);
    assert_eq!(
        shown[1]["command"],
        json!({"client": 7, "seq": 4, "ops": ops})
    );
    assert_eq!(
        shown[2]["command"],
        json!({"open_session": {"sessions_max": 9}})
    );
    assert_eq!(shown[3]["command"], json!({"malformed": true}));
    assert_eq!(
        (&shown[4]["kind"], &shown[4]["config"]),
        (&json!("config"), &json!({"voters": ["n1"]}))
    );
}

#[tokio::test]
async fn a_look_at_the_log_is_limited() {
    let large = entry(1, Payload::Command(write(&json!("x".repeat(700_000)))));
    let node = Node::answering(move |ask| match ask {
        Ask::Log { from, len_max } => {
            assert_eq!((from, len_max), (Index(1), 1000));
            Some(Answer::Log {
                base: LogId::default(),
                entries: vec![large.clone(); 5],
            })
        }
        other => panic!("{other:?}"),
    })
    .await;
    let reply = node.get("/v1/log?max=18446744073709551615").await.1;
    assert_eq!(reply["entries"].as_array().unwrap().len(), 1);
    for query in [
        "from=x",
        "from=-1",
        "max=",
        "upto=3",
        "from",
        "%00",
        "from=99999999999999999999",
    ] {
        let reply = node.get(&format!("/v1/log?{query}")).await;
        assert_eq!(reply.error(), (400, "bad-request", true), "{query}");
    }
}

async fn page(node: &Node) -> String {
    let response = node.request(Method::GET, "/metrics").send().await.unwrap();
    let format = response.headers()["content-type"].to_str().unwrap();
    assert!(format.starts_with("text/plain; version=0.0.4"), "{format}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn metrics_tell_what_was_counted() {
    let node = Node::unreachable(|_| {}).await;
    node.metrics.proposals.add(3);
    node.metrics.reads_lease.increment();
    node.metrics.sessions.set(12);
    node.metrics
        .fsync_us
        .observe_time(Duration::from_micros(1500));
    node.metrics.batch_entries.observe(3);
    let page = page(&node).await;
    for line in [
        "raft_term 3",
        "raft_role{role=\"leader\"} 1",
        "raft_role{role=\"follower\"} 0",
        "raft_applied_index 119",
        "raft_snapshot_index 100",
        "raft_match_index{node=\"n2\"} 120",
        "raft_fsyncs_total 4711",
        "raft_proposals_total 3",
        "raft_reads_total{mode=\"lease\"} 1",
        "raft_sessions 12",
        "raft_http_connections 1",
        "raft_http_requests_total 1",
        "raft_fsync_seconds_bucket{le=\"0.001\"} 0",
        "raft_fsync_seconds_bucket{le=\"0.002\"} 1",
        "raft_fsync_seconds_bucket{le=\"+Inf\"} 1",
        "raft_fsync_seconds_sum 0.0015",
        "raft_batch_entries_bucket{le=\"4\"} 1",
        "raft_batch_entries_sum 3",
        "raft_batch_entries_count 1",
    ] {
        assert!(page.lines().any(|l| l == line), "no {line:?} in\n{page}");
    }
}

/// What Prometheus wants: each family is introduced once by help and type, and its samples follow.
#[tokio::test]
async fn metrics_follow_the_text_format() {
    let node = Node::unreachable(|_| {}).await;
    let page = page(&node).await;
    assert!(page.ends_with('\n'));
    let mut families = Vec::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && !families.contains(&name), "{line}");
            families.push(name);
            continue;
        }
        let family = *families.last().unwrap();
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(
                name == family && ["gauge", "counter", "histogram"].contains(&kind),
                "{line}"
            );
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let suffix = name
            .strip_prefix(family)
            .unwrap_or_else(|| panic!("{line} is under {family}"));
        assert!(
            ["", "_bucket", "_sum", "_count"].contains(&suffix),
            "{line}"
        );
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(families.len() > 20, "{families:?}");
    for name in families {
        let is_documented = [format!("`{name}`"), format!("`{name}{{")];
        assert!(
            is_documented.iter().any(|name| DOCUMENT.contains(name)),
            "{name}"
        );
    }
}
