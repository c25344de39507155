//! What this machine can do.

use anyhow::Result;
use console::style;
use serde::Serialize;

use super::say;
use crate::cli::OutputFormat;

/// One thing that was tried.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What.
    pub name: String,
    /// What it is needed for.
    pub needed_for: String,
    /// Why it is missing and what to do; none if it is there.
    pub missing: Option<String>,
}

/// Prints what was found.
///
/// # Errors
/// If the JSON cannot be made.
pub fn doctor(findings: &[Finding], format: OutputFormat) -> Result<()> {
    if format == OutputFormat::Json {
        say(serde_json::to_string(findings)?);
        return Ok(());
    }
    for finding in findings {
        let mark = match finding.missing {
            None => style("yes").green(),
            Some(_) => style("no ").yellow(),
        };
        say(format!(
            "{mark}  {:<18} for {}",
            finding.name, finding.needed_for
        ));
        for line in finding.missing.iter().flat_map(|m| m.lines()) {
            say(format!("       {line}"));
        }
    }
    Ok(())
}
