//! Writes made-up pages for the eye: `cargo run -p shakedown-report --example preview -- DIRECTORY [SECONDS]`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs, io};

#[path = "../tests/report/fixture/mod.rs"]
mod fixture;

use shakedown_report::{IndexPage, RunSummary, render_index, render_run};

fn main() -> io::Result<()> {
    let directory = PathBuf::from(env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let seconds = env::args()
        .nth(2)
        .map_or(60, |s| s.parse().expect("a number of seconds"));
    let (violation, empty) = (fixture::violation(seconds), fixture::empty());
    let start = Instant::now();
    let html = render_run(&violation);
    writeln!(
        io::stdout(),
        "{} bytes in {:?}",
        html.len(),
        start.elapsed()
    )?;
    fs::write(directory.join("violation.html"), html)?;
    fs::write(directory.join("empty.html"), render_run(&empty))?;
    let index = IndexPage {
        title: "nightly".to_owned(),
        tool: violation.header.tool.clone(),
        runs: vec![
            RunSummary::of(&violation, "nightly", "violation.html"),
            RunSummary::of(&empty, "smoke", "empty.html"),
        ],
        planted_bugs: Some((6, 6)),
        notes: Vec::new(),
    };
    fs::write(directory.join("index.html"), render_index(&index))
}
