//! How long checking takes on simulated histories, reading not counted.
//!
//! `cargo bench -p shakedown-checker --bench linearizability [-- <most ops>]`
#![allow(clippy::print_stdout, reason = "the table is this program's purpose")]

#[path = "../tests/linearizability/simulator.rs"]
mod simulator;

use std::time::{Duration, Instant};

use shakedown_checker::{Budget, Register, check_linearizability};
use simulator::{Shape, simulate};

/// Sizes tried if the command line names no limit.
const MOST_OPS: usize = 100_000;

fn main() {
    let most_ops = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next()
        .unwrap_or(MOST_OPS);
    println!("{:44} {:>9} {:>11}  verdict", "history", "ops", "time");
    for (name, shape) in shapes() {
        for ops in [1_000, 10_000, 100_000, 1_000_000] {
            if ops <= most_ops {
                measure(name, Shape { ops, ..shape });
            }
        }
    }
}

fn measure(name: &str, shape: Shape) {
    let Shape {
        clients,
        keys,
        lost_per_mille,
        stale,
        ..
    } = shape;
    let history = simulate(shape);
    let budget = Budget {
        time: Duration::from_secs(20),
        memory_bytes: 1 << 30,
    };
    let start = Instant::now();
    let report = check_linearizability(&history, &Register, budget);
    let took = start.elapsed();
    let label = format!(
        "{name}, {clients} clients, {keys} keys, lost {lost_per_mille}\u{2030}{}",
        if stale { ", stale" } else { "" }
    );
    println!(
        "{label:44} {:>9} {:>8.1} ms  {:?}",
        shape.ops,
        took.as_secs_f64() * 1e3,
        report.verdict
    );
}

fn shapes() -> Vec<(&'static str, Shape)> {
    let few = Shape::default();
    let distinct = Shape {
        values: None,
        ..few
    };
    let mut shapes = Vec::new();
    for (lost_per_mille, stale) in [
        (0, false),
        (0, true),
        (10, false),
        (10, true),
        (50, false),
        (50, true),
    ] {
        for (hot, clients) in [(true, 5), (true, 20), (false, 20)] {
            let some = Shape {
                lost_per_mille,
                stale,
                hot,
                clients,
                ..few
            };
            let each = Shape {
                lost_per_mille,
                stale,
                hot,
                clients,
                ..distinct
            };
            shapes.push((if hot { "hot v5" } else { "cool v5" }, some));
            shapes.push((if hot { "hot vu" } else { "cool vu" }, each));
        }
        let many = Shape {
            clients: 20,
            keys: 100,
            lost_per_mille,
            stale,
            ..few
        };
        shapes.push(("kv v5", many));
    }
    shapes.push((
        "witness v5",
        Shape {
            clients: 20,
            witness: true,
            lost_per_mille: 10,
            ..few
        },
    ));
    shapes
}
