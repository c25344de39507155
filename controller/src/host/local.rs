//! A host that is a net namespace of the sandbox.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;

use anyhow::Context as _;
use shakedown_sandbox::NetNamespace;

use super::{AgentLink, Host};

/// One namespace with its own network interface.
pub struct LocalHost {
    address: Ipv4Addr,
    namespace: NetNamespace,
}

impl LocalHost {
    /// The host in `namespace`, whose interface has `address`.
    pub fn new(address: Ipv4Addr, namespace: NetNamespace) -> Self {
        Self { address, namespace }
    }

    fn spawn(&self) -> anyhow::Result<AgentLink> {
        let program = std::env::current_exe().context("cannot find our own executable")?;
        let mut command = tokio::process::Command::new(program);
        command.arg("agent");
        self.namespace.enter_command(command.as_std_mut());
        AgentLink::spawn(command)
    }
}

impl Host for LocalHost {
    fn address(&self) -> Ipv4Addr {
        self.address
    }

    fn start_agent(&self) -> Pin<Box<dyn Future<Output = anyhow::Result<AgentLink>> + Send + '_>> {
        Box::pin(async { self.spawn() })
    }
}
