//! The argument that a key's ops have no order, in sentences about ops by number and time.

mod narrator;
mod register;

use shakedown_history::{History, Op};

use crate::linearizability::budget::{Budget, Limits, Meter};
use crate::linearizability::engine::{self, Decision};
use crate::linearizability::key_history::{ClientOp, KeyHistory};
use crate::linearizability::minimize::{self, Failure};
use crate::linearizability::timeline::OpId;
use crate::model::Model;
use crate::verdict::Anomaly;

use narrator::Narrator;

/// What is known of one key's failure when the argument is made.
struct Case<'a, M: Model> {
    model: &'a M,
    /// All ops of the key.
    ops: &'a [ClientOp<M::Call>],
    failure: Failure,
    narrator: Narrator<'a>,
}

/// Argues that `key`, in which `stuck` cannot be linearized, is not linearizable.
pub(crate) fn explain<M: Model>(
    history: &History,
    model: &M,
    key: &KeyHistory<M::Call>,
    stuck: OpId,
    memory_bytes: usize,
) -> Anomaly {
    let failure = minimize::minimize(model, &key.ops, stuck, memory_bytes);
    let narrator = Narrator {
        history,
        key: key.key.as_deref(),
    };
    let case = Case {
        model,
        ops: &key.ops,
        failure,
        narrator,
    };
    let finding = register::recognise(&case, memory_bytes).unwrap_or_else(|| case.no_order());
    Anomaly {
        kind: finding.kind.to_owned(),
        summary: finding.summary,
        argument: finding.argument,
        key: key.key.clone(),
        ops: case.records(),
        trace: Vec::new(),
    }
}

/// What sort of failure it is, and why it is one.
struct Finding {
    kind: &'static str,
    summary: String,
    argument: Vec<String>,
}

impl<'a, M: Model> Case<'a, M> {
    /// The stuck op.
    fn stuck(&self) -> &'a ClientOp<M::Call> {
        &self.ops[self.failure.stuck]
    }

    /// The ops of the smallest failing part.
    fn kept(&self) -> impl Iterator<Item = &'a ClientOp<M::Call>> {
        self.failure.kept.iter().map(|at| &self.ops[*at])
    }

    /// Their records, as they stand in the history.
    fn records(&self) -> Vec<Op> {
        let mut indexes: Vec<u64> = Vec::new();
        for op in self.kept() {
            let invoked = self.narrator.record(op.invoked);
            indexes.push(invoked.index);
            indexes.extend(self.narrator.completion(op.invoked).map(|c| c.index));
        }
        indexes.sort_unstable();
        indexes
            .into_iter()
            .map(|index| self.narrator.record(index).clone())
            .collect()
    }

    /// Nothing more is known than that no order fits.
    fn no_order(&self) -> Finding {
        let stuck = self.stuck();
        let others = self.failure.kept.len() - 1;
        let summary = match others {
            0 => format!(
                "{}, which is never right",
                self.narrator.told(stuck.invoked)
            ),
            _ => format!(
                "{}, which no order of it and {others} other {} allows",
                self.narrator.told(stuck.invoked),
                if others == 1 { "op" } else { "ops" },
            ),
        };
        Finding {
            kind: "non-linearizable",
            summary,
            argument: self.every_op(),
        }
    }

    /// One sentence for each kept op.
    fn every_op(&self) -> Vec<String> {
        /// More than a person reads.
        const MOST: usize = 20;
        let mut lines: Vec<String> = self
            .kept()
            .take(MOST)
            .map(|op| self.narrator.sentence(op.invoked))
            .collect();
        if self.failure.kept.len() > MOST {
            lines.push(format!(
                "So do {} more ops.",
                self.failure.kept.len() - MOST
            ));
        }
        lines.push(format!(
            "Every order that keeps an op which returned before another's invocation in front of it \
             is wrong for some op, at the latest when #{} returns.",
            self.stuck().invoked
        ));
        lines
    }

    /// Whether the kept ops would have an order if the stuck one had been `call`.
    fn would_fit(&self, call: M::Call, memory_bytes: usize) -> bool {
        const EFFORT: u64 = 100_000;
        let mut part: Vec<ClientOp<M::Call>> = self.kept().cloned().collect();
        let at = self
            .failure
            .kept
            .partition_point(|at| *at < self.failure.stuck);
        part[at].call = call;
        let end = part[at].returned;
        part.retain(|op| Some(op.invoked) < end);
        let budget = Budget {
            time: std::time::Duration::MAX,
            memory_bytes,
        };
        let mut meter = Meter::new(Limits::new(budget, 1), EFFORT);
        engine::decide(self.model, &part, &mut meter) == Decision::Linearizable
    }
}
