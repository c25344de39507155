//! The places in the nodes' traces that show an anomaly, each with the records around it.

use maud::{Markup, html};
use shakedown_checker::{Anomaly, TraceRef};
use shakedown_history::{Segment, TraceRecord};

use crate::op_refs;
use crate::page::{Run, RunPage};
use crate::time;

/// How many records before and after a place are shown with it.
const AROUND: u64 = 3;

/// More places than this are not listed.
const PLACES_MAX: usize = 60;

pub(crate) fn render(anomaly: &Anomaly, run: &Run<'_>) -> Markup {
    let places = shown(anomaly);
    html! {
        div.trace {
            h4 { "What the nodes' traces say" }
            ol.places {
                @for (i, place) in places.iter().enumerate() { li { (render_place(i + 1, place, run.page)) } }
            }
            @if anomaly.trace.len() > places.len() {
                p.remark { (anomaly.trace.len() - places.len()) " more places are in verdict.json." }
            }
        }
    }
}

/// The places that the page shows.
pub(crate) fn shown(anomaly: &Anomaly) -> &[TraceRef] {
    &anomaly.trace[..anomaly.trace.len().min(PLACES_MAX)]
}

fn render_place(number: usize, place: &TraceRef, page: &RunPage) -> Markup {
    let origin = page.header.origin_mono_ns;
    let time = (origin > 0 && place.mono >= origin).then(|| time::moment(place.mono - origin));
    let around = segment(place, page)
        .map(|s| around(s, place.seq))
        .unwrap_or_default();
    html! {
        p {
            (op_refs::circled(number)) " " (what(place))
            span.where {
                @if let Some(time) = time { (time) " · " }
                "start " (place.incarnation) ", record " (place.seq)
            }
        }
        @if !around.is_empty() {
            details {
                summary { "trace/" (place.node) ".jsonl around it" }
                pre { @for record in around { (line(record, place.seq)) } }
            }
        }
    }
}

/// The record in words, its node in bold; some checkers name the node themselves.
fn what(place: &TraceRef) -> Markup {
    let node = place.node.to_string();
    let rest = place
        .what
        .strip_prefix(&node)
        .filter(|rest| rest.starts_with(' '));
    html! { span.node-name { (node) } " " (rest.unwrap_or(&place.what).trim_start()) }
}

fn segment<'a>(place: &TraceRef, page: &'a RunPage) -> Option<&'a Segment> {
    let trace = page.traces.iter().find(|t| t.node == place.node)?;
    trace
        .segments
        .iter()
        .find(|s| s.header.incarnation == place.incarnation)
}

fn around(segment: &Segment, seq: u64) -> Vec<&TraceRecord> {
    let near = seq.saturating_sub(AROUND)..=seq + AROUND;
    segment
        .records
        .iter()
        .filter(|r| near.contains(&r.seq))
        .collect()
}

fn line(record: &TraceRecord, seq: u64) -> Markup {
    let text = serde_json::to_string(record).expect("a record was read from JSON");
    html! { @if record.seq == seq { mark { (text) } } @else { (text) } "\n" }
}
