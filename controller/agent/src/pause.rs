//! Pause: SIGSTOP, and SIGCONT when the fault ends.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use shakedown_history::Evidence;

use crate::error::AgentError;
use crate::supervisor::{Node, Process};
use crate::threads::Threads;

/// How long threads may take to stop or to run on. One that waits for a slow disk takes as long as that.
const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_micros(200);
/// A process that was stopped all the time consumes nothing; one tick may be booked late.
const TICKS_MAX: u64 = 1;

/// A pause under way.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    since: Instant,
    ticks: u64,
}

/// Stops the node; returns once every thread of it is stopped.
pub(crate) fn pause(node: &mut Node) -> Result<Evidence, AgentError> {
    if let Node::Paused(process, _) = node {
        return Err(AgentError::AlreadyPaused { pid: process.pid });
    }
    let process = node.process()?;
    let pid = process.pid;
    let started = Instant::now();
    process.signal(Signal::SIGSTOP)?;
    let stopped = match wait_until(process, Signal::SIGSTOP, Threads::all_stopped) {
        Ok(threads) => threads,
        Err(error) => {
            process.signal(Signal::SIGCONT)?;
            return Err(error);
        }
    };
    let took = started.elapsed();
    let summary = format!(
        "all {} threads of process {pid} stopped after {:.1} ms",
        stopped.states.len(),
        took.as_secs_f64() * 1e3
    );
    let detail = json!({ "pid": pid, "states": stopped.states, "took_ns": nanoseconds(took) });
    node.now_paused(Pause {
        since: Instant::now(),
        ticks: stopped.ticks,
    });
    Ok(Evidence {
        node: None,
        bit: true,
        summary,
        detail,
    })
}

/// Lets the node run on, and tells whether it really stood still until now.
pub(crate) fn resume(node: &mut Node) -> Result<Evidence, AgentError> {
    let process = node.process()?;
    let pid = process.pid;
    let Node::Paused(process, pause) = &*node else {
        return Err(AgentError::NotPaused { pid });
    };
    let before = look(process)?;
    let paused = pause.since.elapsed();
    let ticks = before.ticks - pause.ticks;
    process.signal(Signal::SIGCONT)?;
    let after = wait_until(process, Signal::SIGCONT, Threads::none_stopped)?;
    let bit = before.all_stopped() && ticks <= TICKS_MAX;
    let stood = if bit {
        "state T"
    } else {
        "NOT stopped all the time"
    };
    let summary = format!(
        "{stood} for {:.3} s, {ticks} ticks of processor time",
        paused.as_secs_f64()
    );
    let detail = json!({
        "pid": pid,
        "paused_ns": nanoseconds(paused),
        "ticks": ticks,
        "states_before": before.states,
        "states_after": after.states,
    });
    node.now_running();
    Ok(Evidence {
        node: None,
        bit,
        summary,
        detail,
    })
}

fn look(process: &Process) -> Result<Threads, AgentError> {
    let what = format!("read the threads of process {} in /proc", process.pid);
    Threads::of(process.pid).map_err(AgentError::system(what))
}

/// Polls until the threads are as they should be.
fn wait_until(
    process: &Process,
    signal: Signal,
    wanted: impl Fn(&Threads) -> bool,
) -> Result<Threads, AgentError> {
    let started = Instant::now();
    loop {
        let threads = look(process)?;
        if wanted(&threads) {
            return Ok(threads);
        }
        if process.wait_for_exit(Duration::ZERO)? {
            return Err(AgentError::EndedMeanwhile { pid: process.pid });
        }
        let waited = started.elapsed();
        if waited >= DEADLINE {
            return Err(AgentError::WrongState {
                pid: process.pid,
                signal: signal.as_str(),
                states: threads.states,
                waited_ms: waited.as_millis(),
            });
        }
        thread::sleep(POLL);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("less than 584 years")
}
