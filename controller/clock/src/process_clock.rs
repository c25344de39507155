//! The clocks of one injected process.

use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use crate::Clock;
use crate::control::Control;
use crate::error::ClockError;
use crate::inject::{self, Standstill};
use crate::line::{Line, Timeline, Timelines};
use crate::spawn;

/// A hold on the clocks of a process whose vDSO carries the payload.
///
/// Dropping it changes nothing: the process keeps its skew, and [`ProcessClock::inject`] takes hold
/// again. One holder at a time may move the clocks; two would overwrite each other's changes.
#[derive(Debug)]
pub struct ProcessClock {
    pid: i32,
    control: Control,
}

/// The latest time a clock may be set to: the start of the year 2200.
const LATEST_NS: i64 = 7_258_118_400_000_000_000;

impl ProcessClock {
    /// Takes hold of a running process. Its clocks are not moved by that. The first time its threads
    /// are stopped for a millisecond or a few; later on the payload is found again and nothing is
    /// stopped.
    ///
    /// # Errors
    /// If the process is gone, may not be traced, or has a vDSO that cannot be patched.
    pub fn inject(pid: i32) -> Result<Self, ClockError> {
        let control = match inject::find(pid)? {
            Some(control) => control,
            None => inject::inject(pid, Standstill::Needed, &Timelines::default())?,
        };
        Ok(Self { pid, control })
    }

    /// Starts a program whose clocks follow `timelines` from its first instruction on.
    ///
    /// The calling thread traces the child until this returns.
    ///
    /// # Errors
    /// If the program cannot be started or its vDSO not be patched; then nothing is left running.
    pub fn spawn(command: Command, timelines: &Timelines) -> Result<(Child, Self), ClockError> {
        let (child, control) = spawn::spawn(command, timelines)?;
        let pid = i32::try_from(child.id()).expect("a process id is positive");
        Ok((child, Self { pid, control }))
    }

    /// Which process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Lets a clock jump by so many nanoseconds. Returns once it has.
    ///
    /// # Errors
    /// If a monotonic clock shall go back, the clock would leave the years 1970 to 2200, or the
    /// process is gone.
    pub fn step(&self, clock: Clock, step_ns: i64) -> Result<(), ClockError> {
        self.adjust(clock, step_ns, None)
    }

    /// Lets a clock run at `rate` times real time from now on, without a jump: 1.0 is real, 0.0
    /// stands still. Returns once it does.
    ///
    /// # Errors
    /// If the rate is not within 0 to 100, or the process is gone.
    pub fn set_rate(&self, clock: Clock, rate: f64) -> Result<(), ClockError> {
        self.adjust(clock, 0, Some(rate))
    }

    /// [`ProcessClock::step`] and [`ProcessClock::set_rate`] at the same instant.
    ///
    /// # Errors
    /// As those two.
    pub fn adjust(&self, clock: Clock, step_ns: i64, rate: Option<f64>) -> Result<(), ClockError> {
        if clock == Clock::Monotonic && step_ns < 0 {
            return Err(ClockError::Backward { step_ns });
        }
        let rate_q32 = rate.map(to_q32).transpose()?;
        self.change(clock, |timeline, switch_ns| {
            let changed = timeline.changed(switch_ns, step_ns, rate_q32);
            if !(0..LATEST_NS).contains(&changed.after.base_ns) {
                return Err(ClockError::OutOfRange { clock, step_ns });
            }
            Ok(changed)
        })
    }

    /// Heals a clock. The realtime clock returns to real time at once. So does a monotonic clock that
    /// is behind; one that is ahead returns to the real *rate* and keeps its lead, because it can
    /// never go back: its origin has no meaning anyhow, and the next process starts without the lead.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn reset(&self, clock: Clock) -> Result<(), ClockError> {
        let real_rate = Some(Line::REAL.rate_q32);
        self.change(clock, |timeline, switch_ns| {
            let lead_ns = timeline.at(switch_ns) - switch_ns;
            Ok(match clock {
                Clock::Monotonic if lead_ns > 0 => timeline.changed(switch_ns, 0, real_rate),
                _ => timeline.changed(switch_ns, -lead_ns, real_rate),
            })
        })
    }

    /// How far a clock is ahead of the host's, in nanoseconds, by the control block.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn skew(&self, clock: Clock) -> Result<i64, ClockError> {
        let timelines = self.control.read()?;
        let now = clock.now_ns();
        Ok(timelines.of(clock).at(now) - now)
    }

    /// The timelines in force, to give them to the next process.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn timelines(&self) -> Result<Timelines, ClockError> {
        self.control.read()
    }

    /// Schedules a change shortly ahead, and waits until it is in force. A reader must never have seen
    /// the time of the switch before it knows of the change; so if we were held up until half of the
    /// lead was gone, the switch is set anew.
    fn change(
        &self,
        clock: Clock,
        changed: impl Fn(&Timeline, i64) -> Result<Timeline, ClockError>,
    ) -> Result<(), ClockError> {
        let lead_ns = lead_ns(clock);
        let current = self.control.read()?;
        // Of a holder before us, which was cut off within its lead.
        wait_until(clock, current.of(clock).switch_ns(), lead_ns);
        loop {
            let switch_ns = clock.now_ns() + lead_ns;
            let mut next = current;
            *next.of_mut(clock) = changed(current.of(clock), switch_ns)?;
            self.control.fill(&next)?;
            if clock.now_ns() <= switch_ns - lead_ns / 2 {
                self.control.flip()?;
                wait_until(clock, switch_ns, lead_ns);
                return Ok(());
            }
        }
    }
}

/// How far ahead a change is scheduled. For the monotonic clock more than we can be preempted
/// for between the last look at the clock and the store; measured: 0.3 ms is too little.
fn lead_ns(clock: Clock) -> i64 {
    match clock {
        Clock::Realtime => 2_000_000,
        Clock::Monotonic => 15_000_000,
    }
}

/// Waits until the host's clock has reached `instant_ns`, which is at most `lead_ns` away, unless
/// somebody sets that clock meanwhile.
fn wait_until(clock: Clock, instant_ns: i64, lead_ns: i64) {
    let started = Clock::Monotonic.now_ns();
    while clock.now_ns() < instant_ns && Clock::Monotonic.now_ns() - started < 2 * lead_ns {
        thread::sleep(Duration::from_micros(100));
    }
}

/// A rate in 32.32 fixed point.
fn to_q32(rate: f64) -> Result<i64, ClockError> {
    if !(0.0..=100.0).contains(&rate) {
        return Err(ClockError::Rate { rate });
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 100 × 2³²")]
    Ok((rate * 4_294_967_296.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_fixed_point_and_within_bounds() {
        assert_eq!(to_q32(1.0).unwrap(), 1 << 32);
        assert_eq!(to_q32(0.5).unwrap(), 1 << 31);
        for rate in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert!(
                to_q32(rate)
                    .unwrap_err()
                    .to_string()
                    .contains("from 0 to 100")
            );
        }
    }
}
