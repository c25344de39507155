//! What waits to be sent to one peer. Entries and snapshots are bulk: they wait behind everything else,
//! so that a heartbeat or a vote is not late because a follower is being caught up. Raft does not mind
//! the order.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use shakedown_raft::{Body, Message};
use tokio::sync::Notify;

/// How many messages of a kind wait before further ones are dropped.
const LEN_MAX: usize = 4096;

/// How many bytes of entries and snapshots wait before further ones are dropped. A single message may
/// be longer.
const BYTES_MAX: usize = 32 << 20;

/// What waits to be sent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    urgent: VecDeque<Message>,
    bulk: VecDeque<Message>,
    bulk_bytes: usize,
    closed: bool,
}

impl Queue {
    /// Adds a message, unless too much waits already; says whether it did.
    pub(super) fn push(&self, message: Message) -> bool {
        let mut state = self.state();
        if !state.push(message) {
            return false;
        }
        drop(state);
        self.changed.notify_one();
        true
    }

    /// The most urgent message, if one waits.
    pub(super) fn try_next(&self) -> Option<Message> {
        self.state().pop()
    }

    /// Waits for the most urgent message; none once the queue is closed and empty. Cancel safe.
    pub(super) async fn next(&self) -> Option<Message> {
        loop {
            if let Some(message) = self.try_next() {
                return Some(message);
            }
            if self.is_closed() {
                return None;
            }
            self.changed.notified().await;
        }
    }

    /// What was meant for a connection that broke is stale. Raft sends again.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.urgent.clear();
        state.bulk.clear();
        state.bulk_bytes = 0;
    }

    /// Nothing more will be pushed.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }
}

impl State {
    fn push(&mut self, message: Message) -> bool {
        let bytes = bulk_bytes(&message.body);
        let queue = match bytes {
            Some(_) => &mut self.bulk,
            None => &mut self.urgent,
        };
        let bytes = bytes.unwrap_or(0);
        let full = self.bulk_bytes > 0 && self.bulk_bytes + bytes > BYTES_MAX;
        if self.closed || queue.len() >= LEN_MAX || (bytes > 0 && full) {
            return false;
        }
        queue.push_back(message);
        self.bulk_bytes += bytes;
        true
    }

    fn pop(&mut self) -> Option<Message> {
        if let Some(message) = self.urgent.pop_front() {
            return Some(message);
        }
        let message = self.bulk.pop_front()?;
        self.bulk_bytes -= bulk_bytes(&message.body).unwrap_or(0);
        Some(message)
    }
}

/// How many bytes a bulk message has, roughly; none if it is urgent.
fn bulk_bytes(body: &Body) -> Option<usize> {
    /// Term, index, hash and lengths of an entry.
    const ENTRY_OVERHEAD: usize = 32;
    match body {
        Body::AppendEntries { entries, .. } if !entries.is_empty() => {
            let len = |entry: &shakedown_raft::Entry| entry.payload_len() + ENTRY_OVERHEAD;
            Some(entries.iter().map(len).sum())
        }
        Body::InstallSnapshot { chunk, .. } => Some(chunk.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use shakedown_history::{Index, LogHash, LogId, NodeId, Term};
    use shakedown_raft::{Entry, Payload};

    use super::*;

    fn append(payload_lens: &[usize], round: u64) -> Message {
        let entry = |len: &usize| {
            let payload = Payload::Command(Bytes::from(vec![0; *len]));
            Entry::new(LogHash::EMPTY, LogId::new(1, 1), payload)
        };
        Message {
            from: NodeId(1),
            to: NodeId(2),
            term: Term(1),
            disk: None,
            body: Body::AppendEntries {
                prev: LogId::default(),
                entries: payload_lens.iter().map(entry).collect(),
                leader_commit: Index(0),
                round,
            },
        }
    }

    fn round(message: &Message) -> u64 {
        match message.body {
            Body::AppendEntries { round, .. } => round,
            _ => unreachable!("nothing else is sent here"),
        }
    }

    #[test]
    fn heartbeats_overtake_entries_and_each_kind_keeps_its_order() {
        let queue = Queue::default();
        for message in [
            append(&[1], 1),
            append(&[], 2),
            append(&[1], 3),
            append(&[], 4),
        ] {
            assert!(queue.push(message));
        }
        let sent: Vec<_> = std::iter::from_fn(|| queue.try_next())
            .map(|message| round(&message))
            .collect();
        assert_eq!(sent, [2, 4, 1, 3]);
    }

    #[test]
    fn bytes_are_bounded_but_one_message_always_fits_and_heartbeats_too() {
        let queue = Queue::default();
        assert!(queue.push(append(&[BYTES_MAX + 1], 1)));
        assert!(!queue.push(append(&[1], 2)));
        assert!(queue.push(append(&[], 3)));
        assert_eq!(queue.try_next().map(|message| round(&message)), Some(3));
        assert!(queue.try_next().is_some());
        assert!(queue.push(append(&[1], 4)), "there is room again");
        queue.clear();
        assert!(queue.push(append(&[BYTES_MAX], 5)));
    }

    #[test]
    fn a_closed_queue_hands_out_what_it_has_and_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let queue = Queue::default();
        queue.push(append(&[1], 1));
        queue.close();
        assert!(!queue.push(append(&[1], 2)));
        let rest = runtime.block_on(async { (queue.next().await, queue.next().await) });
        assert!(rest.0.is_some() && rest.1.is_none());
    }
}
