//! Writes and syncs, counted.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::failure::DiskFailure;

/// What it took to make one batch durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Bytes written.
    pub bytes: u64,
    /// Frames of the log written.
    pub frames: u64,
    /// Syncs of files and directories.
    pub fsyncs: u64,
    /// How long the last of them took.
    pub took: Duration,
}

impl Synced {
    /// Writes `bytes` at `offset`.
    pub(super) fn write(
        &mut self,
        file: &File,
        path: &Path,
        bytes: &[u8],
        offset: usize,
    ) -> Result<(), DiskFailure> {
        file.write_all_at(bytes, offset as u64)
            .map_err(DiskFailure::of("write", path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Waits until what was written to `file` is on disk.
    pub(super) fn sync(&mut self, file: &File, path: &Path) -> Result<(), DiskFailure> {
        let started = Instant::now();
        file.sync_data().map_err(DiskFailure::of("sync", path))?;
        self.fsyncs += 1;
        self.took = started.elapsed();
        Ok(())
    }

    /// Waits until the names in the directory `path` are on disk: without it, what was made, renamed or
    /// removed there may be as before after a power loss.
    pub(super) fn sync_dir(&mut self, path: &Path) -> Result<(), DiskFailure> {
        let dir = File::open(path).map_err(DiskFailure::of("open", path))?;
        let started = Instant::now();
        dir.sync_all().map_err(DiskFailure::of("sync", path))?;
        self.fsyncs += 1;
        self.took = started.elapsed();
        Ok(())
    }
}
