//! Election timeouts are drawn anew from the whole range, so that few elections split (§5.2; raft_paper_test of
//! etcd: ElectionTimeoutRandomized and ElectionTimeoutNonconflict, for followers and for candidates).

use std::collections::BTreeSet;

use crate::core::{Core, recovered, settings};
use shakedown_raft::{Input, Membership, NodeId, Settings};

fn node(seed: u64) -> Core {
    let bootstrap = Membership::of_voters([1, 2, 3].map(NodeId));
    let settings = Settings {
        seed,
        ..settings(bootstrap)
    };
    Core::start(settings, recovered(0, None, &[]))
}

/// For how many ticks it waits before it stands, again or for the first time.
fn wait(core: &mut Core) -> u64 {
    let before = core.raft.term();
    for ticks in 1..=20 {
        core.feed(Input::Tick { now_ns: ticks });
        if core.raft.term() > before {
            return ticks;
        }
    }
    panic!("it waits for longer than the longest timeout");
}

#[test]
fn followers_and_candidates_wait_for_every_time_in_the_range() {
    let mut node = node(1);
    let first: BTreeSet<u64> = (1..300).map(|seed| wait(&mut self::node(seed))).collect();
    let later: BTreeSet<u64> = (1..300).map(|_| wait(&mut node)).collect();
    assert_eq!(first, (10..=20).collect(), "followers");
    assert_eq!(later, (10..=20).collect(), "candidates");
}

#[test]
fn of_three_nodes_two_seldom_stand_first_together() {
    let conflicts = |waits: &dyn Fn(u64) -> [u64; 3]| {
        let together = |seed: &u64| {
            let mut waits = waits(*seed);
            waits.sort_unstable();
            waits[0] == waits[1]
        };
        (0..1000).filter(together).count()
    };
    let followers = conflicts(&|seed| [1, 2, 3].map(|n| wait(&mut node(3 * seed + n))));
    let candidates = conflicts(&|seed| {
        [1, 2, 3].map(|n| {
            let mut node = node(3 * seed + n);
            wait(&mut node);
            wait(&mut node)
        })
    });
    // By chance it is 14 of 100.
    assert!((50..300).contains(&followers), "{followers} of 1000");
    assert!((50..300).contains(&candidates), "{candidates} of 1000");
}
