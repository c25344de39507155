//! Kill: SIGKILL, or SIGTERM for a node that shall end in order.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use shakedown_history::Evidence;

use crate::error::AgentError;
use crate::protocol::{Exit, KillSignal};
use crate::supervisor::Node;

/// Signals the node and waits until it is reaped.
pub(crate) fn kill(
    node: &mut Node,
    signal: KillSignal,
    deadline_ms: u64,
) -> Result<(Exit, Evidence), AgentError> {
    let signal = Signal::from(signal);
    let process = node.process()?;
    let pid = process.pid;
    let started = Instant::now();
    // If it is dead already, and nobody has noticed yet, this kill did not do it.
    let too_late = process.wait_for_exit(Duration::ZERO)?;
    process.signal(signal)?;
    let paused = matches!(node, Node::Paused(..));
    let continued = paused && signal != Signal::SIGKILL;
    if continued {
        // A stopped process cannot react to anything but SIGKILL.
        process.signal(Signal::SIGCONT)?;
    }
    if !process.wait_for_exit(Duration::from_millis(deadline_ms))? {
        if continued {
            process.signal(Signal::SIGSTOP)?;
        }
        return Err(AgentError::Outlived {
            pid,
            signal: signal.as_str(),
            deadline_ms,
        });
    }
    let took = started.elapsed();
    let exit = node.reap()?.expect("it was a process a moment ago");
    let bit = !too_late && (signal != Signal::SIGKILL || exit == Exit::Signal(signal as i32));
    let how = if too_late {
        "had ended before"
    } else {
        "ended"
    };
    let summary = format!(
        "{signal}: process {pid} {how} with {exit}, {:.1} ms after the signal",
        took.as_secs_f64() * 1e3
    );
    let detail = json!({
        "pid": pid,
        "signal": signal.as_str(),
        "exit": exit,
        "took_ns": u64::try_from(took.as_nanos()).expect("a short time"),
        "was_paused": paused,
    });
    Ok((
        exit,
        Evidence {
            node: None,
            bit,
            summary,
            detail,
        },
    ))
}
