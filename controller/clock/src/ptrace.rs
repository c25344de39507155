//! Stopping all threads of a process for a moment.

#![expect(
    unsafe_code,
    reason = "waitid and detach with signals that nix's Signal cannot name"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

use crate::error::ClockError;

/// How long a thread may take to stop. Generous: it may be waiting for a disk that a fault slows.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_micros(50);

/// Threads that stand still; they run on when this is dropped.
pub(crate) struct StoppedThreads {
    /// With each thread the signal that was on its way to it, or 0.
    signals: BTreeMap<i32, i32>,
}

impl StoppedThreads {
    /// For a process that stands still already.
    pub(crate) fn none() -> Self {
        Self {
            signals: BTreeMap::new(),
        }
    }

    /// Stops all threads of `pid`, those too that are born meanwhile.
    pub(crate) fn stop(pid: i32) -> Result<Self, ClockError> {
        let mut stopped = Self::none();
        let mut ended = Vec::new();
        loop {
            let known = |tid: &i32| stopped.signals.contains_key(tid) || ended.contains(tid);
            let fresh: Vec<i32> = thread_ids(pid)?
                .into_iter()
                .filter(|tid| !known(tid))
                .collect();
            if fresh.is_empty() {
                break;
            }
            for tid in fresh {
                match stop_thread(pid, tid)? {
                    Some(signal) => drop(stopped.signals.insert(tid, signal)),
                    None => ended.push(tid),
                }
            }
        }
        if stopped.signals.is_empty() {
            Err(ClockError::Ended { pid })
        } else {
            Ok(stopped)
        }
    }

    /// The threads.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Pid> {
        self.signals.keys().map(|&tid| Pid::from_raw(tid))
    }
}

impl Drop for StoppedThreads {
    fn drop(&mut self) {
        for (&tid, &signal) in &self.signals {
            detach(tid, signal);
        }
    }
}

fn thread_ids(pid: i32) -> Result<Vec<i32>, ClockError> {
    let path = PathBuf::from(format!("/proc/{pid}/task"));
    let failed = |source| ClockError::Process {
        path: path.clone(),
        source,
    };
    let mut ids = Vec::new();
    for entry in fs::read_dir(&path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        ids.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Stops one thread; answers the signal to hand it when it runs on, or none if it has ended.
fn stop_thread(pid: i32, tid: i32) -> Result<Option<i32>, ClockError> {
    let failed = |what| move |source| ClockError::Ptrace { what, tid, source };
    match ptrace::seize(Pid::from_raw(tid), ptrace::Options::empty()) {
        Ok(()) => {}
        Err(Errno::ESRCH) => return Ok(None),
        // As the kernel answers for a zombie: a thread that is ending, or a leader that has ended.
        Err(Errno::EPERM) if is_zombie(pid, tid) => return Ok(None),
        Err(source) => return Err(failed("attach to")(source)),
    }
    match ptrace::interrupt(Pid::from_raw(tid)) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(source) => return Err(failed("interrupt")(source)),
    }
    let started = Instant::now();
    loop {
        match wait_for_change(tid, tid != pid).map_err(failed("wait for"))? {
            Change::Stopped(status) => return Ok(Some(signal_due(status))),
            Change::Ended => return Ok(None),
            Change::None if is_zombie(pid, tid) => return Ok(None),
            Change::None if started.elapsed() < STOP_DEADLINE => thread::sleep(POLL),
            Change::None => {
                let waited_ms = STOP_DEADLINE.as_millis().try_into().expect("a short time");
                return Err(ClockError::WillNotStop {
                    pid,
                    tid,
                    waited_ms,
                });
            }
        }
    }
}

fn is_zombie(pid: i32, tid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    matches!(state, None | Some('Z' | 'X'))
}

/// A stop with an event in its upper bits is our interruption (or a group stop, which the kernel
/// resumes by itself); one without is a signal on its way, which must not be lost.
fn signal_due(status: i32) -> i32 {
    if status >> 8 == 0 { status } else { 0 }
}

/// What a traced thread did since the last look.
enum Change {
    None,
    Stopped(i32),
    Ended,
}

/// A dead thread is reaped only if `reap`: the death of a whole process is for its parent to see,
/// who may be the caller.
fn wait_for_change(tid: i32, reap: bool) -> nix::Result<Change> {
    let ends = if reap { libc::WEXITED } else { 0 };
    let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL | ends;
    // SAFETY: an all-zero siginfo_t is valid, and waitid writes one to a valid place.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let done = unsafe { libc::waitid(libc::P_PID, tid.unsigned_abs(), &raw mut info, options) };
    match Errno::result(done) {
        Err(Errno::EINTR) => return Ok(Change::None),
        Err(Errno::ECHILD) => return Ok(Change::Ended),
        other => other?,
    };
    // SAFETY: waitid leaves si_pid zero where nothing changed and fills both fields otherwise.
    let (changed, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok(match info.si_code {
        _ if changed == 0 => Change::None,
        libc::CLD_TRAPPED | libc::CLD_STOPPED => Change::Stopped(status),
        _ => Change::Ended,
    })
}

/// Lets a stopped thread run on. A thread that was killed meanwhile needs it no more.
fn detach(tid: i32, signal: i32) {
    let signal = ptr::without_provenance_mut::<libc::c_void>(signal.unsigned_abs() as usize);
    // SAFETY: PTRACE_DETACH reads none of our memory; the last argument is a number.
    unsafe {
        libc::ptrace(
            libc::PTRACE_DETACH,
            tid,
            ptr::null_mut::<libc::c_void>(),
            signal,
        )
    };
}
