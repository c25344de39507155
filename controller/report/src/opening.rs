//! The top of a run's page: the verdict in a sentence, how to see it again, and where it came from.

use maud::{Markup, html};
use shakedown_checker::Verdict;

use crate::page::Run;
use crate::time;
use crate::verdict_words::{Words, count, sentence};

pub(crate) fn render(run: &Run<'_>) -> Markup {
    let page = run.page;
    let words = Words::of(page.verdict.verdict);
    let notes: Vec<&String> = page.notes.iter().chain(&run.remarks).collect();
    html! {
        header class=(format!("opening {}", words.class)) {
            p.eyebrow { "shakedown" span.sep aria-hidden="true" { "/" } (page.name) }
            h1 {
                span.icon aria-hidden="true" { (words.icon) }
                (words.word)
            }
            p.sentence { (sentence(&page.verdict.summary)) }
            (facts(run))
            (command_box("Repeat this run", &page.repeat_command))
            (origin(run))
            @if !notes.is_empty() {
                ul.notes aria-label="Notes on this page" {
                    @for note in notes { li { (note) } }
                }
            }
            (contents())
        }
    }
}

/// The run's size in one line.
fn facts(run: &Run<'_>) -> Markup {
    let page = run.page;
    let bit = page.faults.iter().filter(|f| f.bit()).count();
    let checks = &page.verdict.checks;
    let hold = checks.iter().filter(|c| c.verdict == Verdict::Pass).count();
    html! {
        ul.facts {
            li {
                b { (count(run.data.pairs.len(), "op")) }
                @if let Some(recorded) = run.recorded_ns { " in " (time::duration(recorded)) }
            }
            @let clients = run.data.process_lanes.values().max().map_or(0, |lane| lane + 1);
            li { b { (count(clients, "client")) } }
            li { b { (count(page.traces.len(), "traced node")) } }
            li { b { (count(page.faults.len(), "fault")) } @if !page.faults.is_empty() { ", " (bit) " with evidence" } }
            li { b { (count(checks.len(), "check")) } @if !checks.is_empty() { ", " (hold) " hold" } }
        }
    }
}

/// A command line with a button that copies it.
pub(crate) fn command_box(label: &str, command: &str) -> Markup {
    html! {
        div.command {
            span.label { (label) }
            code { (command) }
            button.copy.needs-script type="button" data-copy=(command) { "Copy" }
        }
    }
}

fn origin(run: &Run<'_>) -> Markup {
    let header = &run.page.header;
    html! {
        p.origin {
            "seed " b { (header.seed) }
            span.sep aria-hidden="true" { "·" } (header.tool)
            @if !header.started.is_empty() {
                span.sep aria-hidden="true" { "·" } "started " time datetime=(header.started) { (header.started) }
            }
        }
    }
}

fn contents() -> Markup {
    let sections = [
        ("why", "Why"),
        ("checks", "Checks"),
        ("faults", "Faults"),
        ("timeline", "Timeline"),
        ("performance", "Performance"),
        ("ops", "Ops"),
        ("provenance", "Provenance"),
    ];
    html! {
        nav aria-label="Sections" {
            ul { @for (id, name) in sections { li { a href=(format!("#{id}")) { (name) } } } }
        }
    }
}
