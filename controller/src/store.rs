//! Where runs are kept: `store/<plan>/<UTC start>-<seed>/`, with `store/latest` and an index page.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use shakedown_history::RunDir;
use shakedown_report::{IndexPage, RunSummary, render_index};

use crate::ui;

const SUMMARY: &str = "summary.json";

/// The folder of all runs.
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, made if it does not exist.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(root: &Path) -> Result<Self> {
        fs::create_dir_all(root)
            .with_context(|| format!("cannot make the store {}", root.display()))?;
        let root = root
            .canonicalize()
            .context("cannot resolve the store's path")?;
        Ok(Self { root })
    }

    /// Makes the directory of a new run, and points `latest` at it. `started` is its UTC start as
    /// `20261123T121500Z`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new_run(&self, plan: &str, started: &str, seed: u64) -> Result<RunDir> {
        let folder = self.root.join(plan);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = unused(&folder, &format!("{started}-{seed}"))?;
        let run = RunDir::new(path);
        run.create()
            .with_context(|| format!("cannot make {}", run.path().display()))?;
        self.point_latest_at(&run)?;
        Ok(run)
    }

    fn point_latest_at(&self, run: &RunDir) -> Result<()> {
        // Made aside and renamed, so that readers always find a link.
        let aside = self.root.join(format!(".latest-{}", std::process::id()));
        let target = run.path().strip_prefix(&self.root).unwrap_or(run.path());
        std::os::unix::fs::symlink(target, &aside)
            .and_then(|()| fs::rename(&aside, self.root.join("latest")))
            .context("cannot point store/latest at the run")
    }

    /// Adds a run to the index page.
    ///
    /// # Errors
    /// If the summary or the page cannot be written.
    pub fn add_to_index(&self, run: &RunDir, summary: &RunSummary) -> Result<()> {
        let path = run.path().join(SUMMARY);
        fs::write(&path, serde_json::to_vec_pretty(summary)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let page = IndexPage {
            title: "All runs".to_owned(),
            tool: ui::tool(),
            runs: self.summaries()?,
            planted_bugs: None,
            notes: Vec::new(),
        };
        write_whole(
            &self.root.join("index.html"),
            render_index(&page).as_bytes(),
        )
    }

    /// The summaries of all runs, newest first. Runs without a readable one are left out.
    fn summaries(&self) -> Result<Vec<RunSummary>> {
        let mut summaries = Vec::new();
        for plan in folders(&self.root)? {
            for run in folders(&plan)? {
                let Ok(bytes) = fs::read(run.join(SUMMARY)) else {
                    continue;
                };
                summaries.extend(serde_json::from_slice::<RunSummary>(&bytes).ok());
            }
        }
        summaries.sort_by(|a, b| (&b.started, &b.name).cmp(&(&a.started, &a.name)));
        Ok(summaries)
    }

    /// What a page in the store's root calls a run's file.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// The store that a run directory lies in, by its place; the directory itself if it lies elsewhere.
pub fn name_of(run: &RunDir) -> String {
    let parts: Vec<_> = run
        .path()
        .iter()
        .rev()
        .take(2)
        .map(|p| p.to_string_lossy())
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// The run directory that a person named, which may be `store/latest`.
///
/// # Errors
/// If there is nothing of that name.
pub fn existing_run(path: &Path) -> Result<RunDir> {
    let path = path
        .canonicalize()
        .with_context(|| format!("cannot open {}", path.display()))?;
    Ok(RunDir::new(path))
}

/// The shortest way to write a path for somebody who is where we are.
pub fn from_here(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path)
}

/// A name in `folder` that no run has: two runs may start in the same second with the same seed.
fn unused(folder: &Path, name: &str) -> Result<PathBuf> {
    for attempt in 1..1000 {
        let name = if attempt == 1 {
            name.to_owned()
        } else {
            format!("{name}.{attempt}")
        };
        let path = folder.join(name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).with_context(|| format!("cannot make {}", path.display())),
        }
    }
    anyhow::bail!("{} is full of runs called {name}", folder.display())
}

fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let mut folders = Vec::new();
    for entry in listing {
        let entry = entry.with_context(|| format!("cannot list {}", path.display()))?;
        // Links are not followed: `latest` would show a run twice.
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Writes a file so that readers see all of it or the one before.
///
/// # Errors
/// If it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let aside = path.with_extension(format!("tmp-{}", std::process::id()));
    let written = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // What could not be written whole is not left in part; that it cannot be removed is no news.
        let _ = fs::remove_file(&aside);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_of_the_same_second_have_their_own_folders_and_latest_is_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let first = store.new_run("p", "20260101T000000Z", 1).unwrap();
        let second = store.new_run("p", "20260101T000000Z", 1).unwrap();
        assert_ne!(first, second);
        let latest = fs::canonicalize(dir.path().join("latest")).unwrap();
        assert_eq!(latest, second.path());
        assert_eq!(name_of(&first), "p/20260101T000000Z-1");
    }
}
