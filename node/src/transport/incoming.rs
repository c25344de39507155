//! Connections from peers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shakedown_history::NodeId;
use shakedown_raft::Message;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::wire::{self, HELLO_LEN_MAX, Hello, MESSAGE_LEN_MAX, WireError};
use super::{Members, socket};

/// How long a stranger may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// Who is connected. A peer has one connection: a new one ends the one before, which may be dead
/// without our knowing.
type Connected = Arc<Mutex<BTreeMap<NodeId, AbortHandle>>>;

/// Accepts peers and passes on what they send, until the process ends.
pub(super) async fn run(listener: TcpListener, members: Members, inbox: mpsc::Sender<Message>) {
    let members = Arc::new(members);
    let connected = Connected::default();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let peer = (Arc::clone(&members), Arc::clone(&connected), inbox.clone());
                tokio::spawn(async move {
                    let (members, connected, inbox) = peer;
                    if let Err(e) = greet(stream, members, &connected, inbox).await {
                        tracing::info!(%address, "refused: {e}");
                    }
                });
            }
            Err(e) => {
                // Out of file descriptors, most likely: pass, rather than spin.
                tracing::warn!("cannot accept a peer: {e}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn greet(
    stream: TcpStream,
    members: Arc<Members>,
    connected: &Connected,
    inbox: mpsc::Sender<Message>,
) -> Result<(), WireError> {
    socket::configure(&stream)?;
    let mut stream = BufReader::new(stream);
    let hello = wire::read::<Hello>(&mut stream, HELLO_LEN_MAX);
    let hello = timeout(HELLO_TIMEOUT, hello)
        .await
        .map_err(std::io::Error::from)??;
    if !hello.is_welcome(&members) {
        return Err(WireError::Malformed(format!(
            "not a peer's greeting: {hello:?}"
        )));
    }
    let from = hello.from;
    let task = tokio::spawn(async move {
        let Err(e) = receive(stream, &hello, inbox).await;
        tracing::info!(%from, "connection ended: {e}");
    });
    let mut connected = connected.lock().expect("nobody panics holding it");
    if let Some(before) = connected.insert(from, task.abort_handle()) {
        before.abort();
    }
    Ok(())
}

async fn receive(
    mut stream: BufReader<TcpStream>,
    hello: &Hello,
    inbox: mpsc::Sender<Message>,
) -> Result<std::convert::Infallible, WireError> {
    loop {
        let message: Message = wire::read(&mut stream, MESSAGE_LEN_MAX).await?;
        if (message.from, message.to) != (hello.from, hello.to) {
            let why = format!(
                "from {} to {} on another's connection",
                message.from, message.to
            );
            return Err(WireError::Malformed(why));
        }
        inbox.send(message).await.map_err(std::io::Error::other)?;
    }
}
