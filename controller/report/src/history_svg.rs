//! A drawing of a small sub-history: one row an op, true time from left to right.

use maud::{Markup, html};

use crate::axis::BrokenAxis;
use crate::axis_svg;
use crate::coordinate::px;
use crate::op_refs::Numbered;
use crate::pairs::{self, Outcome, Pair};
use crate::time;

const WIDTH: f64 = 780.0;
const LABELS_WIDTH: f64 = 236.0;
const ROW_HEIGHT: f64 = 30.0;
const BAR_HEIGHT: f64 = 16.0;
const TOP: f64 = 30.0;

/// A bar is at least this wide, so that a fast op can be seen and hit.
const BAR_WIDTH_MIN: f64 = 4.0;

/// More rows than this are not drawn; the table has them all.
const ROWS_MAX: usize = 120;

/// Room for the arrow of an op that is open at its end.
const OPEN_END: f64 = 18.0;

/// Draws the ops, numbered as the argument names them.
pub(crate) fn render(ops: &Numbered<'_>) -> Markup {
    let rows = &ops.pairs[..ops.pairs.len().min(ROWS_MAX)];
    let axis = time_axis(rows);
    let height = TOP + rows.len() as f64 * ROW_HEIGHT + 6.0;
    html! {
        svg.history viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label=(format!("The failing sub-history on true time, {} ops", rows.len())) {
            (axis_svg::render(&axis, height - 4.0))
            (returns(rows, &axis, height - 4.0))
            @for (i, pair) in rows.iter().enumerate() {
                (row(pair, i + 1, ops, &axis))
            }
        }
        @if ops.pairs.len() > rows.len() {
            p.remark { "The first " (rows.len()) " of " (ops.pairs.len()) " ops are drawn." }
        }
    }
}

fn time_axis(rows: &[Pair<'_>]) -> BrokenAxis {
    let mut moments: Vec<u64> = rows
        .iter()
        .flat_map(|p| [Some(p.start_ns()), p.end_ns()])
        .flatten()
        .collect();
    moments.sort_unstable();
    BrokenAxis::over(&moments, LABELS_WIDTH, WIDTH - OPEN_END - 6.0)
}

/// Where each op returned: what begins to the right of it comes after it.
fn returns(rows: &[Pair<'_>], axis: &BrokenAxis, bottom: f64) -> Markup {
    html! {
        @for end in rows.iter().filter(|p| p.outcome() == Outcome::Ok).filter_map(Pair::end_ns) {
            line.returned x1=(px(axis.x(end))) x2=(px(axis.x(end))) y1="22" y2=(px(bottom)) {}
        }
    }
}

fn row(pair: &Pair<'_>, number: usize, ops: &Numbered<'_>, axis: &BrokenAxis) -> Markup {
    let middle = TOP + (number as f64 - 0.5) * ROW_HEIGHT;
    let words = pair.words();
    html! {
        g.op.(pair.outcome().word()) id=(ops.bar_id(number)) {
            title { (number) ". #" (pair.invoke.index) " p" (pair.invoke.process) " " (words) ", " (pair.outcome().word()) }
            rect.row-ground x="0" y=(px(middle - ROW_HEIGHT / 2.0)) width=(px(WIDTH)) height=(px(ROW_HEIGHT)) {}
            circle.number-ring cx="13" cy=(px(middle)) r="10" {}
            text.number x="13" y=(px(middle + 4.0)) text-anchor="middle" { (number) }
            text.process x="32" y=(px(middle + 4.0)) { "p" (pair.invoke.process) }
            text.words x="66" y=(px(middle + 4.0)) { (pairs::shorten(&words, 22)) }
            (bar(pair, middle, axis))
        }
    }
}

fn bar(pair: &Pair<'_>, middle: f64, axis: &BrokenAxis) -> Markup {
    let x = axis.x(pair.start_ns());
    let outcome = pair.outcome();
    let end = match outcome {
        Outcome::Ok | Outcome::Fail => axis.x(pair.end_ns().expect("it completed")),
        Outcome::Info | Outcome::Open => WIDTH - OPEN_END,
    };
    let end = end.max(x + BAR_WIDTH_MIN);
    let (top, bottom) = (middle - BAR_HEIGHT / 2.0, middle + BAR_HEIGHT / 2.0);
    let center = (x + end) / 2.0;
    html! {
        @match outcome {
            Outcome::Ok | Outcome::Fail => {
                rect.bar x=(px(x)) y=(px(top)) width=(px(end - x)) height=(px(BAR_HEIGHT)) rx="2" {}
            }
            Outcome::Info | Outcome::Open => {
                path.bar d=(format!("M{0} {1}H{2}V{3}H{0}", px(end), px(top), px(x), px(bottom))) {}
                path.open-end d=(format!("M{0} {1}l7 {2}l-7 {2}", px(end + 2.0), px(top), px(BAR_HEIGHT / 2.0))) {}
                @if let Some(gave_up) = pair.end_ns() {
                    line.gave-up x1=(px(axis.x(gave_up))) x2=(px(axis.x(gave_up))) y1=(px(top)) y2=(px(bottom)) {
                        title { "The client gave up at " (time::moment(gave_up)) }
                    }
                }
            }
        }
        @if outcome == Outcome::Fail {
            path.cross d=(format!("M{} {}l8 8m0 -8l-8 8", px(center - 4.0), px(middle - 4.0))) {}
        }
    }
}
