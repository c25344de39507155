//! How long it takes to build, cut and heal a network of five nodes, and what goes through it.
//!
//! `cargo bench -p shakedown-network`
#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first error")]
#![expect(clippy::print_stdout, reason = "a benchmark talks on stdout")]

use shakedown_network::{Backend, Host, Lan, Link, Network, Settings};
use shakedown_sandbox::{NetNamespace, Sandbox, Side, enter};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::time::{Duration, Instant};

const NODES: usize = 5;
const REPETITIONS: usize = 21;
const TRANSFER: Duration = Duration::from_secs(2);

fn main() {
    println!("five nodes; times are medians of {REPETITIONS}");
    for backend in [Backend::Switch, Backend::Iptables] {
        println!("\n{backend:?}");
        let set_ups: Vec<Duration> = (0..REPETITIONS).map(|_| set_up_time(backend)).collect();
        row("enter, build, leave", set_ups);
        in_sandbox(|sandbox| measure(sandbox, backend));
    }
}

/// From outside to a built network and out again.
fn set_up_time(backend: Backend) -> Duration {
    let started = Instant::now();
    in_sandbox(|sandbox| drop(build(sandbox, backend)));
    started.elapsed()
}

fn in_sandbox(work: impl FnOnce(&Sandbox)) {
    match enter().unwrap() {
        Side::Outside(ended) => assert!(!ended.is_crash(), "{ended}"),
        Side::Inside(sandbox) => {
            work(&sandbox);
            exit(0)
        }
    }
}

fn build(sandbox: &Sandbox, backend: Backend) -> (tokio::runtime::Runtime, Lan) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Settings {
        backend,
        nodes: NODES,
        seed: 1,
        short_tcp_backoff: false,
    };
    let lan = runtime.block_on(Lan::build(sandbox, settings)).unwrap();
    (runtime, lan)
}

fn measure(sandbox: &Sandbox, backend: Backend) {
    let started = Instant::now();
    let (_runtime, mut lan) = build(sandbox, backend);
    row("build", vec![started.elapsed()]);
    let is_minority = |host: Host| host == Host::node(1) || host == Host::node(2);
    let partition: Vec<Link> = Link::all(NODES)
        .filter(|link| is_minority(link.from) != is_minority(link.to))
        .collect();
    cuts(lan.network.as_mut(), &partition, "while idle");
    let [one, two] = [0, 1].map(|index| lan.nodes[index].namespace.clone());
    let address = (lan.nodes[1].address, 7000);
    let listener = two.run(|| TcpListener::bind(address)).unwrap();
    row("round trip of TCP", round_trips(&one, &listener));
    let sink = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 1 << 20];
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    });
    let source = std::thread::spawn(move || transfer(&one, address));
    std::thread::sleep(TRANSFER / 4);
    let elsewhere = [Link::new(Host::node(3), Host::node(4))];
    cuts(lan.network.as_mut(), &elsewhere, "under load");
    let gigabits_per_second = source.join().unwrap() as f64 * 8e-9 / TRANSFER.as_secs_f64();
    sink.join().unwrap();
    println!(
        "  {:<22} {gigabits_per_second:>10.1} Gbit/s",
        "TCP throughput"
    );
    println!(
        "  {:<22} {:>10}",
        "overruns",
        lan.network.counters().unwrap().overruns
    );
}

fn cuts(network: &mut dyn Network, links: &[Link], when: &str) {
    let (mut cuts, mut heals) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        cuts.push(network.cut(links).unwrap());
        heals.push(network.cut(&[]).unwrap());
    }
    row(&format!("cut {when}"), cuts);
    row(&format!("heal {when}"), heals);
}

fn round_trips(from: &NetNamespace, listener: &TcpListener) -> Vec<Duration> {
    let address = listener.local_addr().unwrap();
    let mut client = from.run(|| TcpStream::connect(address)).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let echo = std::thread::spawn(move || {
        let mut byte = [0];
        while server.read_exact(&mut byte).is_ok() {
            server.write_all(&byte).unwrap();
        }
    });
    let round_trip = |_| {
        let started = Instant::now();
        client.write_all(&[0]).unwrap();
        client.read_exact(&mut [0]).unwrap();
        started.elapsed()
    };
    let times = (0..5_000).map(round_trip).collect();
    drop(client);
    echo.join().unwrap();
    times
}

/// Sends for a while. Returns how many bytes.
fn transfer(from: &NetNamespace, to: (std::net::Ipv4Addr, u16)) -> usize {
    let mut stream = from.run(|| TcpStream::connect(to)).unwrap();
    let block = vec![0; 1 << 20];
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < TRANSFER {
        stream.write_all(&block).unwrap();
        sent += block.len();
    }
    sent
}

/// Prints the median and the worst.
fn row(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "  {what:<22} {:>10.3} ms   worst {:>10.3} ms",
        milliseconds(median),
        milliseconds(worst)
    );
}
