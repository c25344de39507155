//! Connections from peers.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shakedown_history::NodeId;
use shakedown_raft::Message;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::greeting::{self, Hello};
use super::wire::{self, MESSAGE_LEN_MAX, WireError};
use super::{Local, socket};

/// How long a stranger may take to say who it is.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);

/// How many strangers may be about to say who they are. Further ones are turned away.
const STRANGERS_MAX: usize = 64;

/// How many peers may be connected.
const GUESTS_MAX: usize = 256;

/// How much of a connection is read ahead.
const READ_LEN: usize = 64 << 10;

/// Who is connected, and where it listens. A peer has one connection: a new one ends the one before,
/// which may be dead without our knowing.
#[derive(Clone, Debug, Default)]
pub(super) struct Guests(Arc<Mutex<Connections>>);

#[derive(Debug, Default)]
struct Connections {
    accepted: u64,
    by_node: BTreeMap<NodeId, Connection>,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    address: SocketAddr,
    task: AbortHandle,
}

impl Guests {
    /// Where a connected node listens for its peers.
    pub(super) fn address(&self, node: NodeId) -> Option<SocketAddr> {
        let connections = self.connections();
        connections.by_node.get(&node).map(|c| c.address)
    }

    /// Begins to receive from whoever said `hello`.
    fn admit(&self, hello: Hello, stream: BufReader<TcpStream>, inbox: mpsc::Sender<Message>) {
        let mut connections = self.connections();
        let full = connections.by_node.len() >= GUESTS_MAX;
        if full && !connections.by_node.contains_key(&hello.from) {
            tracing::warn!(from = %hello.from, "refused: too many nodes are connected");
            return;
        }
        connections.accepted += 1;
        let number = connections.accepted;
        let (from, address) = (hello.from, hello.address);
        let guests = self.clone();
        let task = tokio::spawn(async move {
            let Err(e) = receive(stream, &hello, inbox).await;
            tracing::info!(%from, "connection ended: {e}");
            guests.forget(from, number);
        });
        let connection = Connection {
            number,
            address,
            task: task.abort_handle(),
        };
        if let Some(before) = connections.by_node.insert(from, connection) {
            before.task.abort();
        }
    }

    fn forget(&self, node: NodeId, number: u64) {
        let mut connections = self.connections();
        if connections
            .by_node
            .get(&node)
            .is_some_and(|c| c.number == number)
        {
            connections.by_node.remove(&node);
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().expect("nobody panics holding it")
    }
}

/// Accepts peers and passes on what they send, until the process ends.
pub(super) async fn run(
    listener: TcpListener,
    local: Arc<Local>,
    guests: Guests,
    inbox: mpsc::Sender<Message>,
) {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let Ok(permit) = Arc::clone(&strangers).try_acquire_owned() else {
                    tracing::warn!(%address, "refused: too many are about to say who they are");
                    continue;
                };
                let (local, guests, inbox) = (Arc::clone(&local), guests.clone(), inbox.clone());
                tokio::spawn(async move {
                    match greet(stream, &local).await {
                        Ok((hello, stream)) => guests.admit(hello, stream, inbox),
                        Err(e) => tracing::info!(%address, "refused: {e}"),
                    }
                    drop(permit);
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
    local: &Local,
) -> Result<(Hello, BufReader<TcpStream>), WireError> {
    socket::configure(&stream)?;
    let mut stream = BufReader::with_capacity(READ_LEN, stream);
    let greeted = timeout(GREETING_TIMEOUT, greeting::accept(local, &mut stream)).await;
    let hello = greeted.map_err(io::Error::from)??;
    Ok((hello, stream))
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
        inbox.send(message).await.map_err(io::Error::other)?;
    }
}
