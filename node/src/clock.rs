//! The two ways to ask for the time.

use nix::time::{ClockId, clock_gettime};

/// A clock's reading through libc's `clock_gettime`, in nanoseconds: what the node itself believes,
/// skewed where somebody skewed it.
///
/// # Panics
/// If the clock is not one that every Linux has.
#[must_use]
pub fn believed_ns(clock: ClockId) -> i64 {
    let now = clock_gettime(clock).expect("every Linux has this clock");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

/// The monotonic clock as the node believes it, in nanoseconds: what its leases go by. A fault that
/// sets it before zero leaves it at zero.
///
/// # Panics
/// Never on Linux.
#[must_use]
pub fn believed_monotonic_ns() -> u64 {
    u64::try_from(believed_ns(ClockId::CLOCK_MONOTONIC)).unwrap_or(0)
}

/// The wall clock as the node believes it, in nanoseconds: what no lease should go by.
///
/// # Panics
/// Never on Linux.
#[must_use]
pub fn believed_realtime_ns() -> u64 {
    u64::try_from(believed_ns(ClockId::CLOCK_REALTIME)).unwrap_or(0)
}

/// The machine's monotonic clock by raw system call, in nanoseconds: a clock fault that patches the
/// vDSO or interposes libc does not reach it.
#[must_use]
pub fn machine_monotonic_ns() -> u64 {
    raw::monotonic_ns()
}

mod raw {
    #![expect(
        unsafe_code,
        reason = "no safe wrapper makes the system call past the vDSO"
    )]

    pub(super) fn monotonic_ns() -> u64 {
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the kernel writes one timespec through the pointer, which points to one that is
        // alive and exclusively ours for the duration of the call.
        let status =
            unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut now) };
        assert_eq!(status, 0, "every Linux has a monotonic clock");
        let part = |n: i64| u64::try_from(n).expect("the monotonic clock counts up from zero");
        part(now.tv_sec) * 1_000_000_000 + part(now.tv_nsec)
    }
}
