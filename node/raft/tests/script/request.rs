//! The verbs for what clients and operators ask.

use bytes::Bytes;
use shakedown_history::event::ReadMode;
use shakedown_raft::{Change, Input, NodeId, Token};

use super::verb::Verb;
use super::{Script, node};

impl Script {
    pub(super) fn propose(&mut self, verb: &mut Verb) {
        let token = Token(verb.take("value"));
        // Ever longer with the same meaning, for limits that are counted in bytes.
        let width = verb.try_take("bytes").unwrap_or(0);
        let command = Bytes::from(format!("{:0width$}", token.0));
        let propose = Input::Propose { token, command };
        self.cluster.feed(node(verb), propose);
    }

    pub(super) fn read(&mut self, verb: &mut Verb) {
        let token = Token(verb.take("token"));
        let mode = match verb.take_flag("lease") {
            true => ReadMode::Lease,
            false => ReadMode::Index,
        };
        let now_ns = self.now_ns;
        let read = Input::Read {
            token,
            mode,
            now_ns,
        };
        self.cluster.feed(node(verb), read);
    }

    pub(super) fn change(&mut self, verb: &mut Verb) {
        let token = Token(verb.take("token"));
        let change = change(verb);
        let request = Input::ChangeMembership { token, change };
        self.cluster.feed(node(verb), request);
    }

    pub(super) fn transfer(&mut self, verb: &mut Verb) {
        let token = Token(verb.take("token"));
        let to = verb.try_take("to").map(NodeId);
        let request = Input::TransferLeadership { token, to };
        self.cluster.feed(node(verb), request);
    }
}

fn change(verb: &mut Verb) -> Change {
    if let Some(node) = verb.try_take("add") {
        return Change::AddLearner {
            node: NodeId(node),
            address: String::new(),
            disk: None,
        };
    }
    if let Some(node) = verb.try_take("promote") {
        return Change::Promote(NodeId(node));
    }
    if let Some(node) = verb.try_take("remove") {
        return Change::Remove(NodeId(node));
    }
    match verb.try_take_list("replace").as_deref() {
        Some([old, new]) => Change::Replace {
            old: NodeId(*old),
            new: NodeId(*new),
        },
        _ => panic!("change needs add=, promote=, remove= or replace=(old,new)"),
    }
}
