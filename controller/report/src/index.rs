//! Many runs on one page: a campaign, or everything in the store.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use shakedown_checker::Verdict;

use crate::opening::command_box;
use crate::page::RunPage;
use crate::pairs::Pair;
use crate::verdict_words::{Words, badge, count, sentence, thousands};
use crate::{run_data, shell, time};

/// More runs than this are not listed, except those that need a look.
const PASSES_LISTED_MAX: usize = 2_000;

/// One run as an index shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// What to call the run: `20261123T120000Z-42`.
    pub name: String,
    /// Where its page is, relative to the index.
    pub href: String,
    /// The plan that it ran, by name.
    pub plan: String,
    /// Its seed.
    pub seed: u64,
    /// When it started, RFC 3339.
    pub started: String,
    /// What came of it.
    pub verdict: Verdict,
    /// One sentence.
    pub summary: String,
    /// The kinds of its anomalies, each once, sorted.
    pub anomalies: Vec<String>,
    /// The families of the faults that bit, each once, sorted.
    pub faults: Vec<String>,
    /// How many ops were invoked.
    pub ops: u64,
    /// How long it lasted by its records, in nanoseconds.
    pub duration_ns: u64,
    /// The command line that repeats it.
    pub repeat_command: String,
}

impl RunSummary {
    /// The summary of a run that has a page at `href`.
    #[must_use]
    pub fn of(page: &RunPage, plan: &str, href: &str) -> Self {
        let mut anomalies: Vec<String> = page.verdict.anomalies().map(|a| a.kind.clone()).collect();
        let mut faults: Vec<String> = page
            .faults
            .iter()
            .filter(|f| f.bit())
            .map(|f| f.spec.family.clone())
            .collect();
        for names in [&mut anomalies, &mut faults] {
            names.sort_unstable();
            names.dedup();
        }
        let ops = page
            .history
            .as_ref()
            .map_or(0, |h| Pair::of_history(h).len());
        Self {
            name: page.name.clone(),
            href: href.to_owned(),
            plan: plan.to_owned(),
            seed: page.header.seed,
            started: page.header.started.clone(),
            verdict: page.verdict.verdict,
            summary: page.verdict.summary.clone(),
            anomalies,
            faults,
            ops: ops as u64,
            duration_ns: run_data::end_ns(page).unwrap_or(0),
            repeat_command: page.repeat_command.clone(),
        }
    }
}

/// All that an index shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPage {
    /// What the runs are: `nightly`, `All runs`.
    pub title: String,
    /// Name, version and commit of the writer.
    pub tool: String,
    /// The runs, in the order in which they are to be listed.
    pub runs: Vec<RunSummary>,
    /// Where planted bugs were among the runs: how many were caught, of how many.
    pub planted_bugs: Option<(usize, usize)>,
    /// What could not be read, and why; each a sentence.
    pub notes: Vec<String>,
}

/// Renders an index: one self-contained HTML file.
#[must_use]
pub fn render_index(index: &IndexPage) -> String {
    let worst = index.runs.iter().map(|r| r.verdict).max();
    let missed = index.planted_bugs.is_some_and(|(caught, all)| caught < all);
    let body = html! {
        (opening(index, worst, missed))
        main {
            (causes(&index.runs))
            (matrix(&index.runs))
            (runs(&index.runs))
        }
        (shell::footer(&index.tool))
    };
    shell::document(&index.title, shell::INDEX_SCRIPT, &body)
}

fn opening(index: &IndexPage, worst: Option<Verdict>, missed: bool) -> Markup {
    let words = Words::of(worst.unwrap_or(Verdict::Inconclusive));
    let (icon, word, class) = match (missed, worst) {
        (true, _) => ("!", "Not trustworthy", "harness-error"),
        (false, None) => ("?", "No runs", "inconclusive"),
        (false, Some(_)) => (words.icon, words.word, words.class),
    };
    let first = index
        .runs
        .iter()
        .filter(|r| r.verdict == Verdict::Violation)
        .min_by_key(|r| r.ops);
    html! {
        header class=(format!("opening {class}")) {
            p.eyebrow { "shakedown" span.sep aria-hidden="true" { "/" } (index.title) }
            h1 { span.icon aria-hidden="true" { (icon) } (word) }
            p.sentence { (in_short(&index.runs)) }
            @if let Some((caught, all)) = index.planted_bugs {
                p.trust { "Planted bugs caught: " b { (caught) " of " (all) } ". "
                    @if missed { "A checker that misses planted bugs cannot be trusted with yours." } }
            }
            @if let Some(run) = first { (command_box("Repeat the smallest failure", &run.repeat_command)) }
            @if !index.notes.is_empty() { ul.notes { @for note in &index.notes { li { (note) } } } }
        }
    }
}

/// How many runs came to what, in a sentence.
fn in_short(runs: &[RunSummary]) -> String {
    if runs.is_empty() {
        return "No run has been recorded here yet.".to_owned();
    }
    let of = |verdict| runs.iter().filter(|r| r.verdict == verdict).count();
    let (broken, passed) = (of(Verdict::Violation), of(Verdict::Pass));
    let (unsure, harness) = (of(Verdict::Inconclusive), of(Verdict::HarnessError));
    let who = if broken == 0 {
        "None".to_owned()
    } else {
        thousands(broken as u64)
    };
    let mut text = format!("{who} of {} broke a promise", count(runs.len(), "run"));
    let rest = [
        (passed, format!("{} passed", thousands(passed as u64))),
        (unsure, format!("{} inconclusive", thousands(unsure as u64))),
        (harness, count(harness, "harness error")),
    ];
    let rest: Vec<String> = rest
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(_, t)| t)
        .collect();
    if !rest.is_empty() {
        text.push_str("; ");
        text.push_str(&rest.join(", "));
    }
    text.push('.');
    if broken == 0 && passed > 0 {
        // The rule of three: with no failure in n independent trials, the failure rate is at most 3/n
        // at 95 % confidence.
        let per_mille = (3_000 / passed).min(1_000);
        text.push_str(&format!(
            " If these runs are typical, at most {}.{} % of their kind fail (at 95 %).",
            per_mille / 10,
            per_mille % 10
        ));
    }
    text
}

/// Violations grouped by the kinds of their anomalies and the faults involved.
fn causes(runs: &[RunSummary]) -> Markup {
    let mut groups: BTreeMap<(&[String], &[String]), Vec<&RunSummary>> = BTreeMap::new();
    for run in runs.iter().filter(|r| r.verdict == Verdict::Violation) {
        groups
            .entry((&run.anomalies, &run.faults))
            .or_default()
            .push(run);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, runs)| std::cmp::Reverse(runs.len()));
    html! {
        @if !groups.is_empty() {
            section #causes aria-labelledby="causes-title" {
                h2 #causes-title { "What was broken" }
                @for ((anomalies, faults), runs) in &groups { (cause(anomalies, faults, runs)) }
            }
        }
    }
}

fn cause(anomalies: &[String], faults: &[String], runs: &[&RunSummary]) -> Markup {
    let smallest = runs
        .iter()
        .min_by_key(|r| r.ops)
        .expect("a group has a run");
    html! {
        article.cause {
            p.kind { @for kind in anomalies { code { (kind) } " " } "in " b { (count(runs.len(), "run")) } }
            p.lead { (sentence(&smallest.summary)) }
            p {
                @if faults.is_empty() { "Without faults" } @else { "Under " (faults.join(", ")) }
                "; the smallest: " a href=(smallest.href) { (smallest.name) } ", seed " (smallest.seed) "."
            }
        }
    }
}

/// Plans against verdicts, as numbers.
fn matrix(runs: &[RunSummary]) -> Markup {
    const ORDER: [Verdict; 4] = [
        Verdict::Violation,
        Verdict::HarnessError,
        Verdict::Inconclusive,
        Verdict::Pass,
    ];
    let mut plans: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for run in runs {
        let column = ORDER
            .iter()
            .position(|v| *v == run.verdict)
            .expect("all verdicts");
        plans.entry(&run.plan).or_default()[column] += 1;
    }
    html! {
        @if plans.len() > 1 {
            section #plans aria-labelledby="plans-title" {
                h2 #plans-title { "Plans" }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Plan" } th.number scope="col" { "Runs" }
                        @for verdict in ORDER { th.number scope="col" { (badge(verdict)) } }
                    } }
                    tbody { @for (plan, counts) in &plans {
                        tr {
                            th scope="row" { (plan) }
                            td.number { (thousands(counts.iter().sum::<usize>() as u64)) }
                            @for n in counts { td.number class=(if *n == 0 { "zero" } else { "" }) { (thousands(*n as u64)) } }
                        }
                    } }
                } }
            }
        }
    }
}

fn runs(runs: &[RunSummary]) -> Markup {
    let mut passes = 0;
    let listed: Vec<&RunSummary> = runs
        .iter()
        .filter(|run| {
            passes += usize::from(run.verdict == Verdict::Pass);
            run.verdict != Verdict::Pass || passes <= PASSES_LISTED_MAX
        })
        .collect();
    html! {
        section.wide #runs aria-labelledby="runs-title" {
            h2 #runs-title { "Runs" }
            @if runs.is_empty() { p.empty { "There is no run yet." } } @else {
                div.toolbar.needs-script {
                    label.filter { "Filter " input #runs-filter type="search" autocomplete="off" spellcheck="false" placeholder="a verdict, plan, seed, anomaly or fault"; }
                    output #runs-count {}
                }
                @if listed.len() < runs.len() {
                    p.remark { (count(listed.len(), "run")) " of " (thousands(runs.len() as u64)) " are listed: all that did not pass, and the first " (thousands(PASSES_LISTED_MAX as u64)) " that did." }
                }
                div.scroll { table.runs #runs-table {
                    thead { tr {
                        th scope="col" { "Verdict" } th scope="col" { "Run" } th.number scope="col" { "Seed" } th scope="col" { "What came of it" }
                        th scope="col" { "Faults that bit" } th.number scope="col" { "Ops" } th.number scope="col" { "Lasted" } th scope="col" { "Repeat" }
                    } }
                    tbody { @for run in listed { (run_row(run)) } }
                } }
            }
        }
    }
}

fn run_row(run: &RunSummary) -> Markup {
    html! {
        tr {
            td { (badge(run.verdict)) }
            th scope="row" {
                a href=(run.href) { (run.name) }
                span.summary { (run.plan) @if !run.started.is_empty() { " · " (run.started) } }
            }
            td.number { (run.seed) }
            td { (sentence(&run.summary)) @for kind in &run.anomalies { " " code { (kind) } } }
            td { (run.faults.join(", ")) }
            td.number { (thousands(run.ops)) }
            td.number { @if run.duration_ns > 0 { (time::duration(run.duration_ns)) } }
            td { button.copy.needs-script type="button" data-copy=(run.repeat_command) title=(run.repeat_command) { "Copy command" } }
        }
    }
}
