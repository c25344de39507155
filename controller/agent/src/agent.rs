//! Which command is whose job.

use crate::clock::{Change, Clocks};
use crate::error::AgentError;
use crate::protocol::{Command, Event, Reply, StartNode};
use crate::supervisor::{Node, Process};
use crate::{kill, pause, status, wipe};

/// One node and the faults on it.
#[derive(Debug)]
pub(crate) struct Agent {
    node: Node,
    clocks: Clocks,
}

impl Agent {
    /// Before the first start.
    pub(crate) fn new() -> Self {
        Self {
            node: Node::NotStarted,
            clocks: Clocks::default(),
        }
    }

    /// The node's process, if it has one.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.node.process().ok()
    }

    /// Carries out a command.
    pub(crate) fn handle(&mut self, command: Command) -> Result<Reply, AgentError> {
        match command {
            Command::StartNode(start) => self.start(&start),
            Command::KillNode {
                signal,
                deadline_ms,
            } => {
                let (exit, evidence) = kill::kill(&mut self.node, signal, deadline_ms)?;
                Ok(Reply::Exited { exit, evidence })
            }
            Command::PauseNode => pause::pause(&mut self.node).map(Reply::Evidence),
            Command::ResumeNode => pause::resume(&mut self.node).map(Reply::Evidence),
            Command::SetClock {
                clock,
                step_ns,
                rate,
                status,
            } => {
                let change = Change {
                    clock,
                    step_ns,
                    rate,
                };
                let process = self.node.process()?;
                self.clocks
                    .set(process, change, status.as_ref())
                    .map(Reply::Evidence)
            }
            Command::ResetClocks { status } => self
                .clocks
                .reset(&self.node, status.as_ref())
                .map(Reply::Evidence),
            Command::NodeState => Ok(Reply::NodeState(self.node.state())),
            Command::Status(source) => status::get(&source).map(Reply::Status),
            Command::WipeData { dir } => match self.process() {
                Some(process) => Err(AgentError::AlreadyRunning { pid: process.pid }),
                None => wipe::wipe(&dir).map(Reply::Evidence),
            },
            Command::Shutdown => {
                self.end()?;
                Ok(Reply::Done)
            }
        }
    }

    /// If the node has ended since the last look, reaps it and tells.
    pub(crate) fn notice_exit(&mut self) -> Result<Option<Event>, AgentError> {
        let Some(process) = self.process() else {
            return Ok(None);
        };
        let pid = process.pid;
        if !process.wait_for_exit(std::time::Duration::ZERO)? {
            return Ok(None);
        }
        Ok(self
            .node
            .reap()?
            .map(|exit| Event::NodeExited { pid, exit }))
    }

    /// Heals every fault and kills the node: its clocks and its pause end with its process.
    pub(crate) fn end(&mut self) -> Result<(), AgentError> {
        self.node.end()
    }

    fn start(&mut self, start: &StartNode) -> Result<Reply, AgentError> {
        if let Some(process) = self.process() {
            return Err(AgentError::AlreadyRunning { pid: process.pid });
        }
        let process = Process::start(start, self.clocks.in_force())?;
        let pid = process.pid;
        self.node = Node::Running(process);
        Ok(Reply::Started {
            pid,
            evidence: self.clocks.after_start(),
        })
    }
}
