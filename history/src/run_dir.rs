//! Where in a run's directory each file lies.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fault::FaultRecord;
use crate::ids::NodeId;
use crate::jsonl::{self, Format, ReadError};
use crate::run_log::RunRecord;
use crate::trace::NodeTrace;

/// The directory of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// The run directory at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the directory and those within it.
    ///
    /// # Errors
    /// If one cannot be made.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(self.0.join("trace"))?;
        fs::create_dir_all(self.0.join("log"))
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The complete plan, defaults filled in.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.yaml")
    }

    /// What the clients saw.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.0.join("history.jsonl")
    }

    /// What the nemesis did.
    #[must_use]
    pub fn faults(&self) -> PathBuf {
        self.0.join("faults.jsonl")
    }

    /// How the run itself went.
    #[must_use]
    pub fn run_log(&self) -> PathBuf {
        self.0.join("run.jsonl")
    }

    /// What a node says it did.
    #[must_use]
    pub fn trace(&self, node: NodeId) -> PathBuf {
        self.0.join("trace").join(format!("{node}.jsonl"))
    }

    /// What a node printed.
    #[must_use]
    pub fn log(&self, node: NodeId) -> PathBuf {
        self.0.join("log").join(format!("{node}.log"))
    }

    /// The checker's verdict, whole.
    #[must_use]
    pub fn verdict(&self) -> PathBuf {
        self.0.join("verdict.json")
    }

    /// The page for people.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// Reads the fault journal; an absent one is a run without faults.
    ///
    /// # Errors
    /// As [`jsonl::read`].
    pub fn read_faults(&self) -> Result<Vec<FaultRecord>, ReadError> {
        if !self.faults().exists() {
            return Ok(Vec::new());
        }
        Ok(jsonl::read(&self.faults(), Format::Faults)?.records)
    }

    /// Reads the run log; an absent one is empty.
    ///
    /// # Errors
    /// As [`jsonl::read`].
    pub fn read_run_log(&self) -> Result<Vec<RunRecord>, ReadError> {
        if !self.run_log().exists() {
            return Ok(Vec::new());
        }
        Ok(jsonl::read(&self.run_log(), Format::Run)?.records)
    }

    /// Reads the traces of all nodes that left one, in order of node.
    ///
    /// # Errors
    /// If the directory cannot be listed, or as [`NodeTrace::read`].
    pub fn read_traces(&self) -> Result<Vec<NodeTrace>, ReadError> {
        let dir = self.0.join("trace");
        let listing = match fs::read_dir(&dir) {
            Ok(listing) => listing,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ReadError::Io { path: dir, source }),
        };
        let mut traces = Vec::new();
        for entry in listing {
            let path = entry
                .map_err(|source| ReadError::Io {
                    path: dir.clone(),
                    source,
                })?
                .path();
            if path.extension().is_some_and(|e| e == "jsonl") {
                traces.push(NodeTrace::read(&path)?);
            }
        }
        traces.sort_by_key(|t| t.node);
        Ok(traces)
    }
}
