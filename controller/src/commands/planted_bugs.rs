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

/// The ready plan to find a bug with, where one is known; empty otherwise. The smoke plan takes 10 s and
/// `elections` 20 s; of ten runs each with seeds of their own, all find their bug, but for
/// `commit-old-term` with eight.
fn found_by(bug: PlantedBug) -> &'static str {
    match bug {
        PlantedBug::StaleRead
        | PlantedBug::AckBeforeCommit
        | PlantedBug::TruncateAlways
        | PlantedBug::ShortQuorum => "smoke",
        // These need elections that meet, and leaders that inherit a tail or lose one.
        PlantedBug::VoteTwice
        | PlantedBug::ForgetVote
        | PlantedBug::CommitOldTerm
        | PlantedBug::DoubleApply => "elections",
        _ => "",
    }
}
