//! One core by itself, its disk always up to date: for tests about a single message.

use shakedown_raft::{
    Body, DiskId, Durable, Entry, HardState, Input, LogHash, LogId, LogWrite, Membership, Message,
    NodeId, Output, Payload, Raft, Recovered, Settings, Term,
};

/// One core, and what it has sent since it was last asked.
pub(crate) struct Core {
    pub(crate) raft: Raft,
    disk: Durable,
    pub(crate) sent: Vec<Message>,
}

impl Core {
    /// Node 1 with these settings and this disk.
    pub(crate) fn start(settings: Settings, recovered: Recovered) -> Self {
        let last = recovered.log.last().map_or(recovered.base.id, |e| e.id);
        let hard_state = recovered.hard_state;
        Self {
            raft: Raft::new(settings, recovered),
            disk: Durable { hard_state, last },
            sent: Vec::new(),
        }
    }

    /// Takes an input, and persists what comes of it.
    pub(crate) fn feed(&mut self, input: Input) {
        let output = self.feed_unpersisted(input);
        self.persist(output);
    }

    /// Takes an input, but its disk does nothing.
    pub(crate) fn feed_unpersisted(&mut self, input: Input) -> Output {
        let mut output = self.raft.step(input);
        self.sent.append(&mut output.send);
        output
    }

    /// Persists an output, and lets loose what waited for it.
    pub(crate) fn persist(&mut self, output: Output) {
        let persist = output.persist;
        let is_new = !persist.is_empty();
        self.disk.hard_state = persist.hard_state.unwrap_or(self.disk.hard_state);
        for write in persist.log {
            match write {
                LogWrite::Append(entries) => {
                    self.disk.last = entries.last().map_or(self.disk.last, |e| e.id);
                }
                LogWrite::Reset(base) => self.disk.last = base.id,
                LogWrite::Truncate { .. } | LogWrite::Compact(_) | LogWrite::Repaired => {}
            }
        }
        if output.term == self.raft.term() {
            self.sent.extend(output.after_persist.send);
        }
        if is_new {
            self.feed(Input::Persisted(self.disk));
        }
    }

    /// Hands over a message from `from` in `term`.
    pub(crate) fn receive(&mut self, from: u64, term: u64, body: Body) {
        let message = message(from, term, None, body);
        self.feed(Input::Receive(message));
    }

    /// Ticks until it stands for election.
    pub(crate) fn campaign(&mut self) {
        let before = self.raft.term();
        let ticks_max = 1000;
        for now_ns in 0..ticks_max {
            if self.raft.term() > before {
                return;
            }
            self.feed(Input::Tick { now_ns });
        }
        panic!("it does not stand for election");
    }
}

/// A message to node 1.
pub(crate) fn message(from: u64, term: u64, disk: Option<DiskId>, body: Body) -> Message {
    Message {
        from: NodeId(from),
        to: NodeId(1),
        term: Term(term),
        disk,
        body,
    }
}

/// Node 1 among these, with plain settings.
pub(crate) fn settings(bootstrap: Membership) -> Settings {
    Settings {
        node: NodeId(1),
        disk: None,
        bootstrap,
        election_timeout_ticks_min: 10,
        election_timeout_ticks_max: 20,
        heartbeat_ticks: 3,
        pre_vote: false,
        check_quorum: true,
        sticky_leader: false,
        lease_ns: 0,
        entries_per_message_max: 8,
        bytes_per_message_max: 1 << 20,
        bytes_in_flight_max: 1 << 20,
        messages_in_flight_max: 16,
        snapshot_chunk_bytes: 1 << 10,
        log_retention: 0,
        disk_stall_ticks: u64::MAX,
        incarnation: 1,
        seed: 1,
        planted_bug: None,
    }
}

/// A disk with a term, a vote, and a log of entries of these terms.
pub(crate) fn recovered(term: u64, voted_for: Option<u64>, terms: &[u64]) -> Recovered {
    Recovered {
        hard_state: HardState {
            term: Term(term),
            voted_for: voted_for.map(NodeId),
        },
        log: log(terms),
        ..Recovered::default()
    }
}

/// A log of no-ops of these terms.
pub(crate) fn log(terms: &[u64]) -> Vec<Entry> {
    let mut log: Vec<Entry> = Vec::new();
    for (index, term) in (1..).zip(terms) {
        let previous = log.last().map_or(LogHash::EMPTY, |e| e.hash);
        let id = LogId::new(*term, index);
        log.push(Entry::new(previous, id, Payload::Noop));
    }
    log
}

/// Three voters.
pub(crate) fn three() -> Membership {
    Membership::of_voters([1, 2, 3].map(NodeId))
}

/// Node 1 of three, as it starts from this disk.
pub(crate) fn follower(recovered: Recovered) -> Core {
    Core::start(settings(three()), recovered)
}

/// The only thing that the node has sent.
pub(crate) fn answer(core: &mut Core) -> Body {
    assert_eq!(core.sent.len(), 1, "{:?}", core.sent);
    core.sent.remove(0).body
}
