//! One frame: a checksummed block of bytes that knows where it belongs.
//!
//! ```text
//! magic 4 | offset 4 | payload length 4 | payload crc32c 4 | zero sectors 4 | upto 8 | header crc32c 4
//! payload ... | 0xff | zeros up to a multiple of 32
//! ```
//!
//! Numbers are little-endian. The header has a checksum of its own, so that a damaged length is not
//! taken for a frame that ends beyond the file. Offset and the file's sequence number, which is mixed
//! into that checksum, tell a frame in the wrong place from the right one.
//!
//! The rest of the format tells a last write that was interrupted from damage to what was synced. Frames
//! are written where there were zeros. A write that was interrupted leaves a prefix, so that the last byte
//! (never zero in a whole frame) is missing; or it leaves out a sector, so that there are more sectors of
//! zeros than the header says. A header never spans two sectors.

use shakedown_history::Index;

const MAGIC: [u8; 4] = *b"SDF2";

/// How long a frame's header is, in bytes; frames begin at multiples of it.
pub const HEADER_LEN: usize = 32;

/// A sector, the unit in which disks and file systems write or lose bytes.
const SECTOR_LEN: usize = 512;

/// The byte behind the payload.
const TRAILER: u8 = 0xff;

/// The longest payload, in bytes.
pub const PAYLOAD_LEN_MAX: usize = 1 << 31;

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the file; zero for files that have none.
    pub sequence: u64,
    /// Where in the file, a multiple of [`HEADER_LEN`].
    pub offset: usize,
}

impl Place {
    /// The start of a file that has no number.
    pub const ALONE: Self = Self {
        sequence: 0,
        offset: 0,
    };
}

/// How much room the frame of a payload takes, in bytes.
#[must_use]
pub fn len_of(payload_len: usize) -> usize {
    (HEADER_LEN + payload_len + 1).next_multiple_of(HEADER_LEN)
}

/// Empties `buffer` and leaves room for a header; the payload is to be written behind it.
pub fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER_LEN, 0);
}

/// Makes a frame for `place` of a `buffer` that was begun and holds the payload now. `upto` is the index
/// of the last entry once the frame is carried out; it can be read even if the payload is damaged.
///
/// # Panics
/// If the payload is longer than [`PAYLOAD_LEN_MAX`], or the place beyond four gigabytes.
pub fn finish(buffer: &mut Vec<u8>, place: Place, upto: Index) {
    let payload_len = buffer.len() - HEADER_LEN;
    assert!(payload_len <= PAYLOAD_LEN_MAX, "a frame that long");
    let payload_crc = crc32c::crc32c(&buffer[HEADER_LEN..]);
    buffer.push(TRAILER);
    let zero_sectors = count_zero_sectors(&buffer[HEADER_LEN..], place.offset + HEADER_LEN);
    let header = Header {
        offset: u32::try_from(place.offset).expect("files are shorter than four gigabytes"),
        payload_len: u32::try_from(payload_len).expect("the longest payload fits"),
        payload_crc,
        zero_sectors,
        upto,
    };
    buffer[..HEADER_LEN].copy_from_slice(&header.encode(place.sequence));
    buffer.resize(len_of(payload_len), 0);
}

/// The frame of `payload` for `place`.
#[must_use]
pub fn encode(place: Place, upto: Index, payload: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(len_of(payload.len()));
    begin(&mut buffer);
    buffer.extend_from_slice(payload);
    finish(&mut buffer, place, upto);
    buffer
}

/// What stands at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame.
    Frame {
        /// What it carries.
        payload: &'a [u8],
        /// The index of the last entry after it.
        upto: Index,
        /// Where the next one begins.
        end: usize,
    },
    /// Nothing but zeros: the frames end here.
    End,
    /// A last write that was interrupted. What it carried was never synced.
    Torn,
    /// A frame that was written but is damaged.
    Corrupt(Damage),
}

/// What can be known of a damaged frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong.
    pub why: &'static str,
    /// The index of the last entry after the frame, if its header is whole.
    pub upto: Option<Index>,
    /// Where the next frame with a whole header stands.
    pub next: Option<usize>,
}

/// Reads the frame at `place` of the file that consists of `bytes`.
#[must_use]
pub fn decode(bytes: &[u8], place: Place) -> Decoded<'_> {
    let rest = bytes.get(place.offset..).unwrap_or_default();
    if is_zero(rest) {
        return Decoded::End;
    }
    let Some(header) = Header::read(bytes, place) else {
        let interrupted = rest.len() >= HEADER_LEN
            && (is_zero(&rest[..HEADER_LEN]) || is_zero(&rest[HEADER_LEN..]));
        let from = place.offset + HEADER_LEN;
        return damaged(bytes, place, from, None, interrupted);
    };
    let payload_len = header.payload_len as usize;
    let end = place.offset + len_of(payload_len);
    let body = rest.get(HEADER_LEN..=HEADER_LEN + payload_len);
    let payload = rest.get(HEADER_LEN..HEADER_LEN + payload_len);
    if let Some(payload) = payload.filter(|p| crc32c::crc32c(p) == header.payload_crc) {
        return Decoded::Frame {
            payload,
            upto: header.upto,
            end,
        };
    }
    let interrupted = is_zero(bytes.get(end..).unwrap_or_default())
        && body.is_some_and(|body| {
            body.ends_with(&[0])
                || count_zero_sectors(body, place.offset + HEADER_LEN) > header.zero_sectors
        });
    damaged(bytes, place, end, Some(header.upto), interrupted)
}

fn damaged(
    bytes: &[u8],
    place: Place,
    from: usize,
    upto: Option<Index>,
    interrupted: bool,
) -> Decoded<'_> {
    let next = (from..bytes.len()).step_by(HEADER_LEN).find(|offset| {
        let place = Place {
            offset: *offset,
            ..place
        };
        Header::read(bytes, place).is_some()
    });
    if interrupted && next.is_none() {
        return Decoded::Torn;
    }
    let why = match upto {
        Some(_) => "the frame's payload does not match its checksum",
        None => "the frame's header does not match its checksum",
    };
    Decoded::Corrupt(Damage { why, upto, next })
}

struct Header {
    offset: u32,
    payload_len: u32,
    payload_crc: u32,
    zero_sectors: u32,
    upto: Index,
}

impl Header {
    fn encode(&self, sequence: u64) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.zero_sectors.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.upto.0.to_le_bytes());
        let crc = header_crc(&bytes, sequence);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at `place`, if there is a whole and undamaged one that belongs there.
    fn read(bytes: &[u8], place: Place) -> Option<Self> {
        let rest = bytes.get(place.offset..)?;
        let header: &[u8; HEADER_LEN] = rest.first_chunk()?;
        let word = |at: usize| {
            let word = header[at..at + 4].try_into();
            u32::from_le_bytes(word.expect("four bytes are four bytes"))
        };
        let intact = header.starts_with(&MAGIC)
            && word(28) == header_crc(header, place.sequence)
            && word(4) as usize == place.offset
            && word(8) as usize <= PAYLOAD_LEN_MAX;
        intact.then(|| Self {
            offset: word(4),
            payload_len: word(8),
            payload_crc: word(12),
            zero_sectors: word(16),
            upto: Index(u64::from(word(20)) | u64::from(word(24)) << 32),
        })
    }
}

fn header_crc(header: &[u8; HEADER_LEN], sequence: u64) -> u32 {
    let seed = crc32c::crc32c(&sequence.to_le_bytes());
    crc32c::crc32c_append(seed, &header[..28])
}

/// How many of the sectors that `bytes`, which stand at `offset`, lie in have nothing but zeros of them.
fn count_zero_sectors(bytes: &[u8], offset: usize) -> u32 {
    let to_boundary = (SECTOR_LEN - offset % SECTOR_LEN).min(bytes.len());
    let (first, others) = bytes.split_at(to_boundary);
    let sectors = std::iter::once(first).chain(others.chunks(SECTOR_LEN));
    let zero = sectors.filter(|sector| !sector.is_empty() && is_zero(sector));
    u32::try_from(zero.count()).expect("a frame has fewer sectors than bytes")
}

/// Whether all bytes are zero.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    // The first byte decides nearly always; whole blocks are compared at memory speed.
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.first().is_none_or(|byte| *byte == 0)
        && bytes
            .chunks(ZEROS.len())
            .all(|block| *block == ZEROS[..block.len()])
}
