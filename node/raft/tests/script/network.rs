//! The verbs for what is on its way.

use std::mem;

use shakedown_raft::{Message, NodeId};

use super::Script;
use super::verb::Verb;

/// A cluster that does not become quiet within so many steps talks to itself for ever.
const STEPS_MAX: usize = 10_000;

/// Which messages a verb is about.
struct Selection {
    from: Option<NodeId>,
    to: Option<NodeId>,
    kind: Option<String>,
    term: Option<u64>,
}

impl Selection {
    fn take(verb: &mut Verb) -> Self {
        Self {
            from: verb.try_take("from").map(NodeId),
            to: verb.try_take("to").map(NodeId),
            kind: verb.try_take("kind"),
            term: verb.try_take("term"),
        }
    }

    fn selects(&self, message: &Message) -> bool {
        let kind = message.body.kind();
        self.from.is_none_or(|from| from == message.from)
            && self.to.is_none_or(|to| to == message.to)
            && self.kind.as_ref().is_none_or(|asked| asked == kind)
            && self.term.is_none_or(|term| term == message.term.0)
    }
}

impl Script {
    pub(super) fn network_verb(&mut self, verb: &mut Verb) {
        let selection = Selection::take(verb);
        if verb.name == "release" {
            let released = self.held.extract_if(.., |m| selection.selects(m));
            self.cluster.network.extend(released);
            return;
        }
        let network = mem::take(&mut self.cluster.network);
        let (mut selected, rest): (Vec<_>, Vec<_>) =
            network.into_iter().partition(|m| selection.selects(m));
        self.cluster.network = rest;
        match verb.name.as_str() {
            "deliver" => {
                for message in selected {
                    self.cluster.network.insert(0, message);
                    self.cluster.deliver(0);
                }
            }
            "drop" => {}
            "hold" => self.held.extend(selected),
            "duplicate" => {
                self.held.extend(selected.iter().cloned());
                self.cluster.network.extend(selected);
            }
            "reverse" => {
                selected.reverse();
                self.cluster.network.extend(selected);
            }
            other => panic!("no verb is called {other}"),
        }
    }

    pub(super) fn stabilize(&mut self, verb: &mut Verb) {
        let only = self.nodes_of(verb);
        let drops_rest = verb.take_flag("drop");
        for step in 0.. {
            assert!(step < STEPS_MAX, "it never becomes quiet");
            let network = &self.cluster.network;
            let within = |m: &Message| only.contains(&m.from) && only.contains(&m.to);
            if let Some(node) = only
                .iter()
                .find(|n| self.cluster.host(**n).unpersisted() > 0)
            {
                self.cluster.persist_all(*node);
            } else if let Some(position) = network.iter().position(within) {
                self.cluster.deliver(position);
            } else {
                break;
            }
        }
        if drops_rest {
            self.cluster.network.clear();
        }
    }
}
