//! The real program, run as its users run it.
//!
//! - [`bad_input`]: wrong plans, wrong files, wrong places
//! - [`benchmarks`]: every figure, in small
//! - [`operating`]: members that come and go, short logs, leaders that hand over
//! - [`planted_bugs`]: the table in the documentation is the one in the code
//! - [`runs`]: whole runs of real clusters
//! - [`support`]: a folder for runs, and what a run said

#![expect(unreachable_pub, reason = "a test has no outside")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod bad_input;
mod benchmarks;
mod operating;
mod planted_bugs;
mod runs;
mod support;
