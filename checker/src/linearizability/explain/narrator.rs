//! Ops in words.

use serde_json::Value;
use shakedown_history::{History, Op, OpKind};

/// Puts the ops of one key into words.
pub(super) struct Narrator<'a> {
    pub(super) history: &'a History,
    pub(super) key: Option<&'a str>,
}

impl<'a> Narrator<'a> {
    /// The record with this index.
    pub(super) fn record(&self, index: u64) -> &'a Op {
        &self.history.ops()[position(index)]
    }

    /// The completion of the op invoked at this index.
    pub(super) fn completion(&self, invoked: u64) -> Option<&'a Op> {
        self.history.completion(position(invoked))
    }

    /// The object: `x`, or `the object` where there are no keys.
    pub(super) fn object(&self) -> &'a str {
        self.key.unwrap_or("the object")
    }

    /// `read of x returned 3 (#120, process 4, 5.320 s)`
    pub(super) fn told(&self, invoked: u64) -> String {
        let invocation = self.record(invoked);
        let Some(completion) = self.completion(invoked) else {
            return self.phrase(invoked);
        };
        let who = format!(
            "(#{invoked}, process {}, {})",
            invocation.process,
            seconds(completion.time)
        );
        let object = self.object();
        match (invocation.f.as_str(), &completion.value) {
            ("cas", Value::Array(values)) if values.len() == 2 => {
                format!(
                    "cas of {object} from {} to {} succeeded {who}",
                    values[0], values[1]
                )
            }
            ("write", value) => format!("write of {value} to {object} returned {who}"),
            (f, value) => format!("{f} of {object} returned {value} {who}"),
        }
    }

    /// `write of 7 (#98)`
    pub(super) fn phrase(&self, invoked: u64) -> String {
        let invocation = self.record(invoked);
        let completion = self.completion(invoked).filter(|c| c.kind == OpKind::Ok);
        let value = &completion.unwrap_or(invocation).value;
        match (invocation.f.as_str(), value) {
            ("cas", Value::Array(values)) if values.len() == 2 => {
                format!("cas from {} to {} (#{invoked})", values[0], values[1])
            }
            (f, Value::Null) if completion.is_none() => format!("{f} (#{invoked})"),
            (f, value) => format!("{f} of {value} (#{invoked})"),
        }
    }

    /// `write of 7 (#98, process 2) was invoked at 5.000 s and returned at 5.100 s.`
    pub(super) fn sentence(&self, invoked: u64) -> String {
        let invocation = self.record(invoked);
        let end = match self.completion(invoked) {
            Some(ok) if ok.kind == OpKind::Ok => format!("returned at {}", seconds(ok.time)),
            _ => "never returned: it may have taken effect at any time after, or never".to_owned(),
        };
        let phrase = self.phrase(invoked);
        let subject = phrase.strip_suffix(')').unwrap_or(&phrase);
        format!(
            "{subject}, process {}) was invoked at {} and {end}.",
            invocation.process,
            seconds(invocation.time)
        )
    }
}

/// `5.320 s`
pub(super) fn seconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// `#1`, `#1 and #2`, `#1, #2 and 3 more`
pub(super) fn numbers(invoked: &[u64]) -> String {
    const MOST: usize = 4;
    let named: Vec<String> = invoked
        .iter()
        .take(MOST)
        .map(|index| format!("#{index}"))
        .collect();
    match (invoked.len().saturating_sub(MOST), named.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, first))) => format!("{} and {last}", first.join(", ")),
        (more, _) => format!("{} and {more} more", named.join(", ")),
    }
}

fn position(index: u64) -> usize {
    usize::try_from(index).expect("a history in memory has fewer ops than that")
}
