//! The switch's thread.

use super::frame;
use super::held::Held;
use super::link_state::{Decision, LinkState};
use super::port::Port;
use crate::counters::{Counters, Traffic};
use crate::host::{Host, Link};
use crate::packet_faults::PacketFaults;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

/// So many frames are read from a port before the others have their turn.
const BATCH: usize = 32;
/// A frame with a TCP segment of the largest size, its headers and the kernel's note.
const FRAME_MAX: usize = 66_000;
/// The kernel may wake us so much too late, to save power. Its default is 50 µs.
const TIMER_SLACK_NS: u64 = 1_000;

/// What the thread is asked to do. It answers when it is done.
pub(super) enum Request {
    /// Cut exactly these links.
    Cut { links: Vec<Link>, done: Sender<()> },
    /// Give exactly these links packet faults.
    Disturb {
        links: Vec<(Link, PacketFaults)>,
        done: Sender<()>,
    },
    /// Say what went over each link.
    Count { counters: Sender<Counters> },
}

/// All that the thread owns.
pub(super) struct Forwarding {
    /// By the host's index.
    ports: Vec<Port>,
    links: Vec<LinkState>,
    held: Held,
    overruns: u64,
    inbox: Receiver<Request>,
    bell: UnixStream,
}

/// What to look at after a wait.
struct Ready {
    bell: bool,
    ports: Vec<usize>,
}

impl Forwarding {
    pub(super) fn new(
        ports: Vec<Port>,
        inbox: Receiver<Request>,
        bell: UnixStream,
        seed: u64,
    ) -> Forwarding {
        let links = (0..ports.len().pow(2)).map(|slot| LinkState::new(seed, slot as u64));
        let links = links.collect();
        Forwarding {
            ports,
            links,
            held: Held::default(),
            overruns: 0,
            inbox,
            bell,
        }
    }

    /// Forwards until the other end of the bell is closed.
    pub(super) fn run(mut self) {
        prctl::set_timerslack(TIMER_SLACK_NS).expect("any slack is allowed");
        let mut buffer = vec![0; FRAME_MAX];
        loop {
            self.release_due();
            let ready = self.wait();
            if ready.bell && self.bell_is_closed() {
                return;
            }
            self.serve_requests();
            for port in ready.ports {
                self.forward_from(port, &mut buffer);
            }
        }
    }

    /// Waits for a request, a frame, or the moment at which a held frame is due.
    fn wait(&self) -> Ready {
        let mut watched = vec![PollFd::new(self.bell.as_fd(), PollFlags::POLLIN)];
        watched.extend(
            self.ports
                .iter()
                .map(|port| PollFd::new(port.as_fd(), PollFlags::POLLIN)),
        );
        let timeout = self
            .held
            .next_due()
            .map(|due| due.saturating_duration_since(Instant::now()));
        match ppoll(&mut watched, timeout.map(TimeSpec::from), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("the switch cannot wait for frames: {errno}"),
        }
        let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
        let ports = (0..self.ports.len())
            .filter(|port| is_ready(&watched[port + 1]))
            .collect();
        Ready {
            bell: is_ready(&watched[0]),
            ports,
        }
    }

    /// Silences the bell. To be followed by a look at the requests: one that comes later rings
    /// it again.
    fn bell_is_closed(&mut self) -> bool {
        self.bell.read(&mut [0; 64]).is_ok_and(|rings| rings == 0)
    }

    fn serve_requests(&mut self) {
        while let Ok(request) = self.inbox.try_recv() {
            self.serve(request);
        }
    }

    fn serve(&mut self, request: Request) {
        // Whoever asked may have gone; the request is carried out all the same.
        match request {
            Request::Cut { links, done } => {
                self.links.iter_mut().for_each(|state| state.is_cut = false);
                links.iter().for_each(|link| self.link(*link).is_cut = true);
                let _ = done.send(());
            }
            Request::Disturb { links, done } => {
                self.links
                    .iter_mut()
                    .for_each(|state| state.faults = PacketFaults::default());
                links
                    .iter()
                    .for_each(|(link, faults)| self.link(*link).faults = *faults);
                let _ = done.send(());
            }
            Request::Count { counters } => {
                let _ = counters.send(self.count());
            }
        }
    }

    fn count(&mut self) -> Counters {
        self.overruns += self.ports.iter().map(Port::overruns).sum::<u64>();
        let links = Link::all(self.ports.len() - 1).map(|link| (link, self.link(link).counters));
        let links: BTreeMap<_, _> = links.collect();
        Counters {
            links,
            overruns: self.overruns,
        }
    }

    /// Forwards a batch of what one host sends.
    fn forward_from(&mut self, port: usize, buffer: &mut [u8]) {
        let from = Host::all(self.ports.len() - 1)
            .nth(port)
            .expect("a port for each host");
        for _ in 0..BATCH {
            match self.ports[port].receive(buffer) {
                Ok(Some(length)) => {
                    // Before each frame, so that a cut does not wait for a busy network.
                    self.serve_requests();
                    self.forward(from, &mut buffer[..length]);
                }
                Ok(None) => return,
                Err(error) => panic!("the switch cannot read from {from}: {error}"),
            }
        }
    }

    fn forward(&mut self, from: Host, frame: &mut [u8]) {
        let to = frame::destination(frame).filter(|to| to.index() < self.ports.len());
        // What is not for one of our hosts, such as multicast, has no way out.
        let Some(to) = to.filter(|to| *to != from) else {
            return;
        };
        let (link, bytes, now) = (
            Link::new(from, to),
            frame::packet_length(frame),
            Instant::now(),
        );
        let Decision::Deliver {
            due,
            twice,
            corrupt,
        } = self.link(link).decide(now, bytes)
        else {
            return;
        };
        if corrupt.is_some_and(|choice| frame::corrupt(frame, choice)) {
            self.link(link).counters.corrupted += Traffic::packet(bytes);
        }
        if twice {
            self.link(link).counters.duplicated += Traffic::packet(bytes);
        }
        for _ in 0..=u8::from(twice) {
            if due <= now {
                self.send(link, frame);
            } else {
                self.hold(due, link, frame);
            }
        }
    }

    fn hold(&mut self, due: Instant, link: Link, frame: &[u8]) {
        let packet = Traffic::packet(frame::packet_length(frame));
        if self.held.hold(due, link, frame) {
            self.link(link).counters.delayed += packet;
        } else {
            self.link(link).counters.lost += packet;
        }
    }

    /// Sends the held frames that are due, unless their link was cut meanwhile.
    fn release_due(&mut self) {
        while let Some((link, frame)) = self.held.release(Instant::now()) {
            if self.link(link).is_cut {
                let packet = Traffic::packet(frame::packet_length(&frame));
                self.link(link).counters.dropped += packet;
            } else {
                self.send(link, &frame);
            }
        }
    }

    fn send(&mut self, link: Link, frame: &[u8]) {
        if self.ports[link.to.index()].send(frame) {
            let packet = Traffic::packet(frame::packet_length(frame));
            self.link(link).counters.delivered += packet;
        } else {
            self.overruns += 1;
        }
    }

    fn link(&mut self, link: Link) -> &mut LinkState {
        &mut self.links[link.from.index() * self.ports.len() + link.to.index()]
    }
}
