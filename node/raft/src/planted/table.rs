//! The table of planted bugs, by family of the bug zoo: A elections, B replication, C membership, D
//! snapshots, E reads, F storage, G clients.
//!
//! The last column of each row is measured:
//! `SIMULATION_SURVEY=1 SIMULATION_SEEDS=1000 cargo test --release -p shakedown-raft --features
//! planted-bugs --test planted -- --nocapture survey` prints it anew.

use super::{Found, Layer, Row};

macro_rules! planted_bugs {
    ($($variant:ident = $name:literal, $zoo:literal, $layer:ident, $deviation:literal, $breaks:literal, $seen:literal,
        $invariant:literal $count:literal of $of:literal seed $seed:literal;)*) => {
        /// A deliberate deviation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PlantedBug {
            $(#[doc = $deviation] $variant,)*
        }

        impl PlantedBug {
            /// All of them, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The table's row.
            #[must_use]
            pub fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        name: $name, zoo: $zoo, layer: Layer::$layer, deviation: $deviation,
                        breaks: $breaks, seen: $seen, invariant: $invariant,
                        simulation: Found { count: $count, of: $of, seed: $seed },
                    },)*
                }
            }
        }
    };
}

planted_bugs! {
    VoteBeforeFsync = "vote-before-fsync", "A1", Raft, "A vote leaves before it is on disk.", "one vote a term", "NATS 860e23645, robustmq #2039", "vote-basis" 600 of 600 seed 0;
    ForgetVote = "forget-vote", "A1 A3", Node, "A node that starts again knows its last entry's term, and no vote.", "terms never go back, one vote a term", "RedisRaft 46a6ad0, NATS 860e23645", "vote-uniqueness" 491 of 600 seed 0;
    UnsavedTerm = "unsaved-term", "A2", Raft, "A new term is written down only together with a vote.", "terms never go back", "willemt 854a06d, ClickHouse Keeper #111551", "durability-order" 477 of 600 seed 0;
    VoteTwice = "vote-twice", "A4", Raft, "A node votes for whoever asks, even if it has voted for another in the term.", "one vote a term, one leader a term", "NATS bf8ebe7dd, Zeebe #5356", "vote-uniqueness" 286 of 600 seed 0;
    ClearVoteOnStepDown = "clear-vote-on-step-down", "A4", Raft, "A candidate or leader that steps down within its term forgets its vote.", "one vote a term", "NATS f4aca783c", "vote-uniqueness" 74 of 600 seed 4;
    PreVoteClearsVote = "pre-vote-clears-vote", "A5", Raft, "Asking for pre-votes resets the vote of the current term.", "one vote a term", "dqlite/raft 98d8f51", "vote-uniqueness" 134 of 600 seed 1;
    TermFromSnapshot = "term-from-snapshot", "A6", Raft, "A node that installs a snapshot takes the term of the snapshot's last entry for its own.", "terms never go back", "WRaft #118.4, NATS a549c436c", "term-monotonicity" 47 of 600 seed 18;
    CountOldVotes = "count-old-votes", "A7", Raft, "A candidate counts votes that were given in an earlier term.", "votes counted were given", "Xraft #33", "election-quorum" 3 of 600 seed 81;
    CountVotesTwice = "count-votes-twice", "A8", Raft, "A candidate counts messages, not voters: a repeated vote counts twice.", "a leader has the votes of a quorum", "generic", "election-quorum" 327 of 600 seed 5;
    CountAnyVote = "count-any-vote", "A9", Raft, "A candidate counts the votes of learners and of nodes that were removed.", "a leader has the votes of a quorum", "NATS efabcbf87, hashicorp 38cb186", "election-quorum" 85 of 600 seed 8;
    LongestLogWins = "longest-log-wins", "A10", Raft, "A voter compares how long logs are, not their last terms.", "votes go to logs that are up to date", "generic", "vote-basis" 6 of 600 seed 13;
    TermAndLength = "term-and-length", "A11", Raft, "A voter wants the candidate to be ahead in both last term and length.", "somebody can be elected", "hashicorp 441bd09, openraft a48a3282", "liveness" 6 of 5000 seed 664;
    CandidateBeforeFsync = "candidate-before-fsync", "A12", Raft, "A candidate asks for votes, and counts its own, before term, vote and log are on its disk.", "one vote a term", "dqlite a54636b, 634cb11", "vote-basis" 329 of 600 seed 3;
    EmptyAfterCompaction = "empty-after-compaction", "A13", Raft, "A voter whose log is all compacted takes it for empty.", "votes go to logs that are up to date", "generic", "vote-basis" 1 of 600 seed 377;
    ShortQuorum = "short-quorum", "A14", Raft, "A quorum is one node short of a majority.", "one leader a term, commits by a majority", "hashicorp 163a55f, openraft d60f1e85", "leader-commit-rule" 600 of 600 seed 0;
    IgnoreHigherTerm = "ignore-higher-term", "A15", Raft, "A leader overlooks the higher term in the refusal of its entries.", "a deposed leader steps down", "NATS be84a5640", "liveness" 21 of 600 seed 18;
    ObeyOldLeader = "obey-old-leader", "A15", Raft, "A follower takes entries from the leader of an earlier term.", "committed entries are never lost", "NATS dcbe0c8a0, 296285ba1, willemt 8b444aa", "committed-never-lost" 1 of 600 seed 497;
    RefusalResetsTimer = "refusal-resets-timer", "A16", Raft, "Refusing a vote puts off the own election.", "somebody is elected soon", "NATS 5fe8be82d, hashicorp 30f065a", "liveness" 3 of 600 seed 44;
    SameTimeouts = "same-timeouts", "A17", Raft, "Every election timeout is the shortest.", "somebody is elected soon", "hashicorp cda1ee8, openraft 5e15946d", "liveness" 275 of 600 seed 0;
    NoCheckQuorum = "no-check-quorum", "A20", Raft, "A leader that hears from nobody goes on leading.", "an isolated leader steps down", "Howard and Abraham 2020, Cloudflare 2020", "liveness" 230 of 600 seed 2;
    ZombieLeader = "zombie-leader", "A21", Raft, "A leader whose disk completes nothing goes on sending heartbeats.", "somebody with a working disk leads", "hashicorp #503 #612 #666", "liveness" 30 of 600 seed 55;
    TruncateAlways = "truncate-always", "B1", Raft, "A follower cuts its log after the last entry of every AppendEntries, conflict or not.", "acknowledged entries stay", "willemt #37, RaftOS #26", "committed-never-lost" 583 of 600 seed 0;
    RewriteMatching = "rewrite-matching", "B2", Raft, "A follower removes entries that match and writes them anew, with all that follows them.", "acknowledged entries stay", "openraft 9540c904", "committed-never-lost" 278 of 600 seed 1;
    KeepConflict = "keep-conflict", "B3", Raft, "A follower keeps its own entries where they conflict with the leader's.", "equal entries have equal prefixes", "WRaft #118.1, hashicorp #704", "state-machine-safety" 247 of 600 seed 2;
    CommitBeyondMatch = "commit-beyond-match", "B4", Raft, "A follower commits up to the leader's commit index, matched or not.", "followers commit only what matches", "scylla #9965, rabbitmq/ra #508, CCF #8172", "follower-commit-bound" 464 of 600 seed 1;
    CommitOldTerm = "commit-old-term", "B6", Raft, "A leader commits entries of earlier terms by counting replicas (Figure 8).", "leader commit rule, committed entries are never lost", "PySyncObj #169, NATS c8687fc4d", "leader-commit-rule" 251 of 600 seed 1;
    NoNoop = "no-noop", "B7", Raft, "A new leader appends no entry of its own term.", "what is committed is known soon", "RaftOS #30, RedisRaft PR #22", "liveness" 530 of 600 seed 0;
    ZeroPrevMatches = "zero-prev-matches", "B8", Raft, "A follower takes entries that begin at index 1 without looking at its own log, which they replace.", "acknowledged entries stay", "etcd 76f1249, WRaft #118.1", "committed-never-lost" 113 of 600 seed 4;
    CompactedPrevConflicts = "compacted-prev-conflicts", "B9", Raft, "A follower takes a compacted entry before the new ones for a conflict, and removes its log.", "acknowledged entries stay", "openraft 44381b0c, 71a290cd", "committed-never-lost" 2 of 600 seed 560;
    MatchGoesBack = "match-goes-back", "B10", Raft, "An old acknowledgement that comes late takes the match index back.", "match indexes never go back", "RaftOS #25, PySyncObj #167", "match-index" 265 of 600 seed 4;
    AckOwnLast = "ack-own-last", "B11", Raft, "A follower acknowledges the end of its own log, matched or not.", "leaders count what followers hold", "RavenDB-13612, ra #637, NATS ca0a066ce", "match-index" 16 of 600 seed 7;
    UnsortedQuorum = "unsorted-quorum", "B13", Raft, "A leader takes the middle of its match indexes without sorting them.", "commits by a majority", "openraft #1802", "leader-commit-rule" 469 of 600 seed 1;
    CountLearners = "count-learners", "B21", Raft, "A leader counts what learners acknowledge.", "commits by a majority of voters", "openraft beb0302b, hashicorp 6e41709", "leader-commit-rule" 103 of 600 seed 6;
    AckBeforeCommit = "ack-before-commit", "B22", Node, "A leader answers a write as soon as the entry is in its own log.", "what a client was told is committed", "Redpanda #5025, RavenDB-13612", "client-acknowledgement" 600 of 600 seed 0;
    AnswerByIndex = "answer-by-index", "B25", Raft, "A client is answered when its entry's index is committed, whoever's entry is there.", "what a client was told is committed", "cf. openraft #1761", "client-acknowledgement" 164 of 600 seed 2;
    DefiniteError = "definite-error", "B26", Raft, "A deposed leader says of what it had appended that it certainly has no effect.", "linearizability", "RedisRaft #23", "linearizability" 85 of 600 seed 16;
    ChangeTooEarly = "change-too-early", "C1", Raft, "Servers are added and removed one at a time, before the leader has committed in its term.", "consecutive configurations overlap", "Ongaro 2015, hashicorp raft.go", "config-chain" 111 of 600 seed 3;
    OverlappingChanges = "overlapping-changes", "C2 C10", Raft, "Servers are added and removed one at a time, while the change before is not committed.", "one change at a time", "Redpanda #17675, NATS 434b02bc9, RedisRaft #17", "config-chain" 92 of 600 seed 2;
    ConfigAtCommit = "config-at-commit", "C3", Raft, "A configuration is in force only when it is committed.", "the newest configuration decides", "etcd-io/raft #456 #469", "config-in-force" 169 of 600 seed 2;
    HalfJoint = "half-joint", "C5", Raft, "In a joint configuration only the new voters are asked.", "both halves of a joint configuration decide", "openraft 6c0ccaf3, etcd e515a67", "leader-commit-rule" 27 of 600 seed 42;
    StayJoint = "stay-joint", "C6", Raft, "A leader never leaves a joint configuration.", "a change comes to its end", "etcd bd3c759, Zeebe #57386", "liveness" 125 of 600 seed 6;
    NoRollback = "no-rollback", "C7", Raft, "A configuration that is truncated stays in force.", "a truncated configuration is rolled back", "NATS 2f60ea8fe, dqlite #323, RedisRaft 619e623", "config-chain" 20 of 600 seed 53;
    AloneAfterRestart = "alone-after-restart", "C8", Raft, "A node that starts takes itself for the only voter until it sees another configuration.", "a leader has the votes of a quorum", "NATS b26f71513", "election-safety" 597 of 600 seed 0;
    RemovedLeaderCounts = "removed-leader-counts", "C9", Raft, "A leader counts itself in a configuration that it is not in.", "commits by a majority", "dqlite 7b500ab, NATS d88e9e868", "leader-commit-rule" 18 of 600 seed 55;
    AnyDisk = "any-disk", "C12", Raft, "Votes and acknowledgements count from whatever disk they are given.", "a wiped disk does not vote under the old name", "openraft #2002, CRDB #756, Redpanda #9766", "disk-identity" 13 of 600 seed 32;
    LearnerRefusesVote = "learner-refuses-vote", "C13", Raft, "A learner that does not know yet that it votes refuses its vote.", "somebody can be elected", "raft-rs #58", "liveness" 10 of 5000 seed 609;
    LearnerCampaigns = "learner-campaigns", "C14", Raft, "A learner, or a server that was removed, stands for election.", "only voters lead", "hashicorp 656e6c0, etcd db54973", "only-voters-lead" 23 of 600 seed 36;
    PromoteEarly = "promote-early", "C14", Raft, "A learner becomes a voter however far it lags.", "the cluster serves while members change", "openraft #1805", "promotion" 28 of 600 seed 36;
    InstallDropsTail = "install-drops-tail", "D1", Raft, "Installing a snapshot drops the entries after it, though they agree with it.", "acknowledged entries stay", "Zeebe #6092, etcd #1837", "none" 0 of 5000 seed 0;
    InstallKeepsConflict = "install-keeps-conflict", "D2", Raft, "Installing a snapshot keeps the entries after it, though they conflict with it.", "equal entries have equal prefixes", "hashicorp #697, openraft 674e78aa", "snapshot-prefix" 1 of 5000 seed 3801;
    WrongLabel = "wrong-label", "D3", Raft, "A snapshot is labelled with the entry after its last.", "a snapshot is what its label says", "d-engine #418, willemt eaa9e5c", "snapshot-prefix" 77 of 600 seed 9;
    SnapshotForgetsConfig = "snapshot-forgets-config", "D4", Raft, "A snapshot carries the configuration with which the node first started.", "a snapshot carries the configuration", "RedisRaft 51c1b78, NATS 1fae6111c", "snapshot-prefix" 71 of 600 seed 10;
    SnapshotForgetsSessions = "snapshot-forgets-sessions", "D5", Node, "A snapshot leaves the client sessions out.", "a request takes effect once", "RedisRaft PR #568, atomix #1101", "state-machine-safety" 166 of 600 seed 1;
    InstallOldSnapshot = "install-old-snapshot", "D6", Raft, "A snapshot that comes late is installed over a newer state.", "the state machine never goes back", "RedisRaft dcc2fea, hashicorp #248", "snapshot-prefix" 2 of 5000 seed 1291;
    MixedChunks = "mixed-chunks", "D9", Raft, "Pieces of different snapshots are put together.", "a snapshot is what its label says", "openraft 2eccb9e1, dragonboat ee51a44", "state-machine-safety" 1 of 600 seed 55;
    CompactBeforeSave = "compact-before-save", "D11", Raft, "The log is compacted before the snapshot is on disk.", "what is dropped is under a durable snapshot", "NATS 4f202b641, ClickHouse #111339", "durability-order" 240 of 600 seed 1;
    StaleRead = "stale-read", "E1", Node, "Every node answers reads from its own state at once, without asking a quorum.", "linearizability", "etcd and Consul 2014", "linearizability" 590 of 600 seed 0;
    ReadBeforeOwnCommit = "read-before-own-commit", "E2", Raft, "A new leader serves reads before it has committed an entry of its own term.", "a read sees what was acknowledged", "etcd #7331, RedisRaft #18, TiKV #9239", "read-index" 242 of 600 seed 1;
    ReadUnconfirmed = "read-unconfirmed", "E3", Raft, "A read is confirmed by answers to a round that was sent before it.", "a read sees what was acknowledged", "d-engine #381, etcd #20418", "read-index" 460 of 600 seed 0;
    ReadShortQuorum = "read-short-quorum", "E4", Raft, "A read is confirmed by one node less than a majority.", "a read sees what was acknowledged", "openraft d60f1e85, raft-rs #363", "read-index" 599 of 600 seed 0;
    ReadBeforeApplied = "read-before-applied", "E5", Node, "A confirmed read does not wait until the state machine is that far.", "a read sees what was acknowledged", "RedisRaft #18, etcd #3879", "read-index" 217 of 600 seed 0;
    LongLease = "long-lease", "E6", Raft, "The lease is four times as long as it may be.", "no lease beside another leader", "jraft PR #34", "lease-exclusivity" 54 of 600 seed 18;
    LeaseWithoutQuorum = "lease-without-quorum", "E7", Raft, "The lease is extended by every round that is sent.", "no lease beside another leader", "raft-rs #140", "lease-exclusivity" 52 of 600 seed 18;
    WallClockLease = "wall-clock-lease", "E8", Node, "The lease is counted by the wall clock.", "no lease beside another leader", "nebula #2723, TiKV #964", "lease-exclusivity" 13 of 600 seed 49;
    LeaseSurvivesTransfer = "lease-survives-transfer", "E9", Raft, "A leader that hands over keeps its lease.", "no lease beside another leader", "etcd-io/raft #99, TiKV #4680", "lease-exclusivity" 32 of 600 seed 8;
    LeaseFromReceipt = "lease-from-receipt", "E10", Raft, "The lease is counted from when an answer arrives, not from when the round was sent.", "no lease beside another leader", "Yugabyte #16", "none" 0 of 5000 seed 0;
    ForgottenPromise = "forgotten-promise", "E10", Raft, "A node that has just started votes although it may have promised a leader not to.", "no lease beside another leader", "CRDB #230", "none" 0 of 5000 seed 0;
    AckBeforeFsync = "ack-before-fsync", "F1", Raft, "A follower acknowledges entries before they are on its disk.", "acknowledged entries stay", "NATS #7567, TiKV #994, Zeebe #4160", "ack-durability" 600 of 600 seed 0;
    LeaderCountsUnsynced = "leader-counts-unsynced", "F2", Raft, "A leader counts itself before its entries are on its own disk.", "leaders count what is on disk", "etcd #14370", "match-index" 11 of 600 seed 15;
    CorruptionIsTheEnd = "corruption-is-the-end", "F4", Node, "A damaged record is taken for the end of the log.", "acknowledged entries stay", "PAR FAST 2018, NuRaft #185, NATS #7556", "ack-durability" 29 of 600 seed 21;
    IgnoreIoError = "ignore-io-error", "F5", Node, "A node goes on after its disk has refused a write.", "nothing is promised after an IO error", "ZOOKEEPER-4882, NATS 860e23645", "disk-error" 128 of 600 seed 1;
    VoteWhileLost = "vote-while-lost", "F9", Raft, "A node that knows that it has lost entries votes and stands for election.", "who has lost entries does not vote", "NATS bb0f67388, hashicorp #507", "repair" 16 of 600 seed 21;
    DoubleApply = "double-apply", "G1", Node, "A request that was proposed twice is applied twice: sessions are ignored.", "a request takes effect once", "jetcd 0.8.2, RedisRaft #13", "exactly-once" 103 of 600 seed 2;
    SessionsByClock = "sessions-by-clock", "G2", Node, "Sessions expire by each node's own clock.", "equal logs give equal states", "generic", "state-machine-safety" 477 of 600 seed 0;
    LocalApply = "local-apply", "G3", Node, "What a command does depends on the node that carries it out.", "equal logs give equal states", "etcd #14571", "state-machine-safety" 599 of 600 seed 0;
}
