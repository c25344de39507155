//! `shakedown bench`: the embedded node measured, with etcd beside it.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::BenchCommand;
use crate::ui;

/// # Errors
/// If a system does not start or does not serve.
pub fn bench(args: &BenchCommand) -> Result<ExitCode> {
    let report = shakedown_bench::run(&args.bench, &ui::bench_progress)?;
    ui::bench(&report, args.format)?;
    Ok(ExitCode::SUCCESS)
}
