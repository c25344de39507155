//! What can go wrong.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::Clock;

/// A clock could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// There is no payload for this machine's architecture.
    #[error(
        "moving clocks is not supported on this architecture ({arch}): leave clock faults out of the plan"
    )]
    Architecture {
        /// As Rust calls it.
        arch: &'static str,
    },
    /// A file of the process cannot be read or written.
    #[error("{}: {source}; is the process alive, and may we trace it (same user, yama ptrace_scope at most 1)?", path.display())]
    Process {
        /// Which file in `/proc`.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The kernel does not let us write to the process's code.
    #[error(
        "{}: {source} when writing to the vDSO: a kernel with proc_mem.force_override=never or sealed \
         system mappings allows no clock faults", path.display()
    )]
    WriteRefused {
        /// Which file in `/proc`.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The process's vDSO is not as expected.
    #[error("cannot patch the vDSO of process {pid}: {reason}")]
    Vdso {
        /// Which process.
        pid: i32,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread could not be stopped or its registers not be moved.
    #[error(
        "ptrace: cannot {what} thread {tid}: {source}; is another tracer (a debugger) attached?"
    )]
    Ptrace {
        /// What was tried.
        what: &'static str,
        /// Which thread.
        tid: i32,
        /// What the system says.
        source: Errno,
    },
    /// A thread does not stop.
    #[error(
        "thread {tid} of process {pid} did not stop within {waited_ms} ms: it waits uninterruptibly, for \
         a disk that hangs perhaps"
    )]
    WillNotStop {
        /// Which process.
        pid: i32,
        /// Which thread.
        tid: i32,
        /// How long we waited.
        waited_ms: u64,
    },
    /// The process could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// Which program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The process ended before its clock could be moved.
    #[error("process {pid} ended before its clock could be moved")]
    Ended {
        /// Which process.
        pid: i32,
    },
    /// A monotonic clock never goes back.
    #[error(
        "the monotonic clock cannot be stepped by {step_ns} ns: a real kernel never sets it back; slow it instead"
    )]
    Backward {
        /// The step that was asked for.
        step_ns: i64,
    },
    /// Clocks show no time before 1970.
    #[error("a step of {step_ns} ns would set the {clock} clock to before 1970 or after 2200")]
    OutOfRange {
        /// Which clock.
        clock: Clock,
        /// The step that was asked for.
        step_ns: i64,
    },
    /// The rate makes no sense.
    #[error("a clock cannot run at {rate} times real time: give a rate from 0 to 100")]
    Rate {
        /// The rate that was asked for.
        rate: f64,
    },
    /// Injected, but the process does not see it.
    #[error(
        "a probe process was injected but reads {seen_ns} ns of skew instead of {wanted_ns} ns"
    )]
    NoEffect {
        /// What the probe sees.
        seen_ns: i64,
        /// What it should see.
        wanted_ns: i64,
    },
}
