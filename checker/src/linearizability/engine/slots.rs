//! A small set of open ops.

/// A set of slots below `64 * N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slots<const N: usize>([u64; N]);

impl<const N: usize> Slots<N> {
    pub(crate) const EMPTY: Self = Self([0; N]);

    pub(crate) fn contains(&self, slot: u16) -> bool {
        self.0[usize::from(slot >> 6)] >> (slot & 63) & 1 == 1
    }

    pub(crate) fn insert(&mut self, slot: u16) {
        self.0[usize::from(slot >> 6)] |= 1 << (slot & 63);
    }

    pub(crate) fn remove(&mut self, slot: u16) {
        self.0[usize::from(slot >> 6)] &= !(1 << (slot & 63));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .all(|(mine, its)| mine & !its == 0)
    }

    pub(crate) fn union(self, other: Self) -> Self {
        self.zip(other, |mine, its| mine | its)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.zip(other, |mine, its| mine & !its)
    }

    /// The slots in it, in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u16> {
        (0u16..).zip(self.0).flat_map(|(word, bits)| {
            let rest =
                std::iter::successors(Some(bits), |bits| Some(bits & (bits.wrapping_sub(1))));
            rest.take_while(|bits| *bits != 0).map(move |bits| {
                word * 64 + u16::try_from(bits.trailing_zeros()).expect("below 64")
            })
        })
    }

    fn zip(self, other: Self, merge: impl Fn(u64, u64) -> u64) -> Self {
        let mut words = self.0;
        for (word, its) in words.iter_mut().zip(other.0) {
            *word = merge(*word, its);
        }
        Self(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_slots() {
        let mut set = Slots::<2>::EMPTY;
        for slot in [0, 63, 64, 127] {
            set.insert(slot);
        }
        set.remove(63);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 64, 127]);
        assert!(set.contains(127) && !set.contains(63));
        let mut small = Slots::EMPTY;
        small.insert(64);
        assert!(small.is_subset(&set) && !set.is_subset(&small));
        assert_eq!(set.minus(small).iter().collect::<Vec<_>>(), [0, 127]);
        assert_eq!(set.minus(small).union(small), set);
        assert!(small.minus(set).is_empty());
    }
}
