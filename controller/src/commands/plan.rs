//! The plan that a command line names.

use std::process::ExitCode;

use shakedown_plan::{Known, Plan};

use crate::cli::PlanArgs;
use crate::judge::planted_bugs;
use crate::ui;

/// The exit code of a wrong command line or plan.
pub const WRONG_PLAN: u8 = 2;

/// Reads the plan, with the command line's overrides. Mistakes are printed, each with its line; the
/// error is the exit code.
///
/// # Errors
/// If the plan cannot be read or has mistakes.
pub fn read(args: &PlanArgs) -> Result<Plan, ExitCode> {
    let bugs = planted_bugs();
    let known = Known {
        planted_bugs: &bugs,
    };
    let read = match &args.plan {
        Some(path) => Plan::read(path, &known),
        None => Ok((Plan::embedded(), Vec::new())),
    };
    let (mut plan, lints) = read.map_err(|errors| refuse(&errors))?;
    for lint in lints {
        ui::lint(&lint);
    }
    override_with(&mut plan, args);
    // What the command line changed may be as wrong as a file: the result is checked as one.
    match Plan::parse("the command line", &plan.to_yaml(), &known) {
        Ok((plan, _)) => Ok(plan),
        Err(errors) => Err(refuse(&errors)),
    }
}

fn override_with(plan: &mut Plan, args: &PlanArgs) {
    if let Some(seed) = args.seed {
        plan.seed = seed;
    }
    if let Some(time) = args.time {
        plan.time = time;
    }
    if let Some(nodes) = args.nodes {
        plan.nodes = nodes;
    }
    if let Some(bug) = &args.planted_bug {
        plan.node.planted_bug = Some(bug.clone());
    }
}

fn refuse(errors: &dyn std::fmt::Display) -> ExitCode {
    ui::mistakes(errors);
    ExitCode::from(WRONG_PLAN)
}
