//! Clocks of one process, moved while it runs.
//!
//! A Linux program reads its clocks in the vDSO, a few pages of code that the kernel maps into
//! every process. [`ProcessClock`] writes a small payload into the zero padding behind that code and
//! a jump to it over the entry of `clock_gettime`, `gettimeofday` and `time`. The payload calls the
//! real function and maps its answer by a [timeline](Timeline): real nanoseconds in, skewed
//! nanoseconds out. Only this process sees it; the host's clock is never touched. No root is needed,
//! only the right to trace the process, which a parent has.
//!
//! - [`line`](Timeline): the map, piecewise linear
//! - `control`: where the payload finds it, and how it is replaced while readers read
//! - `vdso`: symbols and padding of a vDSO image
//! - `payload_x86_64`: the code; another architecture is another file
//! - `inject`: stop the threads, patch, let go
//! - `spawn`: a process whose clock is skewed from its first instruction
//! - `probe`: whether all this works here
//!
//! # What is out of reach
//! - Readers that avoid the vDSO: raw system calls (a node's trace uses one on purpose), `rdtsc`,
//!   time stamps of files.
//! - Waiting happens in the kernel, in real time. A *relative* timeout is right under a step, and in
//!   real time under a rate: tokio with its I/O driver, `thread::sleep`, `epoll_wait`, Go. An
//!   *absolute* deadline computed from a moved monotonic clock is wrong by its skew:
//!   `Condvar::wait_timeout`, `park_timeout`, `recv_timeout`, tokio *without* the I/O driver,
//!   `pthread_cond_timedwait`, `clock_nanosleep(TIMER_ABSTIME)`, `timerfd` with `TFD_TIMER_ABSTIME`.
//! - A forked child keeps the skew that it was born with; `exec` takes it off.
//! - `CLOCK_MONOTONIC_RAW`, `CLOCK_BOOTTIME` and `CLOCK_TAI` follow the map of their kin by their own
//!   reading: where that is far from it (after a suspend), a change of rate makes them jump.
//! - Injecting into a running process interrupts its system calls once: `epoll_wait` and
//!   `nanosleep` may return `EINTR`, which every correct program bears.

mod clock;
mod control;
mod error;
mod inject;
mod line;
#[cfg(target_arch = "x86_64")]
#[path = "payload_x86_64.rs"]
mod payload;
#[cfg(not(target_arch = "x86_64"))]
#[path = "payload_absent.rs"]
mod payload;
mod probe;
mod process_clock;
mod ptrace;
mod spawn;
mod vdso;

pub use clock::Clock;
pub use error::ClockError;
pub use line::{Line, Timeline, Timelines};
pub use probe::supported;
pub use process_clock::ProcessClock;
