//! Multisets of used never-returned ops, each stored once and named by a number.

use std::rc::Rc;

use rustc_hash::FxHashMap;

/// A class of never-returned ops with equal effect.
pub(crate) type ClassId = u32;

/// Names a multiset of classes; equal multisets have equal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MultisetId(u32);

impl MultisetId {
    pub(crate) const EMPTY: Self = Self(0);
}

/// Sorted by class, counts at least one.
type Counts = Rc<[(ClassId, u32)]>;

/// All multisets seen by one search.
#[derive(Debug)]
pub(crate) struct Multisets {
    counts: Vec<Counts>,
    ids: FxHashMap<Counts, MultisetId>,
    bytes: usize,
}

impl Multisets {
    pub(crate) fn new() -> Self {
        let empty: Counts = Rc::from([]);
        let ids = std::iter::once((Rc::clone(&empty), MultisetId::EMPTY)).collect();
        Self {
            counts: vec![empty],
            ids,
            bytes: 0,
        }
    }

    /// How often `class` is in it.
    pub(crate) fn count(&self, id: MultisetId, class: ClassId) -> u32 {
        let counts = self.get(id);
        counts
            .binary_search_by_key(&class, |(c, _)| *c)
            .map_or(0, |at| counts[at].1)
    }

    /// How many there are in all.
    pub(crate) fn total(&self, id: MultisetId) -> u32 {
        self.get(id).iter().map(|(_, count)| count).sum()
    }

    /// With one more of `class`.
    pub(crate) fn with(&mut self, id: MultisetId, class: ClassId) -> MultisetId {
        let mut counts = self.get(id).to_vec();
        match counts.binary_search_by_key(&class, |(c, _)| *c) {
            Ok(at) => counts[at].1 += 1,
            Err(at) => counts.insert(at, (class, 1)),
        }
        self.intern(&counts)
    }

    /// Without all of the classes that do not `matter` any more.
    pub(crate) fn only(&mut self, id: MultisetId, matter: impl Fn(ClassId) -> bool) -> MultisetId {
        if self.get(id).iter().all(|(class, _)| matter(*class)) {
            return id;
        }
        let kept: Vec<_> = self
            .get(id)
            .iter()
            .copied()
            .filter(|(c, _)| matter(*c))
            .collect();
        self.intern(&kept)
    }

    /// Whether `larger` has at least as many of every class.
    pub(crate) fn is_subset(&self, smaller: MultisetId, larger: MultisetId) -> bool {
        smaller == larger
            || self
                .get(smaller)
                .iter()
                .all(|(class, n)| *n <= self.count(larger, *class))
    }

    /// What all of them take in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn get(&self, id: MultisetId) -> &Counts {
        &self.counts[id.0 as usize]
    }

    fn intern(&mut self, counts: &[(ClassId, u32)]) -> MultisetId {
        if let Some(id) = self.ids.get(counts) {
            return *id;
        }
        let id = MultisetId(u32::try_from(self.counts.len()).expect("fewer than 2^32 multisets"));
        let counts: Counts = Rc::from(counts);
        self.bytes += 64 + size_of_val(&*counts);
        self.ids.insert(Rc::clone(&counts), id);
        self.counts.push(counts);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_multisets_have_one_name() {
        let mut sets = Multisets::new();
        let one = sets.with(MultisetId::EMPTY, 7);
        let ab = sets.with(one, 3);
        let three = sets.with(MultisetId::EMPTY, 3);
        assert_eq!(sets.with(three, 7), ab);
        let aab = sets.with(ab, 3);
        assert_eq!(
            (sets.count(aab, 3), sets.count(aab, 7), sets.count(aab, 9)),
            (2, 1, 0)
        );
        assert_eq!(sets.total(aab), 3);
        assert!(sets.is_subset(ab, aab) && !sets.is_subset(aab, ab));
        assert_eq!(sets.only(aab, |class| class == 7), one);
        assert_eq!(sets.only(aab, |_| false), MultisetId::EMPTY);
    }
}
