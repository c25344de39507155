//! What can be done to the network of a run.

use crate::counters::Counters;
use crate::host::{Host, Link};
use crate::packet_faults::PacketFaults;
use std::io;
use std::time::Duration;

/// A network whose links can be cut and disturbed.
///
/// Each call replaces what the previous call of the same kind set, so that an empty list heals.
/// When a call returns, it is in force.
pub trait Network: Send {
    /// The backend's name, as in a plan: `switch` or `iptables`.
    fn name(&self) -> &'static str;

    /// Cuts exactly these links, and heals every other. Returns how long it took.
    ///
    /// # Errors
    ///
    /// If a link's host does not exist, or the backend broke down. It is then unknown which of
    /// the links are cut; the next successful call settles it.
    fn cut(&mut self, links: &[Link]) -> Result<Duration, NetworkError>;

    /// Gives exactly these links packet faults, and no other. Returns how long it took.
    ///
    /// # Errors
    ///
    /// As [`cut`](Network::cut), and if this backend cannot do packet faults.
    fn disturb(&mut self, links: &[(Link, PacketFaults)]) -> Result<Duration, NetworkError>;

    /// What went over every link since the network was built.
    ///
    /// # Errors
    ///
    /// If the backend broke down.
    fn counters(&mut self) -> Result<Counters, NetworkError>;
}

/// Why the network could not be built or changed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The kernel refused a namespace, a socket or a setting.
    #[error("network: {doing}: {source}")]
    Refused {
        /// What we were doing.
        doing: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused an interface, an address or a neighbour.
    #[error("network: {doing}: {source}")]
    Netlink {
        /// What we were doing.
        doing: String,
        /// What the kernel said.
        source: rtnetlink::Error,
    },
    /// A link names a host that this network does not have.
    #[error("network: no link {link}: there are {nodes} nodes")]
    NoSuchLink {
        /// The link.
        link: Link,
        /// How many nodes there are.
        nodes: usize,
    },
    /// The switch's thread has ended. Every link is cut then.
    #[error("network: the switch's thread has ended; its panic message says why")]
    SwitchEnded,
    /// No iptables on this machine.
    #[error(
        "network: no `{program}` in PATH, /usr/sbin or /sbin: install iptables or use `network: \
         switch`"
    )]
    NoIptables {
        /// The program.
        program: &'static str,
    },
    /// An iptables command failed.
    #[error("network: `{program}` failed on {host}: {stderr}")]
    Iptables {
        /// The program.
        program: &'static str,
        /// In whose namespace it ran.
        host: Host,
        /// What it said.
        stderr: String,
    },
    /// The backend cannot do this.
    #[error("network: `{backend}` cannot disturb packets: use `network: switch`")]
    NoPacketFaults {
        /// The backend.
        backend: &'static str,
    },
}

/// An error of the first kind, for `map_err`.
pub(crate) fn refused(doing: impl Into<String>) -> impl FnOnce(io::Error) -> NetworkError {
    let doing = doing.into();
    move |source| NetworkError::Refused { doing, source }
}

/// Refuses links that a network with so many nodes does not have.
pub(crate) fn check_links(
    links: impl IntoIterator<Item = Link>,
    nodes: usize,
) -> Result<(), NetworkError> {
    let exists = |link: &Link| link.from.index() <= nodes && link.to.index() <= nodes;
    match links.into_iter().find(|link| !exists(link)) {
        Some(link) => Err(NetworkError::NoSuchLink { link, nodes }),
        None => Ok(()),
    }
}
