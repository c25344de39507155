//! How a process ended.

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::fmt;

/// The code with which Rust's runtime ends a process whose main thread panicked.
const PANIC_CODE: i32 = 101;

/// How the inside of a sandbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(Signal),
}

impl Exit {
    /// Whether it broke down instead of coming to an end: killed by a signal, or a panic.
    #[must_use]
    pub fn is_crash(self) -> bool {
        matches!(self, Exit::Signal(_) | Exit::Code(PANIC_CODE))
    }

    /// The exit as a shell would put it: the code, or 128 and the signal's number.
    #[must_use]
    pub fn shell_code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal as i32,
        }
    }

    /// Of a wait status; none while the process lives.
    pub(crate) fn of(status: WaitStatus) -> Option<Exit> {
        match status {
            WaitStatus::Exited(_, code) => Some(Exit::Code(code)),
            WaitStatus::Signaled(_, signal, _) => Some(Exit::Signal(signal)),
            _ => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(PANIC_CODE) => write!(f, "exit code {PANIC_CODE} (a panic)"),
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(signal) => write!(f, "killed by {signal}"),
        }
    }
}
