//! Making good what a damaged disk has lost (protocol-aware recovery, Alagappan et al., FAST '18).
//!
//! A node that has lost entries may have acknowledged them, and a leader may have counted that. So it
//! neither votes nor stands for election until its log, as the current leader has it, is durable up to
//! everything that it may have had.

use shakedown_history::{Event, LogId, NodeId};

use crate::io::{LogWrite, Loss};
use crate::planted::PlantedBug;
use crate::raft::Raft;

/// A loss, and how far it is made good.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) loss: Loss,
    /// The log up to here is the current leader's and makes the loss good, once it is durable.
    sufficient: Option<LogId>,
}

impl Repair {
    pub(crate) fn new(loss: Loss) -> Self {
        Self {
            loss,
            sufficient: None,
        }
    }
}

impl Raft {
    /// Whether this node knows that it may not promise anything.
    pub(crate) fn is_repairing(&self) -> bool {
        self.repair.is_some() && !self.deviates(PlantedBug::VoteWhileLost)
    }

    /// The log agrees with the current leader's up to `matched`. What was committed before it was lost
    /// is in that leader's log. It is in this one too, if that now reaches as far as it ever did,
    /// or into a term after the loss: the leader of that term had everything committed before in
    /// front of its own entries.
    pub(crate) fn note_repaired_up_to(&mut self, matched: LogId) {
        if let Some(repair) = &mut self.repair
            && (matched.index >= repair.loss.upto || matched.term > repair.loss.term)
        {
            repair.sufficient = repair.sufficient.max(Some(matched));
        }
    }

    /// While it repairs, a node that follows a leader has voted for it: it may have forgotten
    /// another vote in that term.
    pub(crate) fn vouch_for(&mut self, leader: NodeId) {
        if self.is_repairing() && self.hard_state.voted_for.is_none() {
            self.hard_state.voted_for = Some(leader);
        }
    }

    /// Called when something has become durable.
    pub(crate) fn finish_repair(&mut self) {
        let Some(sufficient) = self.repair.as_ref().and_then(|repair| repair.sufficient) else {
            return;
        };
        if !self.log.contains(sufficient) && sufficient.index > self.log.base().id.index {
            // Overwritten by a later leader, who makes it good anew.
            if let Some(repair) = &mut self.repair {
                repair.sufficient = None;
            }
        } else if sufficient.index <= self.disk.durable_index {
            self.repair = None;
            let last = self.log.last();
            self.trace(Event::Repaired { last });
            self.output.persist.log.push(LogWrite::Repaired);
        }
    }
}
