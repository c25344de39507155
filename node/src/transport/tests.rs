//! Real connections on loopback: greetings, strangers, members that come and go.

use std::time::Duration;

use shakedown_history::{LogId, Term};
use shakedown_raft::{Body, Member};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nothing must come to be convincing that nothing will.
const SILENCE: Duration = Duration::from_millis(300);

/// A node's way to its peers, and what comes from them.
struct Node {
    id: NodeId,
    address: SocketAddr,
    transport: Transport,
    inbox: mpsc::Receiver<Message>,
}

impl Node {
    async fn start(id: u64, token: &str) -> Self {
        // A port that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        Self::start_at(id, token, address).await
    }

    async fn start_at(id: u64, token: &str, address: SocketAddr) -> Self {
        let (outbox, inbox) = mpsc::channel(64);
        let local = Local {
            cluster: "c".to_owned(),
            node: NodeId(id),
            address,
            token: PeerToken::new(token),
        };
        let transport = Transport::start(local, outbox).await.unwrap();
        Self {
            id: NodeId(id),
            address,
            transport,
            inbox,
        }
    }

    fn message(&self, to: NodeId, term: u64) -> Message {
        Message {
            from: self.id,
            to,
            term: Term(term),
            disk: None,
            body: Body::RequestPreVote {
                last: LogId::default(),
            },
        }
    }

    /// Sends until `to` has it, as Raft does, and says whether that was within `patience`.
    async fn reaches(&mut self, to: &mut Self, term: u64, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            self.transport.send(self.message(to.id, term));
            let arrived = timeout(Duration::from_millis(50), to.inbox.recv()).await;
            if let Ok(Some(message)) = arrived
                && message == self.message(to.id, term)
            {
                return true;
            }
        }
        false
    }
}

fn membership(nodes: &[&Node]) -> Membership {
    let mut membership = Membership::of_voters(nodes.iter().map(|node| node.id));
    for node in nodes {
        let member = Member {
            address: node.address.to_string(),
            disk: None,
        };
        membership.members.insert(node.id, member);
    }
    membership
}

/// Whether the node hangs up on whoever says this, without having said anything.
async fn is_refused(node: &Node, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    // The node may hang up before it has taken everything.
    let _ = stream.write_all(bytes).await;
    let mut reply = [0];
    matches!(
        timeout(PATIENCE, stream.read(&mut reply)).await,
        Ok(Ok(0) | Err(_))
    )
}

#[tokio::test]
async fn members_that_come_later_are_reached_and_those_who_go_are_forgotten() {
    let (mut one, mut two, mut three) = (
        Node::start(1, "t").await,
        Node::start(2, "t").await,
        Node::start(3, "t").await,
    );
    one.transport.update(&membership(&[&one, &two]));
    assert!(one.reaches(&mut two, 1, PATIENCE).await);
    assert!(
        !one.transport.send(one.message(three.id, 1)),
        "nobody knows n3"
    );
    one.transport.update(&membership(&[&one, &two, &three]));
    assert!(one.reaches(&mut three, 2, PATIENCE).await);
    assert!(
        one.reaches(&mut two, 3, PATIENCE).await,
        "n2 is still there"
    );
    one.transport.update(&membership(&[&one, &three]));
    assert!(
        !one.transport.send(one.message(two.id, 4)),
        "n2 is forgotten"
    );
}

#[tokio::test]
async fn a_member_that_moved_is_reached_at_its_new_address() {
    let (mut one, two) = (Node::start(1, "t").await, Node::start(2, "t").await);
    one.transport.update(&membership(&[&one, &two]));
    drop(two);
    let mut two = Node::start(2, "t").await;
    one.transport.update(&membership(&[&one, &two]));
    assert!(one.reaches(&mut two, 1, PATIENCE).await);
}

#[tokio::test]
async fn a_node_that_knows_nobody_answers_where_the_greeting_says() {
    let (mut leader, mut joining) = (Node::start(1, "t").await, Node::start(2, "t").await);
    leader.transport.update(&membership(&[&leader, &joining]));
    assert!(leader.reaches(&mut joining, 1, PATIENCE).await);
    assert!(joining.reaches(&mut leader, 1, PATIENCE).await);
    // When it learns who the members are, the way stays open.
    joining.transport.update(&membership(&[&leader, &joining]));
    assert!(joining.reaches(&mut leader, 2, PATIENCE).await);
}

#[tokio::test]
async fn a_peer_that_was_gone_is_reached_again() {
    let (mut one, mut two) = (Node::start(1, "t").await, Node::start(2, "t").await);
    one.transport.update(&membership(&[&one, &two]));
    assert!(one.reaches(&mut two, 1, PATIENCE).await);
    let mut third = Node::start(3, "t").await;
    third.transport.update(&membership(&[&one, &two, &third]));
    assert!(third.reaches(&mut two, 1, PATIENCE).await);
    assert!(
        one.reaches(&mut two, 2, PATIENCE).await,
        "each peer has its own connection"
    );
}

#[tokio::test]
async fn whoever_does_not_know_the_token_is_not_heard() {
    let (mut one, mut two) = (Node::start(1, "t").await, Node::start(2, "t").await);
    let mut stranger = Node::start(3, "u").await;
    let all = membership(&[&one, &two, &stranger]);
    for node in [&mut one, &mut two, &mut stranger] {
        node.transport.update(&all);
    }
    assert!(!stranger.reaches(&mut one, 1, SILENCE).await);
    assert!(
        !one.reaches(&mut stranger, 1, SILENCE).await,
        "nor is it told anything"
    );
    assert!(one.reaches(&mut two, 1, PATIENCE).await);
}

#[tokio::test]
async fn garbage_ends_the_connection_and_nothing_else() {
    let (mut one, mut two) = (Node::start(1, "t").await, Node::start(2, "t").await);
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 4096],
        vec![0xff; 4096],
        vec![4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
    ] {
        assert!(is_refused(&one, &bytes).await, "{bytes:?}");
    }
    two.transport.update(&membership(&[&one, &two]));
    assert!(two.reaches(&mut one, 1, PATIENCE).await);
}

#[tokio::test]
async fn a_peer_that_speaks_for_another_is_cut_off() {
    let (mut one, two) = (Node::start(1, "t").await, Node::start(2, "t").await);
    let mut stream = TcpStream::connect(one.address).await.unwrap();
    greeting::connect(&two.transport.local, one.id, &mut stream)
        .await
        .unwrap();
    let mut frame = Vec::new();
    wire::encode(&two.message(one.id, 1), &mut frame);
    let mut stolen = two.message(one.id, 2);
    stolen.from = NodeId(3);
    wire::encode(&stolen, &mut frame);
    wire::encode(&two.message(one.id, 3), &mut frame);
    stream.write_all(&frame).await.unwrap();
    assert_eq!(one.inbox.recv().await, Some(two.message(one.id, 1)));
    assert!(timeout(SILENCE, one.inbox.recv()).await.is_err());
    let ended = timeout(PATIENCE, stream.read(&mut [0])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
}

#[tokio::test]
async fn strangers_who_say_nothing_do_not_keep_peers_out() {
    let (mut one, mut two) = (Node::start(1, "t").await, Node::start(2, "t").await);
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(one.address).await.unwrap());
    }
    two.transport.update(&membership(&[&one, &two]));
    assert!(two.reaches(&mut one, 1, PATIENCE).await);
    drop(silent);
}
