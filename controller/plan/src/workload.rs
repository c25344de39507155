//! What the clients do.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration;

/// What the clients do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Which operations, and which model judges them.
    pub kind: WorkloadKind,
    /// How many clients work at once; each waits for its answer before it asks again.
    pub processes: usize,
    /// How many keys they share.
    pub keys: usize,
    /// How uneven the keys are used: key `i`, from 0, has the weight `1 / (i + 1)^skew`. At 0 all are
    /// used alike; at 1 the first of five gets 44 % of the ops.
    pub skew: f64,
    /// Ops per second over all processes; `null` for as many as the cluster can take.
    pub rate: Option<f64>,
    /// How long a client waits for an answer before the op counts as indeterminate.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub timeout: Duration,
    /// Where clients read.
    pub reads_at: ReadsAt,
    /// How often each operation is drawn.
    pub mix: Mix,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            kind: WorkloadKind::Register,
            processes: 10,
            keys: 5,
            skew: 1.0,
            rate: None,
            timeout: Duration::from_millis(500),
            reads_at: ReadsAt::Leader,
            mix: Mix::default(),
        }
    }
}

/// Which operations, and which model judges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Reads, writes and compare-and-set on registers; each register must be linearizable.
    Register,
}

/// Where clients read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadsAt {
    /// At the node that takes their writes.
    Leader,
    /// Each at its own node, whether that leads or not.
    Home,
}

/// How often each operation is drawn, as weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Weight of reads.
    pub read: u32,
    /// Weight of writes.
    pub write: u32,
    /// Weight of compare-and-set.
    pub cas: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            read: 50,
            write: 30,
            cas: 20,
        }
    }
}
