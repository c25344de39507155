//! What a plan must not say, although each of its fields can be read.

use crate::plan::{Known, Plan};

/// Something wrong with a field, not yet placed in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) field: String,
    pub(crate) wrong: String,
    pub(crate) instead: String,
    /// The other fields that it is about.
    pub(crate) also: &'static [&'static str],
}

impl Mistake {
    /// Whether it is about `field`, a field in it or one around it.
    pub(crate) fn concerns(&self, field: &str) -> bool {
        let touches = |mine: &str| mine.starts_with(field) || field.starts_with(mine);
        touches(&self.field) || self.also.iter().any(|mine| touches(mine))
    }
}

/// All mistakes.
pub(crate) fn validate(_plan: &Plan, _known: &Known<'_>) -> Vec<Mistake> {
    Vec::new()
}
