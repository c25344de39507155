//! What the tests inject into: a program that reads its clocks in every way a program can.
//!
//! - `clock-reader`: prints one [line of readings](print_readings) at its start and for each line on
//!   stdin.
//! - `clock-reader hammer <threads>`: its threads read the clocks as fast as they can while signals
//!   interrupt them; when stdin ends, it prints how often they read, how often a monotonic clock
//!   went back, and how many real-time signals (`SIGRTMIN`, which queue) it got.

#![expect(
    unsafe_code,
    reason = "the clocks as C programs read them, and a signal handler"
)]
#![expect(clippy::print_stdout, reason = "stdout is what the test reads")]

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn main() {
    let started = Instant::now();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, threads] = arguments.as_slice() {
        assert_eq!(mode, "hammer");
        hammer(threads.parse().expect("a number of threads"));
        return;
    }
    print_readings(started);
    for _ in io::stdin().lock().lines() {
        print_readings(started);
    }
}

/// Prints, in nanoseconds: for realtime and then for monotonic the raw system call, the vDSO, and the
/// raw system call again; then `SystemTime`, `gettimeofday`, `time`, and `Instant::elapsed` since the
/// start.
fn print_readings(started: Instant) {
    let mut readings = Vec::new();
    for id in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC] {
        readings.extend([raw(id), vdso(id), raw(id)]);
    }
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    readings.push(i64::try_from(since_1970.as_nanos()).expect("before 2262"));
    readings.extend([gettimeofday(), time()]);
    readings.push(i64::try_from(started.elapsed().as_nanos()).expect("a short run"));
    let words: Vec<String> = readings.iter().map(ToString::to_string).collect();
    println!("{}", words.join(" "));
}

fn nanoseconds(at: libc::timespec) -> i64 {
    assert!(
        (0..1_000_000_000).contains(&at.tv_nsec),
        "{} is no fraction of a second",
        at.tv_nsec
    );
    at.tv_sec * 1_000_000_000 + at.tv_nsec
}

fn vdso(id: libc::clockid_t) -> i64 {
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: clock_gettime writes one timespec to a valid place.
    assert_eq!(unsafe { libc::clock_gettime(id, &raw mut at) }, 0);
    nanoseconds(at)
}

fn raw(id: libc::clockid_t) -> i64 {
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: as above, without the vDSO.
    assert_eq!(
        unsafe { libc::syscall(libc::SYS_clock_gettime, id, &raw mut at) },
        0
    );
    nanoseconds(at)
}

fn gettimeofday() -> i64 {
    let mut at = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: gettimeofday writes one timeval to a valid place and no zone to null.
    assert_eq!(
        unsafe { libc::gettimeofday(&raw mut at, std::ptr::null_mut()) },
        0
    );
    at.tv_sec * 1_000_000_000 + at.tv_usec * 1000
}

fn time() -> i64 {
    // SAFETY: null asks for the return value only.
    unsafe { libc::time(std::ptr::null_mut()) * 1_000_000_000 }
}

static READS: AtomicU64 = AtomicU64::new(0);
/// The latest monotonic time that any thread has read.
static LATEST: AtomicI64 = AtomicI64::new(0);
static BACKWARD: AtomicU64 = AtomicU64::new(0);
static SIGNALS: AtomicU64 = AtomicU64::new(0);
static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn read_in_handler(_: libc::c_int) {
    vdso(libc::CLOCK_MONOTONIC);
}

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

fn hammer(threads: usize) {
    let every_500_us = libc::timeval {
        tv_sec: 0,
        tv_usec: 500,
    };
    let timer = libc::itimerval {
        it_interval: every_500_us,
        it_value: every_500_us,
    };
    let handler: extern "C" fn(libc::c_int) = read_in_handler;
    let counter: extern "C" fn(libc::c_int) = count_signal;
    // SAFETY: the handlers do one async-signal-safe thing each; setitimer reads one valid itimerval.
    unsafe {
        libc::signal(libc::SIGRTMIN(), counter as libc::sighandler_t);
        libc::signal(libc::SIGALRM, handler as libc::sighandler_t);
        assert_eq!(
            libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()),
            0
        );
    }
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(hammer_one);
        }
        println!("ready");
        io::stdin()
            .read_to_end(&mut Vec::new())
            .expect("stdin can be read");
        STOP.store(true, Ordering::Relaxed);
    });
    let counts = [&READS, &BACKWARD, &SIGNALS].map(|count| count.load(Ordering::Relaxed));
    println!("{} {} {}", counts[0], counts[1], counts[2]);
}

fn hammer_one() {
    let mut reads = 0;
    while !STOP.load(Ordering::Relaxed) {
        let before = LATEST.load(Ordering::SeqCst);
        let now = vdso(libc::CLOCK_MONOTONIC);
        if now < before {
            BACKWARD.fetch_add(1, Ordering::Relaxed);
        }
        LATEST.fetch_max(now, Ordering::SeqCst);
        vdso(libc::CLOCK_REALTIME);
        gettimeofday();
        time();
        reads += 4;
    }
    READS.fetch_add(reads, Ordering::Relaxed);
}
