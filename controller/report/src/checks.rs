//! Every check of the run: the promise, the verdict, and what it rests on.

use maud::{Markup, html};
use shakedown_checker::{CheckReport, RunVerdict};

use crate::verdict_words::{badge, count_of};

pub(crate) fn render(verdict: &RunVerdict) -> Markup {
    html! {
        section #checks aria-labelledby="checks-title" {
            h2 #checks-title { "Checks" }
            @if verdict.checks.is_empty() { p.empty { "No check has looked at this run." } } @else {
                div.scroll { table.checks {
                    thead { tr {
                        th scope="col" { "Verdict" } th scope="col" { "Check" } th scope="col" { "Promise" } th scope="col" { "What was found" }
                    } }
                    tbody { @for check in &verdict.checks { (row(check)) } }
                } }
            }
        }
    }
}

fn row(check: &CheckReport) -> Markup {
    let anomalies = check.anomalies.len();
    html! {
        tr {
            td { (badge(check.verdict)) }
            th scope="row" { (check.check) }
            td.promise { (check.promise) }
            td {
                (check.summary)
                @if anomalies > 0 {
                    " " a href="#why" { (count_of(anomalies, "anomaly", "anomalies")) }
                }
            }
        }
    }
}
