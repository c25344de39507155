//! What the switch does to packets.

use crate::hosts::TestLan;
use shakedown_network::{Backend, Host, Link, LinkCounters, NetworkError, PacketFaults};
use shakedown_sandbox::Sandbox;
use shakedown_sandbox::testing::Case;
use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("switch: a_lossy_link_loses", a_lossy_link_loses),
    ("switch: a_slow_link_delays", a_slow_link_delays),
    (
        "switch: a_duplicating_link_delivers_twice",
        a_duplicating_link_delivers_twice,
    ),
    (
        "switch: a_corrupting_link_flips_one_bit",
        a_corrupting_link_flips_one_bit,
    ),
    (
        "switch: a_reordering_link_reorders",
        a_reordering_link_reorders,
    ),
    (
        "switch: a_narrow_link_takes_its_time",
        a_narrow_link_takes_its_time,
    ),
    (
        "switch: a_cut_catches_packets_on_their_way",
        a_cut_catches_packets_on_their_way,
    ),
    (
        "switch: tcp_gets_through_a_bad_link",
        tcp_gets_through_a_bad_link,
    ),
    (
        "iptables: packet_faults_are_refused",
        packet_faults_are_refused,
    ),
];

/// A network whose link from node 1 to node 2 has faults, and a socket at either end.
struct BadLink {
    lan: TestLan,
    link: Link,
    sender: UdpSocket,
    receiver: UdpSocket,
}

impl BadLink {
    fn build(sandbox: &Sandbox, faults: PacketFaults) -> BadLink {
        let mut lan = TestLan::build(sandbox, Backend::Switch, 2);
        let link = Link::new(Host::node(1), Host::node(2));
        lan.network.disturb(&[(link, faults)]).unwrap();
        let (sender, receiver) = (lan.socket(link.from), lan.socket(link.to));
        sender.connect(receiver.local_addr().unwrap()).unwrap();
        receiver.connect(sender.local_addr().unwrap()).unwrap();
        BadLink {
            lan,
            link,
            sender,
            receiver,
        }
    }

    /// The next datagram that arrives in good time.
    fn receive(&self) -> Option<Vec<u8>> {
        self.receiver
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        self.receive_now()
    }

    /// The next datagram, without much waiting.
    fn receive_now(&self) -> Option<Vec<u8>> {
        let mut bytes = [0; 2000];
        let length = self.receiver.recv(&mut bytes).ok()?;
        Some(bytes[..length].to_vec())
    }

    fn is_silent(&self) -> bool {
        self.receiver
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        self.receive_now().is_none()
    }

    fn count(&mut self) -> LinkCounters {
        self.lan.network.counters().unwrap().link(self.link)
    }
}

fn a_lossy_link_loses(sandbox: &Sandbox) {
    let mut bad = BadLink::build(
        sandbox,
        PacketFaults {
            loss: 1.0,
            ..Default::default()
        },
    );
    bad.sender.send(b"hello").unwrap();
    assert!(bad.is_silent());
    let count = bad.count();
    assert_eq!(
        (
            count.lost.packets,
            count.dropped.packets,
            count.delivered.packets
        ),
        (1, 0, 0)
    );
    // The other direction is whole.
    bad.receiver.send(b"hello").unwrap();
    bad.sender
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    bad.sender.recv(&mut [0; 10]).unwrap();
    bad.lan.network.disturb(&[]).unwrap();
    bad.sender.send(b"healed").unwrap();
    assert_eq!(bad.receive().unwrap(), b"healed");
}

fn a_slow_link_delays(sandbox: &Sandbox) {
    let delay = Duration::from_millis(60);
    let mut bad = BadLink::build(
        sandbox,
        PacketFaults {
            delay,
            ..Default::default()
        },
    );
    let sent = Instant::now();
    bad.sender.send(b"hello").unwrap();
    assert_eq!(bad.receive().unwrap(), b"hello");
    // The lower bound shows that the packet was held, however slow this machine is.
    assert!(sent.elapsed() >= delay);
    assert_eq!(bad.count().delayed.packets, 1);
    assert_eq!(bad.count().delivered.packets, 1);
}

fn a_duplicating_link_delivers_twice(sandbox: &Sandbox) {
    let mut bad = BadLink::build(
        sandbox,
        PacketFaults {
            duplicate: 1.0,
            ..Default::default()
        },
    );
    bad.sender.send(b"hello").unwrap();
    assert_eq!(bad.receive().unwrap(), b"hello");
    assert_eq!(bad.receive().unwrap(), b"hello");
    assert!(bad.is_silent());
    assert_eq!(
        (
            bad.count().delivered.packets,
            bad.count().duplicated.packets
        ),
        (2, 1)
    );
}

fn a_corrupting_link_flips_one_bit(sandbox: &Sandbox) {
    let mut bad = BadLink::build(
        sandbox,
        PacketFaults {
            corrupt: 1.0,
            ..Default::default()
        },
    );
    let sent = [0; 100];
    bad.sender.send(&sent).unwrap();
    let received = bad
        .receive()
        .expect("the checksum matches, so the kernel delivers");
    assert_eq!(received.len(), sent.len());
    assert_eq!(
        received.iter().map(|byte| byte.count_ones()).sum::<u32>(),
        1
    );
    assert_eq!(bad.count().corrupted.packets, 1);
}

fn a_reordering_link_reorders(sandbox: &Sandbox) {
    let delay = Duration::from_millis(50);
    let faults = PacketFaults {
        delay,
        reorder: 0.5,
        ..Default::default()
    };
    let bad = BadLink::build(sandbox, faults);
    let sent: Vec<u8> = (0..50).collect();
    for number in &sent {
        bad.sender.send(&[*number]).unwrap();
    }
    let received: Vec<u8> = sent.iter().map(|_| bad.receive().unwrap()[0]).collect();
    assert_ne!(received, sent);
    assert_eq!(
        received.into_iter().collect::<BTreeSet<_>>(),
        sent.into_iter().collect()
    );
}

fn a_narrow_link_takes_its_time(sandbox: &Sandbox) {
    let rate_bits_per_second = Some(1_000_000);
    let faults = PacketFaults {
        rate_bits_per_second,
        ..Default::default()
    };
    let bad = BadLink::build(sandbox, faults);
    let started = Instant::now();
    // 1250 bytes with their headers are 10 ms each.
    for _ in 0..10 {
        bad.sender.send(&[0; 1222]).unwrap();
    }
    (0..10).for_each(|_| assert!(bad.receive().is_some()));
    assert!(started.elapsed() >= Duration::from_millis(100));
}

fn a_cut_catches_packets_on_their_way(sandbox: &Sandbox) {
    let delay = Duration::from_millis(300);
    let mut bad = BadLink::build(
        sandbox,
        PacketFaults {
            delay,
            ..Default::default()
        },
    );
    bad.sender.send(b"hello").unwrap();
    let sent = Instant::now();
    while bad.count().delayed.packets == 0 {
        assert!(
            sent.elapsed() < Duration::from_secs(5),
            "the packet never reached the switch"
        );
    }
    bad.lan.network.cut(&[bad.link]).unwrap();
    assert!(sent.elapsed() < delay, "too slow a machine for this test");
    while bad.count().dropped.packets == 0 {
        assert!(
            sent.elapsed() < Duration::from_secs(5),
            "the packet was never dropped"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(bad.count().delivered.packets, 0);
    assert!(bad.is_silent());
}

fn tcp_gets_through_a_bad_link(sandbox: &Sandbox) {
    let mut lan = TestLan::build(sandbox, Backend::Switch, 2);
    let faults = PacketFaults {
        delay: Duration::from_millis(2),
        jitter: Duration::from_millis(1),
        loss: 0.05,
        duplicate: 0.1,
        reorder: 0.1,
        ..Default::default()
    };
    let links = Link::both_ways(Host::node(1), Host::node(2));
    lan.network
        .disturb(&links.map(|link| (link, faults)))
        .unwrap();
    let echo = lan.listen(Host::node(2));
    let mut connection = lan.connect(Host::node(1), &echo).unwrap();
    let question: Vec<u8> = (0..20_000)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    assert!(
        connection.ask(&question).unwrap() == question,
        "TCP mends all of it"
    );
}

fn packet_faults_are_refused(sandbox: &Sandbox) {
    let mut lan = TestLan::build(sandbox, Backend::Iptables, 2);
    let link = Link::new(Host::node(1), Host::node(2));
    let lossy = PacketFaults {
        loss: 0.1,
        ..Default::default()
    };
    let error = lan.network.disturb(&[(link, lossy)]).unwrap_err();
    assert!(
        matches!(error, NetworkError::NoPacketFaults { .. }),
        "{error}"
    );
    lan.network.disturb(&[]).expect("there is nothing to heal");
}
