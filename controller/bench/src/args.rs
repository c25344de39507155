//! What `shakedown bench` is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

/// Measure the embedded node, and etcd beside it.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    /// Another figure than throughput.
    #[command(subcommand)]
    pub figure: Option<Figure>,
    /// Throughput and latency.
    #[command(flatten)]
    pub throughput: ThroughputArgs,
}

/// Another figure than throughput.
#[derive(Clone, Debug, Subcommand)]
pub enum Figure {
    /// How long nobody can write after the leader was killed
    Failover(FailoverArgs),
    /// How much memory a long log takes, and how long a node with it takes to start
    Restart(RestartArgs),
}

/// `shakedown bench`
#[derive(Clone, Debug, Args)]
pub struct ThroughputArgs {
    /// What to compare with; left out if it is not on the PATH
    #[arg(long, value_enum, default_value = "etcd")]
    pub against: Against,
    /// How many clients at once, each with a connection of its own and one request open
    #[arg(long, value_delimiter = ',', value_parser = connections, default_value = "1,16,64,256", value_name = "N,N")]
    pub connections: Vec<usize>,
    /// How long each measurement takes, after one second that does not count
    #[arg(long, value_parser = duration, default_value = "5s")]
    pub time: Duration,
    /// How often everything is measured; the medians count
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// Whether our nodes write traces
    #[arg(long, value_enum, default_value = "on")]
    pub trace: Trace,
    /// Where and how.
    #[command(flatten)]
    pub nodes: ClusterArgs,
}

/// `shakedown bench failover`
#[derive(Clone, Debug, Args)]
pub struct FailoverArgs {
    /// How many leaders are killed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// The system
    #[arg(long, value_enum, default_value = "shakedown")]
    pub of: Of,
    /// Where and how.
    #[command(flatten)]
    pub nodes: ClusterArgs,
}

/// `shakedown bench restart`
#[derive(Clone, Debug, Args)]
pub struct RestartArgs {
    /// How many entries are written first
    #[arg(long, default_value_t = 1_000_000)]
    pub entries: u64,
    /// By how many clients at once
    #[arg(long, default_value_t = 256, value_parser = connections)]
    pub connections: usize,
    /// Whether our nodes write traces
    #[arg(long, value_enum, default_value = "on")]
    pub trace: OneTrace,
    /// Where and how.
    #[command(flatten)]
    pub nodes: ClusterArgs,
}

/// Where and how clusters run.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// Below which directory data is kept meanwhile; its disk is what is measured
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub dir: PathBuf,
    /// Our nodes get this token, and clients show it
    #[arg(long)]
    pub token: Option<String>,
    /// One more argument for our nodes, as in --node-arg=--tick-ms=1; may be repeated
    #[arg(long = "node-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub node_args: Vec<String>,
}

/// What to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// The `etcd` on the PATH
    Etcd,
    /// Nothing
    None,
}

/// Whose figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// The embedded node
    Shakedown,
    /// The `etcd` on the PATH
    Etcd,
}

/// Whether our nodes write traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trace {
    /// They do
    On,
    /// They do not
    Off,
    /// One cluster does, another does not
    Both,
}

/// Whether our nodes write traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OneTrace {
    /// They do
    On,
    /// They do not
    Off,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = shakedown_plan::duration::parse_duration(text)?;
    if duration.is_zero() {
        return Err("measuring takes time; say 1s or more".to_owned());
    }
    Ok(duration)
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a whole number from 1".to_owned()),
        Ok(connections) => Ok(connections),
    }
}
