//! What a quorum of a joint configuration is, against brute force: in the arithmetic itself, and in what a
//! leader commits, a candidate wins and a read waits for (§6; quorum/testdata/joint_* of etcd).

use std::collections::BTreeSet;

use crate::core::{Core, message, recovered, settings};
use bytes::Bytes;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use shakedown_history::event::{ReadMode, Role};
use shakedown_raft::{
    AppendOutcome, Body, Configuration, Index, Input, Member, Membership, NodeId, Token,
};

/// Every set of the nodes 1 to 7, as bits.
const SETS: std::ops::Range<u32> = 0..1 << 7;

fn contains(set: u32, node: NodeId) -> bool {
    set >> (node.0 - 1) & 1 == 1
}

fn set(nodes: &[NodeId]) -> u32 {
    nodes.iter().map(|node| 1 << (node.0 - 1)).sum()
}

/// More than half, by counting.
fn is_majority(half: u32, of: u32) -> bool {
    2 * (half & of).count_ones() > of.count_ones()
}

fn is_quorum(config: &Configuration, agreed: u32) -> bool {
    let (new, old) = (set(&config.voters), set(&config.outgoing));
    is_majority(agreed, new) && (old == 0 || is_majority(agreed, old))
}

fn nodes(range: std::ops::Range<usize>) -> impl Strategy<Value = BTreeSet<u64>> {
    btree_set(1_u64..=7, range)
}

prop_compose! {
    /// A configuration, joint more often than not, in which node 1 votes.
    fn configuration()(mut voters in nodes(0..6), outgoing in nodes(0..6)) -> Configuration {
        voters.insert(1);
        let sorted = |nodes: BTreeSet<u64>| nodes.into_iter().map(NodeId).collect();
        Configuration { voters: sorted(voters), outgoing: sorted(outgoing), learners: Vec::new() }
    }
}

fn membership(config: Configuration) -> Membership {
    let all = config.voters.iter().chain(&config.outgoing).copied();
    let members = all.map(|node| (node, Member::default())).collect();
    Membership { config, members }
}

/// Node 1 as a leader of term 1 in this configuration, elected by all.
fn leader(config: &Configuration) -> Core {
    let mut core = Core::start(
        settings(membership(config.clone())),
        recovered(0, None, &[]),
    );
    core.campaign();
    for node in 2..=7 {
        core.receive(node, 1, Body::RequestVoteReply { granted: true });
    }
    assert_eq!(core.raft.role(), Role::Leader);
    core
}

proptest! {
    #[test]
    fn it_is_a_majority_of_each_half(config in configuration()) {
        for agreed in SETS {
            prop_assert_eq!(
                config.is_quorum(|node| contains(agreed, node)),
                is_quorum(&config, agreed),
                "{:?} with {:b}", config, agreed
            );
        }
    }

    #[test]
    fn the_joint_configuration_decides_nothing_beside_either_half(config in configuration()) {
        let quorums = |config: &Configuration| -> Vec<u32> {
            SETS.filter(|agreed| config.is_quorum(|node| contains(*agreed, node))).collect()
        };
        let joint = quorums(&config);
        for half in [&config.voters, &config.outgoing] {
            let half = Configuration::of_voters(half.iter().copied());
            for one in &joint {
                prop_assert!(quorums(&half).iter().all(|other| one & other != 0));
            }
        }
    }

    #[test]
    fn a_leader_commits_what_a_quorum_holds(
        config in configuration(),
        acks in vec((2_u64..=7, 0_u64..=5), 0..20),
    ) {
        let mut core = leader(&config);
        for value in 2..=5 {
            let command = Bytes::from(format!("{value}"));
            core.feed(Input::Propose { token: Token(value), command });
        }
        let mut held = vec![(1, 5)];
        for (node, index) in acks {
            let before = core.raft.config().clone();
            let outcome = AppendOutcome::Matched(Index(index));
            core.receive(node, 1, Body::AppendEntriesReply { outcome, round: 0 });
            held.push((node, index));
            let holders = |index: u64| {
                held.iter().filter(|(_, held)| *held >= index).fold(0, |set, (n, _)| set | 1 << (n - 1))
            };
            let committed = |config: &Configuration| {
                (1..=5).rev().find(|i| is_quorum(config, holders(*i))).unwrap_or(0)
            };
            // What a leader appends to leave a joint configuration comes behind all this.
            let now = core.raft.config();
            let expected = committed(&before).max(if *now == before { 0 } else { committed(now) });
            prop_assert_eq!(core.raft.commit_index().0.min(5), expected);
            if !now.outgoing.is_empty() || before == *now {
                continue;
            }
            break;
        }
    }

    #[test]
    fn a_candidate_wins_with_a_quorum(
        config in configuration(),
        votes in vec((2_u64..=7, any::<bool>()), 0..20),
    ) {
        let bootstrap = membership(config.clone());
        let mut core = Core::start(settings(bootstrap), recovered(0, None, &[]));
        core.campaign();
        let mut granted = 1;
        for (node, grants) in votes {
            core.receive(node, 1, Body::RequestVoteReply { granted: grants });
            granted |= u32::from(grants) << (node - 1);
            let wins = is_quorum(&config, granted);
            prop_assert_eq!(core.raft.role() == Role::Leader, wins);
        }
    }

    #[test]
    fn a_read_waits_for_a_quorum(config in configuration(), echoes in vec(2_u64..=7, 0..20)) {
        let mut core = leader(&config);
        let outcome = AppendOutcome::Matched(Index(1));
        for node in 2..=7 {
            core.receive(node, 1, Body::AppendEntriesReply { outcome, round: 0 });
        }
        let config = core.raft.config().clone();
        let read = Input::Read { token: Token(9), mode: ReadMode::Index, now_ns: 0 };
        let mut confirmed = !core.feed_unpersisted(read).reply.is_empty();
        let mut agreed = 1;
        for node in echoes {
            prop_assert_eq!(confirmed, is_quorum(&config, agreed));
            let body = Body::AppendEntriesReply { outcome, round: 1 };
            let echo = Input::Receive(message(node, 1, None, body));
            confirmed |= !core.feed_unpersisted(echo).reply.is_empty();
            agreed |= 1 << (node - 1);
        }
    }
}
