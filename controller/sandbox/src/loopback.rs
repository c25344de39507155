//! Every fresh network namespace has a loopback interface, but it is down.
#![expect(unsafe_code, reason = "interface flags are set by an ioctl")]

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::AsRawFd;

nix::ioctl_write_ptr_bad!(set_interface_flags, libc::SIOCSIFFLAGS, libc::ifreq);

/// Brings up `lo` in the calling thread's network namespace. Allocates nothing.
pub(crate) fn bring_up() -> nix::Result<()> {
    // SAFETY: ifreq is a plain C struct for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags =
        i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).expect("two low bits");
    let any_socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: the descriptor is open, and the request is a valid ifreq that the kernel only reads.
    unsafe { set_interface_flags(any_socket.as_raw_fd(), &raw const request) }.map(drop)
}
