//! The real agent, as a process, over its pipe.
//!
//! - `session`: an agent and the pipe to it
//! - `supervision`: start, kill, pause, and what remains when the agent ends
//! - `clocks`: clocks, with evidence from the control block and from the node

mod clocks;
mod session;
mod supervision;
