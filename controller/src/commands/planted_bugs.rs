//! `shakedown planted-bugs`: the table of deviations that the embedded node can be given, and the ready
//! plan that finds each.

use std::process::ExitCode;

use anyhow::Result;
use shakedown_raft::PlantedBug;

use crate::cli::PlantedBugsArgs;
use crate::ui;

/// # Errors
/// If the table cannot be printed.
pub fn list(args: &PlantedBugsArgs) -> Result<ExitCode> {
    let rows: Vec<_> = PlantedBug::ALL
        .iter()
        .map(|bug| (bug.row(), found_by(*bug)))
        .collect();
    ui::planted_bugs(&rows, args.format)?;
    Ok(ExitCode::SUCCESS)
}

/// A ready plan that has found the bug; empty where none has yet. Each was tried with one or two seeds for
/// 14 s (`leases` for 20 s), so that an empty place says little.
fn found_by(bug: PlantedBug) -> &'static str {
    use PlantedBug::*;
    match bug {
        AckBeforeCommit | ShortQuorum | StaleRead | TruncateAlways => "smoke",
        CandidateBeforeFsync | ClearVoteOnStepDown | CommitBeyondMatch | CommitOldTerm
        | DefiniteError | DoubleApply | ForgetVote | KeepConflict | LocalApply | MatchGoesBack
        | ObeyOldLeader | RewriteMatching | SessionsByClock | UnsavedTerm | UnsortedQuorum
        | VoteBeforeFsync | VoteTwice => "elections",
        AckBeforeFsync => "kill",
        AloneAfterRestart | ChangeTooEarly | ConfigAtCommit | HalfJoint | OverlappingChanges
        | RemovedLeaderCounts => "membership",
        CompactBeforeSave | InstallOldSnapshot | SnapshotForgetsSessions | WrongLabel => {
            "snapshots"
        }
        ReadBeforeApplied | ReadShortQuorum | ReadUnconfirmed => "reads",
        LeaseSurvivesTransfer | LeaseWithoutQuorum | LongLease | WallClockLease => "leases",
        ReadBeforeOwnCommit => "transfer",
        SnapshotForgetsConfig | TermFromSnapshot => "nightly",
        _ => "",
    }
}
