//! A running agent and the pipe to it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command as Program, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use shakedown_agent::protocol::{
    self, Command, Event, Exit, Frame, KillSignal, NodeState, Reply, Request, Response, StartNode,
};
use shakedown_history::Evidence;
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

/// An agent; killed when dropped, if it is not gone by then.
pub(crate) struct Session {
    agent: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next_id: u64,
    /// Unasked frames that came while we waited for a response.
    events: Vec<Event>,
    pub(crate) dir: TempDir,
}

impl Session {
    pub(crate) fn open() -> Self {
        let mut agent = Program::new(env!("CARGO_BIN_EXE_bare-agent"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let stdin = agent.stdin.take();
        let stdout = BufReader::new(agent.stdout.take().expect("piped"));
        let dir = TempDir::new().expect("a directory can be made");
        Self {
            agent,
            stdin,
            stdout,
            next_id: 1,
            events: Vec::new(),
            dir,
        }
    }

    /// Asks, and returns the response to it.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Reply, String> {
        let id = self.next_id;
        self.next_id += 1;
        self.write(&protocol::encode(&Request { id, command }));
        let response = self.response();
        assert_eq!(response.id, Some(id));
        response.result
    }

    /// Asks for something that must work and be evidence.
    pub(crate) fn evidence(&mut self, command: Command) -> Evidence {
        match self.ask(command) {
            Ok(Reply::Evidence(evidence) | Reply::Exited { evidence, .. }) => evidence,
            other => panic!("expected evidence, got {other:?}"),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(bytes).expect("the agent listens");
    }

    /// The next response; events on the way to it are kept.
    pub(crate) fn response(&mut self) -> Response {
        loop {
            match self.frame().expect("the agent answers") {
                Frame::Response(response) => return response,
                Frame::Event(event) => self.events.push(event),
            }
        }
    }

    /// The next unasked frame.
    pub(crate) fn event(&mut self) -> Event {
        if !self.events.is_empty() {
            return self.events.remove(0);
        }
        match self.frame().expect("the agent tells") {
            Frame::Event(event) => event,
            Frame::Response(response) => panic!("nobody asked for {response:?}"),
        }
    }

    fn frame(&mut self) -> Option<Frame> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        (!line.is_empty()).then(|| protocol::decode(line.as_bytes()).expect("a frame"))
    }

    pub(crate) fn start_command(&self, argv: &[&str]) -> Command {
        Command::StartNode(StartNode {
            argv: argv.iter().map(ToString::to_string).collect(),
            env: [("GREETING".to_owned(), "world".to_owned())].into(),
            log: self.log(),
            workdir: self.dir.path().to_owned(),
        })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("node.log")
    }

    /// Starts any program as the node; its process id.
    pub(crate) fn start(&mut self, argv: &[&str]) -> i32 {
        self.start_with_evidence(argv).0
    }

    pub(crate) fn start_with_evidence(&mut self, argv: &[&str]) -> (i32, Vec<Evidence>) {
        match self.ask(self.start_command(argv)) {
            Ok(Reply::Started { pid, evidence }) => (pid, evidence),
            other => panic!("cannot start {argv:?}: {other:?}"),
        }
    }

    /// Starts `bare-node`; its process id and where it listens.
    pub(crate) fn start_bare_node(&mut self) -> (i32, SocketAddr, Vec<Evidence>) {
        let file = self.dir.path().join("address");
        fs::remove_file(&file).ok();
        let path = file.to_str().expect("a temporary directory's name is text");
        let (pid, evidence) = self.start_with_evidence(&[env!("CARGO_BIN_EXE_bare-node"), path]);
        wait_until("the node listens", || file.exists());
        let address = fs::read_to_string(&file).expect("it was written whole");
        (pid, address.parse().expect("an address"), evidence)
    }

    pub(crate) fn kill(&mut self, signal: KillSignal) -> (Exit, Evidence) {
        match self.ask(Command::KillNode {
            signal,
            deadline_ms: 10_000,
        }) {
            Ok(Reply::Exited { exit, evidence }) => (exit, evidence),
            other => panic!("cannot kill: {other:?}"),
        }
    }

    pub(crate) fn node_state(&mut self) -> NodeState {
        match self.ask(Command::NodeState) {
            Ok(Reply::NodeState(state)) => state,
            other => panic!("{other:?} is no state"),
        }
    }

    /// Closes the agent's stdin and waits until it has ended.
    pub(crate) fn hang_up(&mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.agent.wait().expect("our child")
    }

    /// SIGKILL.
    pub(crate) fn kill_agent(&mut self) {
        self.agent.kill().expect("our child");
        self.agent.wait().expect("our child");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.agent.kill().ok();
        self.agent.wait().ok();
    }
}

/// Polls until it holds.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < DEADLINE,
            "waited {DEADLINE:?} in vain until {what}"
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process lives. An orphan that nobody reaps is dead too.
pub(crate) fn lives(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// The letter in `/proc/<pid>/stat`.
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
