//! The timeline's faults and nodes as plain SVG, for readers without JavaScript.

use maud::{Markup, html};

use crate::coordinate::px;
use crate::page::Run;
use crate::roles::{NodeState, Span};
use crate::time;
use crate::{axis, plots};

const FAULT_HEIGHT: usize = 22;
const NODE_HEIGHT: usize = 26;
const TOP: usize = 24;

pub(crate) fn render(run: &Run<'_>) -> Markup {
    let end_ns = run.data.end_ns;
    let fault_lanes = run
        .data
        .fault_bands
        .iter()
        .map(|b| b.lane + 1)
        .max()
        .unwrap_or(0);
    let nodes_top = TOP + fault_lanes * FAULT_HEIGHT + 8;
    let height = nodes_top + run.lanes.len() * NODE_HEIGHT + 6;
    html! {
        svg.chart viewBox=(format!("0 0 1200 {height}")) role="img" aria-label="Faults, and what each node was when" {
            @for tick in axis::ticks(end_ns, 12) {
                text.tick-label x=(px(plots::x(tick, end_ns))) y="14" text-anchor="middle" { (time::duration(tick)) }
            }
            @for band in &run.data.fault_bands {
                @let top = TOP + band.lane * FAULT_HEIGHT;
                (block(("fault", &band.window.spec.family), (band.from, band.to), end_ns, (top, FAULT_HEIGHT)))
            }
            @for (i, lane) in run.lanes.iter().enumerate() {
                @let top = nodes_top + i * NODE_HEIGHT;
                text.tick-label x="88" y=(top + 17) text-anchor="end" { (lane.node) }
                @for span in &lane.spans {
                    @if let Some(shown) = role(span) {
                        (block((shown.0, &shown.1), (span.from, span.to), end_ns, (top, NODE_HEIGHT)))
                    }
                }
            }
        }
    }
}

/// A class and a text for what is worth a block; following is not.
fn role(span: &Span) -> Option<(&'static str, String)> {
    match span.state {
        NodeState::Follower => None,
        NodeState::Candidate => Some(("role candidate", format!("? t{}", span.term))),
        NodeState::Leader => Some(("role leader", format!("★ t{}", span.term))),
        NodeState::Down => Some(("role down", "down".to_owned())),
        NodeState::Paused => Some(("role down", "paused".to_owned())),
    }
}

/// A stretch of time as a block with its text, in a row given by its top and height.
fn block(
    (class, text): (&str, &str),
    (from, to): (u64, u64),
    end_ns: u64,
    (top, height): (usize, usize),
) -> Markup {
    let width = plots::x(to, end_ns) - plots::x(from, end_ns);
    html! {
        g {
            title { (text) ", " (time::moment(from)) " to " (time::moment(to)) }
            rect.(class) x=(px(plots::x(from, end_ns))) y=(top + 2) width=(px(width.max(1.0))) height=(height - 4) {}
            @if width > 60.0 { text x=(px(plots::x(from, end_ns) + 6.0)) y=(top + height / 2 + 4) { (text) } }
        }
    }
}
