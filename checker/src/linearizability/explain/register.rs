//! Failures of registers that have a name.

use serde_json::Value;
use shakedown_history::{Op, OpKind};

use crate::linearizability::explain::narrator::{numbers, seconds};
use crate::linearizability::explain::{Case, Finding};
use crate::linearizability::key_history::ClientOp;
use crate::model::{Model, RegisterCall};

/// Names the failure, if the model is a register. The claims are checked against all ops of the
/// key, not only those of the smallest failing part.
pub(super) fn recognise<M: Model>(case: &Case<'_, M>, memory_bytes: usize) -> Option<Finding> {
    let seen = case.register_call(case.stuck())?.observed()?;
    let register = Register { case, seen };
    register
        .phantom()
        .or_else(|| register.stale())
        .or_else(|| register.lost_update())
        .or_else(|| Some(register.no_order(memory_bytes)))
}

struct Register<'a, M: Model> {
    case: &'a Case<'a, M>,
    /// What the stuck op saw.
    seen: &'a Value,
}

impl<'a, M: Model> Case<'a, M> {
    fn register_call(&self, op: &'a ClientOp<M::Call>) -> Option<&'a RegisterCall> {
        self.model.as_register(&op.call)
    }

    fn observed(&self, op: &'a ClientOp<M::Call>) -> Option<&'a Value> {
        self.register_call(op).and_then(RegisterCall::observed)
    }

    fn written(&self, op: &'a ClientOp<M::Call>) -> Option<&'a Value> {
        self.register_call(op).and_then(RegisterCall::written)
    }
}

impl<'a, M: Model> Register<'a, M> {
    fn ops(&self) -> impl Iterator<Item = &'a ClientOp<M::Call>> + use<'a, M> {
        self.case.ops.iter()
    }

    /// The ops that `later` can have a `value` from, as far as time goes.
    fn sources(&self, value: &Value, later: &ClientOp<M::Call>) -> Vec<&'a ClientOp<M::Call>> {
        self.ops()
            .filter(|op| op.invoked != later.invoked && self.case.written(op) == Some(value))
            .filter(|op| Some(op.invoked) < later.returned)
            .collect()
    }

    /// A value that nobody had asked to write.
    fn phantom(&self) -> Option<Finding> {
        let (stuck, narrator) = (self.case.stuck(), &self.case.narrator);
        if self.seen.is_null() || !self.sources(self.seen, stuck).is_empty() {
            return None;
        }
        let (told, seen) = (narrator.told(stuck.invoked), self.seen);
        let later: Vec<u64> = self
            .ops()
            .filter(|op| op.invoked != stuck.invoked && self.case.written(op) == Some(seen))
            .map(|op| op.invoked)
            .collect();
        let refused = self.refused_writes();
        let (why, detail) = if !refused.is_empty() {
            let by = numbers(&refused);
            let why = format!("although the only request for it ({by}) was refused");
            (
                why,
                format!("{by} asked for {seen}, and was told that it certainly did not happen."),
            )
        } else if let Some(first) = later.first() {
            let invocation = narrator.record(*first);
            let when = seconds(invocation.time);
            let why = format!("although nobody had asked for {seen} yet");
            let phrase = narrator.phrase(*first);
            (
                why,
                format!("The first to ask for {seen} is {phrase}, invoked at {when}, after that."),
            )
        } else {
            let why = "although nobody ever wrote it".to_owned();
            (
                why,
                format!(
                    "No op of {} in the whole history leaves {seen}.",
                    narrator.object()
                ),
            )
        };
        Some(Finding {
            kind: "phantom-value",
            summary: format!("{told} {why}: a phantom value"),
            argument: vec![narrator.sentence(stuck.invoked), detail],
        })
    }

    /// Invocations of the key's ops that would have left the seen value but were refused.
    fn refused_writes(&self) -> Vec<u64> {
        let narrator = &self.case.narrator;
        let refused = |(invocation, completion): (&Op, Option<&Op>)| {
            let failed = completion.is_some_and(|c| c.kind == OpKind::Fail);
            let same_key = invocation.key.as_deref() == narrator.key;
            let call = (failed && same_key).then(|| self.case.model.call(invocation, None).ok());
            let call = call.flatten().flatten()?;
            let written = self.case.model.as_register(&call)?.written()?;
            (written == self.seen).then_some(invocation.index)
        };
        narrator.history.pairs().filter_map(refused).collect()
    }

    /// An old value, after a newer one had certainly taken its place.
    fn stale(&self) -> Option<Finding> {
        let stuck = self.case.stuck();
        let sources = self.sources(self.seen, stuck);
        let newer = self.newest_since(&sources)?;
        let (narrator, seen) = (&self.case.narrator, self.seen);
        let value = self.case.written(newer).or(self.case.observed(newer))?;
        let observers: Vec<_> = self.ops().filter(|op| op.returned.is_some()).collect();
        let nobody_saw = !observers
            .iter()
            .any(|op| self.case.observed(op) == Some(value));
        let later_looks: Vec<_> = observers
            .into_iter()
            .filter(|op| newer.precedes(op) && self.case.observed(op).is_some())
            .collect();
        let last_saw_old = later_looks
            .last()
            .is_some_and(|op| self.case.observed(op) == Some(seen));
        let is_final = narrator.record(stuck.invoked).is_final;
        let is_read = self.case.written(stuck).is_none();
        let is_lost = nobody_saw && last_saw_old && (later_looks.len() > 1 || is_final);
        let (kind, name) = match (is_lost, is_read) {
            (true, _) => ("lost-write", "a lost write"),
            (false, true) => ("stale-read", "a stale read"),
            (false, false) => ("stale-cas", "a cas on a stale value"),
        };
        let again = if sources.is_empty() && seen.is_null() {
            "nothing wrote null".to_owned()
        } else {
            format!("nothing wrote {seen} again")
        };
        let summary = format!(
            "{} although {} had already returned and {again}: {name}",
            narrator.told(stuck.invoked),
            narrator.phrase(newer.invoked),
        );
        let argument = self.stale_argument(&sources, newer, value, is_lost);
        Some(Finding {
            kind,
            summary,
            argument,
        })
    }

    fn stale_argument(
        &self,
        sources: &[&ClientOp<M::Call>],
        newer: &ClientOp<M::Call>,
        value: &Value,
        is_lost: bool,
    ) -> Vec<String> {
        let (stuck, narrator, seen) = (self.case.stuck(), &self.case.narrator, self.seen);
        let mut argument = Vec::new();
        match sources {
            [] => argument.push(format!("{} starts with null.", narrator.object())),
            [source] => argument.push(narrator.sentence(source.invoked)),
            several => {
                let all: Vec<u64> = several.iter().map(|op| op.invoked).collect();
                argument.push(format!("The ops that set {seen} are {}.", numbers(&all)));
            }
        }
        argument.push(narrator.sentence(newer.invoked));
        if !sources.is_empty() {
            let newer = newer.invoked;
            argument.push(format!(
                "That is after everything that set {seen}: #{newer} comes later in any order."
            ));
        }
        argument.push(narrator.sentence(stuck.invoked));
        argument.push(format!(
            "That is after #{} returned, so it had to see {value} or something newer; it saw {seen}.",
            newer.invoked
        ));
        if is_lost {
            argument.push(format!("No op in the whole history ever saw {value}."));
        }
        argument
    }

    /// The latest op, before the stuck one in real time, at which the register certainly had another value
    /// than the seen one, all of whose sources came before.
    fn newest_since(&self, sources: &[&ClientOp<M::Call>]) -> Option<&'a ClientOp<M::Call>> {
        let (case, stuck) = (self.case, self.case.stuck());
        let newer = |op: &&'a ClientOp<M::Call>| {
            let value = case.written(op).or(case.observed(op));
            op.precedes(stuck)
                && value.is_some_and(|value| value != self.seen)
                && self.comes_after_all(op, sources)
        };
        // One of the smallest failing part is the one that the reader sees.
        let in_part = case.kept().filter(newer).max_by_key(|op| op.returned);
        in_part.or_else(|| self.ops().filter(newer).max_by_key(|op| op.returned))
    }

    /// Whether all `sources` come before `op` in any order: because they returned before it began, or, if
    /// it only observes, before anything began from which it can have its value.
    fn comes_after_all(&self, op: &ClientOp<M::Call>, sources: &[&ClientOp<M::Call>]) -> bool {
        let precede = |op: &ClientOp<M::Call>| sources.iter().all(|source| source.precedes(op));
        if precede(op) {
            return true;
        }
        let Some(RegisterCall::Read(value)) = self.case.model.as_register(&op.call) else {
            return false;
        };
        let origins = self.sources(value, op);
        !value.is_null() && !origins.is_empty() && origins.into_iter().all(precede)
    }

    /// Two cas that both replaced the only instance of a value.
    fn lost_update(&self) -> Option<Finding> {
        let (case, stuck) = (self.case, self.case.stuck());
        let narrator = &case.narrator;
        case.written(stuck)?;
        let other = case.kept().find(|op| {
            op.invoked != stuck.invoked
                && op.returned.is_some()
                && case.written(op).is_some_and(|written| written != self.seen)
                && case.observed(op) == Some(self.seen)
        })?;
        let sources = self.sources(self.seen, stuck);
        let origin = match (sources.as_slice(), self.seen) {
            ([], Value::Null) => format!("{} starts with null.", narrator.object()),
            ([source], seen) if !seen.is_null() => narrator.sentence(source.invoked),
            _ => return None,
        };
        let (mine, its) = (
            narrator.phrase(stuck.invoked),
            narrator.phrase(other.invoked),
        );
        Some(Finding {
            kind: "lost-update",
            summary: format!(
                "{} although {its} also succeeded and {} was {} only once: a lost update",
                narrator.told(stuck.invoked),
                narrator.object(),
                self.seen,
            ),
            argument: vec![
                origin,
                narrator.sentence(other.invoked),
                narrator.sentence(stuck.invoked),
                format!(
                    "Whichever of {mine} and {its} comes first replaces {}, and nothing puts it \
                     back: the second cannot have found it.",
                    self.seen
                ),
            ],
        })
    }

    /// What the stuck op could have seen instead.
    fn no_order(&self, memory_bytes: usize) -> Finding {
        let case = self.case;
        let mut finding = case.no_order();
        let mut values: Vec<&Value> = vec![&Value::Null];
        for value in case.kept().filter_map(|op| case.written(op)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values.retain(|value| self.could_be(value, memory_bytes));
        let possible: Vec<String> = values.iter().map(ToString::to_string).collect();
        if !possible.is_empty() {
            let (object, at) = (case.narrator.object(), case.stuck().invoked);
            finding.argument.push(format!(
                "When #{at} took effect {object} can only have been {}; #{at} saw {}.",
                possible.join(" or "),
                self.seen
            ));
        }
        finding
    }

    /// Whether a read of `value` in place of the stuck op would have been right.
    fn could_be(&self, value: &Value, memory_bytes: usize) -> bool {
        let (case, stuck) = (self.case, self.case.stuck());
        let narrator = &case.narrator;
        let Some(ok) = narrator.completion(stuck.invoked) else {
            return false;
        };
        let read = |kind| Op {
            f: "read".into(),
            value: value.clone(),
            kind,
            ..ok.clone()
        };
        let call = case
            .model
            .call(&read(OpKind::Invoke), Some(&read(OpKind::Ok)));
        call.ok()
            .flatten()
            .is_some_and(|call| case.would_fit(call, memory_bytes))
    }
}
