//! Reads without asking anybody, for as long as nobody else can have been elected (dissertation §6.4.1).
//!
//! A quorum that has echoed a round of heartbeats gives its vote to nobody for the shortest election
//! timeout after it received it, so after it was *sent* too. A leader that cannot have been replaced has
//! seen everything that is committed. That holds as long as clocks drift apart by no more than the
//! lease is shorter than that timeout. A process that restarts keeps the promise by not voting for an
//! election timeout; a leader that hands over gives the lease up first, because it asks the others
//! to break the promise. What it asks may arrive late, when it has given the transfer up: so it gets no
//! lease any more in its term.

use std::collections::VecDeque;

use shakedown_history::Event;

use crate::planted::PlantedBug;
use crate::raft::Raft;

/// A leader's lease.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// Until when it holds, by this node's clock; zero without one.
    until_ns: u64,
    /// Rounds that no quorum has echoed yet, with the time at which each was sent.
    sent: VecDeque<(u64, u64)>,
    /// Whether this leader has asked another to stand for election. That word may arrive at any time,
    /// long after the handing over was given up, and makes voters break their promise: there is no
    /// lease any more in this leadership.
    forfeited: bool,
}

impl Raft {
    /// Takes note of a round that is about to be sent.
    pub(crate) fn note_round_sent(&mut self, round: u64) {
        let (now_ns, lease_ns) = (self.now_ns, self.settings.lease_ns);
        if lease_ns > 0
            && let Some(leadership) = self.leadership_mut()
        {
            leadership.lease.sent.push_back((round, now_ns));
        }
    }

    /// Extends the lease by what a quorum has echoed.
    pub(crate) fn extend_lease(&mut self) {
        let Some(leadership) = self.leadership() else {
            return;
        };
        let echoed = leadership.lease.sent.iter().rev().find(|(round, _)| {
            let acks = self.echoes_of(*round);
            self.is_quorum(|node| acks.contains(&node))
                || self.deviates(PlantedBug::LeaseWithoutQuorum)
        });
        let Some((round, sent_ns)) = echoed.copied() else {
            return;
        };
        let basis_mono_ns = match self.planted_bug() {
            Some(PlantedBug::LeaseFromReceipt) => self.now_ns,
            _ => sent_ns,
        };
        let lease_ns = match self.planted_bug() {
            Some(PlantedBug::LongLease) => self.settings.lease_ns * 4,
            _ => self.settings.lease_ns,
        };
        let handing_over = (self.transfer.is_some() || leadership.lease.forfeited)
            && !self.deviates(PlantedBug::LeaseSurvivesTransfer);
        let until_mono_ns = basis_mono_ns + lease_ns;
        let leadership = self.leadership_mut().expect("seen above");
        leadership.lease.sent.retain(|(sent, _)| *sent > round);
        if !handing_over && until_mono_ns > leadership.lease.until_ns {
            leadership.lease.until_ns = until_mono_ns;
            self.trace(Event::Lease {
                until_mono_ns,
                basis_mono_ns,
            });
        }
    }

    /// Whether this node certainly leads, by its clock.
    pub(crate) fn holds_lease(&self) -> bool {
        self.leadership()
            .is_some_and(|leadership| self.now_ns < leadership.lease.until_ns)
    }

    /// Gives the lease up before its time.
    pub(crate) fn give_up_lease(&mut self, reason: &str) {
        if let Some(leadership) = self.leadership_mut() {
            let forfeited = leadership.lease.forfeited;
            let lease = std::mem::take(&mut leadership.lease);
            leadership.lease.forfeited = forfeited;
            self.drop_lease(&lease, reason);
        }
    }

    /// There will be no lease any more in this leadership.
    pub(crate) fn forfeit_lease(&mut self) {
        if let Some(leadership) = self.leadership_mut() {
            leadership.lease.forfeited = true;
        }
    }

    pub(crate) fn drop_lease(&mut self, lease: &Lease, reason: &str) {
        if self.now_ns < lease.until_ns {
            self.trace(Event::LeaseDropped {
                reason: reason.to_owned(),
            });
        }
    }
}
