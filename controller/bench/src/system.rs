//! What every measured system must tell: how its nodes start, who leads, and how clients ask.

use std::process::Command;

/// How many nodes a cluster has.
pub(crate) const NODES: usize = 3;
/// How long a value is, in bytes.
pub(crate) const VALUE_BYTES: usize = 64;
/// How many keys there are.
pub(crate) const KEYS: u64 = 10_000;

/// A system of [`NODES`] nodes, numbered from zero.
pub(crate) trait System {
    /// How a client asks it.
    type Client: Client;

    /// What it is called in results.
    fn name(&self) -> String;

    /// The command that starts a node, for the first time or again.
    fn command(&self, node: usize) -> Command;

    /// Whether the node takes itself for the leader.
    async fn leads(&self, node: usize) -> anyhow::Result<bool>;

    /// How often the node's log was synced to disk since its start.
    async fn fsyncs(&self, node: usize) -> anyhow::Result<u64>;

    /// A client of that node on a connection of its own.
    async fn connect(&self, node: usize) -> anyhow::Result<Self::Client>;
}

/// A client with one request open at a time. After an error it is of no more use.
pub(crate) trait Client {
    /// Writes; returns when the write is committed.
    async fn put(&mut self, key: &str, value: &str) -> anyhow::Result<()>;

    /// Reads linearizably. That there is no value is an error.
    async fn get(&mut self, key: &str) -> anyhow::Result<()>;
}

/// The name of key number `n`.
pub(crate) fn key(n: u64) -> String {
    // Any factor without a divisor of KEYS visits every key, and not in their order.
    format!("k{:05}", n.wrapping_mul(7919) % KEYS)
}

/// A value unlike all others, [`VALUE_BYTES`] long.
pub(crate) fn value(n: u64) -> String {
    format!("{n:0>VALUE_BYTES$}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_keys_are_visited_and_values_have_their_length() {
        let keys: BTreeSet<_> = (0..KEYS).map(key).collect();
        assert_eq!(keys.len() as u64, KEYS);
        assert_eq!(value(u64::MAX).len(), VALUE_BYTES);
    }
}
