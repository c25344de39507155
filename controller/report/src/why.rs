//! Why the verdict is what it is: for each anomaly the argument beside a drawing of its smallest
//! failing sub-history.

use maud::{Markup, html};
use shakedown_checker::{Anomaly, CheckReport, Verdict};

use crate::op_refs::{self, Numbered};
use crate::page::Run;
use crate::pairs::Pair;
use crate::time;
use crate::verdict_words::{count, count_of, sentence};
use crate::{history_svg, trace_excerpt, trace_svg};

/// This many anomalies of a check are argued in full; the rest are listed by their summaries.
const ARGUED_PER_CHECK: usize = 12;

/// This many more are listed; beyond, only their number is said.
const LISTED_PER_CHECK: usize = 200;

/// More ops than this are folded away in an anomaly's list of ops.
const OPS_SHOWN: usize = 12;

pub(crate) fn render(run: &Run<'_>) -> Markup {
    let verdict = &run.page.verdict;
    let broken: Vec<&CheckReport> = verdict
        .checks
        .iter()
        .filter(|c| !c.anomalies.is_empty())
        .collect();
    html! {
        section #why aria-labelledby="why-title" {
            h2 #why-title { "Why" }
            @if broken.is_empty() {
                (without_anomalies(run))
            }
            @for (number, check) in broken.iter().enumerate() {
                (check_anomalies(check, number + 1, run))
            }
        }
    }
}

/// What decided a verdict that rests on no anomaly.
fn without_anomalies(run: &Run<'_>) -> Markup {
    let verdict = &run.page.verdict;
    let reasons: Vec<&CheckReport> = verdict
        .checks
        .iter()
        .filter(|c| c.verdict == verdict.verdict && c.verdict != Verdict::Pass)
        .collect();
    let lead = match verdict.verdict {
        Verdict::Pass => {
            "Every check holds, and the run was worth something: see the coverage below."
        }
        Verdict::Violation => "A check reports a violation but gives no anomaly to draw.",
        Verdict::Inconclusive => {
            "Nothing wrong was found, but this run does not show that all is well:"
        }
        Verdict::HarnessError => "The harness failed, so this run says nothing about the system:",
    };
    html! {
        p.lead { (lead) }
        @if reasons.is_empty() && verdict.verdict != Verdict::Pass {
            p { (verdict.summary) }
        }
        @if !reasons.is_empty() {
            ul.reasons {
                @for check in reasons { li { b { (check.check) } ": " (check.summary) } }
            }
        }
    }
}

fn check_anomalies(check: &CheckReport, number: usize, run: &Run<'_>) -> Markup {
    let (argued, rest) = check
        .anomalies
        .split_at(check.anomalies.len().min(ARGUED_PER_CHECK));
    html! {
        @for (i, anomaly) in argued.iter().enumerate() {
            (render_anomaly(anomaly, check, &format!("a{number}-{}", i + 1), run))
        }
        @if !rest.is_empty() {
            details.more {
                summary { (count_of(rest.len(), "more anomaly", "more anomalies")) " of " (check.check) }
                ol start=(argued.len() + 1) {
                    @for anomaly in rest.iter().take(LISTED_PER_CHECK) { li { (anomaly.summary) } }
                }
                @if rest.len() > LISTED_PER_CHECK {
                    p { "… and " (rest.len() - LISTED_PER_CHECK) " more in verdict.json." }
                }
            }
        }
    }
}

fn render_anomaly(anomaly: &Anomaly, check: &CheckReport, prefix: &str, run: &Run<'_>) -> Markup {
    let ops = Numbered {
        prefix: prefix.to_owned(),
        pairs: Pair::of_records(&anomaly.ops),
    };
    let drawings = drawings(anomaly, &ops, run);
    html! {
        article.anomaly id=(prefix) aria-labelledby=(format!("{prefix}-title")) {
            header {
                h3 id=(format!("{prefix}-title")) {
                    (name(&anomaly.kind)) @if let Some(key) = &anomaly.key { " on key " code { (key) } }
                }
                @if anomaly.summary != run.page.verdict.summary {
                    p.lead { (op_refs::link(&sentence(&anomaly.summary), &ops)) }
                }
                p.promise { "Breaks " (check.promise) }
            }
            div class=(if drawings.is_empty() { "argument" } else { "argument drawn" }) {
                @if !anomaly.argument.is_empty() {
                    ol.sentences {
                        @for sentence in &anomaly.argument { li { (op_refs::link(sentence, &ops)) } }
                    }
                }
                @if !drawings.is_empty() { div { @for drawing in &drawings { (drawing) } } }
            }
            @if !ops.pairs.is_empty() { (op_list(&ops)) }
            @if !anomaly.trace.is_empty() { (trace_excerpt::render(anomaly, run)) }
        }
    }
}

/// The anomaly's sub-history and its places in the traces, where it has them.
fn drawings(anomaly: &Anomaly, ops: &Numbered<'_>, run: &Run<'_>) -> Vec<Markup> {
    let mut drawings = Vec::new();
    if !ops.pairs.is_empty() {
        drawings
            .push(html! { figure { (history_svg::render(ops)) figcaption { (caption(ops)) } } });
    }
    if let Some(drawing) = trace_svg::render(trace_excerpt::shown(anomaly), run) {
        let caption = "Places in the nodes' traces, numbered as below.";
        drawings.push(html! { figure { (drawing) figcaption { (caption) } } });
    }
    drawings
}

/// An anomaly's name as a heading: `two-leaders-in-a-term` as `Two leaders in a term`. A prefix keeps
/// its hyphen.
fn name(kind: &str) -> String {
    let mut name = kind.replace('-', " ");
    if let Some(rest) = name.strip_prefix("non ") {
        name = format!("non-{rest}");
    }
    let name = sentence(&name);
    name.trim_end_matches('.').to_owned()
}

fn caption(ops: &Numbered<'_>) -> Markup {
    html! {
        (count(ops.pairs.len(), "op")) ", as small as the failure could be made. "
        span.key { span.swatch.ok {} "ok" }
        span.key { span.swatch.fail {} "fail ✕" }
        span.key { span.swatch.info {} "info: may happen now, later or never" }
    }
}

/// The drawing's ops as a table: the same for those who cannot see it, with links onward.
fn op_list(ops: &Numbered<'_>) -> Markup {
    let table = html! {
        div.scroll {
            table.op-list {
                thead { tr {
                    th scope="col" { "" } th scope="col" { "Op" } th scope="col" { "Process" } th scope="col" { "What" }
                    th.number scope="col" { "Invoked" } th.number scope="col" { "Returned" } th.number scope="col" { "Took" }
                    th scope="col" { "Outcome" } th scope="col" { "Node" }
                } }
                tbody {
                    @for (i, pair) in ops.pairs.iter().enumerate() { (op_row(i + 1, pair)) }
                }
            }
        }
    };
    html! {
        @if ops.pairs.len() <= OPS_SHOWN { (table) } @else {
            details { summary { "The " (count(ops.pairs.len(), "op")) " as a table" } (table) }
        }
    }
}

fn op_row(number: usize, pair: &Pair<'_>) -> Markup {
    html! {
        tr {
            td { (op_refs::circled(number)) }
            td { (op_refs::table_link(pair.invoke.index)) }
            td { "p" (pair.invoke.process) }
            td.what { code { (pair.words()) } }
            td.number { (time::moment(pair.start_ns())) }
            td.number { (pair.end_ns().map_or("never".to_owned(), time::moment)) }
            td.number { (pair.duration_ns().map_or(String::new(), time::duration)) }
            td { (pair.outcome().word()) @if let Some(error) = pair.error() { ": " (error) } }
            td { @if let Some(node) = pair.invoke.node { (node) } }
        }
    }
}
