//! One message about an election, one node: the state before, the message, the state after and the answer. (The
//! tables of openraft's engine and of raft_paper_test in etcd.)

use shakedown_history::event::Role;
use shakedown_raft::{
    AppendOutcome, Body, DiskId, Index, Input, LogId, Loss, Member, Membership, NodeId, Recovered,
    Settings, Term,
};

use crate::core::{Core, answer, follower, message, recovered, settings, three};

/// Voter: term, vote, log. Candidate: term, end of its log. Whether it gets the vote. (TestFollowerVote, TestVoter,
/// TestVoteRequest, TestRejectStaleTermMessage of etcd; §5.2, §5.4.1.)
#[test]
fn request_vote() {
    type Case = (u64, Option<u64>, &'static [u64], u64, (u64, u64), bool);
    let cases: &[Case] = &[
        (1, None, &[1], 2, (1, 1), true),
        (1, None, &[1], 1, (1, 1), true),
        (1, Some(2), &[1], 1, (1, 1), true),
        (1, Some(3), &[1], 1, (1, 1), false),
        (1, Some(3), &[1], 2, (1, 1), true),
        (1, Some(1), &[1], 1, (1, 1), false),
        (2, None, &[1], 1, (1, 1), false),
        (2, Some(2), &[1], 1, (1, 1), false),
        // The later last term wins, however short the log; then the longer log.
        (1, None, &[1, 1], 2, (1, 1), false),
        (1, None, &[1], 2, (1, 2), true),
        (2, None, &[1, 2], 3, (1, 5), false),
        (2, None, &[1, 1, 1], 3, (2, 1), true),
        (2, None, &[1, 2], 3, (2, 2), true),
        (2, None, &[], 3, (0, 0), true),
    ];
    for case in cases {
        let (term, voted_for, log, candidate_term, (last_term, last_index), granted) = *case;
        let mut core = follower(recovered(term, voted_for, log));
        let last = LogId::new(last_term, last_index);
        let transfer = false;
        core.receive(2, candidate_term, Body::RequestVote { last, transfer });
        assert_eq!(
            answer(&mut core),
            Body::RequestVoteReply { granted },
            "{case:?}"
        );
        assert_eq!(core.raft.term().0, term.max(candidate_term), "{case:?}");
    }
}

/// As above; and a pre-vote neither is a vote nor stands in the way of one (handle_pre_vote_req of openraft).
#[test]
fn request_pre_vote() {
    type Case = (u64, Option<u64>, &'static [u64], u64, (u64, u64), bool);
    let cases: &[Case] = &[
        (1, None, &[1], 1, (1, 1), true),
        (1, Some(3), &[1], 1, (1, 1), true),
        (1, Some(1), &[1], 1, (1, 1), true),
        (1, None, &[1, 1], 1, (1, 1), false),
        (2, None, &[1], 1, (1, 1), false),
        (2, None, &[1, 2], 3, (1, 9), false),
    ];
    for case in cases {
        let (term, voted_for, log, asker_term, (last_term, last_index), granted) = *case;
        let mut core = follower(recovered(term, voted_for, log));
        let last = LogId::new(last_term, last_index);
        core.receive(2, asker_term, Body::RequestPreVote { last });
        assert_eq!(
            answer(&mut core),
            Body::RequestPreVoteReply { granted },
            "{case:?}"
        );
        if granted {
            let vote = Body::RequestVote {
                last,
                transfer: false,
            };
            core.receive(3, asker_term + 1, vote);
            assert_eq!(
                answer(&mut core),
                Body::RequestVoteReply { granted },
                "{case:?}"
            );
        }
    }
}

/// What each message of a higher term does to a node of each part: it becomes a follower in that term, and follows
/// the sender if that leads. (TestFollower-, TestCandidate-, TestLeaderUpdateTermFromMessage, TestCandidateFallback.)
#[test]
fn a_higher_term_makes_a_follower() {
    let heartbeat = Body::AppendEntries {
        prev: LogId::default(),
        entries: Vec::new(),
        leader_commit: Index(0),
        round: 0,
    };
    let outcome = AppendOutcome::Matched(Index(0));
    let bodies = [
        (heartbeat, Some(NodeId(2))),
        (Body::AppendEntriesReply { outcome, round: 0 }, None),
        (Body::RequestVoteReply { granted: false }, None),
        (
            Body::RequestVote {
                last: LogId::default(),
                transfer: false,
            },
            None,
        ),
    ];
    for (body, leader) in bodies {
        for role in [Role::Follower, Role::Candidate, Role::Leader] {
            let mut core = follower(recovered(0, None, &[]));
            if role != Role::Follower {
                core.campaign();
            }
            if role == Role::Leader {
                core.receive(3, 1, Body::RequestVoteReply { granted: true });
            }
            assert_eq!(core.raft.role(), role);
            core.receive(2, 9, body.clone());
            assert_eq!(core.raft.term(), Term(9), "{role:?} {body:?}");
            assert_eq!(core.raft.role(), Role::Follower, "{role:?} {body:?}");
            assert_eq!(core.raft.leader(), leader, "{role:?} {body:?}");
        }
    }
}

/// Who stands for election at the word of the leader: a voter that follows it, whole and from its own disk.
#[test]
fn timeout_now() {
    let bound = |disk: u128| {
        let mut membership = three();
        let disk = Some(DiskId(disk));
        let address = String::new();
        membership
            .members
            .insert(NodeId(1), Member { address, disk });
        membership
    };
    let learner = {
        let mut membership = Membership::of_voters([2, 3].map(NodeId));
        membership.config.learners.push(NodeId(1));
        membership.members.insert(NodeId(1), Member::default());
        membership
    };
    let loss = Some(Loss {
        upto: Index(4),
        term: Term(1),
    });
    let cases = [
        ("a voter", three(), 2, None, true),
        ("on its own disk", bound(7), 2, None, true),
        ("on another disk", bound(8), 2, None, false),
        ("damaged", three(), 2, loss, false),
        ("a learner", learner, 2, None, false),
        ("not the leader's word", three(), 3, None, false),
    ];
    for (what, membership, from, loss, stands) in cases {
        let settings = Settings {
            disk: Some(DiskId(7)),
            ..settings(membership)
        };
        let mut core = Core::start(
            settings,
            Recovered {
                loss,
                ..recovered(1, None, &[1])
            },
        );
        let heartbeat = Body::AppendEntries {
            prev: LogId::new(1, 1),
            entries: Vec::new(),
            leader_commit: Index(0),
            round: 0,
        };
        core.receive(2, 1, heartbeat);
        core.feed(Input::Receive(message(from, 1, None, Body::TimeoutNow)));
        assert_eq!(core.raft.role() == Role::Candidate, stands, "{what}");
    }
}
