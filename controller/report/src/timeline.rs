//! The timeline's frame and its data; `assets/timeline.js` draws it.

use maud::{Markup, PreEscaped, html};

use crate::page::Run;
use crate::static_timeline;
use crate::verdict_words::count;

pub(crate) fn render(run: &Run<'_>, blob: &str) -> Markup {
    html! {
        section.wide #timeline aria-labelledby="timeline-title" {
            h2 #timeline-title { "Timeline" }
            @if is_empty(run) { p.empty { "Nothing was recorded that could be drawn." } } @else {
                noscript {
                    (static_timeline::render(run))
                    p.empty { "Clients and the table of ops need JavaScript; everything else on this page does not." }
                }
                div.needs-script { (drawing(run)) }
                script #run-data type="application/octet-stream" { (PreEscaped(blob)) }
            }
        }
    }
}

fn is_empty(run: &Run<'_>) -> bool {
    run.data.pairs.is_empty() && run.data.fault_bands.is_empty() && run.lanes.is_empty()
}

fn drawing(run: &Run<'_>) -> Markup {
    html! {
        (toolbar(run))
        div.canvas-frame {
            canvas #timeline-canvas tabindex="0" role="img" aria-label=(label(run)) aria-describedby="timeline-help" {}
            div.tooltip #timeline-tooltip hidden {}
        }
        (legend())
        p.remark #timeline-help {
            "Drag across a stretch to zoom in. Scroll to zoom once the drawing has the focus, or with Ctrl at any time. "
            "Keys: " kbd { "+" } kbd { "−" } " zoom, " kbd { "←" } kbd { "→" } " move, " kbd { "0" } " all, "
            kbd { "n" } kbd { "p" } " next and previous anomalous op, " kbd { "j" } kbd { "k" } " next and previous op of the client, "
            kbd { "/" } " filter, " kbd { "Esc" } " clear."
        }
    }
}

fn toolbar(run: &Run<'_>) -> Markup {
    let anomalous = run.data.anomalous.len();
    html! {
        div.toolbar role="toolbar" aria-label="Timeline" {
            button type="button" data-do="zoom-in" aria-label="Zoom in" { "+" }
            button type="button" data-do="zoom-out" aria-label="Zoom out" { "−" }
            button type="button" data-do="fit" { "Whole run" }
            @if anomalous > 0 {
                button type="button" data-do="anomaly" { "Show the anomaly" }
                button type="button" data-do="previous" { "← Previous" }
                button type="button" data-do="next" { "Next →" }
                label { input #dim-others type="checkbox" checked; " Dim the other ops" }
            }
            output #timeline-range {}
        }
    }
}

fn legend() -> Markup {
    html! {
        p.legend {
            span.key { span.swatch.ok {} "ok" }
            span.key { span.swatch.fail {} "fail ✕" }
            span.key { span.swatch.info {} "info" }
            span.key { span.swatch.anomalous {} "in an anomaly" }
            span.key { span.swatch.leader {} "★ leader, with its term" }
            span.key { span.swatch.candidate {} "candidate" }
            span.key { span.swatch.down {} "down or paused" }
        }
    }
}

/// The drawing in words; the table of ops says the same in full.
fn label(run: &Run<'_>) -> String {
    let elections: usize = run.lanes.iter().map(|l| l.elections().count()).sum();
    format!(
        "Timeline of the run: {}, {}, {}, {}. The table of ops below has the same in text.",
        count(run.data.pairs.len(), "op"),
        count(run.data.fault_bands.len(), "fault"),
        count(run.lanes.len(), "node"),
        count(elections, "election"),
    )
}
