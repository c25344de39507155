//! SIGKILL: nothing that was acknowledged is lost, and the rest go on.

use serde_json::json;
use shakedown_history::Event;

use crate::harness::{Cluster, NOTHING, append};

#[tokio::test]
async fn acknowledged_writes_survive_the_kill_of_everybody() {
    let mut cluster = Cluster::start(3).await;
    for seq in 1..=30 {
        cluster.commit(&append(1, seq, seq)).await;
    }
    for node in 1..=3 {
        cluster.kill(node);
    }
    for node in 1..=3 {
        cluster.start_node(node);
    }
    cluster.leader().await;
    assert_eq!(cluster.read("l").await, json!((1..=30).collect::<Vec<_>>()));
    for node in 1..=3 {
        let trace = cluster.trace(node);
        let incarnations: Vec<_> = trace
            .segments
            .iter()
            .map(|s| s.header.incarnation)
            .collect();
        assert_eq!(incarnations, [1, 2], "n{node}");
        assert_eq!(trace.segments[0].header.disk, trace.segments[1].header.disk);
    }
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn a_majority_killed_again_and_again_loses_nothing() {
    let mut cluster = Cluster::start(3).await;
    for round in 1..=4_u64 {
        for n in 1..=5 {
            cluster
                .commit(&append(1, round * 10 + n, round * 10 + n))
                .await;
        }
        let spared = usize::try_from(round).unwrap() % 3 + 1;
        let killed: Vec<_> = (1..=3).filter(|node| *node != spared).collect();
        killed.iter().for_each(|node| cluster.kill(*node));
        killed.iter().for_each(|node| cluster.start_node(*node));
        cluster.leader().await;
    }
    let expected: Vec<u64> = (1..=4)
        .flat_map(|round| (1..=5).map(move |n| round * 10 + n))
        .collect();
    assert_eq!(cluster.read("l").await, json!(expected));
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn a_killed_leader_is_replaced_and_comes_back_as_a_follower() {
    let mut cluster = Cluster::start(3).await;
    let first = cluster.leader().await;
    cluster.commit(&append(1, 1, "before")).await;
    cluster.kill(first);
    let others: Vec<_> = cluster.others(first).collect();
    let second = cluster.leader_among(&others).await;
    assert_ne!(first, second);
    cluster.commit(&append(1, 2, "after")).await;
    cluster.start_node(first);
    assert_ne!(
        cluster.leader().await,
        first,
        "a leader that works is not replaced"
    );
    assert_eq!(cluster.read("l").await, json!(["before", "after"]));
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn a_request_retried_at_the_next_leader_takes_effect_once() {
    let mut cluster = Cluster::start(3).await;
    let request = append(9, 1, "once");
    let first = cluster.commit(&request).await;
    let leader = cluster.leader().await;
    cluster.kill(leader);
    let again = cluster.commit(&request).await;
    assert_eq!(
        again, first,
        "the stored answer, with the place where it took effect"
    );
    assert_eq!(cluster.read("l").await, json!(["once"]));
    let effects = |node| -> Vec<bool> {
        let applied = cluster
            .events(node)
            .into_iter()
            .filter_map(|event| match event {
                Event::Apply {
                    effect,
                    client: Some(_),
                    ..
                } => Some(effect),
                _ => None,
            });
        applied.collect()
    };
    let effects = cluster
        .others(leader)
        .map(effects)
        .max_by_key(Vec::len)
        .unwrap();
    assert!(
        effects.len() >= 2 && effects[0],
        "it was in the log again: {effects:?}"
    );
    assert!(effects[1..].iter().all(|effect| !effect), "{effects:?}");
    assert_eq!(cluster.broken_promises(), NOTHING);
}

#[tokio::test]
async fn a_single_node_serves_alone_and_remembers() {
    let mut cluster = Cluster::start(1).await;
    cluster.commit(&append(1, 1, 1)).await;
    cluster.kill(1);
    cluster.start_node(1);
    cluster.commit(&append(1, 2, 2)).await;
    assert_eq!(cluster.read("l").await, json!([1, 2]));
    assert_eq!(cluster.broken_promises(), NOTHING);
}
