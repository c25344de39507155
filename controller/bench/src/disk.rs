//! The disk under a benchmark: without knowing how slow its syncs are, no figure means much.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use nix::sys::statfs::{self, FsType, statfs};
use serde::Serialize;
use tempfile::TempDir;

const SYNCS: usize = 200;
const WRITE_BYTES: usize = 4096;

/// A disk and how it syncs.
#[derive(Clone, Debug, Serialize)]
pub struct Disk {
    /// Its file system.
    pub filesystem: String,
    /// How long an appended write of 4 KiB with fdatasync takes: the median, in microseconds.
    pub fdatasync_p50_us: u64,
    /// The same, of a hundred the longest.
    pub fdatasync_p99_us: u64,
}

/// A directory in `parent` that goes with its value.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn working_dir(parent: &Path) -> anyhow::Result<TempDir> {
    let dir = tempfile::Builder::new()
        .prefix("shakedown-bench-")
        .tempdir_in(parent);
    dir.with_context(|| format!("cannot make a directory in {}", parent.display()))
}

/// Measures the disk below a directory.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn measure(dir: &Path) -> anyhow::Result<Disk> {
    let mut file = File::create(dir.join("fdatasync"))?;
    let mut latencies_us = Histogram::<u64>::new(3)?;
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[7; WRITE_BYTES])?;
        file.sync_data()?;
        latencies_us.record(u64::try_from(begun.elapsed().as_micros())?)?;
    }
    Ok(Disk {
        filesystem: name(statfs(dir)?.filesystem_type()),
        fdatasync_p50_us: latencies_us.value_at_quantile(0.5),
        fdatasync_p99_us: latencies_us.value_at_quantile(0.99),
    })
}

fn name(kind: FsType) -> String {
    let known = [
        (statfs::EXT4_SUPER_MAGIC, "ext4"),
        (statfs::XFS_SUPER_MAGIC, "xfs"),
        (statfs::BTRFS_SUPER_MAGIC, "btrfs"),
        (statfs::OVERLAYFS_SUPER_MAGIC, "overlayfs"),
        (statfs::TMPFS_MAGIC, TMPFS),
    ];
    let found = known.into_iter().find(|(magic, _)| *magic == kind);
    found.map_or_else(|| format!("type {:x}", kind.0), |(_, name)| name.to_owned())
}

const TMPFS: &str = "tmpfs";

impl Disk {
    /// What is wrong with measuring here.
    pub(crate) fn objection(&self) -> Option<String> {
        (self.filesystem == TMPFS).then(|| {
            "tmpfs keeps nothing: its fsync is free; name a directory on a disk with --dir"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_measured_and_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let dir = working_dir(parent.path()).unwrap();
        let disk = measure(dir.path()).unwrap();
        assert!(disk.fdatasync_p50_us <= disk.fdatasync_p99_us);
        drop(dir);
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn memory_is_no_disk() {
        let disk = |kind| Disk {
            filesystem: name(kind),
            fdatasync_p50_us: 1,
            fdatasync_p99_us: 1,
        };
        assert!(disk(statfs::TMPFS_MAGIC).objection().is_some());
        assert!(disk(statfs::EXT4_SUPER_MAGIC).objection().is_none());
    }
}
