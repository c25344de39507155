//! Tests of one core by itself: single messages, and arithmetic that scripts would be clumsy for.

#[path = "one_core/core.rs"]
mod core;
#[path = "one_core/election_timeouts.rs"]
mod election_timeouts;
#[path = "one_core/joint_quorum.rs"]
mod joint_quorum;
#[path = "one_core/log.rs"]
mod log;
#[path = "one_core/votes.rs"]
mod votes;
