//! One message about the log, one node: the state before, the message, the state after and the answer. (The
//! tables of openraft's engine and of raft_paper_test in etcd.)

use bytes::Bytes;
use shakedown_history::event::Role;
use shakedown_raft::{
    AppendOutcome, Base, Body, Index, LogId, NodeId, Recovered, Snapshot, SnapshotHeader, Term,
};

use crate::core::{answer, follower, log, recovered, three};

/// The follower's log; prev, terms of the entries, commit index of the leader of term 5; the log after, and the
/// answer; how far it is committed. (TestFollowerAppendEntries, TestFollowerCheckMsgApp, TestFollowerCommitEntry of
/// etcd; append_entries_test and t11_append_inconsistent_log of openraft; §5.3, Figure 7.)
struct Append {
    log: &'static [u64],
    prev: (u64, u64),
    entries: &'static [u64],
    leader_commit: u64,
    after: &'static [u64],
    /// The match, or where to try next.
    answer: Result<u64, (u64, u64)>,
    commit: u64,
}

fn appends() -> impl IntoIterator<Item = Append> {
    let case = |log, prev, entries, leader_commit, after, answer, commit| Append {
        log,
        prev,
        entries,
        leader_commit,
        after,
        answer,
        commit,
    };
    [
        case(&[], (0, 0), &[1, 1], 0, &[1, 1], Ok(2), 0),
        case(&[], (0, 0), &[], 0, &[], Ok(0), 0),
        case(&[1], (1, 1), &[2, 3], 2, &[1, 2, 3], Ok(3), 2),
        case(&[1, 2], (1, 1), &[2, 3], 9, &[1, 2, 3], Ok(3), 3),
        // Known entries stay, and so does what follows them.
        case(&[1, 1, 1], (0, 0), &[1], 1, &[1, 1, 1], Ok(1), 1),
        case(&[1, 1, 1], (1, 1), &[], 3, &[1, 1, 1], Ok(1), 1),
        case(&[1, 1, 1], (1, 2), &[], 3, &[1, 1, 1], Ok(2), 2),
        // A conflict goes, with what follows it.
        case(&[1, 2, 2], (1, 1), &[3], 2, &[1, 3], Ok(2), 2),
        case(&[1, 1, 1, 1], (1, 1), &[1, 2], 0, &[1, 1, 2], Ok(3), 0),
        case(&[1, 1], (0, 0), &[2, 2, 2], 0, &[2, 2, 2], Ok(3), 0),
        // Without prev there is nothing to be said but where the logs may agree.
        case(&[1], (1, 2), &[2], 2, &[1], Err((1, 1)), 0),
        case(&[1, 1, 1], (3, 3), &[4], 9, &[1, 1, 1], Err((1, 2)), 0),
        case(
            &[1, 2, 4, 4],
            (3, 3),
            &[5],
            9,
            &[1, 2, 4, 4],
            Err((2, 2)),
            0,
        ),
        case(
            &[1, 4, 4, 4],
            (3, 4),
            &[5],
            9,
            &[1, 4, 4, 4],
            Err((1, 1)),
            0,
        ),
        case(&[4, 4], (3, 2), &[5], 9, &[4, 4], Err((0, 0)), 0),
    ]
}

#[test]
fn append_entries() {
    for (number, case) in appends().into_iter().enumerate() {
        let mut core = follower(recovered(4, None, case.log));
        let prev = LogId::new(case.prev.0, case.prev.1);
        let kept = usize::try_from(case.prev.1).unwrap().min(case.log.len());
        let leader_log = [&case.log[..kept], case.entries].concat();
        core.receive(
            2,
            5,
            Body::AppendEntries {
                prev,
                entries: log(&leader_log)[kept..].to_vec(),
                leader_commit: Index(case.leader_commit),
                round: 7,
            },
        );
        let outcome = match case.answer {
            Ok(index) => AppendOutcome::Matched(Index(index)),
            Err((term, index)) => AppendOutcome::Rejected {
                prev_index: prev.index,
                try_from: LogId::new(term, index),
                repairing: false,
            },
        };
        let round = 7;
        let expected = Body::AppendEntriesReply { outcome, round };
        assert_eq!(answer(&mut core), expected, "case {number}");
        let entries = core.raft.entries(Index(1), usize::MAX);
        let terms: Vec<u64> = entries.iter().map(|e| e.id.term.0).collect();
        assert_eq!(terms, case.after, "case {number}");
        assert_eq!(core.raft.commit_index().0, case.commit, "case {number}");
        assert_eq!(core.raft.leader(), Some(NodeId(2)), "case {number}");
    }
}

fn snapshot(term: u64, index: u64) -> Snapshot {
    let terms: Vec<u64> = (1..=index).map(|_| term).collect();
    let data = Bytes::from_static(b"state");
    let header = SnapshotHeader {
        last: LogId::new(term, index),
        hash: log(&terms).last().expect("it covers something").hash,
        membership: three(),
        membership_index: Index(0),
        len: data.len() as u64,
    };
    Snapshot { header, data }
}

/// The follower's log and how far it is committed; a snapshot of term 1 up to 3; what is left of the log, and the
/// match. (install_snapshot_test, t33_snapshot_delete_conflict_logs, t90_issue_1892 of openraft; TestRestore* of etcd; §7.)
#[test]
fn install_snapshot() {
    type Case = (&'static [u64], u64, &'static [u64], (u64, u64));
    let cases: &[Case] = &[
        (&[], 0, &[], (1, 3)),
        (&[1], 0, &[], (1, 3)),
        (&[1, 1, 1], 0, &[], (1, 3)),
        (&[1, 1, 1, 1, 2], 0, &[1, 2], (1, 3)),
        (&[1, 1, 2, 2], 0, &[], (1, 3)),
        (&[2, 2, 2, 2, 2], 0, &[], (1, 3)),
        // All of it is committed here already: nothing changes.
        (&[1, 1, 1, 1], 3, &[1, 1, 1, 1], (0, 0)),
        (&[1, 1, 1, 1], 4, &[1, 1, 1, 1], (0, 0)),
    ];
    for case in cases {
        let (terms, commit, left, base) = *case;
        let mut core = follower(recovered(4, None, terms));
        if commit > 0 {
            let prev = log(terms)[usize::try_from(commit).unwrap() - 1].id;
            let (entries, leader_commit, round) = (Vec::new(), Index(commit), 0);
            core.receive(
                2,
                5,
                Body::AppendEntries {
                    prev,
                    entries,
                    leader_commit,
                    round,
                },
            );
            core.sent.clear();
        }
        let Snapshot { header, data } = snapshot(1, 3);
        let (offset, chunk, round) = (0, data, 7);
        core.receive(
            2,
            5,
            Body::InstallSnapshot {
                header,
                offset,
                chunk,
                round,
            },
        );
        let outcome = AppendOutcome::Matched(Index(3));
        let expected = Body::AppendEntriesReply { outcome, round };
        assert_eq!(answer(&mut core), expected, "{case:?}");
        let entries = core.raft.entries(Index(1), usize::MAX);
        let terms: Vec<u64> = entries.iter().map(|e| e.id.term.0).collect();
        assert_eq!(terms, left, "{case:?}");
        assert_eq!(core.raft.base().id, LogId::new(base.0, base.1), "{case:?}");
        assert_eq!(core.raft.commit_index().0, commit.max(3), "{case:?}");
    }
}

/// Pieces as offset and length of five bytes; how many are there after each. (Bug zoo D9.)
#[test]
fn pieces_of_a_snapshot_are_put_together_in_order() {
    let cases: &[&[(u64, u64, u64)]] = &[
        &[(0, 2, 2), (2, 2, 4)],
        &[(0, 2, 2), (0, 2, 2), (2, 2, 4)],
        &[(2, 2, 0), (0, 2, 2), (4, 1, 2), (2, 2, 4)],
        &[(0, 4, 4), (2, 2, 4)],
    ];
    for pieces in cases {
        let mut core = follower(recovered(1, None, &[]));
        let Snapshot { header, data } = snapshot(1, 3);
        let mut send = |offset: u64, len: u64| {
            let bytes = usize::try_from(offset).unwrap()..usize::try_from(offset + len).unwrap();
            let (header, chunk, round) = (header.clone(), data.slice(bytes), 7);
            core.receive(
                2,
                1,
                Body::InstallSnapshot {
                    header,
                    offset,
                    chunk,
                    round,
                },
            );
            answer(&mut core)
        };
        let (last, round) = (LogId::new(1, 3), 7);
        for (offset, len, received) in *pieces {
            let received = *received;
            let expected = Body::InstallSnapshotReply {
                last,
                received,
                round,
            };
            assert_eq!(send(*offset, *len), expected, "{pieces:?}");
        }
        let outcome = AppendOutcome::Matched(Index(3));
        assert_eq!(
            send(4, 1),
            Body::AppendEntriesReply { outcome, round },
            "{pieces:?}"
        );
    }
}

/// A node comes up as a follower of nobody, in its term, with its log, applied as far as its snapshot reaches.
/// (TestStartAsFollower; engine/tests/startup_test of openraft.)
#[test]
fn startup() {
    let core = follower(recovered(3, Some(2), &[1, 3]));
    assert_eq!(core.raft.role(), Role::Follower);
    assert_eq!(core.raft.leader(), None);
    assert_eq!(
        (core.raft.term(), core.raft.last()),
        (Term(3), LogId::new(3, 2))
    );
    assert_eq!(core.raft.commit_index(), Index(0));

    let terms = [1, 1, 1, 2];
    let kept = log(&terms);
    let base = Base {
        id: kept[1].id,
        hash: kept[1].hash,
    };
    let recovered = Recovered {
        snapshot: Some(snapshot(1, 3)),
        base,
        log: kept[2..].to_vec(),
        ..recovered(2, None, &[])
    };
    let core = follower(recovered);
    assert_eq!(core.raft.commit_index(), Index(3));
    assert_eq!(core.raft.base(), base);
    assert_eq!(core.raft.last(), LogId::new(2, 4));
    assert_eq!(*core.raft.membership(), three());
}
