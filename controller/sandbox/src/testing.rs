//! Runs test cases inside sandboxes, as root and as an ordinary user.
//!
//! A sandbox can only be entered before any thread exists, which rules out the standard test
//! harness. A test binary declares `harness = false` instead, and its `main` calls [`run`].
#![expect(clippy::print_stdout, reason = "a test runner talks on stdout")]

use crate::{Capability, Sandbox, Side, enter, probe};
use std::os::unix::process::CommandExt;
use std::panic::Location;
use std::path::Path;
use std::process::{Command, ExitCode, exit};
use std::time::Instant;

/// The uid and gid of the user `nobody`.
const ORDINARY_USER: u32 = 65534;

/// A test: its name, and what to do inside a sandbox of its own. It fails by panicking.
pub type Case = (&'static str, fn(&Sandbox));

/// Runs each case in a sandbox of its own; as root, then everything again as an ordinary user.
///
/// Arguments that are not options select the cases whose names contain one of them. Where the
/// machine permits no sandbox, it says why and passes.
#[must_use]
pub fn run(cases: &[Case]) -> ExitCode {
    as_each_user(|user| {
        let failed = cases
            .iter()
            .filter(|(name, _)| selected(name))
            .filter(|case| !passes(case, user));
        failed.count() == 0
    })
}

/// Whether the arguments ask for this case: they name a part of it, or no case at all.
#[must_use]
pub fn selected(name: &str) -> bool {
    let mut parts = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .peekable();
    parts.peek().is_none() || parts.any(|part| name.contains(&part))
}

/// Runs `tests`, which say whether they passed, as this user; if that is root, also as an
/// ordinary user, by running this binary again. They are given the user's name for their
/// output. Where the machine permits no sandbox, it says why and passes.
#[must_use]
pub fn as_each_user(tests: impl FnOnce(&str) -> bool) -> ExitCode {
    let is_root = nix::unistd::geteuid().is_root();
    let user = if is_root { "root" } else { "ordinary user" };
    let sandbox = probe()
        .into_iter()
        .find(|found| found.name == Capability::SANDBOX);
    let passed_here = match sandbox.expect("the probe looks for sandboxes").found {
        Ok(()) => tests(user),
        Err(missing) => {
            println!("skipped: no sandbox for {user} on this machine: {missing}");
            true
        }
    };
    let passed_there = !is_root || again_as_ordinary_user();
    if passed_here && passed_there {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn passes((name, work): &Case, user: &str) -> bool {
    let started = Instant::now();
    match enter().expect("the probe found that sandboxes work") {
        Side::Inside(sandbox) => {
            work(&sandbox);
            exit(0)
        }
        Side::Outside(exit) => {
            let passed = exit == crate::Exit::Code(0);
            let outcome = if passed {
                "ok".to_owned()
            } else {
                format!("FAILED: {exit}")
            };
            println!(
                "{user}: {name} ... {outcome} ({} ms)",
                started.elapsed().as_millis()
            );
            passed
        }
    }
}

/// Runs this very binary again as `nobody`. Whether all went well.
fn again_as_ordinary_user() -> bool {
    let binary = std::env::current_exe().expect("a test knows its binary");
    let mut command = Command::new(&binary);
    command
        .args(std::env::args().skip(1))
        .uid(ORDINARY_USER)
        .gid(ORDINARY_USER)
        .current_dir("/");
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            let here = Location::caller();
            println!(
                "skipped as ordinary user: cannot run {}: {error} ({here})",
                binary.display()
            );
            true
        }
    }
}

/// What is left of a sandbox: processes with `mark` in their environment, and mounts and
/// interfaces of a sandbox's on the host. To be called outside.
#[must_use]
pub fn leftovers(mark: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc")
        .expect("there is a /proc")
        .flatten();
    let marked = |folder: &Path| {
        // Gone by now, or another user's: not ours.
        let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
        environment
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
    };
    let stat = |folder: &Path| std::fs::read_to_string(folder.join("stat")).unwrap_or_default();
    let mut left: Vec<String> = processes
        .map(|entry| entry.path())
        .filter(|folder| marked(folder))
        .map(|folder| format!("process {}", stat(&folder)))
        .collect();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("there is a /proc");
    let ours = |mount: &&str| mount.contains(" - tmpfs shakedown ");
    left.extend(
        mounts
            .lines()
            .filter(ours)
            .map(|mount| format!("mount {mount}")),
    );
    let interfaces = std::fs::read_to_string("/proc/self/net/dev").expect("there is a /proc");
    let ours = |line: &&str| {
        let name = line.trim_start();
        name.starts_with("clients:") || name.starts_with("port")
    };
    left.extend(
        interfaces
            .lines()
            .filter(ours)
            .map(|line| format!("interface {line}")),
    );
    left
}
