//! The packet socket of one host's cable.
#![expect(
    unsafe_code,
    reason = "packet sockets' address and options have no safe wrapper"
)]

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};
use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// So many bytes may wait in a socket, in either direction.
const SOCKET_BUFFER: usize = 8 << 20;

/// Reads what a host sends, and writes what it is to receive: whole frames, each preceded by the
/// kernel's note about unfinished checksums and segmentation (`virtio_net_hdr`). With that note,
/// TCP keeps its large segments and checksums need no computing.
#[derive(Debug)]
pub(super) struct Port {
    socket: OwnedFd,
}

impl Port {
    /// Opens the port with this interface index in the calling thread's network namespace.
    pub(super) fn open(interface_index: u32) -> io::Result<Port> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Without a protocol the socket hears nothing before it is bound to its interface.
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        set_packet_option(&socket, libc::PACKET_VNET_HDR)?;
        set_packet_option(&socket, libc::PACKET_IGNORE_OUTGOING)?;
        enlarge_buffers(&socket);
        bind(&socket, interface_index)?;
        Ok(Port { socket })
    }

    /// The next frame, if there is one.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match nix::unistd::read(&self.socket, buffer) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends a frame. Whether the kernel had room for it.
    pub(super) fn send(&self, frame: &[u8]) -> bool {
        nix::unistd::write(&self.socket, frame).is_ok()
    }

    /// How many frames the kernel had no room for since this was last asked.
    pub(super) fn overruns(&self) -> u64 {
        // SAFETY: a plain C struct for which all zeroes is a value.
        let mut statistics: libc::tpacket_stats = unsafe { std::mem::zeroed() };
        let mut length =
            libc::socklen_t::try_from(size_of::<libc::tpacket_stats>()).expect("a small struct");
        // SAFETY: the kernel writes at most `length` bytes to `statistics`, which has that size.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &raw mut length,
            )
        };
        assert_eq!(
            result,
            0,
            "a packet socket has statistics: {}",
            Errno::last()
        );
        u64::from(statistics.tp_drops)
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// An ordinary user's sandbox may not exceed the host's limit, and gets that much.
fn enlarge_buffers(socket: &OwnedFd) {
    if setsockopt(socket, sockopt::RcvBufForce, &SOCKET_BUFFER).is_err() {
        let _ = setsockopt(socket, sockopt::RcvBuf, &SOCKET_BUFFER);
    }
    if setsockopt(socket, sockopt::SndBufForce, &SOCKET_BUFFER).is_err() {
        let _ = setsockopt(socket, sockopt::SndBuf, &SOCKET_BUFFER);
    }
}

fn set_packet_option(socket: &OwnedFd, option: c_int) -> io::Result<()> {
    let on: c_int = 1;
    // SAFETY: the kernel reads one int from `on`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const on).cast(),
            libc::socklen_t::try_from(size_of::<c_int>()).expect("an int is small"),
        )
    };
    Ok(Errno::result(result).map(drop)?)
}

fn bind(socket: &OwnedFd, interface_index: u32) -> io::Result<()> {
    // SAFETY: a plain C struct for which all zeroes is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).expect("a small constant");
    address.sll_protocol = u16::try_from(libc::ETH_P_ALL)
        .expect("a small constant")
        .to_be();
    address.sll_ifindex = interface_index.cast_signed();
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).expect("small");
    // SAFETY: the kernel reads `length` bytes from `address`, which has that size.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    Ok(Errno::result(result).map(drop)?)
}
