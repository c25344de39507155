//! Draws a broken time axis: its rule, its labels, its cuts.

use maud::{Markup, html};

use crate::axis::{self, BrokenAxis, CUT_WIDTH};
use crate::coordinate::px;
use crate::time;

/// The axis at the top of a drawing whose lower edge is `bottom`.
pub(crate) fn render(axis: &BrokenAxis, bottom: f64) -> Markup {
    html! {
        g.axis {
            @for piece in &axis.pieces {
                line.rule x1=(px(piece.x)) x2=(px(piece.end())) y1="22" y2="22" {}
            }
            @for label in labels(axis) {
                text x=(px(label.x)) y="14" text-anchor="middle" { (label.text) }
            }
            @for (x, omitted) in axis.cuts() {
                g.cut {
                    title { "Nothing happens here for " (time::duration(omitted)) }
                    rect x=(px(x - CUT_WIDTH / 2.0)) y="22" width=(px(CUT_WIDTH)) height=(px(bottom - 22.0)) {}
                    path d=(format!("M{} 26l4 -8m4 8l4 -8", px(x - 6.0))) {}
                }
            }
        }
    }
}

/// A text centred above the axis.
struct Label {
    x: f64,
    text: String,
}

impl Label {
    /// A digit is about this wide, a little slack included.
    const CHAR_WIDTH: f64 = 6.8;

    fn ending_at(x: f64, text: String) -> Self {
        Self {
            x: x - text.chars().count() as f64 / 2.0 * Self::CHAR_WIDTH,
            text,
        }
    }

    fn clears(&self, other: &Self) -> bool {
        let chars = self.text.chars().count() + other.text.chars().count();
        (self.x - other.x).abs() > (chars as f64 / 2.0 + 1.0) * Self::CHAR_WIDTH
    }
}

/// The first moment in full, what each cut leaves out, and round offsets from the first moment where they
/// fit.
fn labels(axis: &BrokenAxis) -> Vec<Label> {
    let (first, last) = (axis.pieces[0], axis.pieces[axis.pieces.len() - 1]);
    let mut labels = vec![Label::ending_at(first.x + 8.0, time::moment(first.from))];
    labels.extend(axis.cuts().map(|(x, omitted)| Label {
        x,
        text: time::duration(omitted),
    }));
    let drawn: u64 = axis.pieces.iter().map(|p| p.to - p.from).sum();
    let step = axis::step(drawn, 6);
    for piece in &axis.pieces {
        let from = (piece.from - first.from).div_ceil(step);
        let to = (piece.to.min(last.to) - first.from) / step;
        for offset in (from..=to).map(|n| n * step) {
            let x = axis.x(first.from + offset);
            let label = Label {
                x,
                text: format!("+{}", time::duration(offset)),
            };
            if labels.iter().all(|other| label.clears(other)) {
                labels.push(label);
            }
        }
    }
    labels
}
