//! `shakedown report`: renders a run's page again, from its records and its verdict.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use shakedown_checker::RunVerdict;
use shakedown_report::render_run;

use crate::cli::ReportArgs;
use crate::judge::Records;
use crate::{store, ui};

/// # Errors
/// If the directory is not a run's, or the page cannot be written.
pub fn report(args: &ReportArgs) -> Result<ExitCode> {
    let dir = store::existing_run(&args.run_dir)?;
    let records = Records::read(&dir)?;
    let verdict = match std::fs::read(dir.verdict()) {
        Ok(bytes) => serde_json::from_slice::<RunVerdict>(&bytes)
            .with_context(|| format!("{} is not a verdict", dir.verdict().display()))?,
        // A run that was cut off before it was judged.
        Err(_) => records.judge(),
    };
    let page = records.into_page(&dir, verdict);
    store::write_whole(&dir.report(), render_run(&page).as_bytes())?;
    ui::report_written(&dir.report());
    Ok(ExitCode::SUCCESS)
}
