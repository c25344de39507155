//! A switch in user space, on packet sockets at the hub-side ends of the cables.
//!
//! One thread reads each frame, decides, and writes it to the receiver's port. It alone owns the
//! state of the links: a cut is a message to it, applied between two frames, and so is in force
//! for the whole network at once. If the thread dies, its sockets close and every link is cut.
//!
//! - `port`: the packet socket of one host
//! - `frame`: where a frame goes, and how to corrupt it
//! - `link_state`: what one link does to a packet
//! - `held`: the packets that are being delayed
//! - `forwarding`: the thread

mod forwarding;
mod frame;
mod held;
mod link_state;
mod port;

use crate::counters::Counters;
use crate::host::{Host, Link};
use crate::network::{Network, NetworkError, check_links, refused};
use crate::packet_faults::PacketFaults;
use crate::wiring::{Wiring, port_index};
use forwarding::{Forwarding, Request};
use port::Port;
use shakedown_sandbox::NetNamespace;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Our end of the switch. Dropping it ends the thread.
pub(crate) struct Switch {
    requests: Sender<Request>,
    /// A byte in here has the thread look for requests; its closing has it end.
    bell: UnixStream,
    thread: Option<JoinHandle<()>>,
    /// Keeps the namespaces, and with them the cables, while there is a switch: a node's host
    /// must be there when the node is not.
    wiring: Wiring,
}

impl Switch {
    /// Starts to forward between the hosts of this wiring.
    pub(crate) fn start(wiring: Wiring, seed: u64) -> Result<Switch, NetworkError> {
        let nodes = wiring.hosts.len() - 1;
        let ports = open_ports(&wiring.wires, nodes).map_err(refused("open the switch's ports"))?;
        let (bell, far_bell) = UnixStream::pair().map_err(refused("open the switch's bell"))?;
        far_bell
            .set_nonblocking(true)
            .map_err(refused("set up the switch's bell"))?;
        let (requests, inbox) = channel();
        let forwarding = Forwarding::new(ports, inbox, far_bell, seed);
        let thread = std::thread::Builder::new()
            .name("switch".to_owned())
            .spawn(move || forwarding.run())
            .map_err(refused("start the switch's thread"))?;
        Ok(Switch {
            requests,
            bell,
            thread: Some(thread),
            wiring,
        })
    }

    fn nodes(&self) -> usize {
        self.wiring.hosts.len() - 1
    }

    /// Has the thread do something, and waits until it is done.
    fn ask<T>(&self, request: impl FnOnce(Sender<T>) -> Request) -> Result<T, NetworkError> {
        let ended = |_| NetworkError::SwitchEnded;
        let (reply, answer) = channel();
        self.requests
            .send(request(reply))
            .map_err(|_| NetworkError::SwitchEnded)?;
        (&self.bell)
            .write_all(&[0])
            .map_err(|_| NetworkError::SwitchEnded)?;
        answer.recv().map_err(ended)
    }
}

impl Network for Switch {
    fn name(&self) -> &'static str {
        "switch"
    }

    fn cut(&mut self, links: &[Link]) -> Result<Duration, NetworkError> {
        check_links(links.iter().copied(), self.nodes())?;
        let started = Instant::now();
        self.ask(|done| Request::Cut {
            links: links.to_vec(),
            done,
        })?;
        Ok(started.elapsed())
    }

    fn disturb(&mut self, links: &[(Link, PacketFaults)]) -> Result<Duration, NetworkError> {
        check_links(links.iter().map(|(link, _)| *link), self.nodes())?;
        links.iter().for_each(|(_, faults)| faults.assert_valid());
        let started = Instant::now();
        self.ask(|done| Request::Disturb {
            links: links.to_vec(),
            done,
        })?;
        Ok(started.elapsed())
    }

    fn counters(&mut self) -> Result<Counters, NetworkError> {
        self.ask(|counters| Request::Count { counters })
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.bell.shutdown(Shutdown::Both);
        // Before the wiring is dropped: a port that vanishes is an error to the thread. If it
        // panicked, it has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A packet socket belongs to the namespace in which it was opened, wherever it is used.
fn open_ports(wires: &NetNamespace, nodes: usize) -> io::Result<Vec<Port>> {
    wires.run(|| {
        Host::all(nodes)
            .map(|host| Port::open(port_index(host)))
            .collect()
    })
}
