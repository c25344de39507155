//! What stands in a segment, one file of the log.
//!
//! First a line that names format and version, then one [`frame`] that says where the segment starts, then
//! one frame a batch: the index up to which the log is kept, and the entries that follow. An empty frame
//! seals the segment: another one follows it. After the last frame there are zeros.

use serde::{Deserialize, Serialize};
use shakedown_raft::{Base, Entry, Index, LogId};

use super::frame::{self, Damage, Decoded, HEADER_LEN, Place};

/// The first bytes of every segment: a name and the version of the format.
pub const FILE_HEADER: &[u8; HEADER_LEN] = b"shakedown log segment, format 2\n";

/// What a segment says before its first entry: all that is needed to start reading there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// How long the file is, in bytes.
    pub len: u64,
    /// Whether all segments before this one are void, rather than continued.
    pub anew: bool,
    /// The last entry before the segment. It is in the segments before, where entries after it, if there
    /// are any, are void; or a snapshot covers it.
    pub base: Base,
}

/// The first bytes of segment `sequence`.
pub(super) fn encode_start(sequence: u64, start: &Start) -> Vec<u8> {
    let payload = postcard::to_stdvec(start).expect("a start is plain data");
    let place = Place {
        sequence,
        offset: FILE_HEADER.len(),
    };
    let frame = frame::encode(place, start.base.id.index, &payload);
    [&FILE_HEADER[..], &frame].concat()
}

/// How the segment `sequence` that consists of `bytes` starts, and where its first frame stands.
///
/// # Errors
/// If the start is damaged: why, and where the first whole frame stands, if there is one.
pub(super) fn read_start(bytes: &[u8], sequence: u64) -> Result<(Start, usize), Damage> {
    let place = Place {
        sequence,
        offset: FILE_HEADER.len(),
    };
    let damage = |why, next| Damage {
        why,
        upto: None,
        next,
    };
    match frame::decode(bytes, place) {
        Decoded::Frame { end, .. } if !bytes.starts_with(FILE_HEADER) => {
            Err(damage("not a segment of this version", Some(end)))
        }
        Decoded::Frame { payload, end, .. } => postcard::from_bytes(payload)
            .map(|start| (start, end))
            .map_err(|_| damage("not the start of a segment", Some(end))),
        Decoded::Corrupt(damage) => Err(damage),
        Decoded::End | Decoded::Torn => Err(damage("the segment has no start", None)),
    }
}

/// Writes the payload of a frame behind what `buffer` holds.
pub(super) fn encode_change(mut buffer: Vec<u8>, keep: Index, entries: &[&[Entry]]) -> Vec<u8> {
    const PLAIN: &str = "indexes and entries are plain data";
    buffer = postcard::to_extend(&keep, buffer).expect(PLAIN);
    for entry in entries.iter().copied().flatten() {
        buffer = postcard::to_extend(entry, buffer).expect(PLAIN);
    }
    buffer
}

/// A log that is being read back.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    /// The entry before the first.
    pub(super) base: Base,
    /// The entries.
    pub(super) entries: Vec<Entry>,
}

impl Replay {
    /// The empty log after `base`.
    pub(super) fn after(base: Base) -> Self {
        Self {
            base,
            entries: Vec::new(),
        }
    }

    /// The last entry.
    pub(super) fn last(&self) -> Base {
        self.entries.last().map_or(self.base, base_of)
    }

    /// The entry at `index`, or the base if it stands there.
    pub(super) fn at(&self, index: Index) -> Option<Base> {
        match self.len_up_to(index)?.checked_sub(1) {
            None => Some(self.base),
            Some(nth) => self.entries.get(nth).map(base_of),
        }
    }

    /// Drops all entries after `keep`, which is in the log.
    pub(super) fn truncate(&mut self, keep: Index) {
        if let Some(kept) = self.len_up_to(keep) {
            self.entries.truncate(kept);
        }
    }

    /// Carries out the frame with this payload; false, and nothing is changed, if it does not continue
    /// the log.
    pub(super) fn carry_out(&mut self, payload: &[u8]) -> bool {
        let Ok((keep, rest)) = postcard::take_from_bytes::<Index>(payload) else {
            return false;
        };
        let Some(mut added) = self.at(keep).and_then(|last| decode_entries(rest, last)) else {
            return false;
        };
        self.truncate(keep);
        self.entries.append(&mut added);
        true
    }

    fn len_up_to(&self, index: Index) -> Option<usize> {
        let len = index.0.checked_sub(self.base.id.index.0)?;
        usize::try_from(len).ok()
    }
}

/// The entries in `bytes`, if they continue a log up to `last`.
fn decode_entries(mut bytes: &[u8], mut last: Base) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (entry, rest) = postcard::take_from_bytes::<Entry>(bytes).ok()?;
        if !follows(last.id, entry.id) || !entry.continues(last.hash) {
            return None;
        }
        last = base_of(&entry);
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

fn follows(last: LogId, id: LogId) -> bool {
    last.index.0.checked_add(1) == Some(id.index.0) && id.term >= last.term
}

fn base_of(entry: &Entry) -> Base {
    Base {
        id: entry.id,
        hash: entry.hash,
    }
}
