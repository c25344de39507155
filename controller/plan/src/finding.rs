//! What is wrong with a plan, where, and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One mistake, or one lint: `plan.yaml:3:8: nodes: there are none; write a number from 1 to 15`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// Which field, with dots between levels; empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub wrong: String,
    /// What to write instead; may be empty where the first part says it.
    pub instead: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.wrong)?;
        if !self.instead.is_empty() {
            write!(f, "; {}", self.instead)?;
        }
        Ok(())
    }
}

/// A plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanErrors {
    /// The file cannot be read.
    #[error("cannot read the plan {}: {source}; name a plan file that exists", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file has mistakes: all of them, in the order of the file.
    #[error("{}", lines(.0))]
    Mistakes(Vec<Finding>),
}

fn lines(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
