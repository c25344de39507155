//! How much memory a long log takes, and how long a node with it takes to start.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{bail, ensure};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::args::{OneTrace, RestartArgs};
use crate::cluster::{Cluster, POLL_INTERVAL};
use crate::disk::{self, Disk};
use crate::embedded::{self, Embedded};
use crate::load::{Load, Operation};
use crate::process::Memory;
use crate::system::NODES;

/// Far slower than any disk.
const WRITING_DEADLINE: Duration = Duration::from_secs(4 * 3600);
const STARTING_DEADLINE: Duration = Duration::from_secs(600);
/// How many entries are written between two lines of progress.
const PROGRESS_ENTRIES: u64 = 100_000;

/// What a long log costs.
#[derive(Debug, Serialize)]
pub struct Restart {
    /// How many entries were written.
    pub entries: u64,
    /// How long that took, in seconds.
    pub writing_s: f64,
    /// The memory of each node thereafter.
    pub memory: Vec<Memory>,
    /// The memory of the restarted node when it had caught up.
    pub memory_restarted: Memory,
    /// What the restarted node has on disk, without its trace.
    pub disk_bytes: u64,
    /// From the start of the process until its status answers: its log is recovered, in seconds.
    pub answers_s: f64,
    /// From the start of the process until it has applied what the leader has, in seconds.
    pub caught_up_s: f64,
    /// Where the logs were.
    pub disk: Disk,
}

/// Writes a long log, kills a follower and starts it again; tells `progress` how far it is.
///
/// # Errors
/// If the cluster does not serve, a write fails, or the follower does not catch up.
pub(crate) async fn restart(
    args: &RestartArgs,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Restart> {
    let dir = disk::working_dir(&args.nodes.dir)?;
    let disk = disk::measure(dir.path())?;
    let place = dir.path().join("nodes");
    let settings = embedded::Settings {
        trace: args.trace == OneTrace::On,
        token: args.nodes.token.clone(),
        node_args: args.nodes.node_args.clone(),
    };
    let system = Embedded::new(&place, settings)?;
    let mut cluster = Cluster::start(system, dir.path().join("logs"))?;
    let leader = cluster.serving_leader().await?;
    let begun = Instant::now();
    write(&cluster, leader, args, progress).await?;
    let writing_s = begun.elapsed().as_secs_f64();

    let applied = cluster.system.status_number(leader, "last_applied").await?;
    let follower = (leader + 1) % NODES;
    caught_up(&mut cluster, follower, applied).await?;
    let memory = cluster.memory()?;
    cluster.kill_node(follower);
    let disk_bytes = size(&cluster.system.data_dir(follower))?;
    let started = Instant::now();
    cluster.start_node(follower)?;
    caught_up(&mut cluster, follower, 0).await?;
    let answers_s = started.elapsed().as_secs_f64();
    caught_up(&mut cluster, follower, applied).await?;
    Ok(Restart {
        entries: args.entries,
        writing_s,
        memory,
        memory_restarted: cluster.memory()?[follower],
        disk_bytes,
        answers_s,
        caught_up_s: started.elapsed().as_secs_f64(),
        disk,
    })
}

async fn write(
    cluster: &Cluster<Embedded>,
    leader: usize,
    args: &RestartArgs,
    progress: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let mut written = 0;
    while written < args.entries {
        let part = PROGRESS_ENTRIES.min(args.entries - written);
        let now = Instant::now();
        let load = Load {
            operation: Operation::Put,
            connections: args.connections,
            begin: now,
            end: now + WRITING_DEADLINE,
            operations_max: part,
        };
        let tally = load.run(&cluster.system, leader).await;
        ensure!(
            tally.errors == 0,
            "{} writes fail; the first: {}",
            tally.errors,
            tally.first_error.unwrap_or_default()
        );
        written += part;
        progress(&format!("{written} of {} entries written", args.entries));
    }
    Ok(())
}

/// Waits until a node answers and has applied everything up to `index`.
async fn caught_up(cluster: &mut Cluster<Embedded>, node: usize, index: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + STARTING_DEADLINE;
    loop {
        let applied = cluster.system.status_number(node, "last_applied").await;
        if applied.as_ref().is_ok_and(|applied| *applied >= index) {
            return Ok(());
        }
        cluster.check_alive(node)?;
        if Instant::now() > deadline {
            bail!(
                "node {} has applied {applied:?} of {index} entries",
                node + 1
            );
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// How long all files in a directory are together, in bytes.
fn size(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            size(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}

impl Display for Restart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        writeln!(
            f,
            "{} entries written in {:.1} s; {} MiB on disk",
            self.entries,
            self.writing_s,
            mib(self.disk_bytes)
        )?;
        for (n, memory) in self.memory.iter().enumerate() {
            let (resident, peak) = (mib(memory.resident), mib(memory.peak));
            writeln!(f, "n{}: {resident} MiB resident, at most {peak} MiB", n + 1)?;
        }
        writeln!(
            f,
            "a follower that was killed answers {:.2} s after its start, and has applied everything after \
             {:.2} s; then {} MiB resident, at most {} MiB",
            self.answers_s,
            self.caught_up_s,
            mib(self.memory_restarted.resident),
            mib(self.memory_restarted.peak)
        )?;
        writeln!(f, "{}", self.disk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_reads_as_a_few_lines() {
        let memory = |mib: u64| Memory {
            resident: mib << 20,
            peak: (mib + 1) << 20,
        };
        let restart = Restart {
            entries: 1_000_000,
            writing_s: 123.45,
            memory: vec![memory(80), memory(70), memory(60)],
            memory_restarted: memory(50),
            disk_bytes: 300 << 20,
            answers_s: 0.512,
            caught_up_s: 1.234,
            disk: Disk {
                filesystem: "ext4".to_owned(),
                fdatasync_p50_us: 310,
                fdatasync_p99_us: 1900,
            },
        };
        insta::assert_snapshot!(restart.to_string());
    }

    #[test]
    fn a_directory_is_as_large_as_its_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        fs::write(dir.path().join("inner/a"), [0; 5]).unwrap();
        fs::write(dir.path().join("b"), [0; 7]).unwrap();
        assert_eq!(size(dir.path()).unwrap(), 12);
    }
}
