//! One step of the search: from a configuration before an op returns to those after it.
//!
//! Beyond what the general engine does, it uses what is special about registers:
//!
//! - A write may take effect unseen, right before another write that takes effect while it is open. So
//!   a write that has seen another one take effect is *covered*: it may return without ever having been
//!   the register's value, and until then may still become it.
//! - A value is worth reaching only if an open op waits for it, or a cas that never returned leads on to
//!   such a value. Otherwise the next op to change the register is a write, and would hide it.
//! - Values that nobody will observe any more are one value.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::linearizability::budget::{Exhausted, Meter};
use crate::linearizability::engine::multisets::{ClassId, MultisetId, Multisets};
use crate::linearizability::engine::register::board::Board;
use crate::linearizability::engine::register::problem::{Call, ValueId};
use crate::linearizability::engine::slots::Slots;
use crate::linearizability::timeline::OpId;

/// How never-returned ops are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Each may be used once.
    Exact,
    /// Each may be used any number of times: where even this admits no order, there is none.
    Relaxed,
}

/// What has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Config<const N: usize> {
    pub(super) state: ValueId,
    /// Never-returned ops used.
    pub(super) used: MultisetId,
    /// Open ops that have taken effect.
    pub(super) done: Slots<N>,
    /// Open writes, not done, that are covered.
    pub(super) covered: Slots<N>,
}

impl<const N: usize> Config<N> {
    pub(super) const START: Self = Self {
        state: ValueId::INITIAL,
        used: MultisetId::EMPTY,
        done: Slots::EMPTY,
        covered: Slots::EMPTY,
    };
}

/// The working memory of one search.
pub(super) struct Closure<const N: usize> {
    counting: Counting,
    pub(super) used: Multisets,
    /// Configurations to go on from, by how many never-returned ops they used: the most economical come
    /// first, so that they cover the others before these are looked at.
    reached: Vec<Vec<Config<N>>>,
    /// What has been reached and is not covered, by state and ops done.
    seen: FxHashMap<(ValueId, Slots<N>), Vec<Config<N>>>,
    seen_len: usize,
    after: FxHashSet<Config<N>>,
    worthwhile: Vec<ValueId>,
}

impl<const N: usize> Closure<N> {
    pub(super) fn new(counting: Counting) -> Self {
        Self {
            counting,
            used: Multisets::new(),
            reached: Vec::new(),
            seen: FxHashMap::default(),
            seen_len: 0,
            after: FxHashSet::default(),
            worthwhile: Vec::new(),
        }
    }

    /// The configurations after the return of `target`, which is the next event on `board`; sorted.
    pub(super) fn close(
        &mut self,
        board: &Board<'_, N>,
        before: &[Config<N>],
        target: OpId,
        meter: &mut Meter,
    ) -> Result<Vec<Config<N>>, Exhausted> {
        self.seen.clear();
        self.seen_len = 0;
        self.after.clear();
        for config in before {
            self.reach(board, *config, target);
        }
        while let Some(config) = self.most_economical() {
            meter.spend()?;
            meter.hold(self.bytes())?;
            self.successors(board, config, target);
        }
        let mut after: Vec<Config<N>> = self.after.iter().copied().collect();
        after.sort_unstable();
        Ok(self.minimal(after))
    }

    /// What this search holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let configs = 2 * self.seen_len + self.after.len();
        configs * 2 * size_of::<Config<N>>() + self.used.bytes()
    }

    /// Takes note of a configuration before the return of `target`.
    fn reach(&mut self, board: &Board<'_, N>, mut config: Config<N>, target: OpId) {
        let slot = board.slot(target);
        if let Some(reads) = board.reads.get(config.state.place()) {
            config.done = config.done.union(*reads);
        }
        if config.done.contains(slot) {
            self.emit(board, config, slot);
            return;
        }
        if config.covered.contains(slot) {
            self.emit(board, config, slot);
        }
        let alike = self.seen.entry((config.state, config.done)).or_default();
        let used = &self.used;
        let covers = |a: &Config<N>, b: &Config<N>| {
            b.covered.is_subset(&a.covered) && used.is_subset(a.used, b.used)
        };
        if alike.iter().any(|other| covers(other, &config)) {
            return;
        }
        self.seen_len += 1;
        self.seen_len -= alike.len();
        alike.retain(|other| !covers(&config, other));
        self.seen_len += alike.len();
        alike.push(config);
        let rank = self.used.total(config.used) as usize;
        if self.reached.len() <= rank {
            self.reached.resize_with(rank + 1, Vec::new);
        }
        self.reached[rank].push(config);
    }

    /// The configuration to go on from.
    fn most_economical(&mut self) -> Option<Config<N>> {
        self.reached.iter_mut().find_map(Vec::pop)
    }

    /// Takes note of a configuration after the return of the op in `slot`.
    fn emit(&mut self, board: &Board<'_, N>, mut config: Config<N>, slot: u16) {
        let problem = board.problem;
        config.done.remove(slot);
        config.covered.remove(slot);
        if problem.is_dead(config.state, board.position) {
            config.state = ValueId::UNOBSERVED;
        }
        if problem.class_deaths.binary_search(&board.position).is_ok() {
            config.used = self.used.only(config.used, |class| {
                !problem.is_dead(problem.classes[class as usize].leaves, board.position)
            });
        }
        self.after.insert(config);
    }

    fn successors(&mut self, board: &Board<'_, N>, config: Config<N>, target: OpId) {
        self.find_worthwhile(board, config);
        let uncovered = !board
            .overwrites
            .minus(config.done)
            .minus(config.covered)
            .is_empty();
        for at in 0..self.worthwhile.len() {
            let value = self.worthwhile[at];
            // To write what is there already serves only to cover other writes.
            if value != config.state || uncovered {
                self.write(board, config, value, target);
            }
        }
        self.cas(board, config, target);
        if let Call::Write(value) = board.call(target) {
            let pointless = config.covered.contains(board.slot(target))
                && !uncovered
                && board.problem.is_dead(value, board.position);
            if !pointless {
                self.write(board, config, value, target);
            }
        }
    }

    /// Collects the values that some open op waits for.
    fn find_worthwhile(&mut self, board: &Board<'_, N>, config: Config<N>) {
        self.worthwhile.clear();
        for slot in board.observers.minus(config.done).iter() {
            let value = board
                .call_in(slot)
                .observed()
                .expect("an observer observes");
            if !self.worthwhile.contains(&value) {
                self.worthwhile.push(value);
            }
        }
        let mut at = 0;
        while let Some(value) = self.worthwhile.get(at).copied() {
            at += 1;
            for class in &board.problem.cas_to[value.place()] {
                if self.is_left(board, config, *class)
                    && let Some(from) = board.problem.classes[*class as usize].call.observed()
                    && !self.worthwhile.contains(&from)
                {
                    self.worthwhile.push(from);
                }
            }
        }
    }

    /// Lets a write of `value` take effect: of the open ones the first to return, else one that never
    /// returned.
    fn write(&mut self, board: &Board<'_, N>, config: Config<N>, value: ValueId, target: OpId) {
        let mut next = Config {
            state: value,
            ..config
        };
        let open = board.writes[value.place()].minus(config.done);
        if let Some(slot) = board.first_to_return(open) {
            next.done.insert(slot);
        } else if let Some(class) = board.released_write(value)
            && self.is_left(board, config, class)
        {
            next.used = self.use_up(config.used, class);
        } else {
            return;
        }
        next.covered = board.overwrites.minus(next.done);
        self.reach(board, next, target);
    }

    /// Lets each cas from the current value take effect.
    fn cas(&mut self, board: &Board<'_, N>, config: Config<N>, target: OpId) {
        let Some(open) = board.cas.get(config.state.place()) else {
            return;
        };
        let open = open.minus(config.done);
        for slot in open.iter() {
            let call = board.call_in(slot);
            let Call::Cas(_, to) = call else {
                unreachable!("the board sorts ops by kind")
            };
            let mut twins = Slots::EMPTY;
            open.iter()
                .filter(|s| board.call_in(*s) == call)
                .for_each(|s| twins.insert(s));
            if board.first_to_return(twins) == Some(slot) {
                let mut next = Config {
                    state: to,
                    ..config
                };
                next.done.insert(slot);
                self.reach(board, next, target);
            }
        }
        for class in &board.problem.cas_from[config.state.place()] {
            let to = board.problem.classes[*class as usize].leaves;
            let twin = open
                .iter()
                .any(|s| board.call_in(s) == Call::Cas(config.state, to));
            if !twin && self.worthwhile.contains(&to) && self.is_left(board, config, *class) {
                let used = self.use_up(config.used, *class);
                self.reach(
                    board,
                    Config {
                        state: to,
                        used,
                        ..config
                    },
                    target,
                );
            }
        }
    }

    fn is_left(&self, board: &Board<'_, N>, config: Config<N>, class: ClassId) -> bool {
        // Nothing is ever used while relaxed, so one is enough.
        board.released[class as usize] > self.used.count(config.used, class)
    }

    fn use_up(&mut self, used: MultisetId, class: ClassId) -> MultisetId {
        match self.counting {
            Counting::Exact => self.used.with(used, class),
            Counting::Relaxed => used,
        }
    }

    /// Drops the configurations that another one covers. `configs` is sorted.
    fn minimal(&self, configs: Vec<Config<N>>) -> Vec<Config<N>> {
        /// To look at all pairs would cost more than it saves.
        const MOST_AT_ONCE: usize = 256;
        if configs.len() < 2 {
            return configs;
        }
        let covers = |a: &Config<N>, b: &Config<N>| a != b && self.covers(a, b);
        let of_one_state = configs.chunk_by(|a, b| a.state == b.state);
        of_one_state
            .flat_map(|group| group.chunks(MOST_AT_ONCE))
            .flat_map(|group| {
                group
                    .iter()
                    .filter(|config| !group.iter().any(|other| covers(other, config)))
            })
            .copied()
            .collect()
    }

    /// Whether everything that can follow `b` can follow `a`; both have the same state.
    fn covers(&self, a: &Config<N>, b: &Config<N>) -> bool {
        // What b has done, a has done too or may leave out; what a has done, b has done.
        a.done.is_subset(&b.done)
            && b.done.minus(a.done).is_subset(&a.covered)
            && b.covered.is_subset(&a.covered)
            && self.used.is_subset(a.used, b.used)
    }
}
