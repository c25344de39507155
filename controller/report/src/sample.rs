//! Which ops a page carries when the history has more than a page can hold.

use std::collections::BTreeSet;

use crate::pairs::Pair;

/// How near to a fault's begin or end, or to an election, an op is of interest.
const NEAR_NS: u64 = 1_000_000_000;

/// What makes an op worth keeping.
pub(crate) struct Interest<'a> {
    /// Ops of anomalies, by position among the pairs.
    pub(crate) anomalous: &'a BTreeSet<usize>,
    /// When faults began and ended and leaders were elected; sorted.
    pub(crate) moments: &'a [u64],
    /// Decides among the rest.
    pub(crate) seed: u64,
}

/// At most `limit` positions, in order: every op of an anomaly (even beyond the limit), then those near to a
/// fault or an election, then an even sample of the rest.
pub(crate) fn choose(pairs: &[Pair<'_>], limit: usize, interest: &Interest<'_>) -> Vec<usize> {
    if pairs.len() <= limit {
        return (0..pairs.len()).collect();
    }
    let mut ranked: Vec<(Rank, u64, usize)> = pairs
        .iter()
        .enumerate()
        .map(|(i, pair)| (rank(i, pair, interest), mix(interest.seed ^ i as u64), i))
        .collect();
    ranked.sort_unstable();
    let keep = limit.max(interest.anomalous.len());
    let mut kept: Vec<usize> = ranked.into_iter().take(keep).map(|(_, _, i)| i).collect();
    kept.sort_unstable();
    kept
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Anomalous,
    NearAnEvent,
    Ordinary,
}

fn rank(position: usize, pair: &Pair<'_>, interest: &Interest<'_>) -> Rank {
    if interest.anomalous.contains(&position) {
        return Rank::Anomalous;
    }
    let from = pair.start_ns().saturating_sub(NEAR_NS);
    let to = pair.end_ns().unwrap_or(pair.start_ns()) + NEAR_NS;
    let next = interest.moments.partition_point(|m| *m < from);
    match interest.moments.get(next) {
        Some(moment) if *moment <= to => Rank::NearAnEvent,
        _ => Rank::Ordinary,
    }
}

/// SplitMix64's finisher: spreads neighbours apart, so that the smallest of the mixed numbers are an
/// even sample.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use shakedown_history::{Op, OpKind, ProcessId};

    fn ops(n: u64) -> Vec<Op> {
        let op = |index| Op {
            index,
            time: index * 100_000_000,
            process: ProcessId(index),
            kind: OpKind::Invoke,
            f: "read".to_owned(),
            key: None,
            value: Value::Null,
            node: None,
            error: None,
            witness: None,
            is_final: false,
        };
        (0..n).map(op).collect()
    }

    #[test]
    fn anomalies_come_first_then_events_then_the_rest() {
        let ops = ops(1000);
        let pairs = Pair::of_records(&ops);
        let anomalous = BTreeSet::from([3, 990]);
        let interest = Interest {
            anomalous: &anomalous,
            moments: &[50_000_000_000],
            seed: 7,
        };
        let kept = choose(&pairs, 50, &interest);
        assert_eq!(kept.len(), 50);
        assert!(kept.contains(&3) && kept.contains(&990));
        assert!(
            (490..=510).all(|i| kept.contains(&i)),
            "within a second of the fault: {kept:?}"
        );
        assert!(kept.is_sorted());
        assert_eq!(
            choose(&pairs, 1, &interest),
            [3, 990],
            "never at the cost of an anomaly"
        );
        assert_eq!(choose(&pairs, 1000, &interest).len(), 1000);
    }
}
