//! A cluster of processes, and what tests ask of it. All waiting is polling with a deadline.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Client;
use serde_json::{Value, json};
use shakedown_checker::Verdict;
use shakedown_history::{Event, NodeTrace};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// How long anything may take before a test gives up; far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a cluster that keeps its promises has broken.
pub(crate) const NOTHING: [&str; 0] = [];

/// Leaders that lead nobody take a while to notice.
pub(crate) const SLOW_ELECTIONS: [&str; 2] = ["--election-timeout-ms", "1500..2500"];

/// Each cluster gets a loopback address of its own, by process and count, so that neither tests at
/// the same time nor lingering ports get in each other's way.
static CLUSTERS: AtomicU8 = AtomicU8::new(1);

/// A cluster whose processes end with it.
pub(crate) struct Cluster {
    dir: TempDir,
    address: Ipv4Addr,
    nodes: Vec<Option<Child>>,
    more_args: Vec<String>,
    http: Client,
    /// The session of each client that has spoken.
    sessions: Mutex<BTreeMap<u64, u64>>,
}

/// Probes until there is something.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An answer of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The `error` and whether it is definite.
    pub(crate) fn error(&self) -> (u16, &str, bool) {
        let error = self.body["error"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {self:?}"));
        (
            self.status,
            error,
            self.body["definite"].as_bool().expect("an error says so"),
        )
    }
}

impl Cluster {
    /// Nodes 1 to `size`, running, and one of them leads.
    pub(crate) async fn start(size: usize) -> Self {
        Self::start_with(size, &[]).await
    }

    /// The same with more arguments for each.
    pub(crate) async fn start_with(size: usize, more_args: &[&str]) -> Self {
        let mut cluster = Self::prepare(size, more_args);
        for node in 1..=size {
            cluster.start_node(node);
        }
        cluster.leader().await;
        cluster
    }

    /// A cluster that does not run yet.
    pub(crate) fn prepare(size: usize, more_args: &[&str]) -> Self {
        let [high, low] = u16::try_from(std::process::id() % 65_536)
            .unwrap()
            .to_be_bytes();
        let count = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        Self {
            dir: tempfile::tempdir().unwrap(),
            address: Ipv4Addr::new(127, high, low, count),
            nodes: (0..size).map(|_| None).collect(),
            more_args: more_args.iter().map(|arg| (*arg).to_owned()).collect(),
            http: Client::new(),
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn start_node(&mut self, node: usize) {
        let command = Command::new(env!("CARGO_BIN_EXE_raft-node"));
        self.spawn(node, command);
    }

    /// Starts a node that cannot make any file longer than this.
    pub(crate) fn start_node_with_file_limit(&mut self, node: usize, limit_kib: u64) {
        let mut command = Command::new("bash");
        // Ignored, the signal of an exceeded limit leaves the write with an error.
        let script = format!("trap '' XFSZ; ulimit -f {limit_kib}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_raft-node")]);
        self.spawn(node, command);
    }

    fn spawn(&mut self, node: usize, mut command: Command) {
        assert!(self.nodes[node - 1].is_none(), "n{node} runs already");
        command.args([
            "--id",
            &format!("n{node}"),
            "--cluster",
            "test",
            "--seed",
            "7",
        ]);
        command.arg("--data-dir").arg(self.data_dir(node));
        command.arg("--trace").arg(self.trace_path(node));
        command.args(["--client-addr", &self.client_addr(node).to_string()]);
        for peer in 1..=self.nodes.len() {
            command.args(["--peer", &format!("n{peer}={}", self.peer_addr(peer))]);
        }
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log_path(node))
            .unwrap();
        let child = command
            .args(&self.more_args)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        self.nodes[node - 1] = Some(child.unwrap());
    }

    pub(crate) fn size(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn data_dir(&self, node: usize) -> PathBuf {
        self.dir.path().join(format!("n{node}"))
    }

    fn trace_path(&self, node: usize) -> PathBuf {
        self.dir.path().join(format!("n{node}.jsonl"))
    }

    fn log_path(&self, node: usize) -> PathBuf {
        self.dir.path().join(format!("n{node}.log"))
    }

    pub(crate) fn client_addr(&self, node: usize) -> SocketAddr {
        (self.address, 8000 + u16::try_from(node).unwrap()).into()
    }

    pub(crate) fn peer_addr(&self, node: usize) -> SocketAddr {
        (self.address, 7000 + u16::try_from(node).unwrap()).into()
    }

    /// What a node has written to stderr.
    pub(crate) fn log(&self, node: usize) -> String {
        fs::read_to_string(self.log_path(node)).unwrap()
    }

    pub(crate) fn trace(&self, node: usize) -> NodeTrace {
        NodeTrace::read(&self.trace_path(node)).unwrap()
    }

    /// All events of a node, of all its incarnations.
    pub(crate) fn events(&self, node: usize) -> Vec<Event> {
        let segments = self.trace(node).segments;
        segments
            .into_iter()
            .flat_map(|s| s.records)
            .map(|r| r.ev)
            .collect()
    }

    /// Ends all nodes and returns which of Raft's promises they broke, by their own traces.
    pub(crate) fn broken_promises(mut self) -> Vec<String> {
        for node in 1..=self.size() {
            if self.nodes[node - 1].is_some() {
                self.kill(node);
            }
        }
        let traces: Vec<_> = (1..=self.size()).map(|node| self.trace(node)).collect();
        let nodes: Vec<_> = traces.iter().map(|trace| trace.node).collect();
        let reports = shakedown_checker::check_traces(&traces, &nodes);
        let broken = reports
            .into_iter()
            .filter(|r| r.verdict == Verdict::Violation);
        broken
            .map(|report| format!("{}: {}", report.check, report.summary))
            .collect()
    }

    /// SIGKILL, and the process is gone.
    pub(crate) fn kill(&mut self, node: usize) {
        let mut child = self.nodes[node - 1].take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn pause(&self, node: usize) {
        self.signal(node, Signal::SIGSTOP);
    }

    pub(crate) fn resume(&self, node: usize) {
        self.signal(node, Signal::SIGCONT);
    }

    fn signal(&self, node: usize, signal: Signal) {
        let child = self.nodes[node - 1].as_ref().expect("it runs");
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    }

    /// Whether a node's process has ended on its own.
    pub(crate) fn ended(&mut self, node: usize) -> Option<ExitStatus> {
        self.nodes[node - 1]
            .as_mut()
            .expect("it was started")
            .try_wait()
            .unwrap()
    }

    /// Waits until a node's process has ended on its own.
    pub(crate) async fn wait_for_end(&mut self, node: usize) -> ExitStatus {
        let status = eventually("its process ends", async || self.ended(node)).await;
        self.nodes[node - 1] = None;
        status
    }

    /// The session of a test's client, which begins when it is first asked for.
    pub(crate) async fn session(&self, client: u64) -> u64 {
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = sessions.get(&client) {
            return *session;
        }
        let session = eventually("a session", async || {
            let leader = self.leader().await;
            let answer = self.try_post_to(leader, "/v1/sessions", String::new());
            answer.await?.body["client"].as_u64()
        })
        .await;
        sessions.insert(client, session);
        session
    }

    /// A transaction, answered or not. Tests number their clients; each has a session of its own.
    pub(crate) async fn try_post(&self, node: usize, body: impl Into<String>) -> Option<Answer> {
        let mut body = body.into();
        if let Ok(mut transaction) = serde_json::from_str::<Value>(&body)
            && let Some(client) = transaction["client"].as_u64()
        {
            transaction["client"] = self.session(client).await.into();
            body = transaction.to_string();
        }
        self.try_post_to(node, "/v1/txn", body).await
    }

    async fn try_post_to(&self, node: usize, path: &str, body: String) -> Option<Answer> {
        let url = format!("http://{}{path}", self.client_addr(node));
        let request = self.http.post(url).timeout(PATIENCE).body(body);
        let response = request
            .header("shakedown-timeout-ms", "2000")
            .send()
            .await
            .ok()?;
        let status = response.status().as_u16();
        Some(Answer {
            status,
            body: response.json().await.ok()?,
        })
    }

    pub(crate) async fn post(&self, node: usize, body: impl Into<String>) -> Answer {
        self.try_post(node, body)
            .await
            .expect("a running node answers")
    }

    pub(crate) async fn try_status(&self, node: usize) -> Option<Value> {
        let url = format!("http://{}/v1/status", self.client_addr(node));
        let request = self.http.get(url).timeout(Duration::from_secs(1));
        request.send().await.ok()?.json().await.ok()
    }

    /// Waits until all running nodes agree on a leader, and returns it.
    pub(crate) async fn leader(&self) -> usize {
        self.leader_among(&(1..=self.size()).collect::<Vec<_>>())
            .await
    }

    /// Waits until those of these nodes that run agree on a leader among them, and returns it.
    pub(crate) async fn leader_among(&self, nodes: &[usize]) -> usize {
        let runs = |node: &usize| self.nodes[*node - 1].is_some();
        let running: Vec<usize> = nodes.iter().copied().filter(runs).collect();
        eventually("a leader that all agree on", async || {
            let leader = self.leader_according_to(*running.first()?).await?;
            for node in &running {
                if self.leader_according_to(*node).await != Some(leader) {
                    return None;
                }
            }
            running.contains(&leader).then_some(leader)
        })
        .await
    }

    async fn leader_according_to(&self, node: usize) -> Option<usize> {
        let status = self.try_status(node).await?;
        status["leader"].as_str()?.strip_prefix('n')?.parse().ok()
    }

    /// Makes the leader lead nobody: pauses all others, and returns it. With a long election timeout
    /// it takes a while to notice.
    pub(crate) async fn pause_all_but_the_leader(&self) -> usize {
        eventually("a leader while the others are paused", async || {
            let leader = self.leader().await;
            self.others(leader).for_each(|node| self.pause(node));
            let still_leads = self.try_status(leader).await?["role"] == "leader";
            if !still_leads {
                self.others(leader).for_each(|node| self.resume(node));
            }
            still_leads.then_some(leader)
        })
        .await
    }

    /// All nodes but one.
    pub(crate) fn others(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        (1..=self.size()).filter(move |other| *other != node)
    }

    /// Tries a transaction at every node until one has decided it; safe for a write because of its
    /// session.
    pub(crate) async fn decide(&self, body: &Value) -> Answer {
        eventually("a decision", async || {
            for node in (1..=self.size()).filter(|node| self.nodes[*node - 1].is_some()) {
                let answer = self.try_post(node, body.to_string()).await;
                if let Some(answer) = answer.filter(|answer| [200, 409].contains(&answer.status)) {
                    return Some(answer);
                }
            }
            None
        })
        .await
    }

    /// A transaction that succeeds; returns the answer's body.
    pub(crate) async fn commit(&self, body: &Value) -> Value {
        let answer = self.decide(body).await;
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        answer.body
    }

    /// The value of a key, linearizably.
    pub(crate) async fn read(&self, key: &str) -> Value {
        let reply = self.commit(&json!({"ops": [{"f": "r", "key": key}]})).await;
        reply["results"][0]["value"].clone()
    }
}

/// A transaction that appends to the list `l`.
pub(crate) fn append(client: u64, seq: u64, value: impl Into<Value>) -> Value {
    let value = value.into();
    json!({"client": client, "seq": seq, "ops": [{"f": "append", "key": "l", "value": value}]})
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for node in 1..=self.size() {
                let log = fs::read_to_string(self.log_path(node)).unwrap_or_default();
                println!("--- n{node} said:\n{log}");
            }
        }
    }
}
