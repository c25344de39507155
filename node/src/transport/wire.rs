//! Frames on a connection.
//!
//! ```text
//! length 4 | crc32c 4 | postcard ...
//! ```

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shakedown_raft::Message;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest frame with a message: a full AppendEntries of the largest transactions.
pub(super) const MESSAGE_LEN_MAX: usize = 128 << 20;

const HEADER_LEN: usize = 8;

/// How much is reserved before anything has arrived: a stranger's length alone does not allocate.
const RESERVED_LEN_MAX: usize = 64 << 10;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection broke, or the peer closed it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What arrived is not what a peer sends.
    #[error("malformed frame: {0}")]
    Malformed(String),
}

/// Appends the frame of `value` to `buffer`.
pub(super) fn encode(value: &impl Serialize, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let mut frame = std::mem::take(buffer);
    frame.extend_from_slice(&[0; HEADER_LEN]);
    frame = postcard::to_extend(value, frame).expect("messages are plain data");
    let (header, body) = frame[start..].split_at_mut(HEADER_LEN);
    let length = u32::try_from(body.len()).expect("a message is shorter than 4 GiB");
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    *buffer = frame;
}

/// Reads one frame.
///
/// # Errors
/// If the connection ends, or the frame is longer than `len_max`, damaged, or no `T`.
pub(super) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    len_max: usize,
) -> Result<T, WireError> {
    let length = stream.read_u32_le().await? as usize;
    let checksum = stream.read_u32_le().await?;
    if length > len_max {
        let why = format!("{length} bytes, where {len_max} is the limit");
        return Err(WireError::Malformed(why));
    }
    let mut body = Vec::with_capacity(length.min(RESERVED_LEN_MAX));
    stream.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    decode_body(&body, checksum)
}

/// The frame of a message, as it goes to a peer.
#[must_use]
pub fn encode_message(message: &Message) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(message, &mut frame);
    frame
}

/// Decodes a frame with a message and nothing behind it, as a peer sends it once it is known.
///
/// # Errors
/// If it is not whole, damaged, or no message.
pub fn decode_message(frame: &[u8]) -> Result<Message, WireError> {
    let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (length, rest) = frame.split_first_chunk().ok_or_else(cut_off)?;
    let (checksum, body) = rest.split_first_chunk().ok_or_else(cut_off)?;
    if u32::from_le_bytes(*length) as usize != body.len() {
        return Err(WireError::Malformed("another length".to_owned()));
    }
    decode_body(body, u32::from_le_bytes(*checksum))
}

fn decode_body<T: DeserializeOwned>(body: &[u8], checksum: u32) -> Result<T, WireError> {
    let malformed = |why: String| WireError::Malformed(why);
    if crc32c::crc32c(body) != checksum {
        return Err(malformed("checksum mismatch".to_owned()));
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(malformed(format!("{} bytes too many", rest.len()))),
        Err(e) => Err(malformed(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shakedown_history::{Index, LogHash, LogId, NodeId, Term};
    use shakedown_raft::{Body, Entry, Membership, Payload};

    use super::*;

    fn decode<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, WireError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(read(&mut bytes, MESSAGE_LEN_MAX))
    }

    fn message() -> Message {
        let membership = Membership::of_voters([NodeId(1), NodeId(2)]);
        let payload = Payload::Config(membership);
        let entry = Entry::new(LogHash::EMPTY, LogId::new(2, 1), payload);
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
        assert_eq!(decode_message(&bytes).unwrap(), message());
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
            let read = decode::<Message>(&framed).ok();
            prop_assert_eq!(decode_message(&framed).ok(), read);
        }
    }
}
