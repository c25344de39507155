//! What the protocol core is told, and what is refused or warned of.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};
use shakedown_history::event::ReadMode;
use shakedown_history::{LogHash, Term};
use shakedown_raft::{Membership, Settings};

use super::{LeaseLength, NodeArgs, Range};

/// The most entries in one AppendEntries. What they may weigh is limited apart from that.
const ENTRIES_PER_MESSAGE_MAX: usize = 256;

/// The most bytes of entries in one message: on a slow link a heartbeat waits for one of them.
const BYTES_PER_MESSAGE_MAX: usize = 256 << 10;

/// The most messages with entries under way to one peer.
const MESSAGES_IN_FLIGHT_MAX: usize = 64;

/// The most bytes of a snapshot in one message.
const SNAPSHOT_CHUNK_BYTES: usize = 128 << 10;

/// By so much a follower may count its election timeout short: one tick because it may begin just
/// before a tick, and one because ticks are late by different amounts.
const TICKS_MISCOUNTED_MAX: u64 = 2;

const NS_PER_MS: u64 = 1_000_000;
const PPM: u64 = 1_000_000;

impl NodeArgs {
    /// What the protocol core is told, but for the disk's name and its incarnation.
    ///
    /// # Errors
    /// If what was asked for contradicts itself or cannot work, or a planted bug is asked for that is
    /// not compiled in.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        self.check_timing()?;
        self.check_limits()?;
        self.check_planted_bug()?;
        let Range { min, max } = self.election_timeout_ms;
        let ticks = |ms: u64| ms.div_ceil(self.tick_ms);
        Ok(Settings {
            node: self.id,
            disk: None,
            bootstrap: self.bootstrap()?,
            election_timeout_ticks_min: ticks(min),
            election_timeout_ticks_max: ticks(max),
            heartbeat_ticks: ticks(self.heartbeat_ms),
            pre_vote: self.pre_vote,
            check_quorum: self.check_quorum,
            sticky_leader: self.sticky_leader,
            lease_ns: self.lease_ns()?,
            entries_per_message_max: ENTRIES_PER_MESSAGE_MAX,
            bytes_per_message_max: BYTES_PER_MESSAGE_MAX.min(self.bytes_in_flight),
            bytes_in_flight_max: self.bytes_in_flight,
            snapshot_chunk_bytes: SNAPSHOT_CHUNK_BYTES,
            messages_in_flight_max: MESSAGES_IN_FLIGHT_MAX,
            log_retention: self.log_retention,
            disk_stall_ticks: ticks(max),
            incarnation: 0,
            seed: self.own_seed(),
            planted_bug: self.planted_bug,
        })
    }

    /// What is allowed, because somebody may want to see it fail, but breaks promises.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let lease_ns = self.lease_ns().unwrap_or(0);
        if lease_ns > 0 && !self.sticky_leader {
            warnings.push(
                "--lease-ms without --sticky-leader true: nothing keeps the others from electing \
                 somebody while a lease runs, so reads may be stale"
                    .to_owned(),
            );
        }
        if lease_ns > self.safe_lease_ns() {
            warnings.push(format!(
                "a lease of {} ms is longer than is safe with clocks that run apart by up to {} ppm, \
                 {} ms: reads may be stale",
                lease_ns / NS_PER_MS,
                self.clock_drift_ppm,
                self.safe_lease_ns() / NS_PER_MS
            ));
        }
        if self.token.is_none() {
            warnings.push(
                "without --token anybody who reaches this node may pose as a client or peer"
                    .to_owned(),
            );
        }
        warnings
    }

    fn check_timing(&self) -> anyhow::Result<()> {
        let min = self.election_timeout_ms.min;
        ensure!(self.tick_ms > 0, "--tick-ms must be above zero");
        ensure!(self.heartbeat_ms > 0, "--heartbeat-ms must be above zero");
        ensure!(
            self.heartbeat_ms < min,
            "--heartbeat-ms {} must be below the shortest election timeout, {min}",
            self.heartbeat_ms
        );
        ensure!(
            self.tick_ms <= self.heartbeat_ms,
            "--tick-ms {} must not be above --heartbeat-ms {}",
            self.tick_ms,
            self.heartbeat_ms
        );
        let ticks = |ms: u64| ms.div_ceil(self.tick_ms);
        ensure!(
            ticks(self.heartbeat_ms) < ticks(min),
            "--tick-ms {} is too coarse to tell --heartbeat-ms {} from the shortest election timeout, {min}",
            self.tick_ms,
            self.heartbeat_ms
        );
        Ok(())
    }

    fn check_limits(&self) -> anyhow::Result<()> {
        for (flag, is_positive) in [
            ("--snapshot-every", self.snapshot_every > 0),
            ("--bytes-in-flight", self.bytes_in_flight > 0),
            ("--max-connections", self.max_connections > 0),
            ("--segment-bytes", self.segment_bytes > 0),
        ] {
            ensure!(is_positive, "{flag} must be above zero");
        }
        Ok(())
    }

    fn check_planted_bug(&self) -> anyhow::Result<()> {
        if let Some(bug) = self.planted_bug
            && !cfg!(feature = "planted-bugs")
        {
            bail!(
                "--planted-bug {bug}: this build has no planted bugs; build it with \
                 `--features planted-bugs`"
            );
        }
        Ok(())
    }

    /// The members before the first configuration entry.
    fn bootstrap(&self) -> anyhow::Result<Membership> {
        let mut named = BTreeSet::new();
        for peer in &self.peers {
            ensure!(named.insert(peer.node), "--peer names {} twice", peer.node);
        }
        if self.join {
            ensure!(
                self.peers.iter().all(|peer| peer.node == self.id),
                "--join and --peer of others: a node that joins hears from the cluster who its peers are"
            );
            return Ok(Membership::default());
        }
        ensure!(
            named.contains(&self.id),
            "{} is not among the peers: add --peer {}=IP:PORT, or --join and --peer-addr",
            self.id,
            self.id
        );
        let mut membership = Membership::of_voters(named);
        for peer in &self.peers {
            if let Some(member) = membership.members.get_mut(&peer.node) {
                member.address = peer.address.to_string();
            }
        }
        Ok(membership)
    }

    fn lease_ns(&self) -> anyhow::Result<u64> {
        ensure!(
            self.clock_drift_ppm < PPM,
            "--clock-drift-ppm {} leaves nothing of a lease: it must be below {PPM}",
            self.clock_drift_ppm
        );
        let min = self.election_timeout_ms.min;
        match self.lease_ms {
            LeaseLength::Off => {
                ensure!(
                    self.read_mode != ReadMode::Lease,
                    "--read-mode lease needs leases: add --lease-ms auto"
                );
                Ok(0)
            }
            LeaseLength::Auto => {
                let lease_ns = self.safe_lease_ns();
                ensure!(
                    lease_ns > 0,
                    "the shortest election timeout, {min} ms, is too short for a lease with ticks of {} ms",
                    self.tick_ms
                );
                Ok(lease_ns)
            }
            LeaseLength::Milliseconds(ms) => {
                ensure!(
                    ms < min,
                    "--lease-ms {ms} must be below the shortest election timeout, {min}"
                );
                Ok(ms * NS_PER_MS)
            }
        }
    }

    /// How long a lease may be if nobody is elected before the shortest election timeout has passed on
    /// a follower whose clock runs ahead of the leader's by the drift.
    fn safe_lease_ns(&self) -> u64 {
        let miscounted_ms = TICKS_MISCOUNTED_MAX * self.tick_ms;
        let counted_ms = self.election_timeout_ms.min.saturating_sub(miscounted_ms);
        counted_ms * (NS_PER_MS - NS_PER_MS * self.clock_drift_ppm.min(PPM) / PPM)
    }

    /// Nodes of one run share its seed but must not share their timeouts.
    pub(super) fn own_seed(&self) -> u64 {
        LogHash(self.seed)
            .chain(Term(self.id.0), b"election timeouts")
            .0
    }
}
