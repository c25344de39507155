//! `raft-node`: one node of a Raft cluster as a process of its own.

use clap::Parser;
use shakedown_node::NodeArgs;

/// The command line.
#[derive(Parser)]
#[command(name = "raft-node", version)]
struct Cli {
    #[command(flatten)]
    args: NodeArgs,
}

fn main() -> anyhow::Result<()> {
    shakedown_node::run(Cli::parse().args)
}
