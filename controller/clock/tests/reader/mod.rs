//! The `clock-reader` program under test, and its readings.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use shakedown_clock::{ProcessClock, Timeline, Timelines};

/// A running `clock-reader`; killed when dropped.
pub(crate) struct Reader {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// One clock: a raw system call, the vDSO, a raw system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) raw_before: i64,
    pub(crate) vdso: i64,
    pub(crate) raw_after: i64,
}

impl Reading {
    /// The least and the most that the vDSO may be ahead of the real clock, by what was read.
    pub(crate) fn skew_bounds(&self) -> std::ops::RangeInclusive<i64> {
        self.vdso - self.raw_after..=self.vdso - self.raw_before
    }

    /// Whether the vDSO reads as this timeline says, to the nanosecond that its neighbours allow.
    pub(crate) fn follows(&self, timeline: &Timeline) -> bool {
        (timeline.at(self.raw_before)..=timeline.at(self.raw_after)).contains(&self.vdso)
    }
}

/// What the program prints on demand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readings {
    pub(crate) realtime: Reading,
    pub(crate) monotonic: Reading,
    pub(crate) system_time: i64,
    pub(crate) gettimeofday: i64,
    pub(crate) time: i64,
    pub(crate) instant_elapsed: i64,
}

/// What `clock-reader hammer` counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hammered {
    /// Readings of a clock.
    pub(crate) reads: u64,
    /// How many of them went back.
    pub(crate) backward: u64,
    /// Real-time signals that arrived.
    pub(crate) signals: u64,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clock-reader"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

impl Reader {
    /// Starts it, and takes what it reads first.
    pub(crate) fn start() -> (Self, Readings) {
        Self::first(command().spawn().expect("clock-reader starts"))
    }

    /// Starts it with its clocks moved already.
    pub(crate) fn spawn_injected(timelines: &Timelines) -> (Self, Readings, ProcessClock) {
        let (child, clock) = ProcessClock::spawn(command(), timelines).expect("spawns injected");
        let (reader, first) = Self::first(child);
        (reader, first, clock)
    }

    /// Starts `clock-reader hammer`, once its threads read.
    pub(crate) fn hammer(threads: usize) -> Self {
        let mut command = command();
        command.arg("hammer").arg(threads.to_string());
        let mut reader = Self::new(command.spawn().expect("clock-reader starts"));
        assert_eq!(reader.line(), "ready\n");
        reader
    }

    fn new(mut child: Child) -> Self {
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            stdin,
            stdout,
        }
    }

    fn first(child: Child) -> (Self, Readings) {
        let mut reader = Self::new(child);
        let first = reader.parse();
        (reader, first)
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id is positive")
    }

    /// Asks for another line of readings.
    pub(crate) fn read(&mut self) -> Readings {
        self.stdin
            .as_mut()
            .expect("open")
            .write_all(b"\n")
            .expect("it listens");
        self.parse()
    }

    /// Ends the hammering.
    pub(crate) fn finish(mut self) -> Hammered {
        drop(self.stdin.take());
        let mut text = String::new();
        self.stdout
            .read_to_string(&mut text)
            .expect("it prints a summary");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        let numbers: Vec<u64> = text
            .split_whitespace()
            .map(|w| w.parse().expect("a number"))
            .collect();
        Hammered {
            reads: numbers[0],
            backward: numbers[1],
            signals: numbers[2],
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it prints text");
        line
    }

    fn parse(&mut self) -> Readings {
        let line = self.line();
        let n: Vec<i64> = line
            .split_whitespace()
            .map(|word| word.parse().expect("a number"))
            .collect();
        assert_eq!(n.len(), 10, "clock-reader printed {line:?}");
        let reading = |at| Reading {
            raw_before: n[at],
            vdso: n[at + 1],
            raw_after: n[at + 2],
        };
        Readings {
            realtime: reading(0),
            monotonic: reading(3),
            system_time: n[6],
            gettimeofday: n[7],
            time: n[8],
            instant_elapsed: n[9],
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
