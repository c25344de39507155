//! Where one node lives, and our hands there.

mod agent_link;
mod local;

pub use agent_link::{AgentEvent, AgentLink};
pub use local::LocalHost;

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;

/// A place that can run one node: a namespace of the sandbox, or (later) a machine.
pub trait Host: Send + Sync {
    /// The address that other hosts know it by.
    fn address(&self) -> Ipv4Addr;

    /// Starts the agent there.
    fn start_agent(&self) -> Pin<Box<dyn Future<Output = anyhow::Result<AgentLink>> + Send + '_>>;
}
