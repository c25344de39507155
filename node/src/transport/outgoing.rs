//! The connection to one peer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use shakedown_raft::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::socket::{STALL_MAX, configure};
use super::wire::{self, Hello};

/// How long to wait for a connection: well below the kernel's first retransmission of a lost SYN, so
/// that a healed network is noticed soon.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_millis(200);

/// How many bytes are written at once, unless one message is longer.
const WRITE_LEN: usize = 256 << 10;

/// Sends what comes from `messages` to the peer at `address`, over one connection after another.
/// Ends when the node lets go of the queue.
pub(super) async fn run(hello: Hello, address: SocketAddr, mut messages: mpsc::Receiver<Message>) {
    let mut backoff = BACKOFF_MIN;
    while !messages.is_closed() {
        match connect(&hello, address).await {
            Ok(stream) => {
                backoff = BACKOFF_MIN;
                tracing::info!(to = %hello.to, "connected");
                match pump(stream, &mut messages).await {
                    Ok(()) => return,
                    Err(e) => tracing::info!(to = %hello.to, "connection lost: {e}"),
                }
            }
            Err(e) => {
                tracing::debug!(to = %hello.to, "cannot connect: {e}");
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
        sleep(backoff).await;
        // What was meant for the broken connection is stale. Raft sends again.
        while messages.try_recv().is_ok() {}
    }
}

async fn connect(hello: &Hello, address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
    configure(&stream)?;
    let mut greeting = Vec::new();
    wire::encode(hello, &mut greeting);
    timeout(STALL_MAX, stream.write_all(&greeting)).await??;
    Ok(stream)
}

/// Sends until the queue or the connection ends.
async fn pump(stream: TcpStream, messages: &mut mpsc::Receiver<Message>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = Vec::new();
    let mut never_sent = [0];
    loop {
        let message = tokio::select! {
            message = messages.recv() => message,
            // The peer says nothing on this connection: a read ends only when it is gone.
            closed = reader.read(&mut never_sent) => {
                closed?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        };
        let Some(message) = message else {
            return Ok(());
        };
        buffer.clear();
        wire::encode(&message, &mut buffer);
        while buffer.len() < WRITE_LEN
            && let Ok(message) = messages.try_recv()
        {
            wire::encode(&message, &mut buffer);
        }
        timeout(STALL_MAX, writer.write_all(&buffer)).await??;
    }
}
