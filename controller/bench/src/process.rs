//! One process of a measured system, which ends with us at the latest.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde::Serialize;

/// How much of a log an error shows.
const LOG_LINES_SHOWN: usize = 8;

/// A running process. Dropped, it is killed and reaped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// How much memory a process has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// Resident at most so far.
    pub peak: u64,
}

impl Process {
    /// Starts a command whose output is appended to `log`. Call it from the main thread: the kernel kills
    /// the process when the thread ends that started it.
    ///
    /// # Errors
    /// If the log cannot be written, or the program not started.
    pub(crate) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        shakedown_sandbox::die_with_parent(&mut command);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// How it ended and what it said last; none while it runs.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        Some(format!("{status}; it said:\n{}", last.join("\n")))
    }

    /// Suspends the process.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        Ok(kill(self.pid(), Signal::SIGSTOP)?)
    }

    /// Lets a suspended process go on.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        Ok(kill(self.pid(), Signal::SIGCONT)?)
    }

    /// How much memory it has.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        parse_memory(&status).context("/proc/PID/status says nothing about memory")
    }

    /// How much processor time it has used.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let ticks = parse_cpu_ticks(&stat).context("/proc/PID/stat has another form")?;
        let per_second = sysconf(SysconfVar::CLK_TCK)?.context("the system has no clock tick")?;
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    fn pid(&self) -> Pid {
        let pid = i32::try_from(self.child.id()).expect("the kernel's pids fit an i32");
        Pid::from_raw(pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL also ends what is suspended. Both calls fail only if it ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_memory(status: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let number = line.trim().strip_suffix(" kB")?;
        number.parse::<u64>().ok()
    };
    Some(Memory {
        resident: kib("VmRSS:")? << 10,
        peak: kib("VmHWM:")? << 10,
    })
}

/// User and system time; the program's name before them may contain anything, even a parenthesis.
fn parse_cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<u64>().ok();
    Some(ticks()? + ticks()?)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn start(script: &str) -> (tempfile::TempDir, Process) {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let process = Process::start(command, &dir.path().join("log")).unwrap();
        (dir, process)
    }

    #[test]
    fn an_end_is_told_with_the_last_words() {
        let (_dir, mut process) = start("echo no such flag >&2; exit 2");
        let deadline = Instant::now() + Duration::from_secs(60);
        let end = loop {
            if let Some(end) = process.ended() {
                break end;
            }
            assert!(Instant::now() < deadline, "it never ends");
            std::thread::yield_now();
        };
        assert!(end.contains("exit status: 2"), "{end}");
        assert!(end.contains("no such flag"), "{end}");
    }

    #[test]
    fn a_suspended_process_is_gone_after_drop() {
        let (_dir, process) = start("exec sleep 1000");
        assert!(process.memory().unwrap().peak > 0);
        process.cpu_time().unwrap();
        process.pause().unwrap();
        let pid = process.pid();
        drop(process);
        assert!(kill(pid, None).is_err(), "it still runs");
    }

    #[test]
    fn the_kernels_words_are_understood() {
        let memory = parse_memory("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n");
        let (resident, peak) = (1 << 20, 2 << 20);
        assert_eq!(memory, Some(Memory { resident, peak }));
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0";
        assert_eq!(parse_cpu_ticks(stat), Some(42));
    }
}
