//! Clock: one node's clocks moved, with evidence from both ends: the control block says how far the
//! clock should be off, and the node says what it reads.

use std::time::Duration;

use serde_json::{Value, json};
use shakedown_clock::{Clock, ClockError, Line, ProcessClock, Timeline, Timelines};
use shakedown_history::Evidence;

use crate::error::AgentError;
use crate::protocol::StatusSource;
use crate::status;
use crate::supervisor::{Node, Process};

/// How long after its memory a process itself may take to be gone.
const ENDING_TAKES_AT_MOST: Duration = Duration::from_secs(1);
const DOWN: &str = "the node is down; its next start has real clocks";

/// One change of one clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Which clock.
    pub(crate) clock: Clock,
    /// How far it jumps.
    pub(crate) step_ns: i64,
    /// How fast it runs on; none leaves that alone.
    pub(crate) rate: Option<f64>,
}

/// The clock faults in force on a node. They outlive its process: the machine's clock is off, not the
/// process.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    in_force: Option<Timelines>,
}

impl Clocks {
    /// What the node's next process shall read; none if nothing is moved.
    pub(crate) fn in_force(&self) -> Option<&Timelines> {
        self.in_force.as_ref()
    }

    /// Moves a clock of the running node.
    pub(crate) fn set(
        &mut self,
        process: &Process,
        change: Change,
        status: Option<&StatusSource>,
    ) -> Result<Evidence, AgentError> {
        let Change {
            clock,
            step_ns,
            rate,
        } = change;
        let process_clock = ProcessClock::inject(process.pid)?;
        process_clock.adjust(clock, step_ns, rate)?;
        let timelines = process_clock.timelines()?;
        self.in_force = Some(timelines);
        let mut observed = Observed::of(clock, timelines.of(clock), status);
        observed.detail["step_ns"] = json!(step_ns);
        Ok(observed.evidence(""))
    }

    /// Gives the node its real clocks back. The evidence is about the moment before: under a rate that
    /// is when the clock is furthest off.
    pub(crate) fn reset(
        &mut self,
        node: &Node,
        status: Option<&StatusSource>,
    ) -> Result<Evidence, AgentError> {
        let Some(timelines) = self.in_force else {
            return Ok(without_proof("no clock was moved"));
        };
        let Ok(process) = node.process() else {
            self.in_force = None;
            return Ok(without_proof(DOWN));
        };
        let before: Vec<Observed> = moved(&timelines)
            .map(|(clock, timeline)| Observed::of(clock, timeline, status))
            .collect();
        if let Err(error) = heal(process.pid) {
            // A process that is ending takes its clocks with it; only a living one must be healed.
            if !process.wait_for_exit(ENDING_TAKES_AT_MOST)? {
                return Err(error.into());
            }
            self.in_force = None;
            return Ok(without_proof(DOWN));
        }
        self.in_force = None;
        Ok(combined(before, "until the reset "))
    }

    /// Evidence about a process that was started with the clocks in force.
    pub(crate) fn after_start(&self) -> Vec<Evidence> {
        let timelines = self.in_force.unwrap_or_default();
        moved(&timelines)
            .map(|(clock, timeline)| {
                Observed::of(clock, timeline, None).evidence("from its start ")
            })
            .collect()
    }
}

fn heal(pid: i32) -> Result<(), ClockError> {
    let process_clock = ProcessClock::inject(pid)?;
    Clock::ALL
        .into_iter()
        .try_for_each(|clock| process_clock.reset(clock))
}

fn without_proof(why: &str) -> Evidence {
    Evidence {
        node: None,
        bit: false,
        summary: why.to_owned(),
        detail: Value::Null,
    }
}

/// The clocks that are not real now.
fn moved(timelines: &Timelines) -> impl Iterator<Item = (Clock, &Timeline)> {
    let all = Clock::ALL.map(|clock| (clock, timelines.of(clock)));
    all.into_iter()
        .filter(|(clock, timeline)| is_moved(timeline, clock.now_ns()))
}

fn is_moved(timeline: &Timeline, now_ns: i64) -> bool {
    timeline.at(now_ns) != now_ns || timeline.line_at(now_ns).rate_q32 != Line::REAL.rate_q32
}

fn combined(observed: Vec<Observed>, when: &str) -> Evidence {
    if observed.is_empty() {
        return without_proof("the clocks were set, but to real time");
    }
    let all: Vec<Evidence> = observed.into_iter().map(|one| one.evidence(when)).collect();
    let summaries: Vec<&str> = all
        .iter()
        .map(|evidence| evidence.summary.as_str())
        .collect();
    Evidence {
        node: None,
        bit: all.iter().all(|evidence| evidence.bit),
        summary: summaries.join("; "),
        detail: all.iter().map(|evidence| evidence.detail.clone()).collect(),
    }
}

/// One clock of the node, as both ends see it.
struct Observed {
    /// Whether it is off, and the node, if it was asked, reads it so.
    bit: bool,
    summary: String,
    detail: Value,
}

impl Observed {
    fn of(clock: Clock, timeline: &Timeline, status: Option<&StatusSource>) -> Self {
        let now = clock.now_ns();
        let skew_ns = timeline.at(now) - now;
        let rate = rate(timeline.line_at(now));
        let mut summary = format!("{clock} clock off by {}", seconds(skew_ns));
        if timeline.line_at(now).rate_q32 != Line::REAL.rate_q32 {
            summary += &format!(" and running at {rate:.4} times real time");
        }
        let mut detail = json!({ "clock": clock, "skew_ns": skew_ns, "rate": rate });
        let mut bit = is_moved(timeline, now);
        if let Some(source) = status {
            match Seen::by_node(clock, timeline, source) {
                Ok(seen) => {
                    bit &= seen.as_it_should;
                    summary += &format!(", and the node reads {}", seconds(seen.most_ns));
                    detail["node_reads"] = json!([seen.least_ns, seen.most_ns]);
                }
                Err(reason) => {
                    bit = false;
                    summary += &format!(", but the node did not say what it reads: {reason}");
                }
            }
        }
        Self {
            bit,
            summary,
            detail,
        }
    }

    fn evidence(self, when: &str) -> Evidence {
        let Self {
            bit,
            summary,
            detail,
        } = self;
        Evidence {
            node: None,
            bit,
            summary: format!("{when}{summary}"),
            detail,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(line: Line) -> f64 {
    line.rate_q32 as f64 / Line::REAL.rate_q32 as f64
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn seconds(skew_ns: i64) -> String {
    format!("{:+.3} s", skew_ns as f64 / 1e9)
}

/// What the node reads, against our own clock just before and just after we asked.
struct Seen {
    /// It is ahead by at least this.
    least_ns: i64,
    /// And by at most this.
    most_ns: i64,
    /// Whether it reads what the timeline says.
    as_it_should: bool,
}

impl Seen {
    fn by_node(
        clock: Clock,
        timeline: &Timeline,
        source: &StatusSource,
    ) -> Result<Self, AgentError> {
        let before = clock.now_ns();
        let status = status::get(source)?;
        let after = clock.now_ns();
        let field = format!("{clock}_ns");
        let read = status["clock"][&field]
            .as_i64()
            .ok_or_else(|| AgentError::Status {
                addr: source.addr,
                reason: format!("the answer has no number clock.{field}"),
            })?;
        Ok(Self {
            least_ns: read - after,
            most_ns: read - before,
            as_it_should: (timeline.at(before)..=timeline.at(after)).contains(&read),
        })
    }
}
