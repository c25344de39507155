//! What a plan may say and yet hardly means.

use crate::plan::Plan;
use crate::validate::Mistake;

/// All lints.
pub(crate) fn lint(_plan: &Plan) -> Vec<Mistake> {
    Vec::new()
}
