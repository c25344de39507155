//! The top of a run's page: the verdict in a sentence, how to see it again, and where it came from.

use maud::{Markup, html};
use shakedown_checker::{RunVerdict, Verdict};

use crate::page::Run;
use crate::time;
use crate::verdict_words::{Words, count};

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
            p.sentence { (sentence(&page.verdict)) }
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

/// The verdict's summary as a sentence.
fn sentence(verdict: &RunVerdict) -> String {
    let summary = verdict.summary.trim();
    let mut letters = summary.chars();
    let Some(first) = letters.next() else {
        return "The verdict gives no summary.".to_owned();
    };
    // A name in lower case at the start (`n1`, `x`) stays as it is.
    let second_is_letter = letters.clone().next().is_some_and(char::is_lowercase);
    let first =
        if second_is_letter { first.to_uppercase().to_string() } else { first.to_string() };
    let end = if summary.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// The run's size in one line.
fn facts(run: &Run<'_>) -> Markup {
    let page = run.page;
    let bit = page.faults.iter().filter(|f| f.bit()).count();
    let checks = &page.verdict.checks;
    let hold = checks.iter().filter(|c| c.verdict == Verdict::Pass).count();
    html! {
        ul.facts {
            li { b { (count(run.data.pairs.len(), "op")) } " in " (time::duration(run.data.end_ns)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_becomes_a_sentence() {
        let said = |summary: &str| {
            sentence(&RunVerdict {
                verdict: Verdict::Pass,
                summary: summary.to_owned(),
                checks: Vec::new(),
            })
        };
        assert_eq!(said("all 15 checks hold"), "All 15 checks hold.");
        assert_eq!(said("n1 lost entry 5@t2."), "n1 lost entry 5@t2.");
        assert_eq!(said("x went back"), "x went back.");
        assert_eq!(said(""), "The verdict gives no summary.");
    }
}
