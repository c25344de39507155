//! Whether clocks can be moved on this machine: tried on a short-lived child.

#![expect(unsafe_code, reason = "fork")]

use std::io::{self, PipeReader, PipeWriter, Read, Write};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use crate::Clock;
use crate::error::ClockError;
use crate::process_clock::ProcessClock;

const STEP_NS: i64 = 3_600_000_000_000;
/// How far apart two processes may read the same clock on a machine under load.
const TOLERANCE_NS: i64 = 60_000_000_000;

/// Starts a child, moves its clock, and asks the child what it reads.
///
/// # Errors
/// Why clocks cannot be moved here.
pub fn supported() -> Result<(), ClockError> {
    let child = Asked::start().map_err(|source| ClockError::Spawn {
        program: "a probe (a fork of this program)".to_owned(),
        source,
    })?;
    let pid = child.pid.as_raw();
    let clock = ProcessClock::inject(pid)?;
    clock.step(Clock::Realtime, STEP_NS)?;
    let reads = child.read_clock().map_err(|_| ClockError::Ended { pid })?;
    let seen_ns = reads - Clock::Realtime.now_ns();
    if (seen_ns - STEP_NS).abs() > TOLERANCE_NS {
        return Err(ClockError::NoEffect {
            seen_ns,
            wanted_ns: STEP_NS,
        });
    }
    Ok(())
}

/// A child that answers each byte with the eight bytes of its realtime clock. It ends with this.
struct Asked {
    pid: Pid,
    question: PipeWriter,
    answer: PipeReader,
}

impl Asked {
    fn start() -> io::Result<Self> {
        let (question_out, question) = io::pipe()?;
        let (answer, answer_in) = io::pipe()?;
        // SAFETY: the child makes only async-signal-safe calls (read, clock_gettime, write, _exit),
        // allocates nothing and never returns.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self {
                pid: child,
                question,
                answer,
            }),
            ForkResult::Child => {
                drop(question);
                answer_questions(question_out, answer_in);
                // SAFETY: _exit takes the process away without running anything of the parent's.
                unsafe { libc::_exit(0) }
            }
        }
    }

    fn read_clock(&self) -> io::Result<i64> {
        (&self.question).write_all(b"?")?;
        let mut answer = [0; 8];
        (&self.answer).read_exact(&mut answer)?;
        Ok(i64::from_le_bytes(answer))
    }
}

/// Until the parent is gone.
fn answer_questions(mut questions: PipeReader, mut answers: PipeWriter) {
    let mut byte = [0; 1];
    while questions.read_exact(&mut byte).is_ok() {
        let now = Clock::Realtime.now_ns();
        if answers.write_all(&now.to_le_bytes()).is_err() {
            return;
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Our own child, not reaped yet: the number cannot be anybody else's.
        kill(self.pid, Signal::SIGKILL).ok();
        waitpid(self.pid, None).ok();
    }
}
