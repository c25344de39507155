//! The namespaces in which a local run lives; nothing outlives them.
//!
//! ```text
//! shakedown run             the outer process: waits, hands on signals, learns how it ended
//! └─ pid 1                  reaper; the kernel kills it when the outer process dies
//!    └─ pid 2               the controller: `enter` returned `Side::Inside` here
//!       └─ agents, nodes    each node with a network namespace of its own
//! ```
//!
//! When pid 1 of a pid namespace dies, the kernel kills every process in it, whatever that
//! process did to escape (double fork, `setsid`, ignored signals). With the last process go the
//! mounts, the network namespaces and the links in them. No cleanup code needs to run, so a
//! SIGKILL of the outer process leaves as little behind as a clean end. (All that is left is
//! the exit status of pid 1, for the machine's own init to collect, as of any orphan. In a
//! container whose init collects none, it stays in the process list as a zombie.)
//!
//! - [`enter`](enter()): into the sandbox, first thing in `main`
//! - [`NetNamespace`]: the network of one node
//! - [`die_with_parent`]: for a child that must not outlive the thread that started it
//! - [`probe`](probe()): what this machine permits, and what to do where it doesn't
//! - `testing` (a feature): runs test cases inside sandboxes

mod enter;
mod exit;
mod loopback;
mod net_namespace;
mod probe;
mod process;
mod remedy;
mod report;
mod setup;
#[cfg(feature = "testing")]
pub mod testing;

pub use enter::{EnterError, Sandbox, Side, enter};
pub use exit::Exit;
pub use net_namespace::NetNamespace;
pub use probe::{Capability, Missing, probe};
pub use process::die_with_parent;
pub use setup::Step;
