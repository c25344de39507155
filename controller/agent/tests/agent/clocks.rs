//! An agent, over its pipe: clocks, with evidence from the control block and from the node.

use std::fs;
use std::net::SocketAddr;

use shakedown_agent::protocol::{Command, KillSignal, Reply};
use shakedown_clock::Clock;

use crate::session::{Session, lives, wait_until};

const HOUR_NS: i64 = 3_600_000_000_000;

/// Whether clocks can be moved here; says so where they cannot.
#[expect(clippy::print_stderr, reason = "a test that cannot run says why")]
fn can_move_clocks() -> bool {
    match shakedown_clock::supported() {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("not tested on this machine: {reason}");
            false
        }
    }
}

fn step(clock: Clock, step_ns: i64, addr: Option<SocketAddr>) -> Command {
    Command::SetClock {
        clock,
        step_ns,
        rate: None,
        status: addr.map(Into::into),
    }
}

/// How far the node's wall clock is ahead of ours, by its own status: at least and at most.
fn node_skew_ns(session: &mut Session, addr: SocketAddr) -> std::ops::RangeInclusive<i64> {
    let before = Clock::Realtime.now_ns();
    let Ok(Reply::Status(status)) = session.ask(Command::Status(addr.into())) else {
        panic!("the node has a status");
    };
    let after = Clock::Realtime.now_ns();
    let reads = status["clock"]["realtime_ns"]
        .as_i64()
        .expect("it is a number");
    reads - after..=reads - before
}

#[test]
fn a_moved_clock_is_proved_and_healed() {
    if !can_move_clocks() {
        return;
    }
    let mut session = Session::open();
    let (_, addr, _) = session.start_bare_node();
    assert!(node_skew_ns(&mut session, addr).contains(&0));
    let moved = session.evidence(step(Clock::Realtime, HOUR_NS, Some(addr)));
    assert!(moved.bit, "{moved:?}");
    let expected = "realtime clock off by +3600.000 s, and the node reads +3600.0";
    assert!(moved.summary.starts_with(expected), "{moved:?}");
    assert!(node_skew_ns(&mut session, addr).contains(&HOUR_NS));

    let healed = session.evidence(Command::ResetClocks {
        status: Some(addr.into()),
    });
    assert!(
        healed.bit && healed.summary.starts_with("until the reset realtime"),
        "{healed:?}"
    );
    assert!(node_skew_ns(&mut session, addr).contains(&0));
    let nothing = session.evidence(Command::ResetClocks {
        status: Some(addr.into()),
    });
    assert!(
        !nothing.bit && nothing.summary == "no clock was moved",
        "{nothing:?}"
    );
}

#[test]
fn a_rate_is_proved_by_what_it_added_up_to() {
    if !can_move_clocks() {
        return;
    }
    let mut session = Session::open();
    let (_, addr, _) = session.start_bare_node();
    let rate = Command::SetClock {
        clock: Clock::Monotonic,
        step_ns: 0,
        rate: Some(3.0),
        status: Some(addr.into()),
    };
    let moved = session.evidence(rate);
    assert!(
        moved.bit && moved.summary.contains("at 3.0000 times real time"),
        "{moved:?}"
    );
    let healed = session.evidence(Command::ResetClocks {
        status: Some(addr.into()),
    });
    assert!(healed.bit, "{healed:?}");
    let skew = healed.detail[0]["skew_ns"].as_i64().unwrap();
    assert!(
        skew > moved.detail["skew_ns"].as_i64().unwrap(),
        "{healed:?}"
    );
}

#[test]
fn a_skew_survives_a_restart_and_its_healing_too() {
    if !can_move_clocks() {
        return;
    }
    let mut session = Session::open();
    let (first, addr, evidence) = session.start_bare_node();
    assert_eq!(evidence, []);
    session.evidence(step(Clock::Realtime, -HOUR_NS, Some(addr)));
    session.kill(KillSignal::Kill);
    let (second, addr, evidence) = session.start_bare_node();
    assert_ne!(first, second);
    assert!(evidence.len() == 1 && evidence[0].bit, "{evidence:?}");
    assert!(
        evidence[0]
            .summary
            .starts_with("from its start realtime clock off by -3600.000 s")
    );
    assert!(node_skew_ns(&mut session, addr).contains(&-HOUR_NS));
    assert_eq!(
        fs::read_to_string(session.log()).unwrap(),
        "hello world\n".repeat(2)
    );

    session.kill(KillSignal::Kill);
    let down = session.evidence(Command::ResetClocks { status: None });
    assert!(
        !down.bit && down.summary.contains("the node is down"),
        "{down:?}"
    );
    let (_, addr, evidence) = session.start_bare_node();
    assert_eq!(evidence, []);
    assert!(node_skew_ns(&mut session, addr).contains(&0));
}

#[test]
fn a_node_that_does_not_say_what_it_reads_is_no_proof() {
    if !can_move_clocks() {
        return;
    }
    let mut session = Session::open();
    session.start(&["sleep", "1000"]);
    let nobody = "127.0.0.1:1".parse().unwrap();
    let moved = session.evidence(step(Clock::Realtime, HOUR_NS, Some(nobody)));
    assert!(
        !moved.bit && moved.summary.contains("did not say what it reads"),
        "{moved:?}"
    );
    let by_block = session.evidence(step(Clock::Realtime, HOUR_NS, None));
    assert!(
        by_block.bit && by_block.summary.contains("+7200.000 s"),
        "{by_block:?}"
    );
    let back = session.ask(step(Clock::Monotonic, -1, None)).unwrap_err();
    assert!(back.contains("never sets it back"), "{back}");
}

#[test]
fn a_skewed_node_that_is_an_agents_dies_with_the_agent() {
    if !can_move_clocks() {
        return;
    }
    let mut session = Session::open();
    let (_, addr, _) = session.start_bare_node();
    session.evidence(step(Clock::Realtime, HOUR_NS, Some(addr)));
    session.kill(KillSignal::Kill);
    let (injected_at_start, ..) = session.start_bare_node();
    session.kill_agent();
    wait_until("the node is dead", || !lives(injected_at_start));
}
