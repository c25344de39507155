//! How the parts are put together.

use std::panic;
use std::process;
use std::sync::Arc;

use anyhow::Context;
use shakedown_history::event::ReadMode;
use shakedown_history::{Event, Index};
use shakedown_raft::{Durable, HardState, PlantedBug, Raft, Recovered, Settings};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::api::{self, Api, Limits};
use crate::args::NodeArgs;
use crate::driver::{Driver, Inbox, Parts};
use crate::kv::{Sessions, Store};
use crate::storage::{self, Identity, Log, Opened, StorageOptions, Writer};
use crate::trace::TraceWriter;
use crate::transport::{Members, Transport};

/// How many messages and requests wait for the driver. Peers are then held back by TCP, clients
/// are refused.
const INBOX_LEN: usize = 1024;

/// Runs a node until it fails; it has no other end but being killed. Makes its own runtime.
///
/// # Errors
/// If the arguments contradict each other, the disk cannot be used or fails, or an address cannot be
/// listened on.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the process is this node's from here on"
)]
pub fn run(args: NodeArgs) -> anyhow::Result<()> {
    abort_on_panic();
    log_to_stderr();
    let members = args.members()?;
    let settings = args.settings()?;
    args.request_timeout()?;
    let recovered = recover(&args, &settings)?;
    // One thread is enough: the disk has its own, and the rest is short.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(serve(&args, members, settings, recovered))
}

/// Tokio would swallow a panic and let the rest of the node go on, without the part that knows that
/// something is wrong.
fn abort_on_panic() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        print(panic);
        process::abort();
    }));
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Whoever embeds the node may have set up logging of its own.
    let _ = logging.with_ansi(false).try_init();
}

/// What was found on disk, with the start already in the trace.
struct Start {
    identity: Identity,
    log: Log,
    recovered: Recovered,
    trace: TraceWriter,
}

fn recover(args: &NodeArgs, settings: &Settings) -> anyhow::Result<Start> {
    let Opened {
        identity,
        log,
        mut recovered,
        torn_bytes,
        snapshots: _,
    } = storage::open(
        &args.data_dir,
        &args.cluster,
        args.id,
        &StorageOptions::default(),
    )?;
    if torn_bytes > 0 {
        tracing::warn!(bytes = torn_bytes, "cut off a write that was interrupted");
    }
    if settings.planted_bug == Some(PlantedBug::ForgetVote) {
        recovered.hard_state = forgotten(&recovered);
    }
    let trace = TraceWriter::open(&args.trace, &identity)
        .with_context(|| format!("cannot write the trace {}", args.trace.display()))?;
    Ok(Start {
        identity,
        log,
        recovered,
        trace,
    })
}

/// The planted bug `forget-vote`: what a node knows of terms that keeps only its log.
fn forgotten(recovered: &Recovered) -> HardState {
    HardState {
        term: recovered
            .log
            .last()
            .map(|entry| entry.id.term)
            .unwrap_or_default(),
        voted_for: None,
    }
}

async fn serve(
    args: &NodeArgs,
    members: Members,
    settings: Settings,
    start: Start,
) -> anyhow::Result<()> {
    let planted_bug = settings.planted_bug;
    let durable = Durable {
        hard_state: start.recovered.hard_state,
        last: start
            .recovered
            .log
            .last()
            .map(|entry| entry.id)
            .unwrap_or_default(),
    };
    let raft = Raft::new(settings, start.recovered);
    let mut trace = start.trace;
    trace.record(raft.term(), start_event(&raft, durable));
    trace.flush();

    let (to_driver, messages) = mpsc::channel(INBOX_LEN);
    let (requests, from_api) = mpsc::channel(INBOX_LEN);
    let own = members.addresses[&args.id];
    let listening = |address| format!("cannot listen on {address}: is another node running there?");
    let transport = Transport::start(members, to_driver)
        .await
        .with_context(|| listening(own))?;
    let listener = TcpListener::bind(args.client_addr)
        .await
        .with_context(|| listening(args.client_addr))?;
    let sessions = match planted_bug {
        Some(PlantedBug::DoubleApply) => Sessions::Ignored,
        _ => Sessions::Kept,
    };
    let (driver, status) = Driver::new(Parts {
        raft,
        durable,
        writer: Writer::start(start.log),
        store: Store::new(sessions),
        trace,
        transport,
        planted_bug,
    });
    let api = Api {
        node: args.id,
        identity: start.identity,
        planted_bug,
        requests,
        status,
        request_timeout: args.request_timeout()?,
        retry_after: args.retry_after(),
        metrics: Arc::default(),
        default_read_mode: ReadMode::Index,
        token: args.token.clone(),
        limits: Limits::default(),
    };
    tracing::info!(node = %args.id, client_addr = %args.client_addr, "serving");
    tokio::select! {
        result = driver.run(Inbox { messages, requests: from_api, tick: args.tick() }) => {
            let Err(failure) = result;
            Err(failure).context("the node stops, because it must not promise what its disk may not keep")
        }
        result = api::serve(listener, api) => result.context("the client API failed"),
    }
}

fn start_event(raft: &Raft, durable: Durable) -> Event {
    Event::Start {
        hard_state: durable.hard_state,
        snapshot: None,
        first: Index(1),
        last: durable.last,
        last_hash: raft.last_hash(),
        applied: Index(0),
        commit: raft.commit_index(),
        config: raft.config().clone(),
        lost: None,
    }
}
