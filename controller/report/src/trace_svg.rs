//! A drawing of an anomaly in the nodes' traces: a lane a node, its role behind, numbered marks where the
//! argument points, on true time.

use maud::{Markup, html};
use shakedown_checker::TraceRef;
use shakedown_history::NodeId;

use crate::axis::BrokenAxis;
use crate::axis_svg;
use crate::coordinate::px;
use crate::page::Run;
use crate::roles::{NodeState, Span};
use crate::time;

const WIDTH: f64 = 780.0;
const X0: f64 = 56.0;
const X1: f64 = 756.0;
const TOP: f64 = 30.0;
const LANE_HEIGHT: f64 = 40.0;
const RADIUS: f64 = 10.0;

/// How much room a role needs to be written out.
const TEXT_ROOM: f64 = 110.0;

/// Draws the places; none where their stamps are not on the run's clock, or there is nothing to compare.
pub(crate) fn render(places: &[TraceRef], run: &Run<'_>) -> Option<Markup> {
    let origin = run.page.header.origin_mono_ns;
    let on_clock = origin > 0 && places.iter().all(|p| p.mono >= origin);
    if places.len() < 2 || !on_clock {
        return None;
    }
    let marks = marks(places, origin);
    let mut moments: Vec<u64> = marks.iter().map(|m| m.time).collect();
    moments.sort_unstable();
    let axis = BrokenAxis::over(&moments, X0 + RADIUS, X1 - RADIUS);
    let mut nodes: Vec<NodeId> = marks.iter().map(|m| m.place.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let mut top = TOP;
    let lanes = nodes.into_iter().map(|node| {
        let lane = Lane::of(node, top, &marks, &axis);
        top += lane.height;
        lane
    });
    let lanes: Vec<Lane<'_>> = lanes.collect();
    Some(html! {
        svg.history.places-drawing viewBox=(format!("0 0 {WIDTH} {}", px(top + 4.0))) role="img"
            aria-label=(format!("The {} places in the nodes' traces on true time", places.len())) {
            (axis_svg::render(&axis, top))
            @for lane in &lanes { (draw_lane(lane, run, &axis)) }
        }
    })
}

/// A place with its number and its time.
#[derive(Clone, Copy)]
struct Mark<'a> {
    number: usize,
    time: u64,
    place: &'a TraceRef,
}

fn marks(places: &[TraceRef], origin: u64) -> Vec<Mark<'_>> {
    let numbered = places.iter().enumerate();
    numbered
        .map(|(i, place)| Mark {
            number: i + 1,
            time: place.mono - origin,
            place,
        })
        .collect()
}

struct Lane<'a> {
    node: NodeId,
    top: f64,
    height: f64,
    /// Marks with their level: those that would hide each other stand on different levels.
    marks: Vec<(Mark<'a>, f64)>,
}

impl<'a> Lane<'a> {
    fn of(node: NodeId, top: f64, marks: &[Mark<'a>], axis: &BrokenAxis) -> Self {
        let mut placed: Vec<(Mark<'a>, f64)> = Vec::new();
        let mut deepest = 0.0_f64;
        for mark in marks.iter().filter(|m| m.place.node == node) {
            let near =
                |other: &Mark<'_>| (axis.x(other.time) - axis.x(mark.time)).abs() < 2.2 * RADIUS;
            let mut level = 0.0;
            while placed.iter().any(|(other, l)| *l == level && near(other)) {
                level += 1.0;
            }
            deepest = deepest.max(level);
            placed.push((*mark, level));
        }
        Self {
            node,
            top,
            height: LANE_HEIGHT + deepest * 2.2 * RADIUS,
            marks: placed,
        }
    }
}

fn draw_lane(lane: &Lane<'_>, run: &Run<'_>, axis: &BrokenAxis) -> Markup {
    let middle = lane.top + LANE_HEIGHT / 2.0;
    let roles = run
        .lanes
        .iter()
        .filter(|l| l.node == lane.node)
        .flat_map(|l| &l.spans);
    html! {
        g {
            text.node x="4" y=(px(middle + 4.0)) { (lane.node) }
            line.lane x1=(px(X0)) x2=(px(X1)) y1=(px(middle)) y2=(px(middle)) {}
            @for span in roles { (draw_role(span, lane, axis)) }
            @for (mark, level) in &lane.marks {
                @let x = axis.x(mark.time);
                @let y = middle + level * 2.2 * RADIUS;
                g {
                    title { (mark.number) ". " (mark.place.what) ", " (time::moment(mark.time)) }
                    circle.number-ring cx=(px(x)) cy=(px(y)) r=(px(RADIUS)) {}
                    text.number x=(px(x)) y=(px(y + 4.0)) text-anchor="middle" { (mark.number) }
                }
            }
        }
    }
}

/// What the node was, behind its marks; a follower's lane stays a line.
fn draw_role(span: &Span, lane: &Lane<'_>, axis: &BrokenAxis) -> Markup {
    let (first, last) = (axis.pieces[0].from, axis.pieces[axis.pieces.len() - 1].to);
    if span.to <= first || span.from >= last {
        return html! {};
    }
    // What reaches beyond the drawing runs to its edge.
    let left = if span.from < first {
        X0
    } else {
        axis.x(span.from)
    };
    let right = if span.to > last { X1 } else { axis.x(span.to) };
    let (class, text) = match span.state {
        NodeState::Leader => ("role leader", format!("★ leader t{}", span.term)),
        NodeState::Candidate => ("role candidate", format!("candidate t{}", span.term)),
        NodeState::Down => ("role down", "down".to_owned()),
        NodeState::Paused => ("role down", "paused".to_owned()),
        NodeState::Follower => return html! {},
    };
    let (top, center) = (lane.top + 5.0, (left + right) / 2.0);
    let has_room = right - left > TEXT_ROOM
        && lane
            .marks
            .iter()
            .all(|(m, _)| (axis.x(m.time) - center).abs() > TEXT_ROOM / 2.0);
    html! {
        g {
            title { (text) }
            rect.(class) x=(px(left)) y=(px(top)) width=(px((right - left).max(1.0))) height=(px(LANE_HEIGHT - 10.0)) rx="2" {}
            @if has_room {
                text x=(px(center)) y=(px(lane.top + LANE_HEIGHT / 2.0 + 4.0)) text-anchor="middle" { (text) }
            }
        }
    }
}
