//! Runs the iptables programs in a host's namespace.

use crate::host::Host;
use crate::network::{NetworkError, refused};
use shakedown_sandbox::NetNamespace;
use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A program that runs on a host.
pub(crate) struct Started {
    program: &'static str,
    host: Host,
    child: Child,
}

/// Starts to apply rules on a host, in one transaction, leaving others' rules alone.
pub(crate) fn restore(
    host: Host,
    namespace: &NetNamespace,
    script: &str,
) -> Result<Started, NetworkError> {
    let mut started = start(
        host,
        namespace,
        "iptables-restore",
        &["--noflush", "--wait"],
    )?;
    let mut stdin = started.child.stdin.take().expect("it was piped");
    // If it ended early, its own words say more than our broken pipe.
    let _ = stdin.write_all(script.as_bytes());
    Ok(started)
}

/// Starts to print the rules of a host with their counts.
pub(crate) fn save(host: Host, namespace: &NetNamespace) -> Result<Started, NetworkError> {
    start(host, namespace, "iptables-save", &["-c", "-t", "filter"])
}

impl Started {
    /// Waits for the program. Returns what it printed.
    pub(crate) fn finish(self) -> Result<String, NetworkError> {
        let Started {
            program,
            host,
            child,
        } = self;
        let output = child
            .wait_with_output()
            .map_err(refused(format!("wait for {program}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(NetworkError::Iptables {
            program,
            host,
            stderr,
        })
    }
}

fn start(
    host: Host,
    namespace: &NetNamespace,
    program: &'static str,
    arguments: &[&str],
) -> Result<Started, NetworkError> {
    let mut command = Command::new(find(program)?);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    namespace.enter_command(&mut command);
    let child = command
        .spawn()
        .map_err(refused(format!("start {program} on {host}")))?;
    Ok(Started {
        program,
        host,
        child,
    })
}

/// An ordinary user's PATH often lacks the directories of such programs.
fn find(program: &'static str) -> Result<PathBuf, NetworkError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let candidates = env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program));
    candidates
        .into_iter()
        .find(|candidate| candidate.is_file())
        .ok_or(NetworkError::NoIptables { program })
}
