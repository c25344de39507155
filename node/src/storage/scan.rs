//! Reading a log back, segment by segment.
//!
//! The last write may have been interrupted: it is cut off. Anything else that is damaged or missing
//! breaks the log there. What stands behind the break is only read to learn how far the log went, unless a
//! segment behind it starts where a snapshot reaches: then the break does not matter, and neither does
//! what stands before it.

use shakedown_raft::{Base, Entry, Index};

use super::frame::{self, Decoded, HEADER_LEN, Place};
use super::segment::{self, Replay, Start};

/// Stands for an index that cannot be known.
pub const UNKNOWN: Index = Index(u64::MAX);

/// A segment whose entries are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub sequence: u64,
    /// The index of the last entry before it.
    pub base: Index,
    /// Where its last frame that counts ends, in bytes.
    pub end: u64,
    /// How long it is to be, in bytes.
    pub len: u64,
}

/// What a log held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The entry before the first.
    pub base: Base,
    /// The entries, without gaps.
    pub entries: Vec<Entry>,
    /// The segments that hold them, in order. None has a gap to the next.
    pub kept: Vec<Kept>,
    /// How many bytes the last write left that was interrupted.
    pub torn_bytes: u64,
    /// The highest index that the log may have had, if it is broken; maybe [`UNKNOWN`].
    pub lost: Option<Index>,
}

/// Takes the segments in order.
#[derive(Debug)]
pub struct Scanner {
    covered: Index,
    log: Replay,
    kept: Vec<Kept>,
    torn_bytes: u64,
    previous: Option<u64>,
    sealed: bool,
    broken: Option<Broken>,
}

/// What is known of the log behind a break.
#[derive(Clone, Copy, Debug)]
struct Broken {
    highest: Index,
    /// Whether a frame of which nothing is known came after all others.
    is_unknown: bool,
}

impl Scanner {
    /// Before the first segment. A snapshot covers the entries up to `covered`.
    #[must_use]
    pub fn new(covered: Index) -> Self {
        Self {
            covered,
            log: Replay::default(),
            kept: Vec::new(),
            torn_bytes: 0,
            previous: None,
            sealed: false,
            broken: None,
        }
    }

    /// Reads the next segment, of number `sequence`.
    pub fn segment(&mut self, sequence: u64, bytes: &[u8]) {
        let is_next = self
            .previous
            .is_none_or(|p| p.checked_add(1) == Some(sequence));
        if !is_next {
            self.damaged(None);
        }
        self.previous = Some(sequence);
        self.sealed = false;
        self.torn_bytes = 0;
        match segment::read_start(bytes, sequence) {
            Ok((start, first)) => {
                self.enter(sequence, &start, first);
                self.frames(sequence, bytes, first);
                if !self.sealed && (bytes.len() as u64) < start.len {
                    self.damaged(None);
                }
            }
            Err(damage) => {
                self.damaged(None);
                if let Some(next) = damage.next {
                    self.frames(sequence, bytes, next);
                }
            }
        }
    }

    /// What all segments held together.
    #[must_use]
    pub fn finish(mut self) -> Scan {
        // There always is a segment; and a sealed one is not the last.
        if self.sealed || self.previous.is_none() {
            self.damaged(None);
        }
        let last = self.log.last().id.index;
        let lost = self.broken.map(|broken| match broken.is_unknown {
            true => UNKNOWN,
            false => broken.highest.max(last),
        });
        Scan {
            base: self.log.base,
            entries: self.log.entries,
            kept: self.kept,
            torn_bytes: if lost.is_none() { self.torn_bytes } else { 0 },
            lost,
        }
    }

    fn enter(&mut self, sequence: u64, start: &Start, first: usize) {
        let base = start.base;
        let is_covered = base.id.index <= self.covered;
        let is_first = self.kept.is_empty() && self.broken.is_none();
        let goes_below = self.broken.is_none() && base.id.index < self.log.base.id.index;
        if start.anew || is_first || goes_below || (self.broken.is_some() && is_covered) {
            self.log = Replay::after(base);
            self.kept.clear();
            self.broken = None;
        } else if self.broken.is_some() {
            self.reached(base.id.index);
            return;
        } else if self.log.at(base.id.index) == Some(base) {
            self.log.truncate(base.id.index);
        } else {
            self.damaged(Some(base.id.index));
            return;
        }
        self.kept.push(Kept {
            sequence,
            base: base.id.index,
            end: first as u64,
            len: start.len,
        });
    }

    fn frames(&mut self, sequence: u64, bytes: &[u8], mut offset: usize) {
        loop {
            match frame::decode(bytes, Place { sequence, offset }) {
                Decoded::Frame { payload: [], .. } => {
                    self.sealed = true;
                    return;
                }
                Decoded::Frame { payload, upto, end } => {
                    self.frame(payload, upto, end);
                    offset = end;
                }
                Decoded::Corrupt(damage) => {
                    self.damaged(damage.upto);
                    let Some(next) = damage.next else { return };
                    offset = next;
                }
                Decoded::Torn => {
                    self.torn_bytes = written_len(&bytes[offset..]);
                    return;
                }
                Decoded::End => return,
            }
        }
    }

    fn frame(&mut self, payload: &[u8], upto: Index, end: usize) {
        if self.broken.is_some() {
            self.reached(upto);
        } else if !self.log.carry_out(payload) {
            self.damaged(Some(upto));
        } else if let Some(kept) = self.kept.last_mut() {
            kept.end = end as u64;
        }
    }

    /// The log is broken here; what is damaged may have brought it up to `upto`.
    fn damaged(&mut self, upto: Option<Index>) {
        let broken = self.broken.get_or_insert(Broken {
            highest: Index(0),
            is_unknown: false,
        });
        broken.is_unknown = true;
        if let Some(upto) = upto {
            self.reached(upto);
        }
    }

    /// After the break the log went up to `upto`. What came between is no matter: what a later frame had
    /// removed was not committed.
    fn reached(&mut self, upto: Index) {
        if let Some(broken) = &mut self.broken {
            broken.highest = broken.highest.max(upto);
            broken.is_unknown = false;
        }
    }
}

/// How long the part of `bytes` is that is followed only by zeros.
fn written_len(bytes: &[u8]) -> u64 {
    let blocks = bytes.chunks(HEADER_LEN).rev();
    let zero_blocks = blocks.take_while(|block| frame::is_zero(block)).count();
    let blocks = bytes.len().div_ceil(HEADER_LEN) - zero_blocks;
    let end = (blocks * HEADER_LEN).min(bytes.len());
    let zeros = bytes[..end].iter().rev().take_while(|byte| **byte == 0);
    (end - zeros.count()) as u64
}
