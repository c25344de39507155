//! The way into a sandbox.

use crate::exit::Exit;
use crate::process;
use crate::remedy::{Machine, remedy};
use crate::report::Report;
use crate::setup::{Failure, Setup, Step};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2, setpgid};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

/// On which side of the sandbox's wall [`enter`] returned.
#[derive(Debug)]
pub enum Side {
    /// In the caller's own process, once the inside has ended and nothing of it is left.
    Outside(Exit),
    /// In a new process inside the sandbox. The run goes on here.
    Inside(Sandbox),
}

/// Proof of being inside a sandbox: only [`enter`] makes one. What changes interfaces, mounts or
/// firewall rules asks for it, so that it can never do so on the host itself.
#[derive(Debug)]
pub struct Sandbox {
    _only_enter_makes_one: (),
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The kernel refused one of the steps.
    #[error("no sandbox: cannot {step}: {errno}\n{remedy}")]
    Refused {
        /// The step.
        step: Step,
        /// What the kernel said.
        errno: Errno,
        /// What to do about it.
        remedy: String,
    },
    /// A plain system call failed that never should.
    #[error("no sandbox: {doing} failed: {errno}")]
    System {
        /// What we were doing.
        doing: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

/// Moves the run into fresh mount, pid, net, ipc and uts namespaces, and for an ordinary user a
/// user namespace in which uid 0 is the caller.
///
/// Call it first thing in `main`. It returns twice, as `fork` does. Inside, [`Side::Inside`] is
/// pid 2 of the sandbox and leads a process group of its own. Outside, the caller's process
/// waits for it; SIGINT, SIGTERM, SIGHUP and SIGQUIT are handed to the inside, each exactly once,
/// and do not end the outer process: it returns with what became of the inside.
///
/// To the terminal, the inside is a background job: it may write, but reading would stop it.
///
/// If the outer process dies in whatever way, the kernel kills the whole inside. Inside, `/run`
/// is an empty tmpfs, `/proc` shows the sandbox's processes, and `lo` is up.
///
/// # Errors
///
/// Where the kernel refuses a step; the error says which, and what to do. Nothing is left then.
///
/// # Panics
///
/// If the process has more than one thread: the others would not exist inside.
pub fn enter() -> Result<Side, EnterError> {
    assert_eq!(
        thread_count(),
        1,
        "enter the sandbox before starting any thread"
    );
    let setup = Setup::for_this_process();
    process::restore_default_sigchld().map_err(system("restoring SIGCHLD"))?;
    // What is buffered would be written twice, by either side.
    let _ = std::io::stdout().flush();
    // Blocked from before the first child exists, so that no signal falls between.
    let previous = watched_signals()
        .thread_swap_mask(SigmaskHow::SIG_BLOCK)
        .map_err(system("blocking signals"))?;
    let side = split(&setup);
    previous
        .thread_set_mask()
        .map_err(system("restoring the signal mask"))?;
    side
}

/// Makes the child that becomes pid 1, and waits for it.
fn split(setup: &Setup) -> Result<Side, EnterError> {
    let (lifeline, our_end_of_lifeline) = new_pipe()?;
    let (reports, reporter) = new_pipe()?;
    match process::fork_into(setup.namespaces()) {
        Err(errno) => Err(refused(Step::Namespaces.failed(errno))),
        Ok(None) => {
            drop((our_end_of_lifeline, reports));
            live_as_pid_one(setup, lifeline, reporter);
            Ok(Side::Inside(Sandbox {
                _only_enter_makes_one: (),
            }))
        }
        Ok(Some(pid_one)) => {
            drop((lifeline, reporter));
            let end_of_pid_one = watch_over(pid_one, || reap(pid_one))?;
            match Report::receive(&reports).map_err(system("reading the report from inside"))? {
                Some(Report::Failed(failure)) => Err(refused(failure)),
                Some(Report::Ended(exit)) => Ok(Side::Outside(exit)),
                // Pid 1 itself was killed, by the kernel for want of memory, say.
                None => Ok(Side::Outside(end_of_pid_one)),
            }
        }
    }
}

/// Pid 1 furnishes the sandbox, starts pid 2 and reaps what dies. Returns in pid 2 only.
fn live_as_pid_one(setup: &Setup, lifeline: OwnedFd, reporter: OwnedFd) {
    match prepare(setup, &lifeline) {
        Err(failure) => report_and_exit(Report::Failed(failure), &reporter),
        Ok(Some(pid_two)) => match watch_over(pid_two, || reap_all_for(pid_two)) {
            Ok(exit) => report_and_exit(Report::Ended(exit), &reporter),
            Err(_) => process::exit_at_once(1),
        },
        Ok(None) => drop((lifeline, reporter)),
    }
}

fn report_and_exit(report: Report, reporter: &OwnedFd) -> ! {
    report.send(reporter);
    process::exit_at_once(0)
}

/// Furnishes the sandbox and forks. Returns pid 2 in pid 1, none in pid 2.
fn prepare(setup: &Setup, lifeline: &OwnedFd) -> Result<Option<Pid>, Failure> {
    let start = |errno| Step::Start.failed(errno);
    prctl::set_name(c"sandbox-init").map_err(start)?;
    lead_process_group().map_err(start)?;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(start)?;
    // The outer process may have died before the kernel was told to watch it.
    if has_lost(lifeline).map_err(start)? {
        process::exit_at_once(0);
    }
    setup.furnish()?;
    let pid_two = process::fork().map_err(start)?;
    if pid_two.is_none() {
        lead_process_group().map_err(start)?;
    }
    Ok(pid_two)
}

/// Out of the terminal's foreground group: its Ctrl-C must reach us through the outer process
/// only.
fn lead_process_group() -> nix::Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))
}

/// Whether every process that held the pipe's other end is gone.
fn has_lost(lifeline: &OwnedFd) -> nix::Result<bool> {
    let mut watched = [PollFd::new(lifeline.as_fd(), PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::ZERO).map(|ready| ready > 0)
}

/// The signals that ask a run to stop, and the one that says a child ended.
fn watched_signals() -> SigSet {
    [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGCHLD,
    ]
    .into_iter()
    .collect()
}

/// Hands each signal that asks us to stop to `child`, until `ended` says how it ended.
fn watch_over(
    child: Pid,
    ended: impl Fn() -> nix::Result<Option<Exit>>,
) -> Result<Exit, EnterError> {
    let waiting = system("waiting for the inside of the sandbox");
    loop {
        match watched_signals().wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(exit) = ended().map_err(&waiting)? {
                    return Ok(exit);
                }
            }
            // A child that is gone already is reported by SIGCHLD in a moment.
            Ok(signal) => drop(kill(child, signal)),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(waiting(errno)),
        }
    }
}

/// Reaps `child` if it has ended.
fn reap(child: Pid) -> nix::Result<Option<Exit>> {
    waitpid(child, Some(WaitPidFlag::WNOHANG)).map(Exit::of)
}

/// Reaps every orphan that has ended; says how `child` ended if it was among them.
fn reap_all_for(child: Pid) -> nix::Result<Option<Exit>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive => return Ok(None),
            status if status.pid() == Some(child) => return Ok(Exit::of(status)),
            _ => {}
        }
    }
}

fn new_pipe() -> Result<(OwnedFd, OwnedFd), EnterError> {
    pipe2(OFlag::O_CLOEXEC).map_err(system("opening a pipe"))
}

fn thread_count() -> usize {
    // Without /proc there is no sandbox either; the steps that need it say so.
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

fn system(doing: &'static str) -> impl Fn(Errno) -> EnterError {
    move |errno| EnterError::System { doing, errno }
}

fn refused(failure: Failure) -> EnterError {
    let remedy = remedy(&Machine::read(), failure);
    EnterError::Refused {
        step: failure.step,
        errno: failure.errno,
        remedy,
    }
}
