//! Starting a process whose clocks are moved from its first instruction on.

#![expect(unsafe_code, reason = "what the child does between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::control::Control;
use crate::error::ClockError;
use crate::inject::{Standstill, inject};
use crate::line::Timelines;

/// Starts `command`, which asks to be traced and so stands still at its exec; injects, lets it go.
pub(crate) fn spawn(
    mut command: Command,
    timelines: &Timelines,
) -> Result<(Child, Control), ClockError> {
    let traceme = || ptrace::traceme().map_err(io::Error::from);
    // SAFETY: the closure makes one system call, which is async-signal-safe.
    unsafe { command.pre_exec(traceme) };
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .spawn()
        .map_err(|source| ClockError::Spawn { program, source })?;
    match inject_at_exec(&child, timelines) {
        Ok(control) => Ok((child, control)),
        Err(error) => {
            // It may be dead already; reaping it is all that is left to do.
            child.kill().ok();
            child.wait().ok();
            Err(error)
        }
    }
}

fn inject_at_exec(child: &Child, timelines: &Timelines) -> Result<Control, ClockError> {
    let tid = i32::try_from(child.id()).expect("a process id is positive");
    let pid = Pid::from_raw(tid);
    let failed = |what| move |source| ClockError::Ptrace { what, tid, source };
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL)).map_err(failed("wait for"))? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => break,
            WaitStatus::Stopped(_, other) => {
                ptrace::cont(pid, other).map_err(failed("continue"))?;
            }
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                return Err(ClockError::Ended { pid: tid });
            }
            _ => {}
        }
    }
    ptrace::setoptions(pid, ptrace::Options::PTRACE_O_EXITKILL).map_err(failed("guard"))?;
    let control = inject(tid, Standstill::AtExec, timelines)?;
    ptrace::detach(pid, None).map_err(failed("let go of"))?;
    Ok(control)
}
