//! The load: clients that each have one request open, all in one thread.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use crate::system::{Client as _, NODES, System, key, value};

/// An operation that takes longer is an error.
const OPERATION_DEADLINE: Duration = Duration::from_secs(10);
/// After an error a client waits before it connects anew, so that it does not fail in a tight loop.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Write a value.
    Put,
    /// Read linearizably.
    Get,
}

/// A load on the leader.
#[derive(Debug)]
pub(crate) struct Load {
    /// What clients do.
    pub(crate) operation: Operation,
    /// How many clients there are.
    pub(crate) connections: usize,
    /// Operations that end earlier do not count.
    pub(crate) begin: Instant,
    /// Nothing is begun later.
    pub(crate) end: Instant,
    /// Nothing is begun after so many.
    pub(crate) operations_max: u64,
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Of the operations that ended well in time, in microseconds.
    pub(crate) latencies_us: Histogram<u64>,
    /// How many ended otherwise.
    pub(crate) errors: u64,
    /// The first of those.
    pub(crate) first_error: Option<String>,
}

impl Tally {
    fn new() -> Self {
        let max = u64::try_from(2 * OPERATION_DEADLINE.as_micros()).expect("a short deadline");
        let histogram = Histogram::new_with_bounds(1, max, 3);
        Self {
            latencies_us: histogram.expect("these bounds are in order"),
            errors: 0,
            first_error: None,
        }
    }

    fn failed(&mut self, error: &anyhow::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }
}

impl Load {
    /// Puts the load on the leader. After an error a client goes to the next node: the leader may have changed.
    pub(crate) async fn run<S: System>(&self, system: &S, leader: usize) -> Tally {
        let tally = RefCell::new(Tally::new());
        let next = Cell::new(0);
        let clients = (0..self.connections).map(|_| self.client(system, leader, &next, &tally));
        join_all(clients).await;
        tally.into_inner()
    }

    async fn client<S: System>(
        &self,
        system: &S,
        mut node: usize,
        next: &Cell<u64>,
        tally: &RefCell<Tally>,
    ) {
        let mut client = None;
        while next.get() < self.operations_max && Instant::now() < self.end {
            let n = next.replace(next.get() + 1);
            let begun = Instant::now();
            let operation = self.operate(system, node, &mut client, n);
            let done = timeout(OPERATION_DEADLINE, operation).await;
            let ended = Instant::now();
            let counts = (self.begin..self.end).contains(&ended);
            match done.context("no answer in time").flatten() {
                Ok(()) if counts => {
                    let latency = (ended - begun).as_micros();
                    let latency = u64::try_from(latency).unwrap_or(u64::MAX);
                    tally.borrow_mut().latencies_us.saturating_record(latency);
                }
                Ok(()) => {}
                Err(error) => {
                    client = None;
                    node = (node + 1) % NODES;
                    tally.borrow_mut().failed(&error);
                    sleep(ERROR_PAUSE).await;
                }
            }
        }
    }

    async fn operate<S: System>(
        &self,
        system: &S,
        node: usize,
        client: &mut Option<S::Client>,
        n: u64,
    ) -> anyhow::Result<()> {
        let client = match client {
            Some(client) => client,
            None => client.insert(system.connect(node).await?),
        };
        match self.operation {
            Operation::Put => client.put(&key(n), &value(n)).await,
            Operation::Get => client.get(&key(n)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use anyhow::bail;

    use super::*;
    use crate::system::Client;

    /// Answers at once; every third write fails.
    #[derive(Default)]
    struct Fake {
        connected: RefCell<Vec<usize>>,
    }

    struct FakeClient {
        writes: u64,
    }

    impl System for Fake {
        type Client = FakeClient;

        fn name(&self) -> String {
            "fake".to_owned()
        }

        fn command(&self, _node: usize) -> Command {
            Command::new("true")
        }

        async fn leads(&self, _node: usize) -> anyhow::Result<bool> {
            Ok(true)
        }

        async fn fsyncs(&self, _node: usize) -> anyhow::Result<u64> {
            Ok(0)
        }

        async fn connect(&self, node: usize) -> anyhow::Result<FakeClient> {
            self.connected.borrow_mut().push(node);
            Ok(FakeClient { writes: 0 })
        }
    }

    impl Client for FakeClient {
        async fn put(&mut self, _key: &str, _value: &str) -> anyhow::Result<()> {
            self.writes += 1;
            if self.writes == 3 {
                bail!("disk full");
            }
            Ok(())
        }

        async fn get(&mut self, _key: &str) -> anyhow::Result<()> {
            sleep(Duration::from_millis(20)).await;
            Ok(())
        }
    }

    fn load(operation: Operation, operations_max: u64) -> Load {
        Load {
            operation,
            connections: 2,
            begin: Instant::now() + Duration::from_millis(100),
            end: Instant::now() + Duration::from_millis(1100),
            operations_max,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_counted_and_leads_to_another_node() {
        let fake = Fake::default();
        let mut load = load(Operation::Put, 12);
        load.begin = Instant::now();
        let tally = load.run(&fake, 1).await;
        assert_eq!((tally.latencies_us.len(), tally.errors), (8, 4));
        assert_eq!(tally.first_error.unwrap(), "disk full");
        assert_eq!(fake.connected.take(), [1, 1, 2, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_ends_in_the_window_counts() {
        let tally = load(Operation::Get, u64::MAX)
            .run(&Fake::default(), 0)
            .await;
        // Two clients, 20 ms an operation, 1 s: but for the edges a hundred.
        let counted = tally.latencies_us.len();
        assert!((96..=102).contains(&counted), "{counted}");
        let p50 = tally.latencies_us.value_at_quantile(0.5);
        assert!((20_000..22_000).contains(&p50), "{p50}");
    }
}
