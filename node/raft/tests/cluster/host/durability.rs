//! What a node has asked its disk to keep, and what waits until it does.

use shakedown_raft::{
    AfterPersist, Entry, Event, Input, LogWrite, Persist, PlantedBug, Settings, Term,
};

use super::Host;
use crate::cluster::Happened;
use crate::cluster::disk::Disk;
use crate::cluster::machine::Machine;

/// An output that is not on disk yet.
#[derive(Debug)]
pub(super) struct Unpersisted {
    term: Term,
    persist: Persist,
    after: AfterPersist,
}

impl Host {
    /// How many outputs are not on disk yet.
    pub(crate) fn unpersisted(&self) -> usize {
        self.unpersisted.len()
    }

    /// The log as the core holds it: what is on disk, changed by what is on its way there.
    pub(crate) fn log_in_memory(&self) -> Vec<Entry> {
        let mut disk = self.disk.clone();
        self.unpersisted
            .iter()
            .for_each(|output| disk.write(&output.persist));
        disk.log
    }

    pub(super) fn begin_to_persist(
        &mut self,
        term: Term,
        persist: Persist,
        after: AfterPersist,
        happened: &mut Vec<Happened>,
    ) {
        if persist.is_empty() && self.unpersisted.is_empty() {
            return self.let_loose(term, after, happened);
        }
        self.unpersisted.push_back(Unpersisted {
            term,
            persist,
            after,
        });
    }

    /// Puts the oldest outputs on disk with one sync, and lets loose what waited for them.
    pub(in crate::cluster) fn persist(&mut self, outputs: usize, happened: &mut Vec<Happened>) {
        let count = outputs.min(self.unpersisted.len());
        let synced: Vec<_> = self.unpersisted.drain(..count).collect();
        if self.core.is_none() || synced.is_empty() {
            return;
        }
        let (old_state, old_last) = (self.disk.hard_state, self.disk.last());
        for output in &synced {
            self.disk.write(&output.persist);
        }
        let durable = self.disk.durable();
        let snapshots = synced.iter().filter_map(|o| o.persist.snapshot.as_ref());
        let mut events: Vec<Event> = snapshots
            .map(|s| Event::SnapshotDurable {
                last: s.header.last,
            })
            .collect();
        if durable.hard_state != old_state {
            events.push(Event::HardStateDurable(durable.hard_state));
        }
        if durable.last != old_last {
            events.push(Event::AppendDurable { last: durable.last });
        }
        self.record(self.term(), events, happened);
        for output in synced {
            self.let_loose(output.term, output.after, happened);
        }
        self.feed(Input::Persisted(durable), happened);
    }

    fn let_loose(&mut self, term: Term, after: AfterPersist, happened: &mut Vec<Happened>) {
        if term == self.term() {
            self.record(term, after.trace, happened);
            happened.extend(after.send.into_iter().map(Happened::Sent));
        }
    }

    /// Kills the node in the middle of a sync: the first writes of what it had asked for are on disk.
    pub(in crate::cluster) fn crash_torn(&mut self, writes: usize) {
        let parts = self.unpersisted.iter().flat_map(|o| parts(&o.persist));
        let survivors: Vec<Persist> = parts.take(writes).collect();
        survivors.iter().for_each(|part| self.disk.write(part));
        self.crash();
    }

    /// The disk refuses a sync. Nobody knows then what is on it: the process must end.
    pub(in crate::cluster) fn fail_sync(&mut self, happened: &mut Vec<Happened>) {
        if self.core.is_none() || self.unpersisted.is_empty() {
            return;
        }
        let handled = !self.deviates(PlantedBug::IgnoreIoError);
        let error = Event::IoError {
            op: "sync".to_owned(),
            errno: 5,
            handled,
        };
        self.record(self.term(), vec![error], happened);
        if handled {
            return self.crash();
        }
        let believed: Vec<_> = self.unpersisted.drain(..).collect();
        let mut imagined = self.disk.clone();
        for output in believed {
            imagined.write(&output.persist);
            self.let_loose(output.term, output.after, happened);
        }
        self.feed(Input::Persisted(imagined.durable()), happened);
    }

    /// Lets the snapshot reach the disk.
    pub(in crate::cluster) fn save_snapshot(&mut self, happened: &mut Vec<Happened>) {
        if let Some(snapshot) = self.unsaved.take() {
            self.disk.save(&snapshot);
            self.feed(Input::SnapshotSaved(snapshot.header.last), happened);
        }
    }

    /// Puts another disk into a node that is down.
    pub(in crate::cluster) fn replace_disk(&mut self, settings: Settings, disk: Disk) {
        assert!(self.core.is_none(), "the node is down");
        self.settings = settings;
        self.disk = disk;
        self.machine = Machine::default();
    }

    /// The disk of a node that is down.
    pub(in crate::cluster) fn disk_mut(&mut self) -> &mut Disk {
        assert!(self.core.is_none(), "the node is down");
        &mut self.disk
    }
}

/// What one output asks for, write by write, as a crash may cut it: a snapshot file is whole or absent.
fn parts(persist: &Persist) -> Vec<Persist> {
    let mut parts = Vec::new();
    if persist.hard_state.is_some() {
        parts.push(Persist {
            hard_state: persist.hard_state,
            ..Persist::default()
        });
    }
    if persist.snapshot.is_some() {
        parts.push(Persist {
            snapshot: persist.snapshot.clone(),
            ..Persist::default()
        });
    }
    for write in &persist.log {
        let writes = match write {
            LogWrite::Append(entries) => {
                let each = entries.iter().cloned();
                each.map(|entry| LogWrite::Append(vec![entry])).collect()
            }
            other => vec![other.clone()],
        };
        parts.extend(writes.into_iter().map(|write| Persist {
            log: vec![write],
            ..Persist::default()
        }));
    }
    parts
}
