//! An agent, over its pipe: start, kill, pause, and what remains when it ends.

use std::fs;

use shakedown_agent::protocol::{Command, Event, Exit, KillSignal, NodeState, Reply};

use crate::session::{Session, lives, state, wait_until};

const SLEEP: [&str; 2] = ["sleep", "1000"];
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

#[test]
fn a_node_is_started_killed_and_started_again() {
    let mut session = Session::open();
    assert_eq!(session.node_state(), NodeState::NotStarted);
    let first = session.start(&SLEEP);
    assert!(matches!(session.node_state(), NodeState::Running { pid, .. } if pid == first));

    let (exit, evidence) = session.kill(KillSignal::Kill);
    assert_eq!(exit, Exit::Signal(SIGKILL));
    assert!(
        evidence.bit && evidence.summary.contains("SIGKILL"),
        "{evidence:?}"
    );
    assert!(!lives(first));
    assert_eq!(session.node_state(), NodeState::Exited { pid: first, exit });

    let second = session.start(&SLEEP);
    assert_ne!(first, second);
    assert_eq!(session.kill(KillSignal::Term).0, Exit::Signal(SIGTERM));
}

#[test]
fn what_the_node_prints_is_appended_to_its_log() {
    let mut session = Session::open();
    for _ in 0..2 {
        session.start(&["sh", "-c", "echo hello $GREETING; pwd; echo oops >&2"]);
        assert!(matches!(
            session.event(),
            Event::NodeExited {
                exit: Exit::Code(0),
                ..
            }
        ));
    }
    let workdir = session.dir.path().canonicalize().unwrap();
    let once = format!("hello world\n{}\noops\n", workdir.display());
    assert_eq!(fs::read_to_string(session.log()).unwrap(), once.repeat(2));
}

#[test]
fn a_node_that_ends_by_itself_is_reported_once() {
    let mut session = Session::open();
    let pid = session.start(&["sh", "-c", "exit 3"]);
    assert_eq!(
        session.event(),
        Event::NodeExited {
            pid,
            exit: Exit::Code(3)
        }
    );
    assert_eq!(
        session.node_state(),
        NodeState::Exited {
            pid,
            exit: Exit::Code(3)
        }
    );
    let refused = session.ask(Command::KillNode {
        signal: KillSignal::Kill,
        deadline_ms: 1000,
    });
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("ended with exit status 3; start it first"),
        "{refused}"
    );
}

#[test]
fn commands_in_the_wrong_state_are_refused_with_the_reason() {
    let mut session = Session::open();
    let kill = Command::KillNode {
        signal: KillSignal::Kill,
        deadline_ms: 1000,
    };
    for command in [kill.clone(), Command::PauseNode, Command::ResumeNode] {
        assert!(session.ask(command).unwrap_err().contains("never started"));
    }
    let absent = session
        .ask(session.start_command(&["/no/such/program"]))
        .unwrap_err();
    assert!(absent.contains("/no/such/program"), "{absent}");
    assert!(
        session
            .ask(session.start_command(&[]))
            .unwrap_err()
            .contains("argv is empty")
    );
    let pid = session.start(&SLEEP);
    let again = session.ask(session.start_command(&SLEEP)).unwrap_err();
    assert!(
        again.contains(&format!("runs already as process {pid}")),
        "{again}"
    );
    assert!(
        session
            .ask(Command::ResumeNode)
            .unwrap_err()
            .contains("is not paused")
    );
    session.evidence(Command::PauseNode);
    assert!(
        session
            .ask(Command::PauseNode)
            .unwrap_err()
            .contains("paused already")
    );
}

#[test]
fn a_paused_node_stands_still_until_it_is_resumed() {
    let mut session = Session::open();
    let pid = session.start(&["sh", "-c", "while :; do :; done"]);
    let paused = session.evidence(Command::PauseNode);
    assert!(
        paused.bit && paused.summary.contains("all 1 threads"),
        "{paused:?}"
    );
    assert_eq!(state(pid), Some('T'));
    assert!(matches!(session.node_state(), NodeState::Stopped { pid: p, .. } if p == pid));
    let resumed = session.evidence(Command::ResumeNode);
    assert!(
        resumed.bit && resumed.summary.starts_with("state T for"),
        "{resumed:?}"
    );
    assert_eq!(resumed.detail["states_before"], "T");
    assert!(lives(pid) && state(pid) != Some('T'));
    assert!(matches!(session.node_state(), NodeState::Running { .. }));
}

#[test]
fn a_pause_stops_every_thread_and_the_node_serves_again_after_it() {
    let mut session = Session::open();
    let (_, addr, _) = session.start_bare_node();
    let paused = session.evidence(Command::PauseNode);
    assert_eq!(paused.detail["states"], "TTTT");
    let silent = session.ask(Command::Status(addr.into())).unwrap_err();
    assert!(
        silent.contains(&format!("GET http://{addr}/v1/status")),
        "{silent}"
    );
    assert!(session.evidence(Command::ResumeNode).bit);
    assert!(matches!(
        session.ask(Command::Status(addr.into())),
        Ok(Reply::Status(_))
    ));
}

#[test]
fn a_pause_that_somebody_else_ended_did_not_bite() {
    let mut session = Session::open();
    let pid = session.start(&SLEEP);
    session.evidence(Command::PauseNode);
    let group = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(group, nix::sys::signal::Signal::SIGCONT).unwrap();
    wait_until("the node runs on", || state(pid) != Some('T'));
    let resumed = session.evidence(Command::ResumeNode);
    assert!(
        !resumed.bit && resumed.summary.contains("NOT stopped"),
        "{resumed:?}"
    );
}

#[test]
fn a_paused_node_can_be_killed() {
    let mut session = Session::open();
    for (signal, number) in [(KillSignal::Kill, SIGKILL), (KillSignal::Term, SIGTERM)] {
        session.start(&SLEEP);
        session.evidence(Command::PauseNode);
        let (exit, evidence) = session.kill(signal);
        assert_eq!(exit, Exit::Signal(number));
        assert!(
            evidence.bit && evidence.detail["was_paused"] == true,
            "{evidence:?}"
        );
        assert!(
            session
                .ask(Command::ResumeNode)
                .unwrap_err()
                .contains("does not run")
        );
    }
}

#[test]
fn a_node_that_ignores_sigterm_outlives_its_deadline() {
    let mut session = Session::open();
    let script = "trap '' TERM; echo deaf; while :; do sleep 1000; done";
    let pid = session.start(&["sh", "-c", script]);
    let log = session.log();
    wait_until("it is deaf", || {
        fs::read_to_string(&log).is_ok_and(|text| text == "deaf\n")
    });
    let term = Command::KillNode {
        signal: KillSignal::Term,
        deadline_ms: 50,
    };
    let refused = session.ask(term).unwrap_err();
    assert!(
        refused.contains("50 ms after SIGTERM; send SIGKILL"),
        "{refused}"
    );
    assert!(lives(pid));
    assert_eq!(session.kill(KillSignal::Kill).0, Exit::Signal(SIGKILL));
}

#[test]
fn what_a_node_started_dies_with_it() {
    for script in ["sleep 1000 & echo $!; wait", "sleep 1000 & echo $!"] {
        let mut session = Session::open();
        session.start(&["sh", "-c", script]);
        let log = session.log();
        let child = || {
            fs::read_to_string(&log)
                .ok()
                .and_then(|text| text.trim().parse().ok())
        };
        wait_until("it has a child", || child().is_some());
        let child: i32 = child().unwrap();
        if script.ends_with("wait") {
            session.kill(KillSignal::Kill);
        } else {
            assert!(matches!(
                session.event(),
                Event::NodeExited {
                    exit: Exit::Code(0),
                    ..
                }
            ));
        }
        wait_until("the child is dead", || !lives(child));
    }
}

#[test]
fn nonsense_is_answered_and_the_agent_lives_on() {
    let mut session = Session::open();
    let pid = session.start(&SLEEP);
    session.write(b"{\"id\":1,\"command\":\"explode\"}\nhello\n\n\xff\xfe\n");
    for part in ["explode", "hello", "EOF", "malformed"] {
        let response = session.response();
        assert_eq!(response.id, None);
        let reason = response.result.unwrap_err();
        assert!(
            reason.contains("malformed frame") && reason.contains(part),
            "{reason}"
        );
    }
    assert!(matches!(session.node_state(), NodeState::Running { pid: p, .. } if p == pid));
}

#[test]
fn frames_may_come_in_pieces_and_in_heaps() {
    let mut session = Session::open();
    session.write(b"{\"id\":7,\"comm");
    session.write(b"and\":\"node_state\"}\n");
    assert_eq!(session.response().id, Some(7));
    let heap: String = (0..500)
        .map(|id| format!("{{\"id\":{id},\"command\":\"node_state\"}}\n"))
        .collect();
    session.write(heap.as_bytes());
    for id in 0..500 {
        assert_eq!(session.response().id, Some(id));
    }
}

#[test]
fn closing_stdin_or_shutdown_ends_everything() {
    let mut session = Session::open();
    let pid = session.start(&SLEEP);
    session.evidence(Command::PauseNode);
    assert!(session.hang_up().success());
    assert!(!lives(pid));

    let mut session = Session::open();
    let pid = session.start(&SLEEP);
    assert_eq!(session.ask(Command::Shutdown), Ok(Reply::Done));
    assert!(!lives(pid));
    assert!(session.hang_up().success());
}

#[test]
fn an_agent_that_is_killed_leaves_no_node() {
    for paused in [false, true] {
        let mut session = Session::open();
        let pid = session.start(&SLEEP);
        if paused {
            session.evidence(Command::PauseNode);
        }
        session.kill_agent();
        wait_until("the node is dead", || !lives(pid));
    }
}

#[test]
fn only_a_dead_node_s_data_is_wiped_and_the_folder_stays() {
    let mut session = Session::open();
    let dir = session.dir.path().join("data");
    fs::create_dir_all(dir.join("snapshots")).unwrap();
    fs::write(dir.join("vote"), "n2").unwrap();
    fs::write(dir.join("snapshots/7"), "everything").unwrap();
    let outside = session.dir.path().join("trace.jsonl");
    fs::write(&outside, "{}").unwrap();
    std::os::unix::fs::symlink(&outside, dir.join("link")).unwrap();
    let wipe = || Command::WipeData { dir: dir.clone() };

    session.start(&SLEEP);
    let refused = session.ask(wipe()).unwrap_err();
    assert!(refused.contains("kill it first"), "{refused}");
    assert!(dir.join("vote").exists());

    session.kill(KillSignal::Kill);
    let wiped = session.evidence(wipe());
    assert!(
        wiped.bit && wiped.summary.starts_with("3 files removed"),
        "{wiped:?}"
    );
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    assert!(outside.exists(), "what a link leads to is not the node's");
    assert!(!session.evidence(wipe()).bit, "there was nothing left");
}
