//! Clocks of real processes, moved while they run.

#![expect(clippy::print_stderr, reason = "a test that cannot run says why")]

mod reader;

use std::fs;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reader::Reader;
use shakedown_clock::{Clock, ClockError, ProcessClock, Timelines, supported};

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3600 * SECOND_NS;

/// Whether clocks can be moved here; says so where they cannot.
fn can_move_clocks() -> bool {
    match supported() {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("not tested on this machine: {reason}");
            false
        }
    }
}

#[test]
fn a_step_of_the_wall_clock_is_seen_by_every_reader_and_leaves_the_monotonic_clock_alone() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    let before = reader.read();
    assert!(
        before.realtime.skew_bounds().contains(&0),
        "injection alone moves nothing"
    );

    clock.step(Clock::Realtime, HOUR_NS).unwrap();
    let after = reader.read();
    assert!(after.realtime.skew_bounds().contains(&HOUR_NS), "{after:?}");
    assert!(after.monotonic.skew_bounds().contains(&0), "{after:?}");
    assert!(after.system_time >= after.realtime.vdso, "{after:?}");
    assert!(after.gettimeofday + 1000 > after.system_time, "{after:?}");
    assert!(after.time + SECOND_NS > after.gettimeofday, "{after:?}");
    assert!(after.time < after.gettimeofday + SECOND_NS, "{after:?}");
    assert_eq!(clock.skew(Clock::Realtime).unwrap(), HOUR_NS);
    assert_eq!(clock.skew(Clock::Monotonic).unwrap(), 0);

    clock.step(Clock::Realtime, -3 * HOUR_NS).unwrap();
    assert!(
        reader
            .read()
            .realtime
            .skew_bounds()
            .contains(&(-2 * HOUR_NS))
    );

    clock.reset(Clock::Realtime).unwrap();
    assert!(reader.read().realtime.skew_bounds().contains(&0));
    assert_eq!(clock.skew(Clock::Realtime).unwrap(), 0);
}

#[test]
fn readings_follow_the_timelines_to_the_nanosecond() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    let changes: [(Clock, i64, Option<f64>); 8] = [
        (Clock::Monotonic, 0, Some(2.0)),
        (Clock::Realtime, -5 * HOUR_NS, Some(0.25)),
        (Clock::Monotonic, 7 * SECOND_NS, None),
        (Clock::Realtime, 123_456_789, Some(1.000_1)),
        (Clock::Monotonic, 1, Some(0.0)),
        (Clock::Realtime, 0, Some(37.5)),
        (Clock::Monotonic, 0, Some(0.999)),
        (Clock::Realtime, -HOUR_NS, Some(1.0)),
    ];
    for (which, step_ns, rate) in changes {
        clock.adjust(which, step_ns, rate).unwrap();
        let timelines = clock.timelines().unwrap();
        let readings = reader.read();
        assert!(
            readings.realtime.follows(&timelines.realtime),
            "{timelines:?} {readings:?}"
        );
        assert!(
            readings.monotonic.follows(&timelines.monotonic),
            "{timelines:?} {readings:?}"
        );
    }
}

#[test]
fn a_rate_changes_how_fast_time_passes_between_two_readings() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    for rate in [2.0, 0.5] {
        clock.set_rate(Clock::Monotonic, rate).unwrap();
        let first = reader.read();
        let mut last = reader.read();
        while last.monotonic.raw_before - first.monotonic.raw_before < SECOND_NS / 5 {
            last = reader.read();
        }
        #[expect(clippy::cast_precision_loss, reason = "fractions of a second")]
        let elapsed = |a: i64, b: i64| (b - a) as f64;
        let seen = elapsed(first.monotonic.vdso, last.monotonic.vdso);
        // Each reading lies between its two neighbours, so the ratio is bounded, however slow we are.
        let least = elapsed(first.monotonic.raw_after, last.monotonic.raw_before);
        let most = elapsed(first.monotonic.raw_before, last.monotonic.raw_after);
        assert!(
            seen / most <= rate + 1e-6 && seen / least >= rate - 1e-6,
            "{first:?} {last:?}"
        );
        let by_instant = elapsed(first.instant_elapsed, last.instant_elapsed);
        assert!(
            (by_instant - seen).abs() < 0.5 * seen,
            "Instant saw {by_instant}, not {seen}"
        );
        assert!(
            last.realtime.skew_bounds().contains(&0),
            "the wall clock was left alone"
        );
    }
}

#[test]
fn a_monotonic_clock_is_never_set_back() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    let refused = clock.step(Clock::Monotonic, -1).unwrap_err();
    assert!(
        matches!(refused, ClockError::Backward { step_ns: -1 }),
        "{refused}"
    );
    assert!(
        refused
            .to_string()
            .contains("a real kernel never sets it back"),
        "{refused}"
    );

    clock.step(Clock::Monotonic, HOUR_NS).unwrap();
    clock.set_rate(Clock::Monotonic, 3.0).unwrap();
    let ahead = reader.read();
    clock.reset(Clock::Monotonic).unwrap();
    let healed = reader.read();
    assert!(
        healed.monotonic.vdso > ahead.monotonic.vdso,
        "its lead is kept"
    );
    let later = reader.read();
    let drift = later.monotonic.vdso - healed.monotonic.vdso;
    assert!(
        drift <= later.monotonic.raw_after - healed.monotonic.raw_before,
        "at the real rate"
    );

    let (mut slow, _) = Reader::start();
    let clock = ProcessClock::inject(slow.pid()).unwrap();
    clock.set_rate(Clock::Monotonic, 0.0).unwrap();
    assert_eq!(
        slow.read().monotonic.vdso,
        slow.read().monotonic.vdso,
        "it stands still"
    );
    clock.reset(Clock::Monotonic).unwrap();
    assert!(
        slow.read().monotonic.skew_bounds().contains(&0),
        "and caught up"
    );
}

#[test]
fn nonsense_is_refused_before_anything_is_touched() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    assert!(matches!(
        clock.set_rate(Clock::Realtime, -1.0),
        Err(ClockError::Rate { .. })
    ));
    for step_ns in [i64::MIN, -100 * 365 * 24 * HOUR_NS, i64::MAX] {
        let refused = clock.step(Clock::Realtime, step_ns);
        assert!(
            matches!(refused, Err(ClockError::OutOfRange { .. })),
            "{refused:?}"
        );
    }
    assert!(reader.read().realtime.skew_bounds().contains(&0));
    let nobody = ProcessClock::inject(i32::MAX).unwrap_err().to_string();
    assert!(nobody.contains("/proc/2147483647/mem"), "{nobody}");
}

#[test]
fn a_new_holder_finds_the_payload_and_the_skew() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let first = ProcessClock::inject(reader.pid()).unwrap();
    first.step(Clock::Realtime, HOUR_NS).unwrap();
    drop(first);
    let second = ProcessClock::inject(reader.pid()).unwrap();
    assert_eq!(second.skew(Clock::Realtime).unwrap(), HOUR_NS);
    second.step(Clock::Realtime, HOUR_NS).unwrap();
    assert!(
        reader
            .read()
            .realtime
            .skew_bounds()
            .contains(&(2 * HOUR_NS))
    );
}

#[test]
fn a_successor_starts_where_the_clocks_of_its_predecessor_are() {
    if !can_move_clocks() {
        return;
    }
    let (reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    clock.step(Clock::Realtime, -HOUR_NS).unwrap();
    clock.set_rate(Clock::Monotonic, 2.0).unwrap();
    let timelines = clock.timelines().unwrap();
    drop(reader);
    let (mut successor, first, clock) = Reader::spawn_injected(&timelines);
    assert!(
        first.realtime.skew_bounds().contains(&-HOUR_NS),
        "{first:?}"
    );
    assert!(first.monotonic.follows(&timelines.monotonic), "{first:?}");
    clock.reset(Clock::Realtime).unwrap();
    assert!(successor.read().realtime.skew_bounds().contains(&0));
    drop(successor);
    assert!(clock.skew(Clock::Realtime).is_err(), "its memory is gone");

    let absent = ProcessClock::spawn(Command::new("/no/such/program"), &Timelines::default());
    assert!(absent.unwrap_err().to_string().contains("/no/such/program"));
}

#[test]
fn threads_under_load_never_see_time_run_backward() {
    if !can_move_clocks() {
        return;
    }
    let mut reads = 0;
    for _ in 0..10 {
        let hammer = Reader::hammer(4);
        let clock = ProcessClock::inject(hammer.pid()).unwrap();
        for (step_ns, rate) in [(0, 2.0), (SECOND_NS, 0.5), (0, 0.0), (1, 1.5), (0, 1.0)] {
            clock.adjust(Clock::Monotonic, step_ns, Some(rate)).unwrap();
            clock.step(Clock::Realtime, -step_ns).unwrap();
        }
        clock.reset(Clock::Monotonic).unwrap();
        let hammered = hammer.finish();
        assert_eq!(hammered.backward, 0, "{hammered:?}");
        reads += hammered.reads;
    }
    assert!(reads > 10_000, "only {reads} readings: no load");
}

#[test]
fn no_signal_is_lost_when_threads_are_stopped() {
    if !can_move_clocks() {
        return;
    }
    for _ in 0..20 {
        let hammer = Reader::hammer(2);
        let pid = hammer.pid();
        let injected = std::sync::atomic::AtomicBool::new(false);
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0;
                while !injected.load(Ordering::Relaxed) && sent < 10_000 {
                    send_realtime_signal(pid);
                    sent += 1;
                }
                sent
            });
            ProcessClock::inject(pid).unwrap();
            injected.store(true, Ordering::Relaxed);
            sender.join().unwrap()
        });
        assert_eq!(hammer.finish().signals, sent);
    }
}

/// `SIGRTMIN`, which nix cannot name.
#[expect(unsafe_code, reason = "kill with a signal that nix cannot name")]
fn send_realtime_signal(pid: i32) {
    // SAFETY: kill touches no memory.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGRTMIN()) }, 0);
}

fn state(pid: i32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    stat.rsplit_once(") ")
        .expect("the name ends")
        .1
        .chars()
        .take(1)
        .collect()
}

fn wait_for_state(pid: i32, wanted: &str) {
    let started = Instant::now();
    while state(pid) != wanted {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{pid} is {}",
            state(pid)
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_paused_process_can_be_injected_and_stays_paused() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let pid = Pid::from_raw(reader.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    wait_for_state(reader.pid(), "T");
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    clock.step(Clock::Realtime, HOUR_NS).unwrap();
    wait_for_state(reader.pid(), "T");
    kill(pid, Signal::SIGCONT).unwrap();
    assert!(reader.read().realtime.skew_bounds().contains(&HOUR_NS));
}

/// Run once more by [`an_ordinary_user_may_move_clocks_of_its_children`], as another user.
#[test]
fn as_this_user() {
    if !can_move_clocks() {
        return;
    }
    let (mut reader, _) = Reader::start();
    let clock = ProcessClock::inject(reader.pid()).unwrap();
    clock.step(Clock::Realtime, HOUR_NS).unwrap();
    assert!(reader.read().realtime.skew_bounds().contains(&HOUR_NS));
    let (_, first, _) = Reader::spawn_injected(&clock.timelines().unwrap());
    assert!(first.realtime.skew_bounds().contains(&HOUR_NS));
}

#[test]
fn an_ordinary_user_may_move_clocks_of_its_children() {
    use std::os::unix::process::CommandExt;
    if !can_move_clocks() {
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "as_this_user", "--nocapture"])
        .current_dir("/");
    if nix::unistd::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(reason) => {
            eprintln!("not tested: this test cannot be run by nobody: {reason}");
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed") && !text.contains("not tested"),
        "{text}"
    );
}
