//! A trace record in words.

use shakedown_history::event::{ConfigStep, EntryKind, HardState, ReadMode, Role, SnapshotMeta};
use shakedown_history::{Configuration, Event, Index, LogId, NodeId, TraceRecord};

/// One record as a sentence without its full stop: `n1 becomes leader of term 3 with the votes of n1
/// n2 n4`.
pub(super) fn narrate(node: NodeId, record: &TraceRecord) -> String {
    let term = record.term;
    let what = match &record.ev {
        Event::Start {
            hard_state,
            snapshot,
            last,
            lost,
            ..
        } => {
            let start = start(*hard_state, snapshot.as_ref(), *last);
            let lost = lost.map_or(String::new(), |upto| {
                format!(", and knows that entries up to index {upto} may be lost")
            });
            start + &lost
        }
        Event::HardStateDurable(state) => format!("has {} on disk", hard_state(*state)),
        Event::VoteGranted {
            candidate,
            pre_vote: true,
            ..
        } => {
            format!("would vote for {candidate} (pre-vote, in term {term})")
        }
        Event::VoteGranted { candidate, .. } => format!("votes for {candidate} in term {term}"),
        Event::BecomePreCandidate => format!("asks whether it could win, in term {term}"),
        Event::BecomeCandidate { last } => {
            format!("becomes candidate of term {term} with {}", log_up_to(*last))
        }
        Event::BecomeLeader { votes, .. } => {
            format!(
                "becomes leader of term {term} with the votes of {}",
                nodes(votes)
            )
        }
        Event::StepDown { reason, seen_term } => {
            format!("steps down in term {term} (seen term {seen_term}): {reason}")
        }
        other => format!("in term {term} {}", log_event(other)),
    };
    format!("{node} {what}")
}

fn log_event(event: &Event) -> String {
    match event {
        Event::Append { id, kind, .. } => format!("appends {} {id}", entry_kind(*kind)),
        Event::AppendDurable { last } => format!("has its log up to {last} on disk"),
        Event::Truncate { from, old_last } => {
            format!(
                "truncates its log from index {from} on (it had {})",
                log_up_to(*old_last)
            )
        }
        Event::Ack {
            to,
            matched,
            reject: true,
        } => format!("refuses {to}'s entries at {matched}"),
        Event::Ack { to, matched, .. } => format!("acknowledges up to {matched} to {to}"),
        Event::Commit {
            to,
            role: Role::Leader,
            acks,
            ..
        } => {
            format!(
                "commits up to {to} as leader, counting {}",
                match_indexes(acks)
            )
        }
        Event::Commit { to, .. } => format!("commits up to {to} as follower"),
        Event::Apply {
            id,
            effect: true,
            client: Some(client),
            ..
        } => {
            format!(
                "applies {id}, request {} of client {}",
                client.seq, client.client
            )
        }
        Event::Apply {
            id, effect: true, ..
        } => format!("applies {id}"),
        Event::Apply { id, .. } => format!("applies {id} without effect"),
        Event::Digest {
            index,
            state,
            sessions,
        } => {
            format!("has state {state} and sessions {sessions} after index {index}")
        }
        Event::ConfigChange {
            what, index, new, ..
        } => config_change(*what, *index, new),
        Event::ClientAck { client, id } => {
            format!(
                "tells client {} that request {} took effect as {id}",
                client.client, client.seq
            )
        }
        other => disk_and_read_event(other),
    }
}

fn disk_and_read_event(event: &Event) -> String {
    match event {
        Event::SnapshotMade(meta) => format!("takes a snapshot up to {}", meta.last),
        Event::SnapshotDurable { last } => format!("has its snapshot up to {last} on disk"),
        Event::SnapshotInstalled { meta, from, .. } => {
            format!("installs {from}'s snapshot up to {}", meta.last)
        }
        Event::Compact { upto } => format!("compacts its log up to {upto}"),
        Event::ReadStart { read } => format!("takes in read {read}"),
        Event::ReadBarrier { read, index, .. } => {
            format!("is confirmed as leader for read {read} at index {index}")
        }
        Event::ReadServed {
            read,
            index,
            applied,
            mode,
        } => {
            format!(
                "answers read {read}, which must see index {index}, at index {applied} ({})",
                read_mode(*mode)
            )
        }
        Event::Lease { until_mono_ns, .. } => format!("holds its lease until {until_mono_ns} ns"),
        Event::LeaseDropped { reason } => format!("drops its lease: {reason}"),
        Event::Repaired { last } => format!("has repaired {}", log_up_to(*last)),
        Event::TransferStarted { to } => format!("begins to hand its leadership over to {to}"),
        Event::TransferEnded { to, done: true } => {
            format!("has handed its leadership over to {to}")
        }
        Event::TransferEnded { to, .. } => format!("gives up handing its leadership over to {to}"),
        Event::IoError { op, errno, handled } => {
            let after = if *handled {
                "and stops relying on its disk"
            } else {
                "and goes on"
            };
            format!("sees error {errno} of its disk at {op} {after}")
        }
        other => unreachable!("narrated elsewhere: {other:?}"),
    }
}

fn config_change(what: ConfigStep, index: Index, new: &Configuration) -> String {
    let new = configuration(new);
    match what {
        ConfigStep::Append | ConfigStep::Active => {
            format!("changes its configuration at index {index} to {new}")
        }
        ConfigStep::Rollback => {
            format!("gives up the configuration of index {index}, and goes back to {new}")
        }
    }
}

/// `n1 n2 n4`; `nobody` for none.
pub(super) fn nodes(nodes: &[NodeId]) -> String {
    if nodes.is_empty() {
        return "nobody".to_owned();
    }
    nodes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// `n1 n2 n3`; while joint `n1 n2 n3 and, outgoing, n1 n4 n5`; with learners `n1 n2 n3 and, learning,
/// n4`.
pub(super) fn configuration(config: &Configuration) -> String {
    let mut words = nodes(&config.voters);
    for (role, half) in [
        ("outgoing", &config.outgoing),
        ("learning", &config.learners),
    ] {
        if !half.is_empty() {
            words += &format!(" and, {role}, {}", nodes(half));
        }
    }
    words
}

/// `n1 at 7, n2 at 5`; `nobody` for none.
pub(super) fn match_indexes(acks: &[(NodeId, Index)]) -> String {
    if acks.is_empty() {
        return "nobody".to_owned();
    }
    acks.iter()
        .map(|(node, index)| format!("{node} at {index}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `a log up to 7@t3`; `an empty log`.
pub(super) fn log_up_to(last: LogId) -> String {
    match last.index {
        Index(0) => "an empty log".to_owned(),
        _ => format!("a log up to {last}"),
    }
}

/// `term 4 with its vote for n2`.
pub(super) fn hard_state(state: HardState) -> String {
    match state.voted_for {
        Some(candidate) => format!("term {} with its vote for {candidate}", state.term),
        None => format!("term {} without a vote", state.term),
    }
}

fn start(state: HardState, snapshot: Option<&SnapshotMeta>, last: LogId) -> String {
    let snapshot = snapshot.map_or(String::new(), |s| format!(", a snapshot up to {}", s.last));
    format!(
        "starts with {}{snapshot} and {}",
        hard_state(state),
        log_up_to(last)
    )
}

fn entry_kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Noop => "the no-op",
        EntryKind::Command => "the command",
        EntryKind::Config => "the configuration",
    }
}

fn read_mode(mode: ReadMode) -> &'static str {
    match mode {
        ReadMode::Index => "confirmed by a quorum",
        ReadMode::Lease => "within its lease",
        ReadMode::Local => "unconfirmed",
    }
}
