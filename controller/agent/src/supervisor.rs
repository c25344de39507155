//! The node's process, from start to end.
//!
//! ```text
//! not started ──► running ◄──► paused
//!                  ▲  │           │
//!                  │  ▼           │
//!                 exited ◄────────┘
//! ```

#![expect(unsafe_code, reason = "what the child does between fork and exec")]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpid, getppid};
use shakedown_clock::{ProcessClock, Timelines};

use crate::error::AgentError;
use crate::pause::Pause;
use crate::pidfd::PidFd;
use crate::protocol::{Exit, NodeState, StartNode};

/// The node.
#[derive(Debug)]
pub(crate) enum Node {
    /// It has not been started.
    NotStarted,
    /// It runs.
    Running(Process),
    /// It was stopped by us.
    Paused(Process, Pause),
    /// It has ended and is reaped.
    Exited {
        /// The process that it was.
        pid: i32,
        /// How it ended.
        exit: Exit,
    },
}

impl Node {
    /// Its process, if it has one that lives (or is not reaped yet).
    pub(crate) fn process(&self) -> Result<&Process, AgentError> {
        match self {
            Self::NotStarted => Err(AgentError::NeverStarted),
            Self::Exited { pid, exit } => Err(AgentError::Dead {
                pid: *pid,
                exit: *exit,
            }),
            Self::Running(process) | Self::Paused(process, _) => Ok(process),
        }
    }

    /// For the controller.
    pub(crate) fn state(&self) -> NodeState {
        match self {
            Self::NotStarted => NodeState::NotStarted,
            Self::Exited { pid, exit } => NodeState::Exited {
                pid: *pid,
                exit: *exit,
            },
            Self::Running(Process {
                pid,
                started_unix_ms,
                ..
            }) => NodeState::Running {
                pid: *pid,
                started_unix_ms: *started_unix_ms,
            },
            Self::Paused(
                Process {
                    pid,
                    started_unix_ms,
                    ..
                },
                _,
            ) => NodeState::Stopped {
                pid: *pid,
                started_unix_ms: *started_unix_ms,
            },
        }
    }

    /// Takes note that the running process was stopped.
    pub(crate) fn now_paused(&mut self, pause: Pause) {
        *self = match std::mem::replace(self, Self::NotStarted) {
            Self::Running(process) => Self::Paused(process, pause),
            other => panic!("only a running node can be paused, not {other:?}"),
        };
    }

    /// Takes note that the paused process runs on.
    pub(crate) fn now_running(&mut self) {
        *self = match std::mem::replace(self, Self::NotStarted) {
            Self::Paused(process, _) => Self::Running(process),
            other => panic!("only a paused node can run on, not {other:?}"),
        };
    }

    /// Takes note of the process's end, which must have happened or be certain. Answers how it ended,
    /// or none if there was no process.
    pub(crate) fn reap(&mut self) -> Result<Option<Exit>, AgentError> {
        let (Self::Running(process) | Self::Paused(process, _)) = self else {
            return Ok(None);
        };
        let exit = process.reap()?;
        *self = Self::Exited {
            pid: process.pid,
            exit,
        };
        Ok(Some(exit))
    }

    /// Kills whatever runs. The last resort of an agent that ends.
    pub(crate) fn end(&mut self) -> Result<(), AgentError> {
        if let Ok(process) = self.process() {
            process.signal(Signal::SIGKILL)?;
            self.reap()?;
        }
        Ok(())
    }
}

/// A child of ours, leader of its own process group.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its id, and that of its group.
    pub(crate) pid: i32,
    child: Child,
    pidfd: PidFd,
    started_unix_ms: u64,
}

impl Process {
    /// Starts a node, with moved clocks if there are `timelines` in force. It dies when the calling
    /// thread does.
    pub(crate) fn start(
        start: &StartNode,
        timelines: Option<&Timelines>,
    ) -> Result<Self, AgentError> {
        let command = command(start)?;
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("it is after 1970");
        let child = match timelines {
            Some(timelines) => ProcessClock::spawn(command, timelines)?.0,
            None => spawn(command)?,
        };
        let pid = i32::try_from(child.id()).expect("a process id is positive");
        let pidfd = PidFd::open(pid).map_err(AgentError::system("open a pidfd"))?;
        let started_unix_ms =
            u64::try_from(started.as_millis()).expect("before the year 584 million");
        Ok(Self {
            pid,
            child,
            pidfd,
            started_unix_ms,
        })
    }

    /// Becomes readable at the process's end.
    pub(crate) fn exit_fd(&self) -> &PidFd {
        &self.pidfd
    }

    /// Sends a signal to the node's whole group, so that it reaches what the node started.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), AgentError> {
        // The leader is not reaped, so its number cannot name another group.
        match killpg(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(e) => Err(AgentError::system(format!("send {signal} to {}", self.pid))(e)),
        }
    }

    /// Waits for the process's end; whether it came in time.
    pub(crate) fn wait_for_exit(&self, deadline: Duration) -> Result<bool, AgentError> {
        let started = Instant::now();
        loop {
            let left = deadline.saturating_sub(started.elapsed());
            // Rounded up, so as not to spin through the last millisecond.
            let timeout = PollTimeout::try_from(left.saturating_add(Duration::from_millis(1)));
            let timeout = timeout.unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(0) if started.elapsed() >= deadline => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(e) => return Err(AgentError::system("wait for the node's end")(e)),
            }
        }
    }

    /// Reaps it; what it leaves in its group dies with it.
    fn reap(&mut self) -> Result<Exit, AgentError> {
        self.wait_for_exit(Duration::MAX)?;
        self.signal(Signal::SIGKILL)?;
        let status = self
            .child
            .wait()
            .map_err(AgentError::system("reap the node"))?;
        Ok(exit(status))
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => unreachable!("a reaped process ended by code or by signal"),
    }
}

fn command(start: &StartNode) -> Result<Command, AgentError> {
    let (program, arguments) = start.argv.split_first().ok_or(AgentError::NoProgram)?;
    let log_failed = || AgentError::system(format!("append to the log {}", start.log.display()));
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&start.log);
    let log = log.map_err(log_failed())?;
    let errors = log.try_clone().map_err(log_failed())?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(&start.env)
        .current_dir(&start.workdir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    let agent = getpid();
    // SAFETY: the closure makes two system calls, both async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(move || die_with(agent)) };
    Ok(command)
}

/// Asks the kernel to kill the calling process when `parent` dies; fails if it is dead already.
fn die_with(parent: Pid) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() == parent {
        Ok(())
    } else {
        Err(io::Error::from(Errno::ESRCH))
    }
}

fn spawn(mut command: Command) -> Result<Child, AgentError> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .spawn()
        .map_err(AgentError::system(format!("start {program}")))
}
