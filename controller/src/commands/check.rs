//! `shakedown check`: the checkers alone, on a run directory or a history.

use std::process::ExitCode;

use anyhow::Result;
use shakedown_checker::{Budget, Register, RunVerdict, check_linearizability};
use shakedown_history::History;

use crate::cli::CheckArgs;
use crate::judge::Records;
use crate::store::existing_run;
use crate::ui;

/// # Errors
/// If the records cannot be read; the error has file and line.
pub fn check(args: &CheckArgs) -> Result<ExitCode> {
    let verdict = if args.path.is_dir() {
        Records::read(&existing_run(&args.path)?)?.judge()
    } else {
        let (_, history) = History::read(&args.path)?;
        RunVerdict::of_checks(vec![check_linearizability(
            &history,
            &Register,
            Budget::default(),
        )])
    };
    ui::verdict(&verdict, args.format)?;
    Ok(ExitCode::from(verdict.verdict.exit_code()))
}
