//! Log compaction (§7): this node's own snapshots, and those that a leader sends.

use bytes::Bytes;
use shakedown_history::{Event, Index, LogId, NodeId};

use crate::configurations::Configurations;
use crate::io::{Base, LogWrite};
use crate::log::Log;
use crate::membership::DiskId;
use crate::message::Body;
use crate::planted::PlantedBug;
use crate::raft::Raft;
use crate::snapshot::{Snapshot, SnapshotHeader};

/// The snapshots that a node has to do with.
#[derive(Debug)]
pub(crate) struct Snapshots {
    latest: Option<Snapshot>,
    /// Taken, and on its way to the disk.
    unsaved: Option<Snapshot>,
    /// On its way from a leader.
    incoming: Option<Incoming>,
}

/// A snapshot of which not all pieces are here yet.
#[derive(Debug)]
struct Incoming {
    leader: NodeId,
    header: SnapshotHeader,
    received: Vec<u8>,
}

impl Snapshots {
    pub(crate) fn new(latest: Option<Snapshot>) -> Self {
        Self {
            latest,
            unsaved: None,
            incoming: None,
        }
    }

    /// The latest that is durable, or will be before anything that depends on it.
    pub(crate) fn latest(&self) -> Option<&Snapshot> {
        self.latest.as_ref()
    }

    /// The last entry that it covers; zero without one.
    pub(crate) fn last(&self) -> LogId {
        self.latest
            .as_ref()
            .map_or(LogId::default(), |s| s.header.last)
    }
}

/// A node's own snapshots.
impl Raft {
    /// Names what the state machine has written down. Nothing, if a leader's snapshot has overtaken it;
    /// nor if it is ahead of this node's own disk: a crash would leave the snapshot without the term and
    /// log that it follows from.
    pub(crate) fn on_snapshot_taken(&mut self, at: Index, data: Bytes) {
        assert!(at <= self.commit_index, "only what is committed is applied");
        if at <= self.snapshots.last().index
            || at <= self.log.base().id.index
            || at > self.disk.durable_index
        {
            return;
        }
        let header = self.header_at(at, data.len() as u64);
        if header.membership.config.voters.is_empty() {
            // A node that was added later has not reached the first membership in the log yet.
            return;
        }
        let snapshot = Snapshot { header, data };
        self.trace(Event::SnapshotMade(snapshot.header.meta()));
        self.output.save = Some(snapshot.clone());
        if self.deviates(PlantedBug::CompactBeforeSave) {
            self.snapshots.latest = Some(snapshot.clone());
            self.compact();
        }
        self.snapshots.unsaved = Some(snapshot);
    }

    fn header_at(&self, at: Index, len: u64) -> SnapshotHeader {
        let labelled = match self.planted_bug() {
            Some(PlantedBug::WrongLabel) => at.next().min(self.commit_index),
            _ => at,
        };
        let last = self.log.base_at(labelled).expect("it is behind the base");
        let (membership_index, membership) = match self.planted_bug() {
            Some(PlantedBug::SnapshotForgetsConfig) => (Index(0), &self.settings.bootstrap),
            _ => self.configurations.at(labelled),
        };
        SnapshotHeader {
            last: last.id,
            hash: last.hash,
            membership: membership.clone(),
            membership_index,
            len,
        }
    }

    pub(crate) fn on_snapshot_saved(&mut self, last: LogId) {
        let Some(snapshot) = self.snapshots.unsaved.take_if(|s| s.header.last == last) else {
            return;
        };
        self.trace(Event::SnapshotDurable { last });
        if last.index > self.snapshots.last().index {
            self.snapshots.latest = Some(snapshot);
            self.compact();
        }
    }

    /// Drops what the snapshot covers, but for what is retained.
    fn compact(&mut self) {
        let covered = self.snapshots.last().index.0;
        let upto = Index(covered.saturating_sub(self.settings.log_retention));
        if upto <= self.log.base().id.index {
            return;
        }
        let base = self.log.base_at(upto).expect("it is within the log");
        self.trace(Event::Compact { upto: base.id });
        self.log.compact(base);
        self.configurations.compact(base.id.index);
        self.output.persist.log.push(LogWrite::Compact(base));
    }
}

/// A leader's snapshots.
impl Raft {
    pub(crate) fn send_chunk(&mut self, peer: NodeId, snapshot: &Snapshot, offset: u64) {
        let start = usize::try_from(offset).expect("it is within the data");
        let end = (start + self.settings.snapshot_chunk_bytes).min(snapshot.data.len());
        let body = Body::InstallSnapshot {
            header: snapshot.header.clone(),
            offset,
            chunk: snapshot.data.slice(start..end),
            round: self.round(),
        };
        self.send(peer, body);
    }

    pub(crate) fn on_install_snapshot_reply(
        &mut self,
        follower: NodeId,
        disk: Option<DiskId>,
        last: LogId,
        received: u64,
        round: u64,
    ) {
        if !self.hear_of(follower, disk, round) {
            return;
        }
        if let Some(progress) = self.progress_mut(follower) {
            progress.chunk_received(last.index, received);
        }
        self.after_hearing_of(follower);
    }

    pub(crate) fn on_install_snapshot(
        &mut self,
        leader: NodeId,
        header: SnapshotHeader,
        offset: u64,
        chunk: &[u8],
        round: u64,
    ) {
        if self.leadership().is_some() {
            self.assert_one_leader(Some(self.node()), leader);
            return;
        }
        self.follow(leader);
        self.election_timer.heard_leader();
        let last = header.last;
        if last.index <= self.commit_index && !self.deviates(PlantedBug::InstallOldSnapshot) {
            // Committed here already, so it agrees with what this leader has.
            return self.acknowledge(leader, last, round);
        }
        match self.receive_chunk(leader, header, offset, chunk) {
            Some(snapshot) => {
                self.install(leader, snapshot);
                self.note_repaired_up_to(last);
                self.acknowledge(leader, last, round);
            }
            None => {
                let received = self.snapshots.incoming.as_ref();
                let received = received.map_or(0, |i| i.received.len() as u64);
                let body = Body::InstallSnapshotReply {
                    last,
                    received,
                    round,
                };
                self.send_after_persist(leader, body);
            }
        }
    }

    /// Adds a piece that continues what is here; gives back the snapshot when it is whole. Pieces of
    /// another snapshot, or from another leader, begin anew.
    fn receive_chunk(
        &mut self,
        leader: NodeId,
        header: SnapshotHeader,
        offset: u64,
        chunk: &[u8],
    ) -> Option<Snapshot> {
        let mixes = self.deviates(PlantedBug::MixedChunks);
        let same = |i: &Incoming| mixes || (i.leader == leader && i.header == header);
        let mut incoming = match self.snapshots.incoming.take() {
            Some(incoming) if same(&incoming) => incoming,
            _ => Incoming {
                leader,
                header: header.clone(),
                received: Vec::new(),
            },
        };
        if offset == incoming.received.len() as u64 {
            incoming.received.extend_from_slice(chunk);
        }
        let received = incoming.received.len() as u64;
        if received == header.len || (mixes && received > header.len) {
            let data = Bytes::from(incoming.received);
            return Some(Snapshot { header, data });
        }
        self.snapshots.incoming = Some(incoming);
        None
    }

    /// Replaces state machine and log by the snapshot. Entries after it stay if the log has its last
    /// entry, and so agrees with it up to there; a log that does not is void (§7, Figure 13).
    fn install(&mut self, leader: NodeId, snapshot: Snapshot) {
        let SnapshotHeader { last, hash, .. } = snapshot.header;
        let base = Base { id: last, hash };
        let kept_suffix = match self.planted_bug() {
            Some(PlantedBug::InstallDropsTail) => false,
            Some(PlantedBug::InstallKeepsConflict) => self.log.last().index >= last.index,
            _ => self.log.contains(last),
        };
        self.trace(Event::SnapshotInstalled {
            meta: snapshot.header.meta(),
            from: leader,
            kept_suffix,
        });
        if self.deviates(PlantedBug::TermFromSnapshot) {
            self.hard_state.term = last.term;
        }
        if kept_suffix {
            self.rebase_onto(base);
            self.configurations.rebase(&snapshot.header);
        } else {
            self.log = Log::after(base);
            self.configurations = Configurations::new(&self.settings.bootstrap, Some(&snapshot));
            self.disk.truncated(last.index.next());
            self.output.persist.log.push(LogWrite::Reset(base));
        }
        self.commit_index = last.index;
        // Whether they were committed or overwritten is not to be seen any more: nobody answers them.
        self.proposals.retain(|(index, _), _| *index > last.index);
        self.output.persist.snapshot = Some(snapshot.clone());
        self.output.install = Some(snapshot.clone());
        self.snapshots.latest = Some(snapshot);
        self.snapshots.unsaved = None;
    }

    fn rebase_onto(&mut self, base: Base) {
        if self.deviates(PlantedBug::InstallKeepsConflict) {
            self.log.compact_to_foreign(base);
        } else {
            self.log.compact(base);
        }
        self.output.persist.log.push(LogWrite::Compact(base));
    }
}
