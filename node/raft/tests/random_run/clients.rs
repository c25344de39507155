//! Clients with sessions: they write and read registers, ask again where they get no answer, and keep
//! the history that the checker judges.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::Value;
use shakedown_history::event::{ClientSeq, ReadMode};
use shakedown_history::{Op, OpKind, ProcessId};
use shakedown_raft::{Input, NodeId, Token};

use super::Simulation;
use crate::cluster::Answer;
use crate::cluster::machine::Command;

/// How many times a request is sent before the client gives up.
const ATTEMPTS_MAX: u32 = 4;
/// How long a client waits for an answer.
const PATIENCE_TICKS: u64 = 25;

/// All clients, and what they have seen.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    clients: Vec<Client>,
    processes: u64,
    tokens: u64,
    values: u64,
    asked: BTreeMap<Token, usize>,
    pub(crate) history: Vec<Op>,
    /// Ops that were answered.
    pub(crate) answered: u64,
}

/// One session.
#[derive(Debug)]
struct Client {
    /// The process of the history, and the session.
    process: u64,
    seq: u64,
    open: Option<Open>,
}

/// A request that is not answered.
#[derive(Debug)]
struct Open {
    call: Call,
    /// Attempts of which nobody knows what becomes of them.
    undecided: u32,
    attempts: u32,
    deadline_ns: u64,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Write { register: u64, value: u64 },
    Read { register: u64 },
}

impl Call {
    fn register(self) -> u64 {
        match self {
            Self::Write { register, .. } | Self::Read { register } => register,
        }
    }
}

impl Clients {
    pub(crate) fn new(count: u64) -> Self {
        let mut clients = Self::default();
        for _ in 0..count {
            let client = clients.new_session();
            clients.clients.push(client);
        }
        clients
    }

    fn new_session(&mut self) -> Client {
        self.processes += 1;
        Client {
            process: self.processes,
            seq: 0,
            open: None,
        }
    }

    /// One that waits for nothing; a new one if all do.
    fn idle_client(&mut self) -> usize {
        let idle = self.clients.iter().position(|client| client.open.is_none());
        idle.unwrap_or_else(|| {
            let client = self.new_session();
            self.clients.push(client);
            self.clients.len() - 1
        })
    }

    pub(crate) fn draw_token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn record(&mut self, client: usize, kind: OpKind, seen: Option<u64>, now_ns: u64) {
        let call = self.clients[client].open.as_ref().expect("an op").call;
        let (f, value) = match call {
            Call::Write { value, .. } => ("write", Value::from(value)),
            Call::Read { .. } => ("read", seen.map_or(Value::Null, Value::from)),
        };
        self.history.push(Op {
            index: self.history.len() as u64,
            time: now_ns,
            process: ProcessId(self.clients[client].process),
            kind,
            f: f.to_owned(),
            key: Some(call.register().to_string()),
            value,
            node: None,
            error: None,
            witness: None,
            is_final: false,
        });
    }

    /// Ends the open op of a client.
    fn complete(&mut self, client: usize, kind: OpKind, seen: Option<u64>, now_ns: u64) {
        self.record(client, kind, seen, now_ns);
        self.clients[client].open = None;
        self.asked.retain(|_, asker| *asker != client);
        if kind == OpKind::Info {
            self.clients[client] = self.new_session();
        }
    }

    /// Gives the open op up: a read never matters again, but a write may still take effect.
    fn give_up(&mut self, client: usize, now_ns: u64) {
        let open = self.clients[client].open.as_ref().expect("an op");
        let kind = match open.call {
            Call::Write { .. } if open.undecided > 0 => OpKind::Info,
            _ => OpKind::Fail,
        };
        self.complete(client, kind, None, now_ns);
    }

    pub(crate) fn give_up_all(&mut self, now_ns: u64) {
        for client in 0..self.clients.len() {
            if self.clients[client].open.is_some() {
                self.give_up(client, now_ns);
            }
        }
    }

    /// Takes note of what a client was told.
    pub(crate) fn hear(&mut self, answer: Answer, now_ns: u64) {
        let (Answer::Written(token) | Answer::Read(token, _) | Answer::Refused(token)) = answer;
        let Some(client) = self.asked.remove(&token) else {
            return;
        };
        let open = self.clients[client].open.as_mut().expect("an op");
        match (answer, open.call) {
            (Answer::Written(_), _) => {
                self.answered += 1;
                self.complete(client, OpKind::Ok, None, now_ns);
            }
            (Answer::Read(_, registers), call) => {
                self.answered += 1;
                let seen = registers.get(&call.register()).copied();
                self.complete(client, OpKind::Ok, seen, now_ns);
            }
            (Answer::Refused(_), _) => {
                open.undecided -= 1;
                open.deadline_ns = 0;
            }
        }
    }

    fn open(&mut self, client: usize, call: Call, now_ns: u64) {
        self.clients[client].seq += 1;
        self.clients[client].open = Some(Open {
            call,
            undecided: 0,
            attempts: 0,
            deadline_ns: 0,
        });
        self.record(client, OpKind::Invoke, None, now_ns);
    }

    /// One more attempt at the open op.
    fn ask(&mut self, client: usize, deadline_ns: u64, mode: ReadMode, clock_ns: u64) -> Input {
        let token = self.draw_token();
        self.asked.insert(token, client);
        let Client { process, seq, open } = &mut self.clients[client];
        let open = open.as_mut().expect("an op");
        open.attempts += 1;
        open.undecided += 1;
        open.deadline_ns = deadline_ns;
        match open.call {
            Call::Write { register, value } => {
                let client = ClientSeq {
                    client: *process,
                    seq: *seq,
                };
                let command = Command {
                    client,
                    register,
                    value,
                };
                let command = command.encode();
                Input::Propose { token, command }
            }
            Call::Read { .. } => Input::Read {
                token,
                mode,
                now_ns: clock_ns,
            },
        }
    }

    fn draw_value(&mut self) -> u64 {
        self.values += 1;
        self.values * 100
    }
}

impl Simulation {
    /// A client asks, asks again, or gives up.
    pub(super) fn client_acts(&mut self) {
        let client = self.random.random_range(0..self.clients.clients.len());
        match &self.clients.clients[client].open {
            None => {
                let call = self.draw_call();
                self.clients.open(client, call, self.now_ns);
                self.ask_somebody(client);
            }
            Some(open) if open.deadline_ns > self.now_ns => {}
            Some(open) => {
                let tired = open.attempts >= ATTEMPTS_MAX || self.random.random_ratio(1, 6);
                if tired {
                    self.clients.give_up(client, self.now_ns);
                } else {
                    self.ask_somebody(client);
                }
            }
        }
    }

    fn draw_call(&mut self) -> Call {
        let register = self.random.random_range(1..=self.profile.registers);
        if self.random.random_ratio(2, 5) {
            return Call::Read { register };
        }
        let value = self.clients.draw_value();
        Call::Write { register, value }
    }

    /// Most clients know who leads; some are out of date.
    fn ask_somebody(&mut self, client: usize) {
        let leader = self.any_leader();
        let anybody = self.any_node();
        let node = leader.filter(|_| self.random.random_ratio(2, 3));
        self.ask(client, node.unwrap_or(anybody));
    }

    fn ask(&mut self, client: usize, node: NodeId) {
        let modes = match self.profile.has_leases() {
            true => &[ReadMode::Lease, ReadMode::Lease, ReadMode::Index][..],
            false => &[ReadMode::Index],
        };
        let mode = *modes.choose(&mut self.random).expect("some");
        let deadline_ns = self.now_ns + PATIENCE_TICKS * self.profile.tick_ns;
        let clock_ns = self.clock_of(node);
        let input = self.clients.ask(client, deadline_ns, mode, clock_ns);
        if !self.is_paused(node) {
            self.cluster.feed(node, input);
        }
    }

    /// Everyone who says that it leads is asked by a client that waits for nothing else.
    pub(super) fn ask_all_leaders(&mut self, writes: bool) {
        for node in self.nodes.clone() {
            if self.leads(node) {
                let call = match writes {
                    true => Call::Write {
                        register: 1,
                        value: self.clients.draw_value(),
                    },
                    false => Call::Read { register: 1 },
                };
                let client = self.clients.idle_client();
                self.clients.open(client, call, self.now_ns);
                self.ask(client, node);
            }
        }
    }

    /// Has the first client write or read at that node now.
    pub(super) fn ask_afresh(&mut self, node: NodeId, writes: bool) {
        self.clients.give_up_all(self.now_ns);
        let call = match writes {
            true => Call::Write {
                register: 1,
                value: self.clients.draw_value(),
            },
            false => Call::Read { register: 1 },
        };
        self.clients.open(0, call, self.now_ns);
        self.ask(0, node);
    }
}
