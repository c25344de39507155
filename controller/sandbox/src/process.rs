//! The few calls around processes for which the kernel's interface is not safe Rust.
#![expect(
    unsafe_code,
    reason = "clone, fork, pre_exec and _exit have no safe wrapper"
)]

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, Pid};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Has the kernel kill the command's process (SIGKILL) when the *thread* that starts it ends.
///
/// Start it from a thread that lives as long as the child may: the main thread or one kept for
/// that purpose, never one of tokio's blocking threads, which end when idle. The child's own
/// children do not inherit it. For a `tokio::process::Command`, pass `command.as_std_mut()`.
pub fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let arm = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // Armed too late if the parent is gone by now: then the child has another parent.
        if nix::unistd::getppid().as_raw().cast_unsigned() == parent {
            Ok(())
        } else {
            Err(io::Error::from(Errno::ESRCH))
        }
    };
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are
    // allowed; it makes two system calls and allocates nothing.
    unsafe { command.pre_exec(arm) };
}

/// Has the command's process start in the network namespace behind `namespace`.
pub(crate) fn start_in_net_namespace(
    command: &mut Command,
    namespace: impl AsFd + Send + Sync + 'static,
) {
    let join = move || setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are
    // allowed; it makes one system call and allocates nothing.
    unsafe { command.pre_exec(join) };
}

/// Forks into new namespaces. Returns the child's pid in the parent, none in the child.
///
/// In the child, only system calls are allowed unless the caller had a single thread.
pub(crate) fn fork_into(namespaces: CloneFlags) -> nix::Result<Option<Pid>> {
    let flags = i64::from(namespaces.bits() | libc::SIGCHLD);
    // SAFETY: without CLONE_VM and with no new stack this is fork: the child gets a copy of our
    // memory and returns here. What fork does beyond that (refreshing the C library's notion of
    // the thread id) matters to no child of ours: they make system calls or fork again.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    let pid = i32::try_from(Errno::result(pid)?).expect("the kernel's pids fit an i32");
    Ok((pid != 0).then(|| Pid::from_raw(pid)))
}

/// Forks a process that has a single thread. Returns the child's pid in the parent, none in the
/// child.
pub(crate) fn fork() -> nix::Result<Option<Pid>> {
    // SAFETY: called by pid 1 of a sandbox only, whose one thread holds no lock, so that the
    // child may go on as a full process.
    match unsafe { nix::unistd::fork()? } {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Ends this process without running exit handlers or flushing buffers that its parent will
/// flush as well.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Undoes a SIGCHLD that our parent left ignored: the kernel would then reap our children and
/// we would never learn how they ended.
pub(crate) fn restore_default_sigchld() -> nix::Result<()> {
    // SAFETY: setting the default disposition installs no handler code.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }.map(drop)
}
