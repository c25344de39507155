//! One file a command.

pub mod bench;
pub mod campaign;
pub mod check;
pub mod doctor;
pub mod plan;
pub mod planted_bugs;
pub mod report;
pub mod run;
pub mod validate;

use std::process::ExitCode;

use anyhow::Result;
use shakedown_node::NodeArgs;

/// `shakedown agent`
///
/// # Errors
/// If the pipe to the controller breaks.
pub fn agent() -> Result<ExitCode> {
    shakedown_agent::serve_stdio()?;
    Ok(ExitCode::SUCCESS)
}

/// `shakedown node`
///
/// # Errors
/// If the node cannot start, or its disk fails.
pub fn node(args: NodeArgs) -> Result<ExitCode> {
    shakedown_node::run(args)?;
    Ok(ExitCode::SUCCESS)
}
