//! How a connection opens. Both sides prove that they know the cluster's token:
//!
//! ```text
//! connecting                    accepting
//! Hello       ---------------->
//!             <----------------  Welcome (its proof)
//! Proof       ---------------->
//! ```

use std::io;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use shakedown_history::NodeId;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::Local;
use super::token::{Nonce, PeerToken, Proof};
use super::wire::{self, WireError};

/// Raised when a peer of the other version would misread.
const PROTOCOL: &str = "shakedown-peer 2";

/// The longest frame before the peer is known.
const GREETING_LEN_MAX: usize = 1024;

/// The first frame on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    protocol: String,
    cluster: String,
    /// Who connects.
    pub(super) from: NodeId,
    /// Whom it wants.
    pub(super) to: NodeId,
    /// Where who connects listens for its peers: a node that waits to be added to a cluster knows
    /// its leader from nothing else.
    pub(super) address: SocketAddr,
    nonce: Nonce,
}

/// The answer to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Welcome {
    nonce: Nonce,
    proof: Proof,
}

/// A side of a connection; the two never give the same proof.
#[derive(Clone, Copy)]
enum Side {
    Connecting,
    Accepting,
}

/// Opens a connection to `to`.
///
/// # Errors
/// If the connection ends, or whoever accepted it does not know the token.
pub(super) async fn connect<S>(local: &Local, to: NodeId, stream: &mut S) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello = hello(local, to)?;
    write(stream, &hello).await?;
    let welcome: Welcome = wire::read(stream, GREETING_LEN_MAX).await?;
    let expected = prove(&local.token, Side::Accepting, &hello, welcome.nonce);
    if !welcome.proof.matches(&expected) {
        return Err(refusal(format!(
            "whoever listens as {to} does not know the token"
        )));
    }
    let proof = prove(&local.token, Side::Connecting, &hello, welcome.nonce);
    write(stream, &proof).await
}

fn hello(local: &Local, to: NodeId) -> io::Result<Hello> {
    Ok(Hello {
        protocol: PROTOCOL.to_owned(),
        cluster: local.cluster.clone(),
        from: local.node,
        to,
        address: local.address,
        nonce: Nonce::draw()?,
    })
}

/// Accepts a connection, and says who has connected.
///
/// # Errors
/// If the connection ends, or whoever connects is no peer, means somebody else or does not know the
/// token.
pub(super) async fn accept<S>(local: &Local, stream: &mut S) -> Result<Hello, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello: Hello = wire::read(stream, GREETING_LEN_MAX).await?;
    let speaks = hello.protocol == PROTOCOL && hello.cluster == local.cluster;
    if !speaks || hello.to != local.node || hello.from == local.node || hello.from.0 == 0 {
        return Err(refusal(format!("not a peer's greeting: {hello:?}")));
    }
    let nonce = Nonce::draw()?;
    let proof = prove(&local.token, Side::Accepting, &hello, nonce);
    write(stream, &Welcome { nonce, proof }).await?;
    let proof: Proof = wire::read(stream, GREETING_LEN_MAX).await?;
    if !proof.matches(&prove(&local.token, Side::Connecting, &hello, nonce)) {
        return Err(refusal(format!("{} does not know the token", hello.from)));
    }
    Ok(hello)
}

fn prove(token: &PeerToken, side: Side, hello: &Hello, nonce: Nonce) -> Proof {
    let side = match side {
        Side::Connecting => "connecting",
        Side::Accepting => "accepting",
    };
    let message = postcard::to_stdvec(&(side, hello, nonce)).expect("a greeting is plain data");
    token.prove(&message)
}

fn refusal(why: String) -> WireError {
    WireError::Malformed(why)
}

async fn write<S>(stream: &mut S, value: &impl Serialize) -> Result<(), WireError>
where
    S: AsyncWrite + Unpin,
{
    let mut frame = Vec::new();
    wire::encode(value, &mut frame);
    Ok(stream.write_all(&frame).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(node: u64, cluster: &str, token: &str) -> Local {
        Local {
            cluster: cluster.to_owned(),
            node: NodeId(node),
            address: ([127, 0, 0, 1], 7000).into(),
            token: PeerToken::new(token),
        }
    }

    /// What both sides make of `from` wanting n1 and reaching `to`.
    fn greet(from: &Local, to: &Local) -> (bool, Option<NodeId>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut ours, mut theirs) = tokio::io::duplex(4096);
            let connecting = async {
                let greeted = connect(from, NodeId(1), &mut ours).await.is_ok();
                drop(ours);
                greeted
            };
            let accepting = async {
                let greeted = accept(to, &mut theirs).await.ok().map(|hello| hello.from);
                drop(theirs);
                greeted
            };
            tokio::join!(connecting, accepting)
        })
    }

    #[test]
    fn those_who_share_the_token_meet() {
        let met = greet(&local(2, "c", "t"), &local(1, "c", "t"));
        assert_eq!(met, (true, Some(NodeId(2))));
    }

    #[test]
    fn strangers_do_not() {
        let us = local(1, "c", "t");
        for (what, stranger) in [
            ("another token", local(2, "c", "u")),
            ("no token", local(2, "c", "")),
            ("another cluster", local(2, "d", "t")),
            ("our own name", local(1, "c", "t")),
            ("no name", local(0, "c", "t")),
        ] {
            assert_eq!(greet(&stranger, &us).1, None, "{what}");
        }
        let wanted_another = greet(&local(2, "c", "t"), &local(3, "c", "t"));
        assert_eq!(wanted_another.1, None);
    }

    /// A stranger need not care whether we know its token.
    #[tokio::test]
    async fn a_proof_of_another_token_is_refused() {
        let (us, stranger) = (local(1, "c", "t"), local(2, "c", "u"));
        for (token, expected) in [("t", Some(NodeId(2))), ("u", None), ("", None)] {
            let (mut ours, mut theirs) = tokio::io::duplex(4096);
            let connecting = async {
                let hello = hello(&stranger, us.node).unwrap();
                write(&mut theirs, &hello).await.unwrap();
                let welcome: Welcome = wire::read(&mut theirs, GREETING_LEN_MAX).await.unwrap();
                let token = PeerToken::new(token);
                let proof = prove(&token, Side::Connecting, &hello, welcome.nonce);
                write(&mut theirs, &proof).await.unwrap();
            };
            let (greeted, ()) = tokio::join!(accept(&us, &mut ours), connecting);
            assert_eq!(greeted.ok().map(|hello| hello.from), expected, "{token:?}");
        }
    }

    /// Our own proof, sent back to us, is none.
    #[tokio::test]
    async fn an_echo_is_refused() {
        let (us, stranger) = (local(1, "c", "t"), local(2, "c", "u"));
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        let connecting = async {
            write(&mut theirs, &hello(&stranger, us.node).unwrap())
                .await
                .unwrap();
            let welcome: Welcome = wire::read(&mut theirs, GREETING_LEN_MAX).await.unwrap();
            write(&mut theirs, &welcome.proof).await.unwrap();
        };
        let (greeted, ()) = tokio::join!(accept(&us, &mut ours), connecting);
        assert!(greeted.is_err());
    }

    #[test]
    fn whoever_accepts_must_know_the_token_too() {
        let (connected, _) = greet(&local(2, "c", "t"), &local(1, "c", "u"));
        assert!(!connected);
    }
}
