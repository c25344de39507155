//! Programs on the hosts of a network under test: who listens, connects, sends.

use shakedown_network::{Backend, Host, Lan, Link, Network, Settings};
use shakedown_sandbox::{NetNamespace, Sandbox};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long to wait for what must not come.
const SILENCE: Duration = Duration::from_millis(100);
/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network, and the namespaces of all its hosts.
pub(crate) struct TestLan {
    pub(crate) network: Box<dyn Network>,
    hosts: Vec<NetNamespace>,
    _runtime: tokio::runtime::Runtime,
}

/// Someone who listens on a host and sends back what he hears.
pub(crate) struct Echo {
    address: SocketAddr,
}

/// A connection to an [`Echo`].
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
}

impl TestLan {
    pub(crate) fn build(sandbox: &Sandbox, backend: Backend, nodes: usize) -> TestLan {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = Settings {
            backend,
            nodes,
            seed: 1,
            short_tcp_backoff: false,
        };
        let lan = runtime.block_on(Lan::build(sandbox, settings)).unwrap();
        let hub = NetNamespace::current().unwrap();
        let hosts = std::iter::once(hub).chain(lan.nodes.into_iter().map(|node| node.namespace));
        TestLan {
            network: lan.network,
            hosts: hosts.collect(),
            _runtime: runtime,
        }
    }

    /// Has someone listen on a host.
    pub(crate) fn listen(&self, host: Host) -> Echo {
        let listen = || TcpListener::bind((host.address(), 0));
        let listener = self.hosts[host.index()].run(listen).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        Echo { address }
    }

    /// Connects from a host. Times out early: in a whole network it takes no time at all.
    pub(crate) fn connect(&self, from: Host, to: &Echo) -> io::Result<Connection> {
        let timeout = Duration::from_millis(900);
        let connect = || TcpStream::connect_timeout(&to.address, timeout);
        let stream = self.hosts[from.index()].run(connect)?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream })
    }

    /// Sends a datagram over this link, and asserts that it arrives.
    pub(crate) fn assert_passes(&self, link: Link) {
        let receiver = self.send_datagram(link);
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(receiver.recv(&mut [0; 64]).is_ok(), "{link} does not pass");
    }

    /// Sends a datagram over this link, and asserts that the network, and nothing else, drops it.
    pub(crate) fn assert_drops(&mut self, link: Link) {
        let before = self.dropped(link);
        let receiver = self.send_datagram(link);
        let deadline = Instant::now() + PATIENCE;
        while self.dropped(link) == before {
            assert!(Instant::now() < deadline, "{link} drops nothing");
        }
        assert_eq!(self.dropped(link), before + 1);
        receiver.set_nonblocking(true).unwrap();
        assert!(receiver.recv(&mut [0; 64]).is_err(), "{link} passes");
    }

    fn dropped(&mut self, link: Link) -> u64 {
        self.network.counters().unwrap().link(link).dropped.packets
    }

    /// Sends one over this link. Returns the socket at the other end.
    fn send_datagram(&self, link: Link) -> UdpSocket {
        let receiver = self.socket(link.to);
        let to = receiver.local_addr().unwrap();
        self.socket(link.from).send_to(b"hello", to).unwrap();
        receiver
    }

    /// A datagram socket on a host.
    pub(crate) fn socket(&self, host: Host) -> UdpSocket {
        self.hosts[host.index()]
            .run(|| UdpSocket::bind((host.address(), 0)))
            .unwrap()
    }
}

impl Connection {
    /// Sends this and returns as many bytes of answer.
    pub(crate) fn ask(&mut self, question: &[u8]) -> io::Result<Vec<u8>> {
        self.send(question)?;
        self.receive(question.len())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn receive(&mut self, length: usize) -> io::Result<Vec<u8>> {
        self.stream.set_read_timeout(Some(PATIENCE))?;
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether nothing is heard for a while.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(SILENCE)).unwrap();
        self.stream.read(&mut [0; 64]).is_err()
    }
}
