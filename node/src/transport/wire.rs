//! Frames on a connection, and the greeting that opens it.
//!
//! ```text
//! length 4 | crc32c 4 | postcard ...
//! ```

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shakedown_history::NodeId;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Members;

/// Raised when a peer of the other version would misread.
const PROTOCOL: &str = "shakedown-peer 1";

/// The longest frame with a message: a full AppendEntries of the largest transactions.
pub(super) const MESSAGE_LEN_MAX: usize = 128 << 20;

/// The longest frame before the peer is known.
pub(super) const HELLO_LEN_MAX: usize = 1024;

/// The first frame on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    protocol: String,
    cluster: String,
    /// Who connects.
    pub(super) from: NodeId,
    /// Whom it wants.
    pub(super) to: NodeId,
}

impl Hello {
    /// This node's greeting for `to`.
    pub(super) fn new(members: &Members, to: NodeId) -> Self {
        Self {
            protocol: PROTOCOL.to_owned(),
            cluster: members.cluster.clone(),
            from: members.node,
            to,
        }
    }

    /// Whether a peer of `members` said this to this node.
    pub(super) fn is_welcome(&self, members: &Members) -> bool {
        let known = self.from != members.node && members.addresses.contains_key(&self.from);
        let to_us = self.to == members.node;
        known && to_us && self.protocol == PROTOCOL && self.cluster == members.cluster
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The connection broke, or the peer closed it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What arrived is not what a peer sends.
    #[error("malformed frame: {0}")]
    Malformed(String),
}

/// Appends the frame of `value` to `buffer`.
pub(super) fn encode(value: &impl Serialize, buffer: &mut Vec<u8>) {
    let body = postcard::to_stdvec(value).expect("messages are plain data");
    let length = u32::try_from(body.len()).expect("a message is shorter than 4 GiB");
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    buffer.extend_from_slice(&body);
}

/// Reads one frame.
///
/// # Errors
/// If the connection ends, or the frame is longer than `len_max`, damaged, or no `T`.
pub(super) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    len_max: usize,
) -> Result<T, WireError> {
    let malformed = |why: String| WireError::Malformed(why);
    let length = stream.read_u32_le().await? as usize;
    let checksum = stream.read_u32_le().await?;
    if length > len_max {
        return Err(malformed(format!(
            "{length} bytes, where {len_max} is the limit"
        )));
    }
    // Grows as bytes arrive: a stranger's length alone does not allocate.
    let mut body = Vec::new();
    stream.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    if crc32c::crc32c(&body) != checksum {
        return Err(malformed("checksum mismatch".to_owned()));
    }
    match postcard::take_from_bytes(&body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(malformed(format!("{} bytes too many", rest.len()))),
        Err(e) => Err(malformed(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shakedown_history::{Index, LogHash, LogId, Term};
    use shakedown_raft::{Body, Entry, Membership, Message, Payload};

    use super::*;

    fn decode<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, WireError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(read(&mut bytes, MESSAGE_LEN_MAX))
    }

    fn message() -> Message {
        let config = Membership::of_voters([NodeId(1), NodeId(2)]);
        let entry = Entry::new(LogHash::EMPTY, LogId::new(2, 1), Payload::Config(config));
        Message {
            from: NodeId(1),
            to: NodeId(2),
            term: Term(2),
            disk: None,
            body: Body::AppendEntries {
                prev: LogId::default(),
                entries: vec![entry],
                leader_commit: Index(0),
                round: 3,
            },
        }
    }

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        let mut bytes = Vec::new();
        encode(&message(), &mut bytes);
        assert_eq!(decode::<Message>(&bytes).unwrap(), message());
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut bytes = Vec::new();
        encode(&message(), &mut bytes);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(decode::<Message>(&changed).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode::<Message>(&bytes).is_err());
            let mut framed = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
            framed.extend(crc32c::crc32c(&bytes).to_le_bytes());
            framed.extend(&bytes);
            let _ = decode::<Message>(&framed);
        }
    }
}
