//! The controller's end of the pipe to an agent.

use std::collections::HashMap;
use std::process::Stdio;

use anyhow::{Context as _, anyhow, bail};
use shakedown_agent::protocol::{self, Command, Event, Frame, Reply, Request, Response};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{Mutex, mpsc, oneshot};

/// What an agent says unasked; none when the agent is gone.
pub type AgentEvent = Option<Event>;

type Waiting = HashMap<u64, oneshot::Sender<Result<Reply, String>>>;

/// A running agent. Dropping it closes the agent's stdin, which ends the agent, its node and its
/// faults.
pub struct AgentLink {
    requests: Mutex<Requests>,
    waiting: std::sync::Arc<std::sync::Mutex<Waiting>>,
    events: Mutex<Option<mpsc::UnboundedReceiver<AgentEvent>>>,
    /// Killed when dropped, should closing stdin not be enough.
    _process: Child,
}

struct Requests {
    stdin: ChildStdin,
    next_id: u64,
}

impl AgentLink {
    /// Starts `command` with pipes and speaks to it.
    pub fn spawn(mut command: tokio::process::Command) -> anyhow::Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the agent process")?;
        let stdin = process.stdin.take().context("the agent has no stdin")?;
        let stdout = process.stdout.take().context("the agent has no stdout")?;
        let waiting = std::sync::Arc::default();
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(listen(stdout, std::sync::Arc::clone(&waiting), tell));
        Ok(Self {
            requests: Mutex::new(Requests { stdin, next_id: 1 }),
            waiting,
            events: Mutex::new(Some(events)),
            _process: process,
        })
    }

    /// The agent's events; can be taken once.
    pub async fn events(&self) -> Option<mpsc::UnboundedReceiver<AgentEvent>> {
        self.events.lock().await.take()
    }

    /// Asks the agent to do something, and waits for its answer.
    ///
    /// # Errors
    /// If the agent refuses, or is gone.
    pub async fn ask(&self, command: Command) -> anyhow::Result<Reply> {
        let (answer, answered) = oneshot::channel();
        {
            let mut requests = self.requests.lock().await;
            let id = requests.next_id;
            requests.next_id += 1;
            lock(&self.waiting).insert(id, answer);
            let frame = protocol::encode(&Request { id, command });
            requests
                .stdin
                .write_all(&frame)
                .await
                .context("the agent is gone")?;
        }
        answered
            .await
            .map_err(|_| anyhow!("the agent is gone"))?
            .map_err(|e| anyhow!(e))
    }

    /// [`AgentLink::ask`] where the answer must be evidence.
    ///
    /// # Errors
    /// As [`AgentLink::ask`].
    pub async fn ask_evidence(
        &self,
        command: Command,
    ) -> anyhow::Result<shakedown_history::Evidence> {
        match self.ask(command).await? {
            Reply::Evidence(evidence) | Reply::Exited { evidence, .. } => Ok(evidence),
            other => bail!("the agent answered {other:?} where evidence was due"),
        }
    }
}

fn lock(waiting: &std::sync::Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn listen(
    stdout: ChildStdout,
    waiting: std::sync::Arc<std::sync::Mutex<Waiting>>,
    tell: mpsc::UnboundedSender<AgentEvent>,
) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match protocol::decode::<Frame>(line.as_bytes()) {
            Ok(Frame::Response(Response {
                id: Some(id),
                result,
            })) => {
                if let Some(answer) = lock(&waiting).remove(&id) {
                    // Whoever asked may have given up waiting.
                    let _ = answer.send(result);
                }
            }
            Ok(Frame::Response(Response { id: None, result })) => {
                tracing::error!(?result, "the agent could not read a request");
            }
            Ok(Frame::Event(event)) => {
                // Nobody listens once the run is over.
                let _ = tell.send(Some(event));
            }
            Err(error) => tracing::error!(%error, "the agent says nonsense"),
        }
    }
    // Dropping the senders tells everybody who still waits that the agent is gone.
    lock(&waiting).clear();
    let _ = tell.send(None);
}
