//! Histories that are linearizable by construction: every op takes effect at one instant between its
//! invocation and its return. Seeded; as large as wanted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use shakedown_history::{History, Index, Op, OpKind, ProcessId, Term, Witness};

/// What kind of history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// How many ops are invoked.
    pub(crate) ops: usize,
    /// How many call at once.
    pub(crate) clients: usize,
    /// Ops are spread over so many keys.
    pub(crate) keys: usize,
    /// Writes choose among so many values; none: each writes a value of its own.
    pub(crate) values: Option<i64>,
    /// So many of a thousand ops never return; half of them take effect, possibly much later.
    pub(crate) lost_per_mille: u32,
    /// Clients call again at once, rather than think as long as they call.
    pub(crate) hot: bool,
    /// One read in the middle returns a value that was certainly replaced.
    pub(crate) stale: bool,
    /// Completions carry the order of effects.
    pub(crate) witness: bool,
    pub(crate) seed: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            ops: 1000,
            clients: 5,
            keys: 1,
            values: Some(5),
            lost_per_mille: 0,
            hot: true,
            stale: false,
            witness: false,
            seed: 1,
        }
    }
}

/// A value that is written once, early, where values repeat: reading it later is certainly wrong.
const EARLY: i64 = -1;

/// Makes a history of `shape`.
pub(crate) fn simulate(shape: Shape) -> History {
    let mut world = World::new(shape);
    for client in 0..shape.clients {
        let at = world.delay();
        world.schedule(at, Happening::Invoke { client });
    }
    while let Some(Reverse((time, _, happening))) = world.agenda.pop() {
        world.now = time;
        match happening {
            Happening::Invoke { client } => world.invoke(client),
            Happening::Effect { call } => world.take_effect(call),
            Happening::Return { client, call } => world.complete(client, call),
        }
    }
    History::new(world.records).expect("a simulated history is well-formed")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Invoke { client: usize },
    Effect { call: usize },
    Return { client: usize, call: usize },
}

/// An op under way.
struct Call {
    key: usize,
    f: &'static str,
    value: Value,
    process: u64,
    returns: bool,
    /// What it came to: the value of its `ok`, and where it took effect; or a mismatch.
    outcome: Option<Option<(Value, u64)>>,
}

struct World {
    shape: Shape,
    rng: ChaCha8Rng,
    now: u64,
    agenda: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    scheduled: u64,
    calls: Vec<Call>,
    processes: Vec<u64>,
    registers: Vec<Value>,
    /// By key: all values that ops which return have put there, in order.
    past: Vec<Vec<Value>>,
    effects: u64,
    next_value: i64,
    stale_done: bool,
    records: Vec<Op>,
}

impl World {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            rng: ChaCha8Rng::seed_from_u64(shape.seed),
            now: 0,
            agenda: BinaryHeap::new(),
            scheduled: 0,
            calls: Vec::new(),
            processes: (0..shape.clients as u64).collect(),
            registers: vec![Value::Null; shape.keys],
            past: vec![vec![Value::Null]; shape.keys],
            effects: 0,
            next_value: 100,
            stale_done: !shape.stale,
            records: Vec::new(),
        }
    }

    fn delay(&mut self) -> u64 {
        self.rng.random_range(1_000..1_000_000)
    }

    fn schedule(&mut self, delay: u64, happening: Happening) {
        self.scheduled += 1;
        self.agenda
            .push(Reverse((self.now + delay, self.scheduled, happening)));
    }

    fn invoke(&mut self, client: usize) {
        if self.calls.len() == self.shape.ops {
            return;
        }
        let key = self.rng.random_range(0..self.shape.keys);
        let f = ["read", "write", "cas"][self.rng.random_range(0..3)];
        let value = match f {
            "read" => Value::Null,
            "write" => self.new_value(),
            _ => {
                let to = self.new_value();
                json!([self.expected(key), to])
            }
        };
        let returns =
            self.calls.len() < 3 || !self.rng.random_ratio(self.shape.lost_per_mille, 1000);
        let id = self.calls.len();
        let call = Call {
            key,
            f,
            value: value.clone(),
            process: self.processes[client],
            returns,
            outcome: None,
        };
        self.calls.push(call);
        self.record(id, OpKind::Invoke, value, None);
        let (before, after) = (self.delay(), self.delay());
        if returns {
            self.schedule(before, Happening::Effect { call: id });
        } else if self.rng.random_ratio(1, 2) {
            // Sometimes much later: a factor of 1 to 1000, small ones likelier.
            let factor = 10u64.pow(self.rng.random_range(0..4));
            self.schedule(before * factor, Happening::Effect { call: id });
        }
        self.schedule(before + after, Happening::Return { client, call: id });
    }

    /// A value to write.
    fn new_value(&mut self) -> Value {
        match self.shape.values {
            Some(_) if self.shape.stale && self.calls.len() < 3 => json!(EARLY),
            Some(values) => json!(self.rng.random_range(0..values)),
            None => {
                self.next_value += 1;
                json!(self.next_value)
            }
        }
    }

    /// What a cas hopes to find.
    fn expected(&mut self, key: usize) -> Value {
        match self.shape.values {
            Some(values) if self.rng.random_ratio(1, 2) => json!(self.rng.random_range(0..values)),
            _ => self.registers[key].clone(),
        }
    }

    fn take_effect(&mut self, id: usize) {
        self.effects += 1;
        let call = &mut self.calls[id];
        let register = &mut self.registers[call.key];
        let before = register.clone();
        let ok = match call.f {
            "read" => Some(register.clone()),
            "write" => {
                *register = call.value.clone();
                Some(call.value.clone())
            }
            _ if call.value[0] == *register => {
                *register = call.value[1].clone();
                Some(call.value.clone())
            }
            _ => None,
        };
        if call.returns && *register != before {
            self.past[call.key].push(register.clone());
        }
        call.outcome = Some(ok.map(|ok| (ok, self.effects)));
    }

    fn complete(&mut self, client: usize, id: usize) {
        if self.calls[id].returns {
            let outcome = self.calls[id]
                .outcome
                .take()
                .expect("it took effect before");
            match outcome {
                Some((value, effect)) => {
                    let value = self.perhaps_stale(id, value);
                    self.record(id, OpKind::Ok, value, Some(effect));
                }
                None => self.record(id, OpKind::Fail, self.calls[id].value.clone(), None),
            }
        } else {
            self.record(id, OpKind::Info, self.calls[id].value.clone(), None);
            self.processes[client] += self.shape.clients as u64;
        }
        let think = if self.shape.hot {
            1
        } else {
            self.delay() + self.delay()
        };
        self.schedule(think, Happening::Invoke { client });
    }

    fn perhaps_stale(&mut self, id: usize, value: Value) -> Value {
        let call = &self.calls[id];
        // So many changes ago that every op of then, all of which return, has returned.
        let ago = 4 * self.shape.clients + 1;
        let replaced = self.past[call.key].iter().rev().nth(ago);
        match (replaced, self.shape.values) {
            _ if self.stale_done || id <= self.shape.ops / 2 || call.f != "read" => value,
            (None, None) => value,
            (Some(replaced), None) => {
                self.stale_done = true;
                replaced.clone()
            }
            (_, Some(_)) => {
                self.stale_done = true;
                json!(EARLY)
            }
        }
    }

    fn record(&mut self, id: usize, kind: OpKind, value: Value, effect: Option<u64>) {
        let call = &self.calls[id];
        let witness = effect.filter(|_| self.shape.witness).map(|effect| Witness {
            term: Term(1),
            index: Index(effect),
        });
        self.records.push(Op {
            index: self.records.len() as u64,
            time: self.now,
            process: ProcessId(call.process),
            kind,
            f: call.f.into(),
            key: Some(format!("k{}", call.key)),
            value,
            node: None,
            error: None,
            witness,
            is_final: false,
        });
    }
}
