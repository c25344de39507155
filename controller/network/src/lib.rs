//! The network of a local run: what every link between two hosts does, and proof that it did it.
//!
//! ```text
//!   hub namespace          wires namespace (no addresses)         node namespaces
//!   clients 10.88.0.254 ── port0 ─┐                     ┌─ port1 ── eth0 10.88.0.1
//!   (controller, clients)         ├─ switch or bridge ──┤
//!                                 └─────────────────────┴─ port2 ── eth0 10.88.0.2 …
//! ```
//!
//! Every host has a real interface and the kernel's real TCP. Whatever one says to another, the
//! clients included, crosses the wires namespace, in which only [`Network`] decides.
//!
//! - [`host`]: hosts and the directed links between them
//! - [`lan`]: builds it all inside a sandbox
//! - [`Network`]: cuts, packet faults, counters
//! - `switch`: a switch in user space on packet sockets; the default; every packet fault
//! - [`iptables`]: a kernel bridge and firewall rules; cuts only
//! - [`counters`]: packets and bytes delivered and dropped, per directed link

pub mod counters;
pub mod host;
pub mod iptables;
pub mod lan;
mod network;
mod packet_faults;
mod switch;
mod wiring;

pub use counters::{Counters, LinkCounters, Traffic};
pub use host::{Host, Link};
pub use lan::{Backend, Lan, Node, Settings};
pub use network::{Network, NetworkError};
pub use packet_faults::PacketFaults;
