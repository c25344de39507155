//! The ops of one register with values as numbers, and what is known of each value beforehand.

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::linearizability::engine::multisets::ClassId;
use crate::linearizability::timeline::{Event, OpId, Timeline};
use crate::model::RegisterCall;

/// A value, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ValueId(pub(super) u32);

impl ValueId {
    /// The value before the first write.
    pub(super) const INITIAL: Self = Self(0);
    /// Stands for all values that nobody will observe any more.
    pub(super) const UNOBSERVED: Self = Self(u32::MAX);

    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// What an op does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Read(ValueId),
    Write(ValueId),
    Cas(ValueId, ValueId),
}

impl Call {
    /// The value that it must find.
    pub(super) fn observed(self) -> Option<ValueId> {
        match self {
            Self::Read(value) | Self::Cas(value, _) => Some(value),
            Self::Write(_) => None,
        }
    }
}

/// The never-returned ops of equal effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) call: Call,
    /// The value that it leaves.
    pub(super) leaves: ValueId,
}

/// One register's ops.
pub(super) struct Problem<'a> {
    pub(super) timeline: &'a Timeline,
    /// By op.
    pub(super) calls: Vec<Call>,
    /// By value: from which event on nobody will observe it, so that it is as good as any other such
    /// value.
    pub(super) dead_from: Vec<u32>,
    /// By op: its class, if it never returned and may still matter.
    pub(super) class_of: Vec<Option<ClassId>>,
    pub(super) classes: Vec<Class>,
    /// By value: the class of never-returned writes of it.
    pub(super) writes_of: Vec<Option<ClassId>>,
    /// By value: the classes of never-returned cas from it.
    pub(super) cas_from: Vec<Vec<ClassId>>,
    /// By value: the classes of never-returned cas to it.
    pub(super) cas_to: Vec<Vec<ClassId>>,
    /// Positions of events at which a value dies that some class leaves, ascending.
    pub(super) class_deaths: Vec<u32>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(register_calls: &[&RegisterCall], timeline: &'a Timeline) -> Self {
        let (calls, values) = number(register_calls);
        let dead_from = dead_from(&calls, values, timeline);
        let mut problem = Self {
            timeline,
            class_of: vec![None; calls.len()],
            calls,
            dead_from,
            classes: Vec::new(),
            writes_of: vec![None; values],
            cas_from: vec![Vec::new(); values],
            cas_to: vec![Vec::new(); values],
            class_deaths: Vec::new(),
        };
        problem.classify();
        problem
    }

    /// Whether nobody will observe `value` from the event at `position` on.
    pub(super) fn is_dead(&self, value: ValueId, position: u32) -> bool {
        value == ValueId::UNOBSERVED || self.dead_from[value.place()] <= position
    }

    /// Puts the never-returned ops into classes, but for those whose value nobody observes later.
    fn classify(&mut self) {
        let mut known: FxHashMap<Call, ClassId> = FxHashMap::default();
        for (position, event) in (0..).zip(&self.timeline.events) {
            let Event::Release(op) = *event else { continue };
            let call = self.calls[op as usize];
            let leaves = match call {
                Call::Write(to) | Call::Cas(_, to) => to,
                Call::Read(_) => continue,
            };
            if self.is_dead(leaves, position) {
                continue;
            }
            let class = *known.entry(call).or_insert_with(|| {
                self.classes.push(Class { call, leaves });
                ClassId::try_from(self.classes.len() - 1).expect("fewer than 2^32 classes")
            });
            self.class_of[op as usize] = Some(class);
        }
        for (class, Class { call, leaves }) in (0..).zip(&self.classes) {
            match call {
                Call::Cas(from, to) => {
                    self.cas_from[from.place()].push(class);
                    self.cas_to[to.place()].push(class);
                }
                _ => self.writes_of[leaves.place()] = Some(class),
            }
            self.class_deaths.push(self.dead_from[leaves.place()]);
        }
        self.class_deaths.sort_unstable();
        self.class_deaths.dedup();
    }
}

/// Gives every value a number; a cas that changes nothing is a read.
fn number(register_calls: &[&RegisterCall]) -> (Vec<Call>, usize) {
    let mut ids: FxHashMap<&Value, ValueId> = FxHashMap::default();
    ids.insert(&Value::Null, ValueId::INITIAL);
    let mut id = |value| {
        let next = ValueId(u32::try_from(ids.len()).expect("fewer than 2^32 values"));
        *ids.entry(value).or_insert(next)
    };
    let calls = register_calls
        .iter()
        .map(|call| match call {
            RegisterCall::Read(value) => Call::Read(id(value)),
            RegisterCall::Write(value) => Call::Write(id(value)),
            RegisterCall::Cas { from, to } if from == to => Call::Read(id(from)),
            RegisterCall::Cas { from, to } => Call::Cas(id(from), id(to)),
        })
        .collect();
    (calls, ids.len())
}

/// By value, the event after the last return of an op that observes it; a never-returned cas observes
/// as long as the value that it leaves is observed.
fn dead_from(calls: &[Call], values: usize, timeline: &Timeline) -> Vec<u32> {
    let mut dead_from = vec![0; values];
    for (position, event) in (0..).zip(&timeline.events) {
        if let Event::Return(op) = *event
            && let Some(value) = calls[op as usize].observed()
        {
            dead_from[value.place()] = position;
        }
    }
    let mut links: Vec<(ValueId, ValueId)> = Vec::new();
    for event in &timeline.events {
        if let Event::Release(op) = *event
            && let Call::Cas(from, to) = calls[op as usize]
        {
            links.push((from, to));
        }
    }
    links.sort_unstable();
    links.dedup();
    relay(&mut dead_from, &links);
    dead_from
}

/// Keeps each value alive as long as what a link leads to.
fn relay(dead_from: &mut [u32], links: &[(ValueId, ValueId)]) {
    let mut leading_to: FxHashMap<ValueId, Vec<ValueId>> = FxHashMap::default();
    for (from, to) in links {
        leading_to.entry(*to).or_default().push(*from);
    }
    let mut raised: Vec<ValueId> = links.iter().map(|(_, to)| *to).collect();
    while let Some(to) = raised.pop() {
        let until = dead_from[to.place()];
        for from in leading_to.get(&to).into_iter().flatten() {
            if dead_from[from.place()] < until {
                dead_from[from.place()] = until;
                raised.push(*from);
            }
        }
    }
}

/// The first op, by return, that observed a value which nobody had asked for: no search is needed to see
/// that this cannot be.
pub(super) fn phantom(problem: &Problem<'_>) -> Option<OpId> {
    let mut asked_for = vec![false; problem.dead_from.len()];
    asked_for[ValueId::INITIAL.place()] = true;
    for event in &problem.timeline.events {
        match *event {
            Event::Invoke(op) | Event::Release(op) => match problem.calls[op as usize] {
                Call::Write(value) | Call::Cas(_, value) => asked_for[value.place()] = true,
                Call::Read(_) => {}
            },
            Event::Return(op) => {
                let observed = problem.calls[op as usize].observed();
                if observed.is_some_and(|value| !asked_for[value.place()]) {
                    return Some(op);
                }
            }
        }
    }
    None
}

/// The op that returns at an event, if one does.
pub(super) fn returning(event: Event) -> Option<OpId> {
    match event {
        Event::Return(op) => Some(op),
        Event::Invoke(_) | Event::Release(_) => None,
    }
}
