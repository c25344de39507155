//! etcd as a measured system, asked through its gRPC API.
//!
//! Field numbers are those of etcd's `rpc.proto`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::cluster::free_addresses;
use crate::system::{Client, NODES, System, VALUE_BYTES};
use crate::wire::grpc::GrpcConnection;
use crate::wire::http1;
use crate::wire::protobuf::{Fields, put_bytes};

/// What counts the syncs of etcd's log among its metrics.
const FSYNCS: &str = "etcd_disk_wal_fsync_duration_seconds_count";

/// Three etcd servers.
#[derive(Debug)]
pub(crate) struct Etcd {
    version: String,
    dir: PathBuf,
    clients: [SocketAddr; NODES],
    peers: [SocketAddr; NODES],
}

impl Etcd {
    /// Servers that keep their data in `dir`; none if there is no `etcd` on the PATH.
    ///
    /// # Errors
    /// If it does not tell its version, or there are no free ports.
    pub(crate) fn find(dir: &Path) -> anyhow::Result<Option<Self>> {
        let output = match Command::new("etcd").arg("--version").output() {
            Ok(output) => output,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).context("cannot start etcd"),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let version = version(&text).with_context(|| {
            format!("`etcd --version` tells no version but {text:?}; is it etcd 3?")
        })?;
        Ok(Some(Self {
            version: version.to_owned(),
            dir: dir.to_owned(),
            clients: free_addresses()?,
            peers: free_addresses()?,
        }))
    }
}

fn version(text: &str) -> Option<&str> {
    let version = text.lines().next()?.strip_prefix("etcd Version: ")?;
    (!version.is_empty()).then_some(version)
}

impl System for Etcd {
    type Client = EtcdClient;

    fn name(&self) -> String {
        format!("etcd {}", self.version)
    }

    fn command(&self, node: usize) -> Command {
        let id = |node: usize| format!("n{}", node + 1);
        let url = |address: SocketAddr| format!("http://{address}");
        let (client, peer) = (url(self.clients[node]), url(self.peers[node]));
        let peers = self.peers.iter().enumerate();
        let peers: Vec<_> = peers
            .map(|(n, p)| format!("{}={}", id(n), url(*p)))
            .collect();
        let mut command = Command::new("etcd");
        command.args(["--name", &id(node)]);
        command.arg("--data-dir").arg(self.dir.join(id(node)));
        command.args(["--listen-client-urls", &client]);
        command.args(["--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer]);
        command.args(["--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &peers.join(",")]);
        command.args(["--initial-cluster-state", "new"]);
        command.args(["--logger", "zap", "--log-level", "warn"]);
        command
    }

    async fn leads(&self, node: usize) -> anyhow::Result<bool> {
        let mut connection = GrpcConnection::connect(self.clients[node]).await?;
        is_leader(
            &connection
                .call("/etcdserverpb.Maintenance/Status", b"")
                .await?,
        )
    }

    async fn fsyncs(&self, node: usize) -> anyhow::Result<u64> {
        let metrics = http1::get(self.clients[node], "/metrics", None).await?;
        let metrics = String::from_utf8(metrics)?;
        let line = metrics.lines().find_map(|line| line.strip_prefix(FSYNCS));
        let count = line.and_then(|count| count.trim().parse().ok());
        count.with_context(|| format!("etcd's metrics have no number {FSYNCS}"))
    }

    async fn connect(&self, node: usize) -> anyhow::Result<EtcdClient> {
        Ok(EtcdClient {
            connection: GrpcConnection::connect(self.clients[node]).await?,
            message: Vec::new(),
        })
    }
}

/// Whether a `StatusResponse` comes from the leader: its field `leader` names the member in its header.
fn is_leader(status: &[u8]) -> anyhow::Result<bool> {
    let header = Fields(status).find(1)?.and_then(|v| v.bytes());
    let header = header.context("etcd's status has no header")?;
    let member = Fields(header).find(2)?.and_then(|v| v.integer());
    let leader = Fields(status).find(4)?.and_then(|v| v.integer());
    Ok(leader.is_some_and(|leader| leader != 0 && Some(leader) == member))
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct EtcdClient {
    connection: GrpcConnection,
    message: Vec<u8>,
}

impl Client for EtcdClient {
    async fn put(&mut self, key: &str, value: &str) -> anyhow::Result<()> {
        self.message.clear();
        put_request(&mut self.message, key, value);
        let answer = self.connection.call("/etcdserverpb.KV/Put", &self.message);
        answer.await.map(drop)
    }

    async fn get(&mut self, key: &str) -> anyhow::Result<()> {
        self.message.clear();
        range_request(&mut self.message, key);
        let answer = self
            .connection
            .call("/etcdserverpb.KV/Range", &self.message)
            .await?;
        ensure!(answer.len() > VALUE_BYTES, "{key} has no value");
        Ok(())
    }
}

fn put_request(message: &mut Vec<u8>, key: &str, value: &str) {
    put_bytes(message, 1, key.as_bytes());
    put_bytes(message, 2, value.as_bytes());
}

/// Without its field `serializable` a range is linearizable.
fn range_request(message: &mut Vec<u8>, key: &str) {
    put_bytes(message, 1, key.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_etcd_expects() {
        let mut message = Vec::new();
        put_request(&mut message, "k1", "abc");
        assert_eq!(message, b"\x0a\x02k1\x12\x03abc");
        message.clear();
        range_request(&mut message, "k1");
        assert_eq!(message, b"\x0a\x02k1");
    }

    #[test]
    fn the_leader_is_the_member_that_names_itself() {
        let status = |leader: &[u8]| [b"\x0a\x04\x08\x01\x10\x07\x12\x013", leader].concat();
        assert!(is_leader(&status(b"\x20\x07")).unwrap());
        assert!(!is_leader(&status(b"\x20\x08")).unwrap());
        assert!(!is_leader(&status(b"")).unwrap());
        assert!(is_leader(b"").is_err());
    }

    #[test]
    fn the_version_is_found() {
        let text = "etcd Version: 3.4.23\nGit SHA: x\n";
        assert_eq!(version(text), Some("3.4.23"));
        assert_eq!(version("Usage:"), None);
    }
}
