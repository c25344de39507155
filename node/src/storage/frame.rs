//! One frame: a checksummed block of bytes that knows where in the file it belongs.
//!
//! ```text
//! magic 4 | offset 8 | payload length 4 | payload crc32c 4 | header crc32c 4 | payload ...
//! ```
//!
//! Numbers are little-endian. The header has a checksum of its own, so that a damaged length is not
//! taken for a frame that ends beyond the file. The offset is the frame's own, so that a frame in the
//! wrong place is not taken for the right one.

const MAGIC: [u8; 4] = *b"SDF1";

/// How long a frame's header is, in bytes.
pub const HEADER_LEN: usize = 24;

/// A sector, the unit in which disks and file systems write or lose bytes.
const SECTOR_LEN: usize = 512;

/// The longest payload, in bytes.
pub const PAYLOAD_LEN_MAX: usize = 1 << 31;

/// The frame of `payload` for the place `offset` in the file.
///
/// # Panics
/// If the payload is longer than [`PAYLOAD_LEN_MAX`].
#[must_use]
pub fn encode(offset: u64, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= PAYLOAD_LEN_MAX, "a frame that long");
    let length = u32::try_from(payload.len()).expect("the longest payload fits");
    let mut frame = Vec::with_capacity(HEADER_LEN + payload.len());
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&offset.to_le_bytes());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let header_crc = crc32c::crc32c(&frame);
    frame.extend_from_slice(&header_crc.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// What stands at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame.
    Frame {
        /// What it carries.
        payload: &'a [u8],
        /// Where the next one begins.
        end: usize,
    },
    /// Nothing: the file ends here.
    End,
    /// A last write that was cut off. What it carried was never synced.
    Torn,
    /// A frame that was written but is damaged.
    Corrupt(&'static str),
}

/// Reads the frame at `offset` of the file that consists of `bytes`.
///
/// A killed process leaves a prefix of its last frame; a lost page leaves a frame with zeros in a
/// whole sector and nothing after it. Anything else was damaged later.
#[must_use]
pub fn decode(bytes: &[u8], offset: usize) -> Decoded<'_> {
    let rest = &bytes[offset..];
    if rest.is_empty() {
        return Decoded::End;
    }
    let Some(header) = Header::read(rest) else {
        return damaged(
            bytes,
            offset,
            "the frame's header does not match its checksum",
        );
    };
    if header.offset != offset as u64 {
        return Decoded::Corrupt("a frame that belongs elsewhere in the file");
    }
    let Some(payload) = rest.get(HEADER_LEN..HEADER_LEN + header.payload_len) else {
        return Decoded::Torn;
    };
    if crc32c::crc32c(payload) != header.payload_crc {
        return damaged(
            bytes,
            offset,
            "the frame's payload does not match its checksum",
        );
    }
    Decoded::Frame {
        payload,
        end: offset + HEADER_LEN + header.payload_len,
    }
}

struct Header {
    offset: u64,
    payload_len: usize,
    payload_crc: u32,
}

impl Header {
    /// The header at the start of `bytes`, if there is a whole and undamaged one.
    fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..HEADER_LEN)?;
        let word = |at: usize| {
            u32::from_le_bytes(
                header[at..at + 4]
                    .try_into()
                    .expect("four bytes are four bytes"),
            )
        };
        let intact = header.starts_with(&MAGIC) && word(20) == crc32c::crc32c(&header[..20]);
        intact.then(|| Self {
            offset: u64::from(word(4)) | u64::from(word(8)) << 32,
            payload_len: word(12) as usize,
            payload_crc: word(16),
        })
    }
}

/// Tells a last write that was cut off from damage to what was synced.
fn damaged<'a>(bytes: &[u8], offset: usize, why: &'static str) -> Decoded<'a> {
    let rest = &bytes[offset..];
    let cut_short = rest.len() < HEADER_LEN;
    let is_last = !another_frame_follows(bytes, offset + 1);
    if cut_short || (is_last && lost_a_sector(rest, offset)) {
        Decoded::Torn
    } else {
        Decoded::Corrupt(why)
    }
}

fn another_frame_follows(bytes: &[u8], from: usize) -> bool {
    (from..bytes.len()).any(|at| {
        bytes[at..].starts_with(&MAGIC)
            && Header::read(&bytes[at..]).is_some_and(|header| header.offset == at as u64)
    })
}

/// Whether the bytes that `rest` (found at `offset`) has in some sector are all zero.
fn lost_a_sector(rest: &[u8], offset: usize) -> bool {
    let to_boundary = (SECTOR_LEN - offset % SECTOR_LEN).min(rest.len());
    let (first, others) = rest.split_at(to_boundary);
    let mut sectors = std::iter::once(first).chain(others.chunks(SECTOR_LEN));
    sectors.any(|sector| !sector.is_empty() && sector.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_frames() -> (Vec<u8>, usize) {
        let mut bytes = encode(0, &[7; 900]);
        let second = bytes.len();
        bytes.extend(encode(second as u64, &[9; 900]));
        (bytes, second)
    }

    #[test]
    fn a_frame_comes_back_and_tells_where_it_ends() {
        let (bytes, second) = two_frames();
        assert_eq!(
            decode(&bytes, 0),
            Decoded::Frame {
                payload: &[7; 900],
                end: second
            }
        );
        assert_eq!(decode(&bytes, bytes.len()), Decoded::End);
    }

    #[test]
    fn a_prefix_is_torn_and_so_is_a_last_frame_that_lost_a_sector() {
        let (mut bytes, second) = two_frames();
        for cut in second + 1..bytes.len() {
            assert_eq!(decode(&bytes[..cut], second), Decoded::Torn, "cut at {cut}");
        }
        bytes[1024..1536].fill(0);
        assert_eq!(decode(&bytes, second), Decoded::Torn);
        bytes[second..].fill(0);
        assert_eq!(decode(&bytes, second), Decoded::Torn);
    }

    #[test]
    fn a_flipped_bit_is_corruption_wherever_it_is() {
        let (bytes, second) = two_frames();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let start = if at < second { 0 } else { second };
            let found = decode(&flipped, start);
            assert!(
                matches!(found, Decoded::Corrupt(_)),
                "bit at {at}: {found:?}"
            );
        }
    }

    #[test]
    fn a_lost_sector_before_another_frame_is_corruption() {
        let (mut bytes, _) = two_frames();
        bytes[0..512].fill(0);
        assert!(matches!(decode(&bytes, 0), Decoded::Corrupt(_)));
    }

    #[test]
    fn a_frame_in_the_wrong_place_is_corruption() {
        let (bytes, second) = two_frames();
        let moved = &bytes[second..];
        assert!(matches!(decode(moved, 0), Decoded::Corrupt(_)));
    }
}
