//! The two clocks that a fault can move.

use std::fmt;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A clock of a process, and those that move with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// `CLOCK_REALTIME`, `CLOCK_REALTIME_COARSE` and `CLOCK_TAI`; `gettimeofday` and `time`.
    Realtime,
    /// `CLOCK_MONOTONIC`, its `_RAW` and `_COARSE` kin, and `CLOCK_BOOTTIME`.
    Monotonic,
}

impl Clock {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Realtime, Self::Monotonic];

    /// What this clock reads in the calling process, in nanoseconds.
    #[must_use]
    pub fn now_ns(self) -> i64 {
        let id = match self {
            Self::Realtime => ClockId::CLOCK_REALTIME,
            Self::Monotonic => ClockId::CLOCK_MONOTONIC,
        };
        let now = clock_gettime(id).expect("every Linux has both clocks");
        now.tv_sec() * 1_000_000_000 + now.tv_nsec()
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Realtime => "realtime",
            Self::Monotonic => "monotonic",
        })
    }
}
