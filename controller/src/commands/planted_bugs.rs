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

/// The ready plan that puts a bug to the test: the one about the part of the protocol that it is in, by the
/// letter of its family.
fn found_by(bug: PlantedBug) -> &'static str {
    match bug {
        PlantedBug::StaleRead
        | PlantedBug::AckBeforeCommit
        | PlantedBug::TruncateAlways
        | PlantedBug::ShortQuorum => "smoke",
        other => match other.row().zoo.as_bytes()[0] {
            b'C' => "membership",
            b'D' => "snapshots",
            b'E' => "reads",
            b'F' => "kill",
            _ => "elections",
        },
    }
}
