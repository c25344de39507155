//! The options of a connection between nodes.

use std::io;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;

/// For how long a peer may leave data or probes unanswered before the connection counts as dead. A
/// partition would otherwise stall it for minutes after it has healed.
pub(super) const STALL_MAX: Duration = Duration::from_secs(1);

/// How much the kernel takes in before a peer has it. More would be a queue that nothing urgent can
/// overtake.
const SEND_BUFFER_LEN: usize = 128 << 10;

/// Makes a dead connection show within about [`STALL_MAX`], idle or not, and sends without delay.
pub(super) fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stall_ms = u32::try_from(STALL_MAX.as_millis()).expect("a second is short");
    setsockopt(stream, sockopt::TcpUserTimeout, &stall_ms)?;
    setsockopt(stream, sockopt::SndBuf, &SEND_BUFFER_LEN)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &1)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &1)?;
    Ok(())
}
