//! What the caller of `enter` sees, and that nothing of the inside outlives it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test runner talks on stdout")]

mod victim;

use nix::sys::signal::{Signal, raise};
use shakedown_sandbox::testing::{as_each_user, leftovers, selected};
use shakedown_sandbox::{Exit, Side, enter};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::catch_unwind;
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant};
use victim::Victim;

fn main() -> ExitCode {
    if let Some(role) = victim::role() {
        return victim::play(&role);
    }
    let cases: &[(&str, fn())] = &[
        ("the_exit_code_comes_out", the_exit_code_comes_out),
        (
            "a_signal_is_told_from_an_exit_code",
            a_signal_is_told_from_an_exit_code,
        ),
        ("a_panic_is_a_crash", a_panic_is_a_crash),
        ("files_belong_to_the_caller", files_belong_to_the_caller),
        (
            "each_interrupt_arrives_exactly_once",
            each_interrupt_arrives_exactly_once,
        ),
        ("a_kill_leaves_nothing", a_kill_leaves_nothing),
    ];
    as_each_user(|user| {
        let mut all_passed = true;
        for (name, case) in cases.iter().filter(|(name, _)| selected(name)) {
            let started = Instant::now();
            let passed = catch_unwind(case).is_ok();
            let outcome = if passed { "ok" } else { "FAILED" };
            println!(
                "{user}: {name} ... {outcome} ({} ms)",
                started.elapsed().as_millis()
            );
            all_passed &= passed;
        }
        all_passed
    })
}

fn the_exit_code_comes_out() {
    for code in [0, 7, 137] {
        assert_eq!(end_of(|| exit(code)), Exit::Code(code));
    }
    assert!(!Exit::Code(137).is_crash());
}

fn a_signal_is_told_from_an_exit_code() {
    for signal in [Signal::SIGKILL, Signal::SIGABRT, Signal::SIGTERM] {
        let ended = end_of(|| raise(signal).unwrap());
        assert_eq!(ended, Exit::Signal(signal));
        assert!(ended.is_crash());
    }
    assert_eq!(Exit::Signal(Signal::SIGKILL).shell_code(), 137);
}

fn a_panic_is_a_crash() {
    let mut victim = Victim::start("panic");
    victim.expect("outside: exit code 101 (a panic)");
    assert!(Exit::Code(101).is_crash());
}

fn files_belong_to_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    assert_eq!(end_of(|| fs::write(&path, "{}").unwrap()), Exit::Code(0));
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(
        (metadata.uid(), metadata.gid()),
        (uid.as_raw(), gid.as_raw())
    );
}

fn each_interrupt_arrives_exactly_once() {
    let mut victim = Victim::start("count-signals");
    victim.expect("ready");
    // As the terminal does it: to every process of the foreground group.
    victim.signal_group(Signal::SIGINT);
    victim.expect("SIGINT");
    victim.signal_group(Signal::SIGINT);
    victim.expect("SIGINT");
    // Had one come twice, it would be heard before this one.
    victim.signal(Signal::SIGTERM);
    victim.expect("SIGTERM");
    victim.expect("outside: exit code 3");
    assert!(
        victim.wait().success(),
        "the outer process does not die of it"
    );
}

fn a_kill_leaves_nothing() {
    // From before pid 1 exists until daemons run in namespaces of their own.
    for delay_us in [0, 200, 500, 1_000, 2_000, 4_000, 8_000, 16_000] {
        let victim = Victim::start("spread");
        std::thread::sleep(Duration::from_micros(delay_us));
        assert_gone_after_kill(victim);
    }
    for _ in 0..2 {
        let mut victim = Victim::start("spread");
        victim.expect("spread");
        // Else an empty search would prove nothing.
        let alive = "the search finds outer process, pid 1, pid 2, child and daemon";
        until(alive, || leftovers(&victim.mark).len() >= 5);
        assert_gone_after_kill(victim);
    }
}

fn assert_gone_after_kill(mut victim: Victim) {
    victim.signal(Signal::SIGKILL);
    let _ = victim.wait();
    until("nothing is left", || leftovers(&victim.mark).is_empty());
}

/// How a sandbox ends in which this is done.
fn end_of(inside: impl FnOnce()) -> Exit {
    match enter().unwrap() {
        Side::Outside(exit) => exit,
        Side::Inside(_) => {
            inside();
            exit(0)
        }
    }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "still not so after 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
