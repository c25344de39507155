//! Hashes of contents that change a little at a time.
//!
//! A set of things is hashed by the sum of their hashes, so that one of them can be replaced without
//! looking at the others. That is no defence against somebody who wants two stores to look alike;
//! it is one against mistakes.

use shakedown_history::LogHash;

/// The hash of a text to which more can be added (64-bit FNV-1a).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Running(u64);

impl Running {
    /// The hash of nothing yet.
    pub(super) const EMPTY: Self = Self(LogHash::EMPTY.0);

    /// With these bytes behind.
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        let step =
            |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(bytes.iter().fold(self.0, step))
    }

    /// With this number behind.
    pub(super) fn with_number(self, number: u64) -> Self {
        self.with(&number.to_le_bytes())
    }

    /// With this text behind, told apart from one that is cut elsewhere.
    pub(super) fn with_text(self, text: &str) -> Self {
        self.with_number(text.len() as u64).with(text.as_bytes())
    }

    /// Well mixed (the finisher of MurmurHash3), so that sums of such hashes do not cancel out.
    pub(super) fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

/// The hash of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SetHash(u64);

impl SetHash {
    pub(super) fn add(&mut self, hash: u64) {
        self.0 = self.0.wrapping_add(hash);
    }

    pub(super) fn remove(&mut self, hash: u64) {
        self.0 = self.0.wrapping_sub(hash);
    }

    pub(super) fn get(self) -> LogHash {
        LogHash(self.0)
    }
}
