//! `shakedown planted-bugs`: the table of deviations that the embedded node can be given.

use std::process::ExitCode;

use anyhow::Result;
use shakedown_raft::PlantedBug;

use crate::ui;

/// # Errors
/// None.
pub fn list() -> Result<ExitCode> {
    for bug in PlantedBug::ALL {
        ui::planted_bug(&bug.row());
    }
    Ok(ExitCode::SUCCESS)
}
