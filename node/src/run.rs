//! How the parts are put together.

use std::panic;
use std::process;
use std::sync::Arc;

use anyhow::Context;
use shakedown_history::{Event, Index};
use shakedown_raft::{Durable, HardState, PlantedBug, Raft, Recovered, Settings};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::api::{self, Api, Limits};
use crate::args::NodeArgs;
use crate::driver::{Driver, Inbox, Parts, StateMachine};
use crate::kv::Sessions;
use crate::metrics::Metrics;
use crate::storage::{
    self, Identity, Log, Opened, SnapshotSaver, Snapshots, StorageOptions, Writer,
};
use crate::trace::TraceWriter;
use crate::transport::Transport;

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
    args.local()?;
    args.request_timeout()?;
    let settings = args.settings()?;
    for warning in args.warnings() {
        tracing::warn!("{warning}");
    }
    let start = recover(&args, &settings)?;
    // One thread is enough: disk and state machine have their own, and the rest is short.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(serve(&args, settings, start))
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
    snapshots: Snapshots,
    recovered: Recovered,
    trace: TraceWriter,
}

fn recover(args: &NodeArgs, settings: &Settings) -> anyhow::Result<Start> {
    let options = StorageOptions {
        segment_len: args.segment_bytes,
    };
    let Opened {
        identity,
        log,
        mut recovered,
        torn_bytes,
        snapshots,
    } = storage::open(&args.data_dir, &args.cluster, args.id, &options)?;
    if torn_bytes > 0 {
        tracing::warn!(torn_bytes, "cut off a write that was interrupted");
    }
    if let Some(loss) = recovered.loss {
        let upto = loss.upto.0;
        tracing::warn!(
            upto,
            "the disk is damaged: no votes until the others have made it good"
        );
    }
    match settings.planted_bug {
        Some(PlantedBug::ForgetVote) => recovered.hard_state = forgotten(&recovered),
        Some(PlantedBug::CorruptionIsTheEnd) => recovered.loss = None,
        _ => {}
    }
    let trace = match &args.trace {
        Some(path) => TraceWriter::open(path, &identity)
            .with_context(|| format!("cannot write the trace {}", path.display()))?,
        None => TraceWriter::disabled(),
    };
    Ok(Start {
        identity,
        log,
        snapshots,
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

/// The state machine as the latest snapshot has it.
fn state_machine(settings: &Settings, recovered: &Recovered) -> anyhow::Result<StateMachine> {
    let mut machine = StateMachine::new(match settings.planted_bug {
        Some(PlantedBug::DoubleApply) => Sessions::Ignored,
        _ => Sessions::Kept,
    })
    .with_planted_bug(settings.node, settings.planted_bug);
    if let Some(snapshot) = &recovered.snapshot {
        machine.restore(snapshot).with_context(|| {
            format!(
                "cannot read the snapshot up to entry {}; wipe the disk and add the node anew",
                snapshot.header.last.index.0
            )
        })?;
    }
    Ok(machine)
}

async fn serve(args: &NodeArgs, settings: Settings, start: Start) -> anyhow::Result<()> {
    let planted_bug = settings.planted_bug;
    let machine = state_machine(&settings, &start.recovered)?;
    let settings = Settings {
        disk: Some(start.identity.disk_id()),
        incarnation: start.identity.incarnation,
        ..settings
    };
    let durable = durable(&start.recovered);
    let start_event = start_event(&start.recovered, durable, machine.applied());
    let raft = Raft::new(settings, start.recovered);
    let membership = raft.membership().clone();
    let mut trace = start.trace;
    trace.record(raft.term(), start_event(&raft));
    trace.flush();

    let (to_driver, messages) = mpsc::channel(INBOX_LEN);
    let (requests, from_api) = mpsc::channel(INBOX_LEN);
    let local = args.local()?;
    let own = local.address;
    let listening = |address| format!("cannot listen on {address}: is another node running there?");
    let mut transport = Transport::start(local, to_driver)
        .await
        .with_context(|| listening(own))?;
    transport.update(&membership);
    let listener = TcpListener::bind(args.client_addr)
        .await
        .with_context(|| listening(args.client_addr))?;
    let metrics = Arc::new(Metrics::default());
    let (driver, status) = Driver::new(Parts {
        raft,
        membership,
        durable,
        writer: Writer::start(start.log, planted_bug == Some(PlantedBug::IgnoreIoError)),
        saver: SnapshotSaver::start(start.snapshots),
        snapshot_every: args.snapshot_every,
        machine,
        trace,
        transport,
        metrics: Arc::clone(&metrics),
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
        metrics,
        default_read_mode: args.read_mode,
        token: args.token.clone(),
        limits: Limits {
            connections_max: args.max_connections,
            ..Limits::default()
        },
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

/// What is on disk at the start.
fn durable(recovered: &Recovered) -> Durable {
    let snapshot = recovered.snapshot.as_ref().map(|s| s.header.last);
    let before_log = snapshot.unwrap_or_default().max(recovered.base.id);
    Durable {
        hard_state: recovered.hard_state,
        last: recovered.log.last().map_or(before_log, |entry| entry.id),
    }
}

/// What the trace says of a start, once the core has made something of what was found on disk.
fn start_event(
    recovered: &Recovered,
    durable: Durable,
    applied: Index,
) -> impl FnOnce(&Raft) -> Event + use<> {
    let snapshot = recovered.snapshot.as_ref().map(|s| s.header.meta());
    let first = recovered.base.id.index.next();
    let lost = recovered.loss.map(|loss| loss.upto);
    move |raft| Event::Start {
        hard_state: durable.hard_state,
        snapshot,
        first,
        last: durable.last,
        last_hash: raft.last_hash(),
        applied,
        commit: raft.commit_index(),
        config: raft.config().clone(),
        lost,
    }
}
