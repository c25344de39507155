//! What a transaction looks like on the wire.

use serde::{Deserialize, Serialize};
use shakedown_history::event::ClientSeq;
use shakedown_history::{LogId, Witness};

use super::error::ApiError;
use crate::kv::{Command, MicroOp, OpResult};

/// The body of `POST /v1/txn`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TxnBody {
    client: Option<u64>,
    seq: Option<u64>,
    ops: Vec<MicroOp>,
}

/// A transaction that makes sense.
#[derive(Debug)]
pub(super) enum Transaction {
    /// Only reads: these keys.
    Reads(Vec<String>),
    /// Goes through the log.
    Writes(Command),
}

impl Transaction {
    /// Reads a body.
    ///
    /// # Errors
    /// A definite refusal, if it is not a transaction.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let TxnBody { client, seq, ops } =
            serde_json::from_slice(body).map_err(|e| ApiError::BadRequest(e.to_string()))?;
        if ops.is_empty() {
            return Err(ApiError::BadRequest("ops is empty".to_owned()));
        }
        if let Some(keys) = ops
            .iter()
            .map(|op| op.key_read().map(str::to_owned))
            .collect()
        {
            return Ok(Self::Reads(keys));
        }
        match (client, seq) {
            (Some(client), Some(seq)) => {
                let client = ClientSeq { client, seq };
                Ok(Self::Writes(Command { client, ops }))
            }
            _ => Err(ApiError::BadRequest(
                "a transaction that writes needs client and seq".to_owned(),
            )),
        }
    }
}

/// The body of a success.
#[derive(Debug, Serialize)]
pub(super) struct TxnReply {
    /// One for each micro-op.
    pub(super) results: Vec<OpResult>,
    /// Where it took effect.
    pub(super) witness: Witness,
}

/// The place in the log as clients see it.
pub(super) fn witness(at: LogId) -> Witness {
    Witness {
        term: at.term,
        index: at.index,
    }
}
