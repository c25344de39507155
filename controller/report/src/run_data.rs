//! The run as `assets/timeline.js` and `assets/ops.js` read it: columns of numbers, packed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shakedown_history::ProcessId;

use crate::blob;
use crate::lanes::{self, FaultBand};
use crate::page::RunPage;
use crate::pairs::{self, Outcome, Pair};
use crate::roles::{self, NodeLane};
use crate::sample::{self, Interest};
use crate::verdict_words::thousands;

/// More ops than this are sampled.
const OPS_MAX: usize = 100_000;

/// The packed data is at most this long, so that a page stays below 1.5 MB.
const BASE64_BYTES_MAX: usize = 1_350_000;

/// How many characters of a value or an error are kept; less where the page would grow too large.
const TEXT_CHARS: [usize; 3] = [160, 60, 24];

/// The whole run's ops, before anything is left out.
pub(crate) struct RunData<'a> {
    pub(crate) end_ns: u64,
    pub(crate) pairs: Vec<Pair<'a>>,
    /// Positions among `pairs` of the ops of anomalies.
    pub(crate) anomalous: BTreeSet<usize>,
    pub(crate) process_lanes: BTreeMap<ProcessId, usize>,
    pub(crate) fault_bands: Vec<FaultBand<'a>>,
}

impl<'a> RunData<'a> {
    pub(crate) fn gather(page: &'a RunPage, end_ns: u64) -> Self {
        let pairs = page
            .history
            .as_ref()
            .map(Pair::of_history)
            .unwrap_or_default();
        let suspects: BTreeSet<u64> = page
            .verdict
            .anomalies()
            .flat_map(|a| &a.ops)
            .map(|op| op.index)
            .collect();
        let is_suspect = |p: &Pair<'_>| {
            suspects.contains(&p.invoke.index)
                || p.completion.is_some_and(|c| suspects.contains(&c.index))
        };
        let anomalous = (0..pairs.len())
            .filter(|i| is_suspect(&pairs[*i]))
            .collect();
        let process_lanes = lanes::process_lanes(&pairs);
        let fault_bands = lanes::fault_bands(&page.faults, end_ns);
        Self {
            end_ns,
            pairs,
            anomalous,
            process_lanes,
            fault_bands,
        }
    }
}

/// When the run ended, as far as its records tell: the last op's or fault's time, else the last
/// trace record's; none where nothing was recorded. In nanoseconds since the start, never zero.
pub(crate) fn end_ns(page: &RunPage) -> Option<u64> {
    let ops = page.history.iter().flat_map(|h| h.ops()).map(|op| op.time);
    let faults = page
        .faults
        .iter()
        .flat_map(|f| [f.injected, f.healed])
        .flatten();
    let recorded = ops.chain(faults).max().filter(|end| *end > 0);
    let origin = page.header.origin_mono_ns;
    let traced = || {
        let segments = page.traces.iter().flat_map(|t| &t.segments);
        let stamps = segments
            .flat_map(|s| &s.records)
            .map(|r| r.mono.saturating_sub(origin));
        stamps.max().filter(|end| *end > 0 && origin > 0)
    };
    recorded.or_else(traced)
}

/// The data as text for the page, and what was left out of it.
pub(crate) struct Packed {
    pub(crate) base64: String,
    pub(crate) remark: Option<String>,
}

/// Packs the run, leaving out as little as the page's size allows.
pub(crate) fn pack(data: &RunData<'_>, page: &RunPage, lanes: &[NodeLane]) -> Packed {
    let mut moments: Vec<u64> = data
        .fault_bands
        .iter()
        .flat_map(|b| [b.from, b.to])
        .collect();
    moments.extend(roles::elections(lanes).iter().map(|(time, _, _)| *time));
    moments.sort_unstable();
    let interest = Interest {
        anomalous: &data.anomalous,
        moments: &moments,
        seed: page.header.seed,
    };
    let mut ops_max = OPS_MAX;
    loop {
        let kept = sample::choose(&data.pairs, ops_max, &interest);
        for text_chars in TEXT_CHARS {
            let base64 = blob::encode(&columns(data, &kept, lanes, text_chars));
            let smallest = ops_max == 1;
            if base64.len() <= BASE64_BYTES_MAX || smallest {
                return Packed {
                    base64,
                    remark: remark(kept.len(), data.pairs.len()),
                };
            }
        }
        ops_max = (ops_max.min(data.pairs.len()) / 2).max(1);
    }
}

fn remark(kept: usize, all: usize) -> Option<String> {
    (kept < all).then(|| {
        format!(
            "{} of {} ops are in the timeline and the table: every op of every anomaly, then those \
             within a second of a fault or an election, then a sample. history.jsonl has all.",
            thousands(kept as u64),
            thousands(all as u64)
        )
    })
}

/// What the page's script reads. Times are microseconds since the run's start.
#[derive(Serialize)]
struct Columns {
    end: u64,
    ops: Ops,
    /// `[process, lane]`
    processes: Vec<(u64, usize)>,
    nodes: Vec<Node>,
    faults: Vec<Fault>,
}

#[derive(Default, Serialize)]
struct Ops {
    /// Of the invocation; each less the one before.
    index: Vec<u64>,
    /// Of the completion, less the invocation's; 0 for none.
    completion: Vec<u64>,
    /// Each less the one before.
    start: Vec<u64>,
    /// -1 for an op that never returned.
    duration: Vec<i64>,
    process: Vec<u64>,
    kind: Vec<u8>,
    f: Interned,
    key: Interned,
    node: Interned,
    error: Interned,
    value: Vec<String>,
    /// Positions of the ops of anomalies.
    anomalous: Vec<usize>,
    /// Positions of the final reads.
    #[serde(rename = "final")]
    final_reads: Vec<usize>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    /// `[from, to, state, term]`
    spans: Vec<(u64, u64, char, u64)>,
}

#[derive(Serialize)]
struct Fault {
    family: String,
    summary: String,
    from: u64,
    to: u64,
    lane: usize,
    bit: bool,
}

/// A column of few different texts: each text once, and a number a row; 0 stands for none.
#[derive(Default, Serialize)]
struct Interned {
    texts: Vec<String>,
    rows: Vec<usize>,
    #[serde(skip)]
    known: BTreeMap<String, usize>,
}

impl Interned {
    fn push(&mut self, text: Option<&str>) {
        let row = text.map_or(0, |text| match self.known.get(text) {
            Some(number) => *number,
            None => {
                self.texts.push(text.to_owned());
                self.known.insert(text.to_owned(), self.texts.len());
                self.texts.len()
            }
        });
        self.rows.push(row);
    }
}

fn columns(data: &RunData<'_>, kept: &[usize], lanes: &[NodeLane], text_chars: usize) -> Columns {
    let spans = |lane: &NodeLane| {
        lane.spans
            .iter()
            .map(|s| (s.from / 1000, s.to / 1000, s.state.letter(), s.term))
            .collect()
    };
    let fault = |band: &FaultBand<'_>| Fault {
        family: pairs::shorten(&band.window.spec.family, text_chars),
        summary: pairs::shorten(&band.window.spec.summary, text_chars),
        from: band.from / 1000,
        to: band.to / 1000,
        lane: band.lane,
        bit: band.window.bit(),
    };
    Columns {
        end: data.end_ns.div_ceil(1000),
        ops: ops(data, kept, text_chars),
        processes: data
            .process_lanes
            .iter()
            .map(|(process, lane)| (process.0, *lane))
            .collect(),
        nodes: lanes
            .iter()
            .map(|lane| Node {
                name: lane.node.to_string(),
                spans: spans(lane),
            })
            .collect(),
        faults: data.fault_bands.iter().map(fault).collect(),
    }
}

fn ops(data: &RunData<'_>, kept: &[usize], text_chars: usize) -> Ops {
    let mut ops = Ops::default();
    let (mut last_index, mut last_start) = (0, 0);
    for (position, pair) in kept.iter().map(|i| &data.pairs[*i]).enumerate() {
        let (index, start) = (pair.invoke.index, pair.start_ns() / 1000);
        ops.index.push(index - last_index);
        ops.start.push(start - last_start);
        (last_index, last_start) = (index, start);
        ops.completion
            .push(pair.completion.map_or(0, |c| c.index - index));
        ops.duration.push(duration_us(pair));
        ops.process.push(pair.invoke.process.0);
        ops.kind.push(pair.outcome() as u8);
        ops.f.push(Some(&pair.invoke.f));
        ops.key.push(pair.invoke.key.as_deref());
        ops.node
            .push(pair.invoke.node.map(|n| n.to_string()).as_deref());
        ops.error.push(
            pair.error()
                .map(|e| pairs::shorten(e, text_chars))
                .as_deref(),
        );
        ops.value
            .push(pairs::shorten(&value_text(pair), text_chars));
        if data.anomalous.contains(&kept[position]) {
            ops.anomalous.push(position);
        }
        if pair.invoke.is_final {
            ops.final_reads.push(position);
        }
    }
    ops
}

fn duration_us(pair: &Pair<'_>) -> i64 {
    let duration = pair.duration_ns().map(|ns| i64::try_from(ns / 1000));
    duration.map_or(-1, |us| us.expect("a run is shorter than 292,000 years"))
}

/// Nothing for an op that has no value; `nil` only where null was the answer.
fn value_text(pair: &Pair<'_>) -> String {
    match pair.value() {
        value if value.is_null() && pair.outcome() != Outcome::Ok => String::new(),
        value => pairs::value_words(value),
    }
}
