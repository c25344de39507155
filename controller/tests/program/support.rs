//! The real program, run as its users run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

static ONE_CLUSTER: Mutex<()> = Mutex::new(());

/// A folder for runs, and the right to be the only cluster on this machine's few cores.
pub struct Bench {
    dir: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    /// Waits until no other test runs a cluster.
    pub fn new() -> Self {
        let alone = ONE_CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            dir: tempfile::tempdir().unwrap(),
            _alone: alone,
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where runs are kept.
    pub fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// `shakedown run ARGUMENTS`, with our store, printing JSON.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = shakedown();
        command
            .arg("run")
            .args(arguments)
            .args(["--format", "json", "--store"])
            .arg(self.store());
        Outcome::of(command.output().unwrap())
    }

    /// Writes a plan file.
    pub fn plan(&self, text: &str) -> String {
        let path = self.dir.path().join("plan.yaml");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// What a run said.
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// What it said on stderr.
    pub stderr: String,
    /// The JSON that it printed, or null.
    pub said: Value,
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            said: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        }
    }

    /// One of the paths that the run names.
    pub fn path(&self, field: &str) -> PathBuf {
        let path = self.said[field].as_str();
        PathBuf::from(
            path.unwrap_or_else(|| panic!("no {field} in {}\n{}", self.said, self.stderr)),
        )
    }

    /// Fails unless the run ended with this code, and shows what it said.
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{:#}\n{}", self.said, self.stderr);
    }
}

/// The program.
pub fn shakedown() -> Command {
    Command::new(env!("CARGO_BIN_EXE_shakedown"))
}

/// A plan file of the project.
pub fn ready_plan(name: &str) -> String {
    format!("{}/../plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

/// Why no cluster can run here; printed by the tests that are skipped for it.
pub fn no_sandbox() -> bool {
    let found = shakedown_sandbox::probe()
        .into_iter()
        .find(|c| c.name == shakedown_sandbox::Capability::SANDBOX)
        .map(|c| c.found);
    match found {
        Some(Ok(())) => false,
        Some(Err(missing)) => {
            println!("skipped: no sandbox here: {missing}");
            true
        }
        None => panic!("the probe knows no sandbox"),
    }
}
