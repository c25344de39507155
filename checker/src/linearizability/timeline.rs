//! The ops of one key as events in time, each op that returned with a slot of its own while open.

use crate::linearizability::key_history::ClientOp;

/// A position among a key's ops.
pub(crate) type OpId = u32;

/// What happens at one position of a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An op that will return is invoked.
    Invoke(OpId),
    /// It returns.
    Return(OpId),
    /// An op that will not return is invoked: from here on it may take effect.
    Release(OpId),
}

/// The events of one key, in order.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) events: Vec<Event>,
    /// For each op that returned, its slot: no other op has it while this one is open.
    pub(crate) slots: Vec<u16>,
    /// For each op that returned, the position of its return among the events.
    pub(crate) returns: Vec<u32>,
    /// How many slots there are: the most ops that were open at once.
    pub(crate) width: usize,
}

impl Timeline {
    /// Lays out `ops`.
    ///
    /// # Panics
    /// If there are 2^31 ops.
    pub(crate) fn new<C>(ops: &[ClientOp<C>]) -> Self {
        let mut stamped: Vec<(u64, Event)> = Vec::with_capacity(2 * ops.len());
        for (id, op) in (0..).zip(ops) {
            match op.returned {
                Some(returned) => {
                    stamped.push((op.invoked, Event::Invoke(id)));
                    stamped.push((returned, Event::Return(id)));
                }
                None => stamped.push((op.invoked, Event::Release(id))),
            }
        }
        stamped.sort_unstable_by_key(|(index, _)| *index);
        let events: Vec<Event> = stamped.into_iter().map(|(_, event)| event).collect();
        let mut timeline = Self {
            events,
            slots: vec![0; ops.len()],
            returns: vec![0; ops.len()],
            width: 0,
        };
        timeline.assign();
        timeline
    }

    fn assign(&mut self) {
        let mut free: Vec<u16> = Vec::new();
        for (position, event) in (0..).zip(&self.events) {
            match *event {
                Event::Invoke(op) => {
                    let slot = free.pop().unwrap_or_else(|| {
                        self.width += 1;
                        // Beyond what fits no engine looks at the slots: see `engine::decide`.
                        u16::try_from(self.width - 1).unwrap_or(u16::MAX)
                    });
                    self.slots[op as usize] = slot;
                }
                Event::Return(op) => {
                    self.returns[op as usize] = position;
                    free.push(self.slots[op as usize]);
                }
                Event::Release(_) => {}
            }
        }
    }
}
