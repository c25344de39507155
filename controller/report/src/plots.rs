//! Latency and throughput over the run, with faults and elections behind them.

use maud::{Markup, html};

use crate::axis;
use crate::coordinate::px;
use crate::page::Run;
use crate::pairs::Outcome;
use crate::roles;
use crate::time;
use crate::verdict_words::{count, thousands};
use crate::windows::{self, Latency, Totals, Windows};

const WIDTH: f64 = 1200.0;
/// Where time begins and ends in a plot; `assets/timeline.js` uses the same, so that all line up.
const X0: f64 = 96.0;
const X1: f64 = 1190.0;
const HEIGHT: f64 = 190.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 164.0;

pub(crate) fn render(run: &Run<'_>) -> Markup {
    let windows = Windows::of(&run.data.pairs, run.data.end_ns);
    html! {
        section.wide #performance aria-labelledby="performance-title" {
            h2 #performance-title { "Performance" }
            @if run.data.pairs.is_empty() { p.empty { "There is no op to measure." } } @else {
                (latency_plot(run, &windows))
                (throughput_plot(run, &windows))
                (totals(run))
            }
        }
    }
}

fn latency_plot(run: &Run<'_>, windows: &Windows) -> Markup {
    let known = || windows.latency.iter().flatten();
    let least = known().map(|l| l.p50).min().unwrap_or(1).max(1).ilog10();
    let most = known().map(|l| l.max).max().unwrap_or(10).max(10).ilog10() + 1;
    let decades = f64::from((most - least).max(1));
    let y = |ns: u64| {
        let share = ((ns.max(1) as f64).log10() - f64::from(least)) / decades;
        BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
    };
    let curve = |of: fn(&Latency) -> u64| {
        curve(
            windows,
            &windows
                .latency
                .iter()
                .map(|l| l.as_ref().map(|l| y(of(l))))
                .collect::<Vec<_>>(),
        )
    };
    html! {
        figure.plot {
            figcaption {
                b { "Latency" } " of ok ops by time of invocation, log scale"
                span.key { span.line.p50 {} "median" } span.key { span.line.p99 {} "99 %" } span.key { span.line.max {} "maximum" }
            }
            (frame(run, "Latency over the run: median, 99th percentile and maximum", &html! {
                @for decade in least..=most {
                    (horizontal(y(10_u64.pow(decade)), &time::duration(10_u64.pow(decade))))
                }
                path.curve.max d=(curve(|l| l.max)) {}
                path.curve.p99 d=(curve(|l| l.p99)) {}
                path.curve.p50 d=(curve(|l| l.p50)) {}
            }))
        }
    }
}

fn throughput_plot(run: &Run<'_>, windows: &Windows) -> Markup {
    // Ops per second, in whole numbers.
    let rate = |n: u64| n.saturating_mul(1_000_000_000) / windows.width_ns;
    let most = windows
        .ended
        .iter()
        .flatten()
        .map(|n| rate(*n))
        .max()
        .unwrap_or(0)
        .max(1);
    let y = |rate: u64| BOTTOM - rate as f64 / (most as f64 * 1.05) * (BOTTOM - TOP);
    let curve = |outcome: Outcome| {
        let points: Vec<_> = windows
            .ended
            .iter()
            .map(|n| Some(y(rate(n[outcome as usize]))))
            .collect();
        curve(windows, &points)
    };
    html! {
        figure.plot {
            figcaption {
                b { "Throughput" } ", ops per second by time of completion"
                span.key { span.line.ok {} "ok" } span.key { span.line.fail {} "fail" } span.key { span.line.info {} "info" }
            }
            (frame(run, "Throughput over the run: ok, failed and indeterminate ops per second", &html! {
                @for tick in axis::ticks(most, 4) { (horizontal(y(tick), &thousands(tick))) }
                path.curve.ok d=(curve(Outcome::Ok)) {}
                path.curve.fail d=(curve(Outcome::Fail)) {}
                path.curve.info d=(curve(Outcome::Info)) {}
            }))
        }
    }
}

/// What both plots have: faults and elections behind, the axis of time below.
fn frame(run: &Run<'_>, label: &str, content: &Markup) -> Markup {
    let end_ns = run.data.end_ns;
    html! {
        svg.chart data-plot="time" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            @for band in &run.data.fault_bands {
                rect.fault x=(px(x(band.from, end_ns))) y=(px(TOP)) width=(px((x(band.to, end_ns) - x(band.from, end_ns)).max(1.0))) height=(px(BOTTOM - TOP)) {
                    title { (band.window.spec.summary) }
                }
            }
            @for (at, node, term) in roles::elections(&run.lanes) {
                g.election {
                    title { (node) " becomes leader of term " (term) " at " (time::moment(at)) }
                    line x1=(px(x(at, end_ns))) x2=(px(x(at, end_ns))) y1=(px(TOP)) y2=(px(BOTTOM)) {}
                    text x=(px(x(at, end_ns))) y=(px(TOP - 6.0)) text-anchor="middle" { "★" }
                }
            }
            (content)
            line.rule x1=(px(X0)) x2=(px(X1)) y1=(px(BOTTOM)) y2=(px(BOTTOM)) {}
            @for tick in axis::ticks(end_ns, 12) {
                text.tick-label x=(px(x(tick, end_ns))) y=(px(BOTTOM + 18.0)) text-anchor="middle" { (tick_label(tick)) }
            }
        }
    }
}

fn tick_label(ns: u64) -> String {
    if ns == 0 {
        "0".to_owned()
    } else {
        time::duration(ns)
    }
}

fn horizontal(y: f64, label: &str) -> Markup {
    html! {
        line.grid x1=(px(X0)) x2=(px(X1)) y1=(px(y)) y2=(px(y)) {}
        text.tick-label x=(px(X0 - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (label) }
    }
}

/// Where a moment is on the axis that all charts of the page share.
pub(crate) fn x(ns: u64, end_ns: u64) -> f64 {
    X0 + ns.min(end_ns) as f64 / end_ns.max(1) as f64 * (X1 - X0)
}

/// A line through the windows' middles; a window without a point breaks it.
fn curve(windows: &Windows, points: &[Option<f64>]) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (i, y) in points.iter().enumerate() {
        let middle = windows.width_ns * i as u64 + windows.width_ns / 2;
        if let Some(y) = y {
            // A lone point is a line of no length, which round line ends make visible.
            let (command, dot) = if drawing { ('L', "") } else { ('M', "h0") };
            path.push_str(&format!(
                "{command}{} {}{dot}",
                px(x(middle, windows.end_ns)),
                px(*y)
            ));
        }
        drawing = y.is_some();
    }
    path
}

fn totals(run: &Run<'_>) -> Markup {
    html! {
        div.scroll { table.totals {
            thead { tr {
                th scope="col" { "f" }
                th.number scope="col" { "ok" } th.number scope="col" { "fail" } th.number scope="col" { "info" } th.number scope="col" { "open" }
                th.number scope="col" { "median" } th.number scope="col" { "99 %" } th.number scope="col" { "maximum" }
            } }
            tbody { @for (f, totals) in windows::totals(&run.data.pairs) { (totals_row(f, &totals)) } }
        } }
        p.remark { "Latencies are those of ok ops. The plots have " (count(windows::WINDOWS, "window")) "." }
    }
}

fn totals_row(f: &str, totals: &Totals) -> Markup {
    let shown = |of: fn(&Latency) -> u64| totals.latency.as_ref().map(|l| time::duration(of(l)));
    html! {
        tr {
            th scope="row" { (f) }
            @for n in totals.outcomes { td.number { (thousands(n as u64)) } }
            @for text in [shown(|l| l.p50), shown(|l| l.p99), shown(|l| l.max)] {
                td.number { (text.unwrap_or_default()) }
            }
        }
    }
}
