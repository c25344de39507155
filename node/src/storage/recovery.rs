//! Reading a log back after a crash.

use std::path::Path;

use shakedown_history::{LogHash, LogId};
use shakedown_raft::{Entry, Recovered};

use super::StorageError;
use super::frame::{self, Decoded};
use super::log::{FILE_HEADER, Record};

/// What a log held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Term, vote and entries.
    pub recovered: Recovered,
    /// Where the last whole frame ends, in bytes.
    pub end: u64,
    /// How many bytes stand after it, left by a write that was cut off.
    pub torn_bytes: u64,
}

/// Replays the log that consists of `bytes`; `path` is for messages.
///
/// # Errors
/// If anything in it is damaged other than by a last write that was cut off.
pub fn recover(path: &Path, bytes: &[u8]) -> Result<Recovery, StorageError> {
    if !bytes.starts_with(FILE_HEADER) {
        return Err(StorageError::corrupt(path, 0, "not a log of this version"));
    }
    let mut recovered = Recovered::default();
    let mut offset = FILE_HEADER.len();
    loop {
        let corrupt = |why: String| StorageError::corrupt(path, offset as u64, why);
        match frame::decode(bytes, offset) {
            Decoded::Frame { payload, end } => {
                replay_frame(&mut recovered, payload).map_err(corrupt)?;
                offset = end;
            }
            Decoded::Corrupt(why) => return Err(corrupt(why.to_owned())),
            Decoded::End | Decoded::Torn => break,
        }
    }
    Ok(Recovery {
        recovered,
        end: offset as u64,
        torn_bytes: (bytes.len() - offset) as u64,
    })
}

fn replay_frame(recovered: &mut Recovered, payload: &[u8]) -> Result<(), String> {
    let records: Vec<Record<'_>> =
        postcard::from_bytes(payload).map_err(|e| format!("not a list of changes: {e}"))?;
    records
        .into_iter()
        .try_for_each(|record| replay(recovered, record))
}

fn replay(recovered: &mut Recovered, record: Record<'_>) -> Result<(), String> {
    match record {
        Record::HardState(hard_state) => recovered.hard_state = hard_state,
        Record::Truncate(from) => {
            let last = last(recovered);
            if from.0 == 0 || from > last.index {
                return Err(format!(
                    "truncation from {from} of a log that ends at {last}"
                ));
            }
            let kept = usize::try_from(from.0 - 1).expect("it is less than the log's length");
            recovered.log.truncate(kept);
        }
        Record::Append(entries) => {
            return entries
                .into_owned()
                .into_iter()
                .try_for_each(|entry| push(recovered, entry));
        }
    }
    Ok(())
}

fn push(recovered: &mut Recovered, entry: Entry) -> Result<(), String> {
    let last = last(recovered);
    let hash = recovered.log.last().map_or(LogHash::EMPTY, |e| e.hash);
    if entry.id.index != last.index.next() || entry.id.term < last.term || !entry.continues(hash) {
        return Err(format!(
            "entry {} does not continue the log up to {last}",
            entry.id
        ));
    }
    recovered.log.push(entry);
    Ok(())
}

fn last(recovered: &Recovered) -> LogId {
    recovered
        .log
        .last()
        .map(|entry| entry.id)
        .unwrap_or_default()
}
