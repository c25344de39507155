//! The engine for every model: a frontier of configurations moves through the events of one key.
//!
//! This is just-in-time linearization (Wing & Gong 1993, Lowe 2017): an op is made to take effect
//! only when some op must, because it returns. A configuration is the state, which open ops have taken
//! effect, and which never-returned ops have been used; nothing in it grows with the history.
//!
//! - Ops that observe take effect as soon as they can: that never forbids anything later.
//! - Of open ops with equal effect the one that returns first goes first, and a never-returned one
//!   only after them: any order that differs can be turned into this one by swapping the two.
//! - A configuration that has used fewer never-returned ops covers one that has used more.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::linearizability::budget::{Exhausted, Meter};
use crate::linearizability::engine::multisets::{ClassId, MultisetId, Multisets};
use crate::linearizability::engine::slots::Slots;
use crate::linearizability::engine::{Decision, Search};
use crate::linearizability::key_history::ClientOp;
use crate::linearizability::timeline::{Event, OpId, Timeline};
use crate::model::{Effect, Model};

type StateId = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Config<const N: usize> {
    state: StateId,
    done: Slots<N>,
    used: MultisetId,
}

/// A search over the ops of one key.
pub(crate) struct General<'a, M: Model, const N: usize> {
    timeline: &'a Timeline,
    steps: Steps<'a, M>,
    /// For each op its class.
    classes: Vec<ClassId>,
    /// The ops that are open and will return.
    open: Vec<OpId>,
    /// For each class how many of its never-returned ops have been invoked.
    released: Vec<u32>,
    /// The classes with released ops.
    live: Vec<ClassId>,
    used: Multisets,
}

impl<'a, M: Model, const N: usize> General<'a, M, N> {
    pub(crate) fn new(model: &'a M, ops: &'a [ClientOp<M::Call>], timeline: &'a Timeline) -> Self {
        let mut steps = Steps::new(model);
        let classes: Vec<ClassId> = ops.iter().map(|op| steps.class(&op.call)).collect();
        let released = vec![0; steps.calls.len()];
        let (open, live) = (Vec::new(), Vec::new());
        Self {
            timeline,
            steps,
            classes,
            open,
            released,
            live,
            used: Multisets::new(),
        }
    }

    /// The configurations after `target` returned.
    fn close(
        &mut self,
        frontier: &[Config<N>],
        target: OpId,
        meter: &mut Meter,
    ) -> Result<Vec<Config<N>>, Exhausted> {
        let slot = self.timeline.slots[target as usize];
        let mut seen: FxHashSet<Config<N>> = FxHashSet::default();
        let mut next: FxHashMap<(StateId, Slots<N>), Vec<MultisetId>> = FxHashMap::default();
        let mut reached: Vec<Config<N>> = frontier.to_vec();
        while let Some(config) = reached.pop() {
            meter.spend()?;
            let config = self.observe(config);
            if !seen.insert(config) {
                continue;
            }
            meter.hold(self.bytes(seen.len() + reached.len()))?;
            if config.done.contains(slot) {
                let mut done = config.done;
                done.remove(slot);
                self.settle(next.entry((config.state, done)).or_default(), config.used);
            } else {
                self.successors(config, &mut reached);
            }
        }
        let spread = |((state, done), useds): (_, Vec<MultisetId>)| {
            useds
                .into_iter()
                .map(move |used| Config { state, done, used })
        };
        Ok(next.into_iter().flat_map(spread).collect())
    }

    /// Lets every open op that observes `config`'s state take effect.
    fn observe(&mut self, mut config: Config<N>) -> Config<N> {
        for op in &self.open {
            let class = self.classes[*op as usize];
            if self.steps.effect(class) == Effect::Observe
                && self.steps.step(config.state, class).is_some()
            {
                config.done.insert(self.timeline.slots[*op as usize]);
            }
        }
        config
    }

    /// Everything that one more op can make of `config`.
    fn successors(&mut self, config: Config<N>, reached: &mut Vec<Config<N>>) {
        // Sorted by return: of each class the first undone op is the one to take.
        let mut tried: Vec<ClassId> = Vec::new();
        for op in &self.open {
            let (class, slot) = (
                self.classes[*op as usize],
                self.timeline.slots[*op as usize],
            );
            if config.done.contains(slot) || tried.contains(&class) {
                continue;
            }
            tried.push(class);
            if let Some(state) = self.steps.step(config.state, class) {
                let mut done = config.done;
                done.insert(slot);
                reached.push(Config {
                    state,
                    done,
                    ..config
                });
            }
        }
        for class in &self.live {
            let left = self.released[*class as usize] > self.used.count(config.used, *class);
            if !left || tried.contains(class) {
                continue;
            }
            match self.steps.step(config.state, *class) {
                // Used for nothing.
                None => {}
                Some(state) if state == config.state => {}
                Some(state) => {
                    let used = self.used.with(config.used, *class);
                    reached.push(Config {
                        state,
                        used,
                        ..config
                    });
                }
            }
        }
    }

    /// Adds `used` unless what is there covers it; drops what it covers.
    fn settle(&self, minimal: &mut Vec<MultisetId>, used: MultisetId) {
        if minimal.iter().any(|m| self.used.is_subset(*m, used)) {
            return;
        }
        minimal.retain(|m| !self.used.is_subset(used, *m));
        minimal.push(used);
    }

    fn bytes(&self, configs: usize) -> usize {
        configs * 2 * size_of::<Config<N>>() + self.used.bytes() + self.steps.bytes()
    }

    fn invoke(&mut self, op: OpId) {
        let returns = &self.timeline.returns;
        let due = returns[op as usize];
        let at = self
            .open
            .partition_point(|other| returns[*other as usize] < due);
        self.open.insert(at, op);
    }

    fn release(&mut self, op: OpId) {
        let class = self.classes[op as usize];
        if self.steps.effect(class) == Effect::Observe {
            return;
        }
        if self.released[class as usize] == 0 {
            self.live.push(class);
        }
        self.released[class as usize] += 1;
    }
}

impl<M: Model, const N: usize> Search for General<'_, M, N> {
    fn decide(&mut self, meter: &mut Meter) -> Decision {
        let mut frontier = vec![Config {
            state: 0,
            done: Slots::EMPTY,
            used: MultisetId::EMPTY,
        }];
        let mut decided = 0;
        let timeline = self.timeline;
        for event in &timeline.events {
            match *event {
                Event::Invoke(op) => self.invoke(op),
                Event::Release(op) => self.release(op),
                Event::Return(op) => {
                    frontier = match self.close(&frontier, op, meter) {
                        Err(why) => return Decision::Undecided { why, decided },
                        Ok(next) if next.is_empty() => {
                            return Decision::NotLinearizable { stuck: op };
                        }
                        Ok(next) => next,
                    };
                    self.open.retain(|other| *other != op);
                    decided += 1;
                }
            }
        }
        Decision::Linearizable
    }
}

/// The model's steps, each asked for once; states and calls are numbers.
struct Steps<'a, M: Model> {
    model: &'a M,
    states: Vec<M::State>,
    state_ids: FxHashMap<M::State, StateId>,
    calls: Vec<(&'a M::Call, Effect)>,
    call_ids: FxHashMap<&'a M::Call, ClassId>,
    known: FxHashMap<(StateId, ClassId), Option<StateId>>,
}

impl<'a, M: Model> Steps<'a, M> {
    /// State 0 is the initial one.
    fn new(model: &'a M) -> Self {
        let mut steps = Self {
            model,
            states: Vec::new(),
            state_ids: FxHashMap::default(),
            calls: Vec::new(),
            call_ids: FxHashMap::default(),
            known: FxHashMap::default(),
        };
        steps.state(model.initial());
        steps
    }

    fn class(&mut self, call: &'a M::Call) -> ClassId {
        *self.call_ids.entry(call).or_insert_with(|| {
            self.calls.push((call, self.model.effect(call)));
            u32::try_from(self.calls.len() - 1).expect("fewer than 2^32 calls")
        })
    }

    fn state(&mut self, state: M::State) -> StateId {
        if let Some(id) = self.state_ids.get(&state) {
            return *id;
        }
        let id = StateId::try_from(self.states.len()).expect("fewer than 2^32 states");
        self.states.push(state.clone());
        self.state_ids.insert(state, id);
        id
    }

    fn effect(&self, class: ClassId) -> Effect {
        self.calls[class as usize].1
    }

    fn step(&mut self, state: StateId, class: ClassId) -> Option<StateId> {
        if let Some(known) = self.known.get(&(state, class)) {
            return *known;
        }
        let (call, effect) = self.calls[class as usize];
        let next = self.model.step(&self.states[state as usize], call);
        let next = next.map(|next| self.state(next));
        assert!(
            effect != Effect::Observe || next.is_none_or(|next| next == state),
            "the model says that a call only observes, yet it changes the state"
        );
        self.known.insert((state, class), next);
        next
    }

    fn bytes(&self) -> usize {
        self.states.len() * (2 * size_of::<M::State>() + 16) + self.known.len() * 32
    }
}
