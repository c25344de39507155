//! How fast a cluster of three on this machine is: closed-loop clients over HTTP, one append each.
//!
//! ```text
//! cargo build --release -p shakedown-node --bins
//! cargo run --release -p shakedown-node --example throughput
//! ```

#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(8);
const NODES: [u16; 3] = [1, 2, 3];

/// Three processes that end with this.
struct Nodes(Vec<Child>);

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
    println!("clients   writes/s   p50 ms   p99 ms   fsyncs/s on the leader   writes/fsync");
    for clients in [1, 10, 64] {
        let dir = tempfile::tempdir()?;
        let _nodes = start(dir.path())?;
        let leader = leader().await?;
        measure(leader, clients).await?;
    }
    Ok(())
}

fn start(dir: &Path) -> anyhow::Result<Nodes> {
    let program = std::env::current_exe()?;
    let program = program
        .ancestors()
        .nth(2)
        .context("no target directory")?
        .join("raft-node");
    let mut nodes = Nodes(Vec::new());
    for node in NODES {
        let mut command = Command::new(&program);
        command.args([
            "--cluster",
            "throughput",
            "--seed",
            "1",
            "--id",
            &format!("n{node}"),
        ]);
        command.arg("--data-dir").arg(dir.join(format!("n{node}")));
        command
            .arg("--trace")
            .arg(dir.join(format!("n{node}.jsonl")));
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

async fn measure(leader: SocketAddr, clients: u64) -> anyhow::Result<()> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + MEASURED;
    let tasks: Vec<_> = (1..=clients)
        .map(|client| tokio::spawn(run_client(leader, client, begin, end)))
        .collect();
    let mut status = Connection::open(leader).await?;
    tokio::time::sleep_until(begin.into()).await;
    let before = status.get_status().await?;
    tokio::time::sleep_until(end.into()).await;
    let after = status.get_status().await?;
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    latencies.sort_unstable();
    let count = |status: &Value| status["fsyncs"].as_u64().context("no fsyncs in the status");
    let seconds = MEASURED.as_secs_f64();
    let (writes, fsyncs) = (
        latencies.len() as f64,
        (count(&after)? - count(&before)?) as f64,
    );
    let percentile = |p: usize| latencies[(latencies.len() - 1) * p / 100].as_secs_f64() * 1e3;
    println!(
        "{clients:7}   {:8.0}   {:6.2}   {:6.2}   {:22.0}   {:12.1}",
        writes / seconds,
        percentile(50),
        percentile(99),
        fsyncs / seconds,
        writes / fsyncs
    );
    Ok(())
}

async fn run_client(
    leader: SocketAddr,
    client: u64,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(leader).await?;
    let mut latencies = Vec::new();
    let session = connection.request("POST /v1/sessions", "").await?["client"].clone();
    for seq in 1.. {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let op = json!({"f": "w", "key": format!("k{}", client % 16), "value": seq});
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
