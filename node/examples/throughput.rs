//! How fast a cluster of three on this machine is, and what tracing costs: closed-loop clients over
//! HTTP, one write of 64 bytes each, every write synced by a majority.
//!
//! ```text
//! cargo build --release -p shakedown-node --bins
//! cargo run --release -p shakedown-node --example throughput -- [SECONDS] [DIR] [CONNECTIONS]
//! ```
//!
//! `DIR` is where the nodes' disks are; what a sync costs depends on it.

#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const WARM_UP: Duration = Duration::from_secs(1);
const NODES: [u16; 3] = [1, 2, 3];
const CONNECTIONS: [u64; 4] = [1, 16, 64, 256];
const VALUE_LEN: usize = 64;

/// Three processes that end with this.
struct Nodes(Vec<Child>);

impl Nodes {
    /// For how long they have had a processor, all together.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let tick_ms = 10;
        let ticks = self.0.iter().map(|child| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
            // proc(5): after the name in parentheses come state, and as 11th and 12th more, utime and stime.
            let (_, fields) = stat.rsplit_once(") ").context("not a stat file")?;
            let mut times = fields.split(' ').skip(11).map(str::parse::<u64>);
            let mut next = || anyhow::Ok(times.next().context("too few fields")??);
            Ok(next()? + next()?)
        });
        let ticks: u64 = ticks.sum::<anyhow::Result<u64>>()?;
        Ok(Duration::from_millis(tick_ms * ticks))
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended already needs no killing.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let seconds = args.next().map_or(Ok(5), |text| text.parse());
    let measured = Duration::from_secs(seconds.context("SECONDS is a number")?);
    let parent = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    println!(
        "connections   trace    ops/s   p50 ms   p99 ms   fsyncs/s   ops/fsync   CPU us/op   tracing costs"
    );
    let all = CONNECTIONS.map(|connections| connections.to_string());
    for connections in args.next().map_or(all.to_vec(), |only| vec![only]) {
        let connections = connections.parse().context("CONNECTIONS is a number")?;
        let mut without: Option<Figures> = None;
        for traced in [false, true] {
            let dir = tempfile::tempdir_in(&parent)?;
            let nodes = start(dir.path(), traced)?;
            let leader = leader().await?;
            let figures = measure(&nodes, leader, connections, measured).await?;
            println!("{}", row(connections, traced, &figures, without.as_ref()));
            without = Some(figures);
        }
    }
    Ok(())
}

/// What one measurement gave.
struct Figures {
    ops_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    fsyncs_per_second: f64,
    /// Of all three nodes together: what a busy machine blurs least.
    cpu_us_per_op: f64,
}

fn row(connections: u64, traced: bool, figures: &Figures, without: Option<&Figures>) -> String {
    let Figures {
        ops_per_second,
        p50_ms,
        p99_ms,
        fsyncs_per_second,
        cpu_us_per_op,
    } = figures;
    let cost = without.map_or_else(String::new, |without| {
        let fewer_ops = 1.0 - ops_per_second / without.ops_per_second;
        let more_cpu = cpu_us_per_op / without.cpu_us_per_op - 1.0;
        format!(
            "{:.1} % of ops/s, {:.1} % more CPU",
            100.0 * fewer_ops,
            100.0 * more_cpu
        )
    });
    format!(
        "{connections:11}   {:5}   {ops_per_second:6.0}   {p50_ms:6.2}   {p99_ms:6.2}   \
         {fsyncs_per_second:8.0}   {:9.1}   {cpu_us_per_op:9.1}   {cost}",
        if traced { "on" } else { "off" },
        ops_per_second / fsyncs_per_second
    )
}

fn start(dir: &Path, traced: bool) -> anyhow::Result<Nodes> {
    let program = std::env::current_exe()?;
    let program = program
        .ancestors()
        .nth(2)
        .context("no target directory")?
        .join("raft-node");
    let mut nodes = Nodes(Vec::new());
    for node in NODES {
        let mut command = Command::new(&program);
        let name = format!("n{node}");
        command.args(["--cluster", "throughput", "--seed", "1", "--id", &name]);
        command.arg("--data-dir").arg(dir.join(&name));
        if traced {
            command
                .arg("--trace")
                .arg(dir.join(format!("{name}.jsonl")));
        }
        command.args(["--client-addr", &client_addr(node).to_string()]);
        for peer in NODES {
            command.args(["--peer", &format!("n{peer}=127.77.0.{peer}:7000")]);
        }
        let child = command.stderr(Stdio::null()).spawn();
        nodes
            .0
            .push(child.with_context(|| format!("cannot start {}", program.display()))?);
    }
    Ok(nodes)
}

fn client_addr(node: u16) -> SocketAddr {
    SocketAddr::from(([127, 77, 0, 0], 8000 + node))
}

async fn leader() -> anyhow::Result<SocketAddr> {
    for _ in 0..500 {
        for node in NODES {
            if let Ok(mut connection) = Connection::open(client_addr(node)).await
                && connection.get_status().await?["role"] == "leader"
            {
                return Ok(client_addr(node));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("no leader within ten seconds")
}

async fn measure(
    nodes: &Nodes,
    leader: SocketAddr,
    connections: u64,
    measured: Duration,
) -> anyhow::Result<Figures> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + measured;
    let tasks: Vec<_> = (1..=connections)
        .map(|client| tokio::spawn(run_client(leader, client, begin, end)))
        .collect();
    let mut status = Connection::open(leader).await?;
    tokio::time::sleep_until(begin.into()).await;
    let before = (status.get_status().await?, nodes.cpu()?);
    tokio::time::sleep_until(end.into()).await;
    let after = (status.get_status().await?, nodes.cpu()?);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    ensure!(!latencies.is_empty(), "nothing was written");
    latencies.sort_unstable();
    let count = |status: &Value| status["fsyncs"].as_u64().context("no fsyncs in the status");
    let percentile = |p: usize| latencies[(latencies.len() - 1) * p / 100].as_secs_f64() * 1e3;
    let seconds = measured.as_secs_f64();
    let cpu = after.1 - before.1;
    Ok(Figures {
        ops_per_second: latencies.len() as f64 / seconds,
        p50_ms: percentile(50),
        p99_ms: percentile(99),
        fsyncs_per_second: (count(&after.0)? - count(&before.0)?) as f64 / seconds,
        cpu_us_per_op: cpu.as_secs_f64() * 1e6 / latencies.len() as f64,
    })
}

async fn run_client(
    leader: SocketAddr,
    client: u64,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(leader).await?;
    let value = "x".repeat(VALUE_LEN);
    let mut latencies = Vec::new();
    let session = connection.request("POST /v1/sessions", "").await?["client"].clone();
    for seq in 1.. {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let op = json!({"f": "w", "key": format!("k{}", client % 16), "value": value});
        let body = json!({"client": session, "seq": seq, "ops": [op]}).to_string();
        let reply = connection.request("POST /v1/txn", &body).await?;
        ensure!(reply["witness"].is_object(), "{reply}");
        if sent >= begin {
            latencies.push(sent.elapsed());
        }
    }
    Ok(latencies)
}

/// The least HTTP that works, so that the clients leave the machine to the nodes.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    async fn get_status(&mut self) -> anyhow::Result<Value> {
        self.request("GET /v1/status", "").await
    }

    async fn request(&mut self, target: &str, body: &str) -> anyhow::Result<Value> {
        let head = format!(
            "{target} HTTP/1.1\r\nHost: n\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.0.write_all((head + body).as_bytes()).await?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line).await? > 0, "the node hung up");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?;
                }
                _ if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut reply = vec![0; length];
        self.0.read_exact(&mut reply).await?;
        Ok(serde_json::from_slice(&reply)?)
    }
}
