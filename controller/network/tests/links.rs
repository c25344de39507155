//! What both backends promise: real TCP between hosts, and links that can be cut one by one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says why it was skipped")]

mod hosts;
mod packet_faults;

use hosts::{Connection, Echo, TestLan};
use shakedown_network::{Backend, Counters, Host, Lan, Link, LinkCounters, NetworkError, Settings};
use shakedown_sandbox::testing::{self, Case};
use shakedown_sandbox::{NetNamespace, Sandbox};
use std::process::ExitCode;

fn main() -> ExitCode {
    testing::run(&[&both(), packet_faults::CASES].concat())
}

/// Each case for each backend.
macro_rules! for_both_backends {
    ($($case:ident)*) => {
        fn both() -> Vec<Case> {
            vec![$(
                (concat!("switch: ", stringify!($case)), |sandbox| $case(sandbox, Backend::Switch)),
                (concat!("iptables: ", stringify!($case)), |sandbox| $case(sandbox, Backend::Iptables)),
            )*]
        }
    };
}

for_both_backends! {
    every_host_reaches_every_other
    counters_are_zero_where_nothing_went
    a_one_way_cut_drops_exactly_that_direction
    a_partition_of_the_whole_cluster
    a_cut_replaces_the_one_before
    a_cut_of_the_clients_link
    an_established_connection_stalls_and_recovers
    a_link_to_nowhere_is_refused
    tcp_backoff_is_shortened_on_request_only
}

fn every_host_reaches_every_other(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 3);
    let echoes: Vec<Echo> = Host::all(3).map(|host| lan.listen(host)).collect();
    for link in Link::all(3) {
        let mut connection = lan.connect(link.from, &echoes[link.to.index()]).unwrap();
        assert_eq!(connection.ask(b"hello").unwrap(), b"hello", "{link}");
    }
    let counters = lan.network.counters().unwrap();
    for link in Link::all(3) {
        assert!(
            counters.link(link).delivered.packets >= 4,
            "{link}: {counters:?}"
        );
        assert_eq!(
            counters.link(link).dropped.packets,
            0,
            "{link}: {counters:?}"
        );
    }
}

fn counters_are_zero_where_nothing_went(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 3);
    let echo = lan.listen(Host::node(2));
    lan.connect(Host::node(1), &echo)
        .unwrap()
        .ask(b"hello")
        .unwrap();
    let counters = lan.network.counters().unwrap();
    assert_eq!(counters.links.len(), 12, "a counter for each link");
    for (link, count) in counters.links {
        let was_used = Link::both_ways(Host::node(1), Host::node(2)).contains(&link);
        assert_eq!(
            count != LinkCounters::default(),
            was_used,
            "{link}: {count:?}"
        );
    }
}

fn a_one_way_cut_drops_exactly_that_direction(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 3);
    let (one, two, three) = (Host::node(1), Host::node(2), Host::node(3));
    let cut = Link::new(one, two);
    lan.network.cut(&[cut]).unwrap();
    // Datagrams show each direction by itself; TCP would need both.
    lan.assert_drops(cut);
    for link in [
        Link::new(two, one),
        Link::new(one, three),
        Link::new(three, two),
    ] {
        lan.assert_passes(link);
    }
    let counters = lan.network.counters().unwrap();
    assert_eq!(dropped_links(&counters), [cut]);
    assert_eq!(counters.link(cut).dropped.packets, 1);
    assert_eq!(counters.link(cut).delivered.packets, 0);
    lan.network.cut(&[]).unwrap();
    lan.assert_passes(cut);
    let healed = lan.network.counters().unwrap();
    assert_eq!(
        healed.link(cut).dropped,
        counters.link(cut).dropped,
        "a heal loses no count"
    );
    assert_eq!(healed.since(&counters).link(cut).delivered.packets, 1);
}

fn a_partition_of_the_whole_cluster(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 5);
    let is_minority = |host: Host| host == Host::node(1) || host == Host::node(2);
    let is_cut = |link: &Link| {
        let clients = [link.from, link.to].contains(&Host::CLIENTS);
        !clients && is_minority(link.from) != is_minority(link.to)
    };
    let cut: Vec<Link> = Link::all(5).filter(is_cut).collect();
    assert_eq!(cut.len(), 12);
    lan.network.cut(&cut).unwrap();
    for link in Link::all(5) {
        if is_cut(&link) {
            lan.assert_drops(link);
        } else {
            lan.assert_passes(link);
        }
    }
    assert_eq!(dropped_links(&lan.network.counters().unwrap()), cut);
    lan.network.cut(&[]).unwrap();
    for link in Link::all(5) {
        lan.assert_passes(link);
    }
}

fn a_cut_replaces_the_one_before(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 2);
    let [there, back] = Link::both_ways(Host::node(1), Host::node(2));
    lan.network.cut(&[there]).unwrap();
    lan.network.cut(&[back]).unwrap();
    lan.assert_passes(there);
    lan.assert_drops(back);
}

fn a_cut_of_the_clients_link(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 2);
    let echo = lan.listen(Host::node(1));
    let [there, back] = Link::both_ways(Host::CLIENTS, Host::node(1));
    lan.network.cut(&[there, back]).unwrap();
    let refused = lan.connect(Host::CLIENTS, &echo).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::TimedOut);
    lan.assert_drops(back);
    lan.connect(Host::node(2), &echo)
        .unwrap()
        .ask(b"hello")
        .unwrap();
    lan.network.cut(&[]).unwrap();
    lan.connect(Host::CLIENTS, &echo)
        .unwrap()
        .ask(b"hello")
        .unwrap();
}

fn an_established_connection_stalls_and_recovers(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 2);
    let echo = lan.listen(Host::node(2));
    let mut connection: Connection = lan.connect(Host::node(1), &echo).unwrap();
    connection.ask(b"before").unwrap();
    let cut = Link::new(Host::node(2), Host::node(1));
    lan.network.cut(&[cut]).unwrap();
    // The question arrives; the answer can't.
    connection.send(b"during").unwrap();
    assert!(connection.is_silent());
    let counters = lan.network.counters().unwrap();
    assert_eq!(dropped_links(&counters), [cut]);
    lan.network.cut(&[]).unwrap();
    assert_eq!(connection.receive(b"during".len()).unwrap(), b"during");
    assert_eq!(connection.ask(b"after").unwrap(), b"after");
}

fn a_link_to_nowhere_is_refused(sandbox: &Sandbox, backend: Backend) {
    let mut lan = TestLan::build(sandbox, backend, 2);
    let error = lan
        .network
        .cut(&[Link::new(Host::node(1), Host::node(3))])
        .unwrap_err();
    assert!(
        matches!(error, NetworkError::NoSuchLink { nodes: 2, .. }),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "network: no link n1→n3: there are 2 nodes"
    );
}

fn tcp_backoff_is_shortened_on_request_only(sandbox: &Sandbox, backend: Backend) {
    let setting = "/proc/sys/net/ipv4/tcp_rto_max_ms";
    let Ok(usual) = std::fs::read_to_string(setting) else {
        println!("  skipped: this kernel has no {setting}");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Settings {
        backend,
        nodes: 1,
        seed: 1,
        short_tcp_backoff: true,
    };
    let lan = runtime.block_on(Lan::build(sandbox, settings)).unwrap();
    let read = || std::fs::read_to_string(setting);
    assert_eq!(lan.nodes[0].namespace.run(read).unwrap().trim(), "1000");
    assert_eq!(read().unwrap().trim(), "1000", "the clients' host as well");
    let untouched = NetNamespace::create().unwrap();
    assert_eq!(untouched.run(read).unwrap(), usual);
}

fn dropped_links(counters: &Counters) -> Vec<Link> {
    let dropped = counters
        .links
        .iter()
        .filter(|(_, count)| count.dropped.packets > 0);
    dropped.map(|(link, _)| *link).collect()
}
