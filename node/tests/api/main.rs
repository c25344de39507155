//! The HTTP API in front of a driver that answers as each test wants.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;
mod hostile;
mod limits;
mod observing;
mod operating;
mod sessions;
mod transactions;
