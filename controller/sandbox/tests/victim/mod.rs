//! A process to be observed from outside: this test's binary once more, in another role.

use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::unistd::Pid;
use shakedown_sandbox::{NetNamespace, Side, enter};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio, exit};
use std::sync::atomic::{AtomicUsize, Ordering};

const ROLE: &str = "SHAKEDOWN_TEST_ROLE";
const MARK: &str = "SHAKEDOWN_TEST_MARK";

/// A victim, seen from the test.
pub(crate) struct Victim {
    child: Child,
    output: BufReader<ChildStdout>,
    /// In the environment of every process that descends from it.
    pub(crate) mark: String,
}

impl Victim {
    /// Starts one as the leader of a process group of its own.
    pub(crate) fn start(role: &str) -> Victim {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let mark = format!("victim {number} of {}", std::process::id());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .env(MARK, &mark)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Victim {
            child,
            output,
            mark,
        }
    }

    /// Waits for the next line that the victim prints.
    pub(crate) fn expect(&mut self, line: &str) {
        let mut heard = String::new();
        self.output.read_line(&mut heard).unwrap();
        assert_eq!(heard.trim(), line);
    }

    /// To the outer process only.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// To the outer process and whoever shares its process group.
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(self.pid(), signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The role in which this process was started, if it is a victim.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Enters a sandbox and plays the role there; an unknown role panics, for the test of panics.
pub(crate) fn play(role: &str) -> ExitCode {
    match enter().unwrap() {
        Side::Outside(exit) => println!("outside: {exit}"),
        Side::Inside(_) if role == "count-signals" => count_signals(),
        Side::Inside(_) if role == "spread" => spread(),
        Side::Inside(_) => panic!("on purpose: {role}"),
    }
    ExitCode::SUCCESS
}

/// Prints each signal that arrives, and ends with code 3 after a SIGTERM.
fn count_signals() {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    signals.thread_block().unwrap();
    println!("ready");
    loop {
        let signal = signals.wait().unwrap();
        println!("{signal}");
        if signal == Signal::SIGTERM {
            exit(3);
        }
    }
}

/// Does all that could let a process outlive us.
fn spread() {
    let node = NetNamespace::create().unwrap();
    // Ignores what can be ignored, in a session of its own, with a parent that is gone.
    let stubborn = "trap '' TERM HUP INT; (setsid sh -c 'while :; do sleep 1000; done' &)";
    let mut daemon = Command::new("sh");
    node.enter_command(daemon.args(["-c", stubborn]));
    daemon.status().unwrap();
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    println!("spread");
    child.wait().unwrap();
}
