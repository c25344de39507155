//! What happened, one line each, for the interaction scripts.

mod node;

use shakedown_history::event::{ConfigStep, ReadMode};
use shakedown_raft::{
    AppendOutcome, Body, Configuration, Entry, Event, HardState, LogId, Message, NodeId, Payload,
    ReadIndexOutcome, Refusal, Reply,
};

use crate::cluster::Happened;

pub(crate) use node::{configuration_of, log, state, status};

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
        Happened::Answered(node, reply) => Some(format!("{node} answers {}", answer(reply))),
        Happened::Changed(node, token, id) => {
            Some(format!("{node} answers {}: changed by {id}", token.0))
        }
    }
}

/// A message on its way.
pub(crate) fn in_flight(m: &Message) -> String {
    format!("{} t{} to {}", m.from, m.term, message(m))
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
        Payload::Config(membership) => {
            format!("{}={}", entry.id, configuration(&membership.config))
        }
    }
}

/// Voters, `+` the outgoing ones while joint, `,learners` after a semicolon.
fn configuration(config: &Configuration) -> String {
    let names = |nodes: &[NodeId]| {
        let names: Vec<_> = nodes.iter().map(ToString::to_string).collect();
        names.join(",")
    };
    let mut text = format!("({}", names(&config.voters));
    if !config.outgoing.is_empty() {
        text += &format!(" & {}", names(&config.outgoing));
    }
    if !config.learners.is_empty() {
        text += &format!("; {}", names(&config.learners));
    }
    text + ")"
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
        Event::VoteGranted {
            candidate,
            pre_vote: true,
            ..
        } => format!("would vote for {candidate}"),
        Event::VoteGranted { candidate, .. } => format!("votes for {candidate}"),
        Event::BecomePreCandidate => "becomes pre-candidate".to_owned(),
        Event::ConfigChange {
            what, index, new, ..
        } => {
            let what = match what {
                ConfigStep::Rollback => "rolls back",
                ConfigStep::Append | ConfigStep::Active => "adopts",
            };
            format!("{what} {index}: {}", configuration(new))
        }
        Event::SnapshotMade(meta) => format!("takes a snapshot up to {}", meta.last),
        Event::SnapshotDurable { last } => format!("on disk: snapshot up to {last}"),
        Event::SnapshotInstalled {
            meta, kept_suffix, ..
        } => {
            let rest = if *kept_suffix { "keeps" } else { "drops" };
            format!(
                "installs a snapshot up to {}, {rest} what follows",
                meta.last
            )
        }
        Event::Compact { upto } => format!("compacts up to {upto}"),
        Event::Lease { until_mono_ns, .. } => format!("has the lease until {until_mono_ns}"),
        Event::LeaseDropped { reason } => format!("drops the lease: {reason}"),
        Event::TransferStarted { to } => format!("hands over to {to}"),
        Event::TransferEnded { to, done: true } => format!("has handed over to {to}"),
        Event::TransferEnded { to, done: false } => format!("has not handed over to {to}"),
        Event::Repaired { last } => format!("is repaired, log up to {last}"),
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
        Event::Apply {
            id,
            effect: false,
            client: Some(client),
            ..
        } => format!("finds that {id} repeats {}", client.client),
        // Answers on the wire and to clients show these.
        Event::Ack { .. }
        | Event::Apply { effect: true, .. }
        | Event::Apply { client: None, .. }
        | Event::Digest { .. } => {
            return None;
        }
        Event::ReadServed {
            read,
            index,
            applied,
            mode,
        } => {
            let mode = match mode {
                ReadMode::Lease => " by lease",
                _ => "",
            };
            format!("serves read {read} of {index} at {applied}{mode}")
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
        Body::RequestVote { last: id, transfer } => {
            let transfer = if *transfer { ", by transfer" } else { "" };
            format!("RequestVote log up to {}{transfer}", last(*id))
        }
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
                    repairing,
                } => {
                    let repairing = if *repairing { ", repairing" } else { "" };
                    let from = last(*try_from);
                    format!("no match at {prev_index}, try from {from}{repairing}")
                }
            };
            format!("{outcome} round {round}")
        }
        Body::RequestPreVote { last: id } => format!("RequestPreVote log up to {}", last(*id)),
        Body::RequestPreVoteReply { granted: true } => "pre-vote granted".to_owned(),
        Body::RequestPreVoteReply { granted: false } => "pre-vote refused".to_owned(),
        Body::InstallSnapshot {
            header,
            offset,
            chunk,
            ..
        } => format!(
            "InstallSnapshot up to {}, bytes {offset} to {} of {}",
            header.last,
            offset + chunk.len() as u64,
            header.len
        ),
        Body::InstallSnapshotReply { last, received, .. } => {
            format!("has {received} bytes of the snapshot up to {last}")
        }
        Body::TimeoutNow => "TimeoutNow".to_owned(),
        Body::ReadIndex { .. } => "ReadIndex".to_owned(),
        Body::ReadIndexReply { outcome, .. } => match outcome {
            ReadIndexOutcome::Confirmed { index, .. } => format!("read at {index}"),
            ReadIndexOutcome::Refused => "read refused".to_owned(),
        },
    }
}

fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Appended { token, id } => format!("{}: appended at {id}", token.0),
        Reply::ReadReady(read) => format!("{}: read at {}", read.token.0, read.index),
        Reply::Transferred { token, to } => format!("{}: handed over to {to}", token.0),
        Reply::Refused { token, why } => {
            let why = match why {
                Refusal::NotLeader {
                    leader: Some(leader),
                } => format!("not the leader, ask {leader}"),
                Refusal::NotLeader { leader: None } => "not the leader".to_owned(),
                Refusal::Overwritten => "overwritten".to_owned(),
                Refusal::LeadershipLost => "leadership lost".to_owned(),
                Refusal::Transferring => "handing over".to_owned(),
                Refusal::TransferFailed => "not handed over".to_owned(),
                Refusal::NotNow => "not now".to_owned(),
                Refusal::NoSuchChange(why) => (*why).to_owned(),
                Refusal::LagsBehind => "lags behind".to_owned(),
            };
            format!("{}: refused, {why}", token.0)
        }
    }
}
