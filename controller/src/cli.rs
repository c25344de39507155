//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shakedown_bench::BenchArgs;
use shakedown_node::NodeArgs;

const EXIT_CODES: &str = "Exit codes: 0 pass, 1 violation, 2 wrong command line or plan, \
3 inconclusive, 4 harness error. Of many runs the worst counts.";

/// Tests Raft clusters: real processes, real faults, a verdict that explains itself.
#[derive(Debug, Parser)]
#[command(name = "shakedown", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a plan once: cluster, clients, faults, verdict, report
    Run(RunArgs),
    /// Run a plan with many seeds, until its number of runs or its time is spent
    Campaign(CampaignArgs),
    /// Check a run directory, or a history file on its own
    Check(CheckArgs),
    /// Render a run directory's report again
    Report(ReportArgs),
    /// Check plan files without running them
    Validate(ValidateArgs),
    /// Say what this machine can do, and how to get the rest
    Doctor(DoctorArgs),
    /// List the bugs that can be planted in the embedded node
    PlantedBugs(PlantedBugsArgs),
    /// Measure the embedded node, and etcd beside it
    Bench(BenchCommand),
    /// The agent on a host; started by the controller
    #[command(hide = true)]
    Agent,
    /// The embedded Raft node; started by an agent
    #[command(hide = true)]
    Node(NodeArgs),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What may be said on the command line instead of in the plan.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// The plan; without one, the embedded default plan (plans/default.yaml)
    pub plan: Option<PathBuf>,
    /// Every choice of the run comes from it
    #[arg(long)]
    pub seed: Option<u64>,
    /// How long clients and nemesis work: 10s, 2m
    #[arg(long, value_parser = duration)]
    pub time: Option<Duration>,
    /// How many nodes
    #[arg(long)]
    pub nodes: Option<usize>,
    /// Plant a bug in every node; see `shakedown planted-bugs`
    #[arg(long, value_name = "NAME")]
    pub planted_bug: Option<String>,
    /// Where runs are kept
    #[arg(long, default_value = "store", value_name = "DIR")]
    pub store: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `shakedown run`
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The plan and what overrides it.
    #[command(flatten)]
    pub plan: PlanArgs,
}

/// `shakedown campaign`
#[derive(Clone, Debug, Args)]
pub struct CampaignArgs {
    /// The plan and what overrides it.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// How many runs at most
    #[arg(long)]
    pub runs: Option<u64>,
    /// No run begins after this time: 30m, 8h
    #[arg(long, value_parser = duration)]
    pub budget: Option<Duration>,
}

/// `shakedown check`
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// A run directory or a history file
    pub path: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `shakedown report`
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// A run directory
    pub run_dir: PathBuf,
}

/// `shakedown validate`
#[derive(Clone, Debug, Args)]
pub struct ValidateArgs {
    /// Plan files
    #[arg(required = true)]
    pub plans: Vec<PathBuf>,
}

/// `shakedown planted-bugs`
#[derive(Clone, Debug, Args)]
pub struct PlantedBugsArgs {
    /// How the table is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `shakedown doctor`
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `shakedown bench`
#[derive(Clone, Debug, Args)]
pub struct BenchCommand {
    /// What to measure.
    #[command(flatten)]
    pub bench: BenchArgs,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t, global = true)]
    pub format: OutputFormat,
}

fn duration(text: &str) -> Result<Duration, String> {
    shakedown_plan::duration::parse_duration(text)
}
