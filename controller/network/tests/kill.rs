//! A SIGKILL in the middle of a run with a network leaves nothing: no process, namespace, link.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test runner talks on stdout")]

use shakedown_network::{Backend, Lan, Link, Settings};
use shakedown_sandbox::testing::{as_each_user, leftovers};
use shakedown_sandbox::{Sandbox, Side, enter};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const MARK: &str = "SHAKEDOWN_TEST_MARK";
const BACKEND: &str = "SHAKEDOWN_TEST_BACKEND";

fn main() -> ExitCode {
    if let Ok(backend) = std::env::var(BACKEND) {
        let backend = if backend == "iptables" {
            Backend::Iptables
        } else {
            Backend::Switch
        };
        if let Side::Inside(sandbox) = enter().unwrap() {
            run_for_ever(&sandbox, backend);
        }
        return ExitCode::SUCCESS;
    }
    as_each_user(|user| {
        for backend in ["switch", "iptables"] {
            let started = Instant::now();
            kill_at_varied_moments(backend);
            println!(
                "{user}: {backend}: killed ten times ({} ms)",
                started.elapsed().as_millis()
            );
        }
        true
    })
}

fn kill_at_varied_moments(backend: &str) {
    // While the namespaces, the cables, the backend come into being.
    for delay_ms in [0, 3, 6, 10, 20, 40] {
        let (child, mark) = start(backend);
        std::thread::sleep(Duration::from_millis(delay_ms));
        kill_and_look(child, &mark);
    }
    // In the middle of cuts, with nodes that talk.
    for _ in 0..4 {
        let (mut child, mark) = start(backend);
        let mut heard = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut heard)
            .unwrap();
        assert_eq!(heard, "ready\n");
        assert!(!leftovers(&mark).is_empty(), "the search finds what lives");
        kill_and_look(child, &mark);
    }
}

fn start(backend: &str) -> (Child, String) {
    let mark = format!(
        "{backend} of {} at {:?}",
        std::process::id(),
        Instant::now()
    );
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .env(BACKEND, backend)
        .env(MARK, &mark)
        .stdout(Stdio::piped());
    // A killed network has much to say in panics; nobody cares.
    (command.stderr(Stdio::null()).spawn().unwrap(), mark)
}

fn kill_and_look(mut child: Child, mark: &str) {
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = leftovers(mark);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {left:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Builds a network, starts a daemon on each node, and cuts and heals.
fn run_for_ever(sandbox: &Sandbox, backend: Backend) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Settings {
        backend,
        nodes: 3,
        seed: 1,
        short_tcp_backoff: false,
    };
    let mut lan = runtime.block_on(Lan::build(sandbox, settings)).unwrap();
    for node in &lan.nodes {
        let mut daemon = Command::new("sh");
        daemon.args(["-c", "trap '' TERM HUP INT; (setsid sleep 1000 &)"]);
        node.namespace.enter_command(&mut daemon);
        daemon.status().unwrap();
    }
    println!("ready");
    let links: Vec<Link> = Link::all(3).collect();
    loop {
        lan.network.cut(&links).unwrap();
        lan.network.cut(&[]).unwrap();
    }
}
