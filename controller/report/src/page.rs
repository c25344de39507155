//! One run as one page: its parts, in the order in which a reader wants them.

use maud::{Markup, html};
use shakedown_checker::RunVerdict;
use shakedown_history::fault::FaultWindow;
use shakedown_history::{Header, History, NodeTrace};

use crate::roles::{self, NodeLane};
use crate::run_data::{self, RunData};
use crate::{checks, faults, opening, ops, plots, provenance, shell, timeline, why};

/// A file of the run's directory, to be listed on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFile {
    /// Its path within the run's directory; the page links to it.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits, if it was computed.
    pub sha256: Option<String>,
}

/// All that a page shows about one run. Every part may be missing: a run cut off at any point has a
/// page.
#[derive(Clone, Debug)]
pub struct RunPage {
    /// What to call the run: `smoke/20261123T120000Z-42`.
    pub name: String,
    /// Seed, tool, command line, start, and the origin of the nodes' clocks.
    pub header: Header,
    /// The plan in full, defaults filled in.
    pub plan_yaml: String,
    /// What the checkers found.
    pub verdict: RunVerdict,
    /// What the clients saw; none if it could not be read.
    pub history: Option<History>,
    /// What the nemesis did.
    pub faults: Vec<FaultWindow>,
    /// What the nodes say they did.
    pub traces: Vec<NodeTrace>,
    /// The run directory's files.
    pub files: Vec<RunFile>,
    /// What could not be read or shown, and why; each a sentence.
    pub notes: Vec<String>,
    /// The command line that repeats the run.
    pub repeat_command: String,
}

/// What several sections of a page share, computed once.
pub(crate) struct Run<'a> {
    pub(crate) page: &'a RunPage,
    pub(crate) lanes: Vec<NodeLane>,
    pub(crate) data: RunData<'a>,
    /// The page's own remarks: traces that could not be placed, ops left out.
    pub(crate) remarks: Vec<String>,
    /// How long the run lasted by its records; none where nothing was recorded.
    pub(crate) recorded_ns: Option<u64>,
}

/// Renders a run's page: one self-contained HTML file.
#[must_use]
pub fn render_run(page: &RunPage) -> String {
    let recorded_ns = run_data::end_ns(page);
    // A scale needs a length, even where there is nothing to draw.
    let end_ns = recorded_ns.unwrap_or(1_000_000_000);
    let (lanes, mut remarks) = roles::node_lanes(page, end_ns);
    let data = RunData::gather(page, end_ns);
    let packed = run_data::pack(&data, page, &lanes);
    remarks.extend(packed.remark.clone());
    let run = Run {
        page,
        lanes,
        data,
        remarks,
        recorded_ns,
    };
    let body = body(&run, &packed.base64);
    let title = format!("{} · {}", verdict_title(page), page.name);
    shell::document(&title, shell::RUN_SCRIPT, &body)
}

fn verdict_title(page: &RunPage) -> &'static str {
    crate::verdict_words::Words::of(page.verdict.verdict).word
}

fn body(run: &Run<'_>, blob: &str) -> Markup {
    html! {
        (opening::render(run))
        main {
            (why::render(run))
            (checks::render(&run.page.verdict))
            (faults::render(&run.page.faults))
            (timeline::render(run, blob))
            (plots::render(run))
            (ops::render(run))
            (provenance::render(run.page))
        }
        (shell::footer(&run.page.header.tool))
    }
}
