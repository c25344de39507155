//! The table of all ops; `assets/ops.js` fills it with the rows that are in sight.

use maud::{Markup, html};

use crate::page::Run;

const COLUMNS: [(&str, &str); 9] = [
    ("number", "Op"),
    ("number", "Invoked"),
    ("number", "Took"),
    ("", "Process"),
    ("", "f"),
    ("", "Key"),
    ("", "Value"),
    ("", "Outcome"),
    ("", "Node"),
];

pub(crate) fn render(run: &Run<'_>) -> Markup {
    html! {
        section.wide #ops aria-labelledby="ops-title" {
            h2 #ops-title { "Ops" }
            @if run.data.pairs.is_empty() { p.empty { (empty(run)) } }
            div.needs-script hidden[run.data.pairs.is_empty()] {
                div.toolbar {
                    label.filter { "Filter " input #ops-filter type="search" autocomplete="off" spellcheck="false"
                        placeholder="kind:info f:write key:x p:3 node:n1 t:12.3..14.1 anomaly, or any text"; }
                    output #ops-count {}
                }
                div.rows #ops-rows tabindex="0" aria-label="Ops" role="region" {
                    table #ops-table {
                        thead { tr { @for (class, name) in COLUMNS { th class=(class) scope="col" { (name) } } } }
                        tbody {}
                    }
                }
            }
        }
    }
}

fn empty(run: &Run<'_>) -> &'static str {
    match run.page.history {
        Some(_) => "The history is empty: no op was invoked.",
        None => "The history could not be read; see the notes at the top of the page.",
    }
}
