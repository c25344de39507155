//! Tells the program which commit it was built from, for the headers of its records.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=../.git/HEAD");
    println!("cargo:rerun-if-changed=../.git/index");
    let commit = git(&["rev-parse", "--short=10", "HEAD"]);
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    let version = match (commit, changes) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit}, with uncommitted changes"),
        (None, _) => "commit unknown".to_owned(),
    };
    println!("cargo:rustc-env=SHAKEDOWN_COMMIT={version}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
