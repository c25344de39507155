//! What leaders committed, over all nodes and terms.

use rustc_hash::FxHashMap;
use shakedown_history::event::Role;
use shakedown_history::{Event, Index, LogId, NodeTrace, Term};

use super::log_view::{Entry, LogView, Slot};
use super::place::{Place, places_by_term};

/// A leader's claim that an entry is committed.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) entry: Entry,
    /// The `Commit` record, the first by term. Its term is the lowest that committed the entry.
    pub(super) place: Place<'a>,
}

/// Every entry that a leader ever committed, with the lowest leader's term that did.
#[derive(Default)]
pub(super) struct Committed<'a> {
    claims: FxHashMap<Index, Claim<'a>>,
    /// Claims to an index that another entry holds already: Raft forbids them.
    rivals: FxHashMap<Index, Vec<Claim<'a>>>,
    /// The first index where two claims part, once for each `Commit` that brought it up.
    pub(super) conflicts: Vec<(Claim<'a>, Claim<'a>)>,
    /// The highest index committed, each time that it grew, with the term of the leader.
    frontiers: Vec<(Term, Index)>,
}

impl<'a> Committed<'a> {
    /// Gathers the leaders' claims in the order of their terms.
    pub(super) fn of(traces: &'a [NodeTrace]) -> Self {
        let mut committed = Self::default();
        let mut logs: Vec<LogView<'a>> = traces.iter().map(|_| LogView::default()).collect();
        // How far each node's present log has been compared already.
        let mut compared = vec![Index(0); traces.len()];
        for place in places_by_term(traces) {
            let log = &mut logs[place.trace];
            log.advance(&place);
            let done = &mut compared[place.trace];
            *done = (*done).min(log.last_index());
            if let Event::Commit {
                to,
                role: Role::Leader,
                ..
            } = place.event()
            {
                committed.claim(log, place, to.index, *done);
                *done = (*done).max(to.index.min(log.last_index()));
            }
        }
        committed
    }

    /// The claim to exactly this entry, if a leader ever committed it.
    pub(super) fn claim_to(&self, id: LogId) -> Option<&Claim<'a>> {
        let rivals = self.rivals.get(&id.index).into_iter().flatten();
        self.claims
            .get(&id.index)
            .into_iter()
            .chain(rivals)
            .find(|c| c.entry.id == id)
    }

    /// The first claim to an index.
    pub(super) fn at(&self, index: Index) -> Option<&Claim<'a>> {
        self.claims.get(&index)
    }

    /// The highest index that a leader of a term before `term` committed; zero if none did.
    pub(super) fn frontier_before(&self, term: Term) -> Index {
        let known = self.frontiers.partition_point(|(t, _)| *t < term);
        known
            .checked_sub(1)
            .map_or(Index(0), |last| self.frontiers[last].1)
    }

    fn frontier(&self) -> Index {
        self.frontiers.last().map_or(Index(0), |(_, index)| *index)
    }

    /// The leader at `place` commits its log up to `to`.
    fn claim(&mut self, log: &LogView<'a>, place: Place<'a>, to: Index, compared: Index) {
        let top = to.min(log.last_index());
        let known = self.frontier().min(top);
        let agreed = match (self.at(known), log.slot(known)) {
            // Hashes are chained: where they are equal, all entries before are equal too.
            (Some(claim), Slot::Held(held)) if claim.entry == held => known,
            _ => compared.min(known),
        };
        let mut parted = false;
        for entry in log.known(agreed, top) {
            parted |= self.enter(Claim { entry, place }, parted);
        }
        if top > self.frontier() {
            let term = self
                .frontiers
                .last()
                .map_or(place.term(), |(t, _)| place.term().max(*t));
            self.frontiers.push((term, top));
        }
    }

    /// Enters one claim; true if another entry has its index.
    fn enter(&mut self, claim: Claim<'a>, parted: bool) -> bool {
        let index = claim.entry.id.index;
        let first = *self.claims.entry(index).or_insert(claim);
        if first.entry == claim.entry {
            return false;
        }
        let rivals = self.rivals.entry(index).or_default();
        if rivals.iter().all(|r| r.entry != claim.entry) {
            rivals.push(claim);
            if !parted {
                self.conflicts.push((first, claim));
            }
        }
        true
    }
}
