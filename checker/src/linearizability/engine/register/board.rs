//! What is open at one point in time: the part of the search that all configurations share.

use crate::linearizability::engine::multisets::ClassId;
use crate::linearizability::engine::register::problem::{Call, Problem, ValueId};
use crate::linearizability::engine::slots::Slots;
use crate::linearizability::timeline::{Event, OpId};

/// The open ops before the event at `position`. Moves both ways.
pub(super) struct Board<'p, const N: usize> {
    pub(super) problem: &'p Problem<'p>,
    pub(super) position: u32,
    /// By slot: the op that is open in it.
    pub(super) occupants: Vec<OpId>,
    /// Open reads and cas.
    pub(super) observers: Slots<N>,
    /// Open writes.
    pub(super) overwrites: Slots<N>,
    /// By value.
    pub(super) reads: Vec<Slots<N>>,
    /// By the value found.
    pub(super) cas: Vec<Slots<N>>,
    /// By value.
    pub(super) writes: Vec<Slots<N>>,
    /// By class: how many never-returned ops have been invoked.
    pub(super) released: Vec<u32>,
}

impl<'p, const N: usize> Board<'p, N> {
    pub(super) fn new(problem: &'p Problem<'p>) -> Self {
        let values = problem.dead_from.len();
        Self {
            problem,
            position: 0,
            occupants: vec![0; problem.timeline.width],
            observers: Slots::EMPTY,
            overwrites: Slots::EMPTY,
            reads: vec![Slots::EMPTY; values],
            cas: vec![Slots::EMPTY; values],
            writes: vec![Slots::EMPTY; values],
            released: vec![0; problem.classes.len()],
        }
    }

    /// The event that comes next.
    pub(super) fn next_event(&self) -> Option<Event> {
        self.problem
            .timeline
            .events
            .get(self.position as usize)
            .copied()
    }

    /// Lets the next event happen.
    pub(super) fn forward(&mut self) {
        let event = self.next_event().expect("there is a next event");
        self.position += 1;
        match event {
            Event::Invoke(op) => self.open(op),
            Event::Return(op) => self.shut(op),
            Event::Release(op) => {
                if let Some(class) = self.problem.class_of[op as usize] {
                    self.released[class as usize] += 1;
                }
            }
        }
    }

    /// Takes the last event back.
    pub(super) fn backward(&mut self) {
        self.position -= 1;
        match self.next_event().expect("it happened before") {
            Event::Invoke(op) => self.shut(op),
            Event::Return(op) => self.open(op),
            Event::Release(op) => {
                if let Some(class) = self.problem.class_of[op as usize] {
                    self.released[class as usize] -= 1;
                }
            }
        }
    }

    pub(super) fn slot(&self, op: OpId) -> u16 {
        self.problem.timeline.slots[op as usize]
    }

    pub(super) fn call(&self, op: OpId) -> Call {
        self.problem.calls[op as usize]
    }

    pub(super) fn call_in(&self, slot: u16) -> Call {
        self.call(self.occupants[usize::from(slot)])
    }

    /// Of the ops in `slots` the one that returns first.
    pub(super) fn first_to_return(&self, slots: Slots<N>) -> Option<u16> {
        let returns = &self.problem.timeline.returns;
        slots
            .iter()
            .min_by_key(|slot| returns[self.occupants[usize::from(*slot)] as usize])
    }

    /// The class of never-returned writes of `value`, if one has been invoked.
    pub(super) fn released_write(&self, value: ValueId) -> Option<ClassId> {
        let class = self
            .problem
            .writes_of
            .get(value.place())
            .copied()
            .flatten()?;
        (self.released[class as usize] > 0).then_some(class)
    }

    fn open(&mut self, op: OpId) {
        let slot = self.slot(op);
        self.occupants[usize::from(slot)] = op;
        let (kind, of_value) = self.places(op);
        kind.insert(slot);
        of_value.insert(slot);
    }

    fn shut(&mut self, op: OpId) {
        let slot = self.slot(op);
        let (kind, of_value) = self.places(op);
        kind.remove(slot);
        of_value.remove(slot);
    }

    /// The two sets that `op` is in while open.
    fn places(&mut self, op: OpId) -> (&mut Slots<N>, &mut Slots<N>) {
        match self.call(op) {
            Call::Read(value) => (&mut self.observers, &mut self.reads[value.place()]),
            Call::Cas(from, _) => (&mut self.observers, &mut self.cas[from.place()]),
            Call::Write(value) => (&mut self.overwrites, &mut self.writes[value.place()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linearizability::key_history::ClientOp;
    use crate::linearizability::timeline::Timeline;
    use crate::model::RegisterCall;

    #[test]
    fn a_board_finds_its_way_back() {
        let ops: Vec<ClientOp<RegisterCall>> = [
            (RegisterCall::Write(1.into()), 0, Some(3)),
            (
                RegisterCall::Cas {
                    from: 1.into(),
                    to: 2.into(),
                },
                1,
                None,
            ),
            (RegisterCall::Read(2.into()), 2, Some(4)),
        ]
        .into_iter()
        .map(|(call, invoked, returned)| ClientOp {
            call,
            invoked,
            returned,
            witness: None,
        })
        .collect();
        let timeline = Timeline::new(&ops);
        let calls: Vec<_> = ops.iter().map(|op| &op.call).collect();
        let problem = Problem::new(&calls, &timeline);
        let mut board: Board<'_, 1> = Board::new(&problem);
        for _ in 0..3 {
            board.forward();
        }
        let open = |board: &Board<'_, 1>| {
            (
                board.observers.iter().count(),
                board.overwrites.iter().count(),
                board.released.clone(),
            )
        };
        assert_eq!(open(&board), (1, 1, vec![1]));
        board.forward();
        board.forward();
        assert_eq!((open(&board), board.next_event()), ((0, 0, vec![1]), None));
        for _ in 0..5 {
            board.backward();
        }
        assert_eq!((open(&board), board.position), ((0, 0, vec![0]), 0));
    }
}
