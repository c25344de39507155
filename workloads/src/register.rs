//! Registers: reads, writes and compare-and-set on a few keys, judged by linearizability.

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use shakedown_checker::CheckReport;
use shakedown_checker::Register as RegisterModel;
use shakedown_checker::{Budget, check_linearizability};
use shakedown_history::History;

use crate::client::Answer;
use crate::workload::{Request, Workload};

/// How often each operation is drawn, as weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Reads.
    pub read: u32,
    /// Writes.
    pub write: u32,
    /// Compare-and-set.
    pub cas: u32,
}

/// The register workload. Every value written is unique in the run, so that a value read names its
/// write.
pub struct Register {
    threads: Vec<Thread>,
    keys: WeightedIndex<f64>,
    key_count: usize,
    mix: WeightedIndex<u32>,
    probes: u64,
}

/// What one thread draws from and knows.
struct Thread {
    random: ChaCha8Rng,
    written: u64,
    /// The value it last saw in each key; what its next cas expects.
    seen: Vec<Value>,
}

const OPERATIONS: [&str; 3] = ["read", "write", "cas"];

impl Register {
    /// A workload of `threads` threads on `key_count` keys; key `i` is drawn with weight
    /// `1 / (i + 1)^skew`, so that with a positive skew the first are hot.
    ///
    /// # Panics
    /// If there are no threads or keys, or all weights of the mix are zero: a validated plan has none
    /// of these.
    #[must_use]
    pub fn new(seed: u64, threads: usize, key_count: usize, skew: f64, mix: Mix) -> Self {
        assert!(threads > 0, "a workload needs a thread");
        let weights = (0..key_count).map(|i| ((i + 1) as f64).powf(-skew));
        Self {
            threads: (0..threads)
                .map(|thread| Thread::new(seed, thread, key_count))
                .collect(),
            keys: WeightedIndex::new(weights).expect("a workload has keys of finite weight"),
            key_count,
            mix: WeightedIndex::new([mix.read, mix.write, mix.cas])
                .expect("some operation has a weight"),
            probes: 0,
        }
    }

    /// A value that nobody else writes: threads count apart.
    fn fresh_value(&mut self, thread: usize) -> u64 {
        let threads = self.threads.len() as u64;
        let state = &mut self.threads[thread];
        state.written += 1;
        state.written * threads + thread as u64
    }
}

impl Thread {
    fn new(seed: u64, thread: usize, key_count: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // One stream a thread: what a thread asks does not depend on how fast the others are.
        random.set_stream(thread as u64 + 1);
        Self {
            random,
            written: 0,
            seen: vec![Value::Null; key_count],
        }
    }
}

fn key_name(key: usize) -> String {
    format!("k{key}")
}

fn key_number(name: &str) -> Option<usize> {
    name.strip_prefix('k')?.parse().ok()
}

impl Workload for Register {
    fn next(&mut self, thread: usize) -> Request {
        let state = &mut self.threads[thread];
        let key = self.keys.sample(&mut state.random);
        let f = OPERATIONS[self.mix.sample(&mut state.random)];
        let value = match f {
            "write" => json!(self.fresh_value(thread)),
            "cas" => {
                let new = self.fresh_value(thread);
                json!([self.threads[thread].seen[key], new])
            }
            _ => Value::Null,
        };
        Request {
            f,
            key: Some(key_name(key)),
            value,
        }
    }

    fn learn(&mut self, thread: usize, request: &Request, answer: &Answer) {
        let key = request
            .key
            .as_deref()
            .and_then(key_number)
            .filter(|key| *key < self.key_count);
        let Some(key) = key else { return };
        self.threads[thread].seen[key] = match request.f {
            "cas" => answer.value[1].clone(),
            _ => answer.value.clone(),
        };
    }

    fn final_reads(&self) -> Vec<Request> {
        let read = |key| Request {
            f: "read",
            key: Some(key_name(key)),
            value: Value::Null,
        };
        (0..self.key_count).map(read).collect()
    }

    fn liveness_probe(&mut self) -> Request {
        let thread = self.probes as usize % self.threads.len();
        self.probes += 1;
        let key = self.threads[thread].random.random_range(0..self.key_count);
        Request {
            f: "write",
            key: Some(key_name(key)),
            value: json!(self.fresh_value(thread)),
        }
    }

    fn check(&self, history: &History, budget: Budget) -> Vec<CheckReport> {
        vec![check_linearizability(history, &RegisterModel, budget)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const MIX: Mix = Mix {
        read: 1,
        write: 1,
        cas: 1,
    };

    fn drawn(seed: u64) -> Vec<Request> {
        let mut register = Register::new(seed, 3, 4, 0.0, MIX);
        (0..300).map(|i| register.next(i % 3)).collect()
    }

    #[test]
    fn the_seed_decides_everything() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn a_thread_draws_the_same_whatever_the_others_do() {
        let mut alone = Register::new(1, 2, 4, 0.0, MIX);
        let mut crowded = Register::new(1, 2, 4, 0.0, MIX);
        for _ in 0..50 {
            crowded.next(1);
            assert_eq!(alone.next(0), crowded.next(0));
        }
    }

    #[test]
    fn values_written_are_unique() {
        let mut values = HashSet::new();
        for request in drawn(1) {
            let written = match request.f {
                "write" => request.value.clone(),
                "cas" => request.value[1].clone(),
                _ => continue,
            };
            assert!(values.insert(written.as_u64().unwrap()), "{written} twice");
        }
        assert!(values.len() > 100);
    }

    #[test]
    fn a_cas_expects_what_its_thread_saw() {
        let mut register = Register::new(
            1,
            1,
            1,
            0.0,
            Mix {
                read: 0,
                write: 0,
                cas: 1,
            },
        );
        let read = register.final_reads().remove(0);
        let answer = Answer {
            value: json!(77),
            witness: None,
            node: shakedown_history::NodeId(1),
        };
        register.learn(0, &read, &answer);
        let cas = register.next(0);
        assert_eq!(cas.value[0], json!(77));
        let swapped = Answer {
            value: cas.value.clone(),
            ..answer
        };
        register.learn(0, &cas, &swapped);
        assert_eq!(register.next(0).value[0], cas.value[1]);
    }

    #[test]
    fn a_skew_makes_the_first_keys_hot() {
        let mut register = Register::new(1, 1, 10, 1.5, MIX);
        let hot = (0..1000)
            .filter(|_| register.next(0).key.as_deref() == Some("k0"))
            .count();
        assert!(hot > 300, "{hot} of 1000");
    }
}
