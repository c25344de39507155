//! Namespaces, interfaces and addresses, before any backend decides about packets.
//!
//! Neighbour entries are static, so that nobody ever asks by ARP: a cut then behaves the same
//! whether or not a host happened to know the other's hardware address, and the only packets on
//! the wires are IPv4. The wires have a namespace of their own without any address. Were they in
//! the hub, its kernel would answer the nodes itself, past the cuts.

use crate::host::Host;
use crate::network::{NetworkError, refused};
use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{InfoBridge, InfoData, InfoVeth, LinkFlags};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth};
use shakedown_sandbox::{NetNamespace, Sandbox};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// The index of each host's interface; 1 is `lo`.
const INTERFACE_INDEX: u32 = 2;
/// The index of the bridge in the wires' namespace, if there is one.
const BRIDGE_INDEX: u32 = 2;
/// The index of the clients' port in the wires' namespace; the nodes' follow.
const FIRST_PORT_INDEX: u32 = 10;
/// `10.88.0.0/24`.
const PREFIX_LENGTH: u8 = 24;

/// How long an interface may take to come up; it takes microseconds on an idle machine.
const CARRIER_TIMEOUT: Duration = Duration::from_secs(10);

/// What joins the ports in the wires' namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// Nothing: the switch reads and writes them.
    Open,
    /// The kernel's bridge.
    Bridge,
}

/// The namespaces of a network, wired.
#[derive(Debug)]
pub(crate) struct Wiring {
    /// Where the hub-side ends of the cables are.
    pub(crate) wires: NetNamespace,
    /// Of each host, by index; the first is the hub.
    pub(crate) hosts: Vec<NetNamespace>,
}

/// The interface index of a host's port in the wires' namespace.
pub(crate) fn port_index(host: Host) -> u32 {
    FIRST_PORT_INDEX + u32::from(host.hardware_address()[5])
}

impl Wiring {
    /// Makes a namespace for each node and cables from every host to the wires.
    pub(crate) async fn lay(
        _inside: &Sandbox,
        nodes: usize,
        joint: Joint,
    ) -> Result<Wiring, NetworkError> {
        let hub = NetNamespace::current().map_err(refused("open the hub's namespace"))?;
        let wires = create_namespace("the wires")?;
        let mut hosts = vec![hub];
        for host in Host::all(nodes).skip(1) {
            hosts.push(create_namespace(&host.to_string())?);
        }
        let wiring = Wiring { wires, hosts };
        let netlink = open_netlink(&wiring.wires, "the wires")?;
        if joint == Joint::Bridge {
            add_bridge(&netlink).await?;
        }
        for host in Host::all(nodes) {
            wiring.add_cable(&netlink, host, joint).await?;
        }
        for host in Host::all(nodes) {
            wiring.configure(host, nodes).await?;
            await_carrier(&netlink, port_index(host), &format!("the port of {host}")).await?;
        }
        Ok(wiring)
    }

    /// A cable from the host's interface to its port.
    async fn add_cable(
        &self,
        netlink: &Handle,
        host: Host,
        joint: Joint,
    ) -> Result<(), NetworkError> {
        let (interface, port) = (interface_name(host), format!("port{}", host.index()));
        let plug = LinkUnspec::new_with_name(interface)
            .index(INTERFACE_INDEX)
            .address(host.hardware_address().to_vec())
            .setns_by_fd(self.hosts[host.index()].as_fd().as_raw_fd())
            .build();
        let socket = LinkVeth::new(&port, interface)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(plug)))
            .index(port_index(host))
            .up();
        let socket = match joint {
            Joint::Open => socket,
            Joint::Bridge => socket.controller(BRIDGE_INDEX),
        };
        let added = netlink.link().add(socket.build()).execute().await;
        added.map_err(failed(format!("add the cable of {host}")))
    }

    /// Brings up the host's interface, with its address, and says where its neighbours are.
    async fn configure(&self, host: Host, nodes: usize) -> Result<(), NetworkError> {
        let netlink = open_netlink(&self.hosts[host.index()], &host.to_string())?;
        let up = LinkUnspec::new_with_index(INTERFACE_INDEX).up().build();
        let set = netlink.link().set(up).execute().await;
        set.map_err(failed(format!("bring up the interface of {host}")))?;
        let address = IpAddr::V4(host.address());
        let added = netlink
            .address()
            .add(INTERFACE_INDEX, address, PREFIX_LENGTH)
            .execute()
            .await;
        added.map_err(failed(format!("give {host} its address")))?;
        for neighbour in Host::all(nodes).filter(|other| *other != host) {
            let request = netlink
                .neighbours()
                .add(INTERFACE_INDEX, IpAddr::V4(neighbour.address()))
                .link_layer_address(&neighbour.hardware_address());
            let added = request.execute().await;
            added.map_err(failed(format!("tell {host} where {neighbour} is")))?;
        }
        await_carrier(
            &netlink,
            INTERFACE_INDEX,
            &format!("the interface of {host}"),
        )
        .await
    }
}

/// Gives established connections of a host at most a second of silence after a cut is healed.
///
/// Left alone, TCP waits twice as long after each try, so that after a long cut it may stay
/// silent for about as long again. The number of tries grows along, or else the kernel would
/// give up connections after some 15 of these short waits. Needs Linux 6.15.
pub(crate) fn shorten_tcp_backoff(
    namespace: &NetNamespace,
    host: Host,
) -> Result<(), NetworkError> {
    let write = || {
        write_setting("ipv4/tcp_rto_max_ms", "1000")?;
        write_setting("ipv4/tcp_retries2", "255")
    };
    namespace
        .run(write)
        .map_err(refused(format!("shorten the TCP backoff of {host}")))
}

fn interface_name(host: Host) -> &'static str {
    if host == Host::CLIENTS {
        "clients"
    } else {
        "eth0"
    }
}

fn create_namespace(whose: &str) -> Result<NetNamespace, NetworkError> {
    NetNamespace::create().map_err(refused(format!("create the namespace of {whose}")))
}

/// Opens a netlink socket in a namespace, and has it create interfaces without IPv6 from then
/// on: the network is IPv4 only, and nobody needs to announce link-local addresses on it.
fn open_netlink(namespace: &NetNamespace, whose: &str) -> Result<Handle, NetworkError> {
    let runtime = tokio::runtime::Handle::current();
    let opened = namespace.run(|| {
        if Path::new("/proc/sys/net/ipv6").exists() {
            write_setting("ipv6/conf/default/disable_ipv6", "1")?;
        }
        let _context = runtime.enter();
        rtnetlink::new_connection()
    });
    let (connection, handle, _) = opened.map_err(refused(format!(
        "open a netlink socket in the namespace of {whose}"
    )))?;
    // Ends when the handle is dropped.
    tokio::spawn(connection);
    Ok(handle)
}

async fn add_bridge(netlink: &Handle) -> Result<(), NetworkError> {
    let bridge: LinkMessageBuilder<LinkBridge> = LinkBridge::new("bridge");
    let bridge = bridge
        .index(BRIDGE_INDEX)
        .set_info_data(InfoData::Bridge(vec![InfoBridge::MulticastSnooping(false)]))
        .up();
    netlink
        .link()
        .add(bridge.build())
        .execute()
        .await
        .map_err(failed("add the bridge"))
}

/// Waits until an interface can send. The kernel tells an interface in the background that the
/// other end of its cable is up, and drops what is sent before; asking hurries it along.
async fn await_carrier(netlink: &Handle, index: u32, whose: &str) -> Result<(), NetworkError> {
    let deadline = Instant::now() + CARRIER_TIMEOUT;
    loop {
        let mut found = netlink.link().get().match_index(index).execute();
        let link = found
            .try_next()
            .await
            .map_err(failed(format!("look at {whose}")))?;
        if link.is_some_and(|link| link.header.flags.contains(LinkFlags::Running)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let late = io::Error::from(io::ErrorKind::TimedOut);
            return Err(refused(format!("wait until {whose} is up"))(late));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Writes a setting of the calling thread's network namespace.
fn write_setting(name: &str, value: &str) -> io::Result<()> {
    let path = format!("/proc/sys/net/{name}");
    std::fs::write(&path, value)
        .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

fn failed(doing: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let doing = doing.into();
    move |source| NetworkError::Netlink { doing, source }
}
