//! The plan's form as a JSON schema, for editors.

use serde_json::Value;

use crate::plan::Plan;

/// The JSON schema of a plan file. `docs/plan.schema.json` is a copy of it.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Plan).to_value()
}
