//! The agent's loop: requests in, responses and events out, until stdin ends.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Pid, setpgid};

use crate::agent::Agent;
use crate::error::AgentError;
use crate::protocol::{self, Command, Frame, Request, Response};

/// [`serve`] on this process's stdin and stdout: all of `shakedown agent`.
///
/// The agent leaves the terminal's foreground process group, because Ctrl-C is for the controller: it
/// decides what becomes of the nodes.
///
/// # Errors
/// As [`serve`].
pub fn serve_stdio() -> Result<(), AgentError> {
    // Refused only where we lead a session of our own, and then there is nothing to leave.
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).ok();
    let stdin = io::stdin().as_fd().try_clone_to_owned();
    serve(
        stdin.map_err(AgentError::system("open stdin"))?,
        io::stdout().lock(),
    )
}

/// Answers requests until `stdin` ends or [`Command::Shutdown`] comes; then nothing that this agent
/// started runs any more. Should the agent be killed instead, the kernel kills its node.
/// (`stdin` is a bare descriptor because a buffer would hide requests from `poll`.)
///
/// # Errors
/// If one of the pipes breaks, or the node's process cannot be watched.
pub fn serve(stdin: OwnedFd, stdout: impl Write) -> Result<(), AgentError> {
    let mut agent = Agent::new();
    let served = Connection {
        stdin: File::from(stdin),
        stdout,
        unread: Vec::new(),
    }
    .serve(&mut agent);
    agent.end()?;
    served
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Listen,
    Leave,
}

struct Connection<W> {
    stdin: File,
    stdout: W,
    /// The beginning of a line whose end has not come yet.
    unread: Vec<u8>,
}

impl<W: Write> Connection<W> {
    fn serve(&mut self, agent: &mut Agent) -> Result<(), AgentError> {
        loop {
            let has_input = self.wait(agent)?;
            self.report_exit(agent)?;
            if has_input && self.read(agent)? == Next::Leave {
                return Ok(());
            }
        }
    }

    /// Waits until something happens; whether it is on stdin.
    fn wait(&self, agent: &Agent) -> Result<bool, AgentError> {
        let mut fds = vec![PollFd::new(self.stdin.as_fd(), PollFlags::POLLIN)];
        if let Some(process) = agent.process() {
            fds.push(PollFd::new(process.exit_fd().as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => Ok(fds[0].any().unwrap_or(true)),
            Err(Errno::EINTR) => Ok(false),
            Err(e) => Err(AgentError::system("wait for requests")(e)),
        }
    }

    /// Reads what there is, and handles the lines that it completes.
    fn read(&mut self, agent: &mut Agent) -> Result<Next, AgentError> {
        let mut chunk = [0; 4096];
        let len = self
            .stdin
            .read(&mut chunk)
            .map_err(AgentError::system("read requests"))?;
        if len == 0 {
            return Ok(Next::Leave);
        }
        self.unread.extend_from_slice(&chunk[..len]);
        while let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            if self.answer(agent, &line)? == Next::Leave {
                return Ok(Next::Leave);
            }
        }
        Ok(Next::Listen)
    }

    fn answer(&mut self, agent: &mut Agent, line: &[u8]) -> Result<Next, AgentError> {
        let request: Request = match protocol::decode(line) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(%error, "refused a request");
                let result = Err(error.to_string());
                self.send(&Frame::Response(Response { id: None, result }))?;
                return Ok(Next::Listen);
            }
        };
        // So that a command never takes a dead node for a living one.
        self.report_exit(agent)?;
        let Request { id, command } = request;
        tracing::debug!(id, ?command);
        let leaves = command == Command::Shutdown;
        let result = agent.handle(command).map_err(|error| error.to_string());
        self.send(&Frame::Response(Response {
            id: Some(id),
            result,
        }))?;
        Ok(if leaves { Next::Leave } else { Next::Listen })
    }

    fn report_exit(&mut self, agent: &mut Agent) -> Result<(), AgentError> {
        match agent.notice_exit()? {
            Some(event) => self.send(&Frame::Event(event)),
            None => Ok(()),
        }
    }

    fn send(&mut self, frame: &Frame) -> Result<(), AgentError> {
        let written = self.stdout.write_all(&protocol::encode(frame));
        written
            .and_then(|()| self.stdout.flush())
            .map_err(AgentError::system("answer"))
    }
}
