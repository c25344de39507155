//! shakedown: starts a real cluster, troubles it while clients work, and decides whether it kept its
//! promises.
//!
//! The same executable is the controller, the agent on each host (`shakedown agent`) and the embedded
//! Raft node (`shakedown node`). A run reads, from top to bottom, in [`run`].
//!
//! - [`cli`]: the command line
//! - [`commands`]: one file a command
//! - [`run`]: one run as prose
//! - [`cluster`], [`host`], [`system`]: the cluster, where its nodes live, and what runs on them
//! - [`nemesis`], [`fault`]: the schedule carried out, one file a fault family
//! - [`journal`], [`interrupt`]: what is written down meanwhile, and Ctrl-C
//! - [`judge`]: all checks on what a run left
//! - [`store`]: where runs are kept
//! - [`ui`]: every line that a person sees in the terminal

#![expect(
    unreachable_pub,
    reason = "a program has no outside; `pub` tells what a module offers"
)]

mod cli;
mod cluster;
mod commands;
mod fault;
mod host;
mod interrupt;
mod journal;
mod judge;
mod nemesis;
mod run;
mod store;
mod system;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    ui::log_to_stderr();
    let outcome = match cli.command {
        Command::Run(args) => commands::run::run(&args),
        Command::Campaign(args) => commands::campaign::campaign(&args),
        Command::Check(args) => commands::check::check(&args),
        Command::Report(args) => commands::report::report(&args),
        Command::Validate(args) => commands::validate::validate(&args),
        Command::Doctor(args) => commands::doctor::doctor(&args),
        Command::PlantedBugs(args) => commands::planted_bugs::list(&args),
        Command::Bench(args) => commands::bench::bench(&args),
        Command::Agent => commands::agent(),
        Command::Node(args) => commands::node(args),
    };
    outcome.unwrap_or_else(|error| {
        ui::error(&error);
        ExitCode::from(shakedown_checker::Verdict::HarnessError.exit_code())
    })
}
