//! `shakedown validate`: every mistake in plan files, without running them.

use std::process::ExitCode;

use anyhow::Result;
use shakedown_plan::{Known, Plan};

use crate::cli::ValidateArgs;
use crate::commands::plan::WRONG_PLAN;
use crate::judge::planted_bugs;
use crate::ui;

/// # Errors
/// None: mistakes are the command's result.
pub fn validate(args: &ValidateArgs) -> Result<ExitCode> {
    let bugs = planted_bugs();
    let known = Known {
        planted_bugs: &bugs,
    };
    let mut wrong = false;
    for path in &args.plans {
        match Plan::read(path, &known) {
            Ok((_, lints)) => {
                lints.iter().for_each(ui::lint);
                ui::valid_plan(path);
            }
            Err(errors) => {
                ui::mistakes(&errors);
                wrong = true;
            }
        }
    }
    Ok(if wrong {
        ExitCode::from(WRONG_PLAN)
    } else {
        ExitCode::SUCCESS
    })
}
