//! What happened, one line each, for the interaction scripts.

use shakedown_raft::{
    AppendOutcome, Body, Entry, Event, HardState, LogId, Message, NodeId, Payload, Refusal, Reply,
};

use crate::cluster::{Cluster, Happened};

/// One line; none for what a script need not show.
pub(crate) fn line(happened: &Happened) -> Option<String> {
    match happened {
        Happened::Traced(node, term, ev) => Some(format!("{node} t{term} {}", event(ev)?)),
        Happened::Sent(m) => Some(format!("{} t{} sends {}", m.from, m.term, message(m))),
        Happened::Arrived(m) => Some(format!(
            "{} receives {} from {} t{}",
            m.to,
            body(&m.body),
            m.from,
            m.term
        )),
        Happened::Lost(m) => Some(format!(
            "{} is down: lost {} from {}",
            m.to,
            body(&m.body),
            m.from
        )),
        Happened::Answered(node, reply) => Some(format!("{node} answers {}", answer(*reply))),
    }
}

/// A message on its way.
pub(crate) fn in_flight(m: &Message) -> String {
    format!("{} t{} to {}", m.from, m.term, message(m))
}

/// A node with its log, committed entries before the bar.
pub(crate) fn log(cluster: &Cluster, node: NodeId) -> String {
    let host = cluster.host(node);
    let Some(core) = host.core() else {
        return format!("{node} down, on disk:{}", entries(&host.disk().log));
    };
    let mut log = host.log_in_memory();
    let uncommitted = log.split_off(core.commit_index().0 as usize);
    let role = format!("{:?}", core.role()).to_lowercase();
    format!(
        "{node} t{} {role}:{} |{}",
        core.term(),
        entries(&log),
        entries(&uncommitted)
    )
}

fn entries(log: &[Entry]) -> String {
    log.iter()
        .map(|entry| format!(" {}", self::entry(entry)))
        .collect()
}

fn entry(entry: &Entry) -> String {
    match &entry.payload {
        Payload::Noop => format!("{}", entry.id),
        Payload::Command(bytes) => format!("{}={}", entry.id, String::from_utf8_lossy(bytes)),
        Payload::Config(_) => format!("{}=config", entry.id),
    }
}

fn hard_state(state: HardState) -> String {
    match state.voted_for {
        Some(node) => format!("t{} voted for {node}", state.term),
        None => format!("t{} no vote", state.term),
    }
}

fn last(id: LogId) -> String {
    if id == LogId::default() {
        "nothing".to_owned()
    } else {
        id.to_string()
    }
}

fn event(event: &Event) -> Option<String> {
    let text = match event {
        Event::Start {
            hard_state: state,
            last: id,
            ..
        } => {
            format!(
                "starts with {}, log up to {}",
                hard_state(*state),
                last(*id)
            )
        }
        Event::HardStateDurable(state) => format!("on disk: {}", hard_state(*state)),
        Event::AppendDurable { last: id } => format!("on disk: log up to {}", last(*id)),
        Event::VoteGranted { candidate, .. } => format!("votes for {candidate}"),
        Event::BecomeCandidate { last: id } => {
            format!("becomes candidate, log up to {}", last(*id))
        }
        Event::BecomeLeader { votes, .. } => {
            let votes: Vec<_> = votes.iter().map(ToString::to_string).collect();
            format!("becomes leader by the votes of {}", votes.join(" "))
        }
        Event::StepDown { reason, .. } => format!("steps down: {reason}"),
        Event::Append { id, .. } => format!("appends {id}"),
        Event::Truncate { from, old_last } => {
            format!("truncates from {from}, log ended in {old_last}")
        }
        Event::Commit { to, .. } => format!("commits up to {to}"),
        Event::ReadStart { read } => format!("read {read} starts"),
        Event::ReadBarrier {
            read,
            index,
            round,
            acks,
        } => {
            let acks: Vec<_> = acks.iter().map(ToString::to_string).collect();
            format!(
                "read {read} confirmed at {index} by round {round} of {}",
                acks.join(" ")
            )
        }
        // Answers on the wire and to clients show these.
        Event::Ack { .. }
        | Event::Apply { .. }
        | Event::Digest { .. }
        | Event::ReadServed { .. } => {
            return None;
        }
        Event::ClientAck { client, id } => format!("acknowledges {} at {id}", client.client),
        other => panic!("the core does not trace {other:?}"),
    };
    Some(text)
}

fn message(message: &Message) -> String {
    format!("{}: {}", message.to, body(&message.body))
}

fn body(body: &Body) -> String {
    match body {
        Body::RequestVote { last: id } => format!("RequestVote log up to {}", last(*id)),
        Body::RequestVoteReply { granted: true } => "vote granted".to_owned(),
        Body::RequestVoteReply { granted: false } => "vote refused".to_owned(),
        Body::AppendEntries {
            prev,
            entries,
            leader_commit,
            round,
        } => {
            let entries = self::entries(entries);
            format!(
                "AppendEntries prev {}{entries} commit {leader_commit} round {round}",
                last(*prev)
            )
        }
        Body::AppendEntriesReply { outcome, round } => {
            let outcome = match outcome {
                AppendOutcome::Matched(index) => format!("matched up to {index}"),
                AppendOutcome::Rejected {
                    prev_index,
                    try_from,
                } => {
                    format!("no match at {prev_index}, try from {}", last(*try_from))
                }
            };
            format!("{outcome} round {round}")
        }
    }
}

fn answer(reply: Reply) -> String {
    match reply {
        Reply::Appended { token, id } => format!("{}: appended at {id}", token.0),
        Reply::ReadReady(read) => format!("{}: read at {}", read.token.0, read.index),
        Reply::Refused { token, why } => {
            let why = match why {
                Refusal::NotLeader {
                    leader: Some(leader),
                } => format!("not the leader, ask {leader}"),
                Refusal::NotLeader { leader: None } => "not the leader".to_owned(),
                Refusal::Overwritten => "overwritten".to_owned(),
                Refusal::LeadershipLost => "leadership lost".to_owned(),
            };
            format!("{}: refused, {why}", token.0)
        }
    }
}
