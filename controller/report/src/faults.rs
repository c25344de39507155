//! Every fault, with the evidence that it bit.

use maud::{Markup, html};
use shakedown_history::Evidence;
use shakedown_history::fault::FaultWindow;

use crate::time;

pub(crate) fn render(faults: &[FaultWindow]) -> Markup {
    html! {
        section #faults aria-labelledby="faults-title" {
            h2 #faults-title { "Faults" }
            @if faults.is_empty() { p.empty { "No fault was injected." } } @else {
                p.lead { "A fault counts only with evidence that it bit." }
                div.scroll { table.faults {
                    thead { tr {
                        th.number scope="col" { "#" } th scope="col" { "Fault" } th scope="col" { "Targets" }
                        th.number scope="col" { "In force" } th.number scope="col" { "Lasted" } th scope="col" { "Evidence" }
                    } }
                    tbody { @for fault in faults { (row(fault)) } }
                } }
            }
        }
    }
}

fn row(fault: &FaultWindow) -> Markup {
    html! {
        tr {
            td.number { (fault.fault) }
            th scope="row" { span.family { (fault.spec.family) } span.summary { (fault.spec.summary) } }
            td.targets {
                @for target in &fault.spec.targets { span.node-name { (target) } " " }
                @if fault.spec.hits_leader { span.leader title="One of them was the leader when the targets were drawn" { "★ leader" } }
            }
            td.number { (fault.injected.map_or("never".to_owned(), time::moment)) }
            td.number { (lasted(fault)) }
            td { (evidence(fault)) }
        }
    }
}

fn lasted(fault: &FaultWindow) -> String {
    match (fault.injected, fault.healed) {
        (Some(from), Some(to)) => time::duration(to.saturating_sub(from)),
        (Some(_), None) => "to the end".to_owned(),
        (None, _) => String::new(),
    }
}

fn evidence(fault: &FaultWindow) -> Markup {
    html! {
        @if let Some(reason) = &fault.skipped { p.dud { span.mark aria-hidden="true" { "–" } "Skipped: " (reason) } }
        @if let Some(error) = &fault.failed { p.dud { span.mark aria-hidden="true" { "!" } "The harness failed: " (error) } }
        @for piece in &fault.evidence { (evidence_line(piece)) }
        @if fault.injected.is_some() && fault.evidence.is_empty() && fault.failed.is_none() {
            p.dud { span.mark aria-hidden="true" { "?" } "No evidence that it bit" }
        }
    }
}

fn evidence_line(evidence: &Evidence) -> Markup {
    let node = |evidence: &Evidence| {
        html! { @if let Some(node) = evidence.node { span.node-name { (node) } " " } }
    };
    html! {
        @if evidence.bit {
            p.bit { span.mark aria-hidden="true" { "✓" } (node(evidence)) (evidence.summary) }
        } @else {
            p.dud { span.mark aria-hidden="true" { "✕" } (node(evidence)) "Did not bite: " (evidence.summary) }
        }
    }
}
