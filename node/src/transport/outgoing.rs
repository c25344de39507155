//! The connection to one peer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shakedown_history::NodeId;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::queue::Queue;
use super::socket::{STALL_MAX, configure};
use super::wire::WireError;
use super::{Local, greeting, wire};

/// How long to wait for a connection: well below the kernel's first retransmission of a lost SYN, so
/// that a healed network is noticed soon.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_millis(200);

/// How many bytes are written at once, unless one message is longer. What is urgent waits at most for
/// that.
const WRITE_LEN: usize = 64 << 10;

/// A write buffer that a long message has made longer than this is given back.
const BUFFER_LEN_MAX: usize = 1 << 20;

/// For how long a peer is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// As long as it belongs to the cluster: after a loss the connection is made anew.
    Member,
    /// As long as the connection holds.
    Guest,
}

/// Sends what comes to `queue` to the peer at `address`. Ends when the queue is closed, and closes that
/// of a guest when the connection is lost.
pub(super) async fn run(
    local: Arc<Local>,
    to: NodeId,
    address: SocketAddr,
    lifetime: Lifetime,
    queue: Arc<Queue>,
) {
    let mut backoff = BACKOFF_MIN;
    while !queue.is_closed() {
        match connect(&local, to, address).await {
            Ok(stream) => {
                backoff = BACKOFF_MIN;
                tracing::info!(%to, %address, "connected");
                match pump(stream, &queue).await {
                    Ok(()) => return,
                    Err(e) => tracing::info!(%to, "connection lost: {e}"),
                }
            }
            Err(e) => {
                tracing::debug!(%to, %address, "cannot connect: {e}");
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
        if lifetime == Lifetime::Guest {
            queue.close();
        }
        queue.clear();
        if !queue.is_closed() {
            sleep(backoff).await;
        }
    }
}

async fn connect(local: &Local, to: NodeId, address: SocketAddr) -> Result<TcpStream, WireError> {
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let mut stream = connected.map_err(io::Error::from)??;
    configure(&stream)?;
    let greeted = timeout(STALL_MAX, greeting::connect(local, to, &mut stream)).await;
    greeted.map_err(io::Error::from)??;
    Ok(stream)
}

/// Sends until the queue or the connection ends.
async fn pump(stream: TcpStream, queue: &Queue) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = Vec::new();
    let mut never_sent = [0];
    loop {
        let message = tokio::select! {
            message = queue.next() => message,
            // The peer has nothing more to say on this connection: a read ends only when it is gone.
            closed = reader.read(&mut never_sent) => {
                closed?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        };
        let Some(message) = message else {
            return Ok(());
        };
        buffer.clear();
        buffer.shrink_to(BUFFER_LEN_MAX);
        wire::encode(&message, &mut buffer);
        while buffer.len() < WRITE_LEN
            && let Some(message) = queue.try_next()
        {
            wire::encode(&message, &mut buffer);
        }
        write_all(&mut writer, &buffer).await?;
    }
}

/// Writes all of it. A slow peer may take its time as long as it takes something.
async fn write_all(writer: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = timeout(STALL_MAX, writer.write(bytes)).await??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    Ok(())
}
