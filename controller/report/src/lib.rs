//! A run as one page for people, and many runs as an index.
//!
//! [`render_run`] and [`render_index`] are pure: the same inputs give the same bytes, on any machine
//! and at any time. A page is one file. It loads nothing, works offline, and what matters most (the
//! verdict and the argument for it) is plain HTML and SVG that needs no script.
//!
//! A page, top to bottom:
//!
//! - `opening`: the verdict in a sentence, and the command that repeats it
//! - `why`: each anomaly's argument beside a drawing of its smallest failing sub-history
//! - `checks`, `faults`: every promise that was checked; every fault with the evidence that it bit
//! - `timeline`: the whole run, drawn by `assets/timeline.js` from the data that `run_data` packs
//! - `plots`: latency and throughput
//! - `ops`: a table of all ops with a filter
//! - `provenance`: files, versions, the plan in full
//!
//! Nothing is cut where it would hide evidence: where a run is too large for its page, `sample` keeps
//! every op of every anomaly and the page says what it left out.

mod axis;
mod axis_svg;
mod blob;
mod checks;
mod coordinate;
mod faults;
mod history_svg;
mod index;
mod lanes;
mod op_refs;
mod opening;
mod ops;
mod page;
mod pairs;
mod plots;
mod provenance;
mod roles;
mod run_data;
mod sample;
mod shell;
mod static_timeline;
mod time;
mod timeline;
mod trace_excerpt;
mod trace_svg;
mod verdict_words;
mod why;
mod windows;

pub use index::{IndexPage, RunSummary, render_index};
pub use page::{RunFile, RunPage, render_run};
