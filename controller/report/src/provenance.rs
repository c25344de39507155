//! Where the page came from: files, command line, versions, and the plan in full.

use maud::{Markup, html};

use crate::page::{RunFile, RunPage};
use crate::verdict_words::thousands;

pub(crate) fn render(page: &RunPage) -> Markup {
    let header = &page.header;
    html! {
        section #provenance aria-labelledby="provenance-title" {
            h2 #provenance-title { "Provenance" }
            dl {
                dt { "Seed" } dd { (header.seed) }
                dt { "Tool" } dd { (header.tool) ", formats version " (header.version) }
                @if !header.started.is_empty() { dt { "Started" } dd { (header.started) } }
                @if !header.argv.is_empty() { dt { "Command line" } dd { code { (header.argv.join(" ")) } } }
            }
            @if !page.files.is_empty() { (files(&page.files)) }
            h3 { "The plan" }
            @if page.plan_yaml.is_empty() { p.empty { "The plan could not be read." } } @else {
                pre.plan { (page.plan_yaml) }
            }
        }
    }
}

fn files(files: &[RunFile]) -> Markup {
    html! {
        h3 { "Files" }
        div.scroll { table.files {
            thead { tr { th scope="col" { "File" } th.number scope="col" { "Bytes" } th scope="col" { "SHA-256" } } }
            tbody {
                @for file in files {
                    tr {
                        td { a href=(relative(&file.path)) { (file.path) } }
                        td.number { (thousands(file.bytes)) }
                        td.digest { @if let Some(digest) = &file.sha256 { code { (digest) } } }
                    }
                }
            }
        } }
        p { "To check the history again: " code { "shakedown check history.jsonl" } }
    }
}

/// A link that stays within the run's directory, whatever the path looks like.
fn relative(path: &str) -> String {
    format!("./{path}")
}
