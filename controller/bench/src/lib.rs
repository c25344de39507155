//! Measures the embedded Raft node on this machine, and etcd beside it.
//!
//! - `args`: the command line
//! - `system`: what is asked of a measured system; `embedded` and `etcd` answer it
//! - `cluster`, `process`: three processes on loopback
//! - `wire`: the protocols of the clients
//! - `load`, `sample`: the clients, and one measurement
//! - `compare`, `failover`, `restart`: the figures
//! - `report`: how they are told
//! - `disk`: what is under them

mod args;
mod cluster;
mod compare;
mod disk;
mod embedded;
mod etcd;
mod failover;
mod load;
mod process;
mod report;
mod restart;
mod sample;
mod system;
mod wire;

pub use args::BenchArgs;
pub use report::Report;

use anyhow::{Context as _, bail};

use args::Figure;

/// Measures what the arguments ask for; tells `progress` how far it is. Call it from the main thread: the
/// kernel kills all nodes when the thread ends that called it.
///
/// # Errors
/// If a system does not start or does not serve, or on Ctrl-C.
pub fn run(args: &BenchArgs, progress: &dyn Fn(&str)) -> anyhow::Result<Report> {
    // One thread: the load generator must leave the processors to what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let measure = async {
        Ok(match &args.figure {
            None => Report::Throughput(compare::compare(&args.throughput, progress).await?),
            Some(Figure::Failover(args)) => {
                Report::Failover(failover::failovers(args, progress).await?)
            }
            Some(Figure::Restart(args)) => Report::Restart(restart::restart(args, progress).await?),
        })
    };
    runtime.block_on(async {
        tokio::select! {
            report = measure => report,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}
