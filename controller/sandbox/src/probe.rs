//! What this machine permits, found out by trying.

use crate::process;
use crate::remedy::{Machine, remedy};
use crate::report::Report;
use crate::setup::{Failure, Setup, Step, has_cap_sys_admin};
use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::wait::waitpid;
use nix::unistd::pipe2;
use std::fs::OpenOptions;

/// Something a run may need from the machine.
#[derive(Clone, Debug)]
pub struct Capability {
    /// Its name: `user namespaces`.
    pub name: &'static str,
    /// What a run needs it for.
    pub needed_for: &'static str,
    /// Whether we have it.
    pub found: Result<(), Missing>,
}

/// Why we don't have a capability.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}. {remedy}")]
pub struct Missing {
    /// What was tried and what the kernel said.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

impl Capability {
    /// The one without which no local run is possible.
    pub const SANDBOX: &str = "sandbox";
}

/// Tries each thing that a local run may need, in a child that ends at once.
///
/// May be called from a process with threads. Changes nothing.
#[must_use]
pub fn probe() -> Vec<Capability> {
    let here = Setup::for_this_process();
    let rootless = Setup::with_user_namespace();
    vec![
        Capability {
            name: "root",
            needed_for: "nothing, if there are user namespaces",
            found: root(),
        },
        Capability {
            name: "user namespaces",
            needed_for: "local runs as an ordinary user",
            found: attempt(CloneFlags::CLONE_NEWUSER, || rootless.map_user()),
        },
        Capability {
            name: Capability::SANDBOX,
            needed_for: "local runs",
            found: attempt(here.namespaces(), || here.furnish()),
        },
        Capability {
            name: "packet sockets",
            needed_for: "`network: switch`",
            found: attempt(here.namespaces(), || {
                here.furnish().and_then(|()| packet_socket())
            }),
        },
        Capability {
            name: "fuse",
            needed_for: "disk faults",
            found: fuse(),
        },
    ]
}

fn root() -> Result<(), Missing> {
    if has_cap_sys_admin() {
        return Ok(());
    }
    Err(Missing {
        reason: "not root, or without CAP_SYS_ADMIN".to_owned(),
        remedy: "Not needed where there are user namespaces.".to_owned(),
    })
}

fn fuse() -> Result<(), Missing> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/fuse");
    opened.map(drop).map_err(|error| Missing {
        reason: format!("cannot open /dev/fuse: {error}"),
        remedy: "Run `sudo modprobe fuse; sudo chmod 0666 /dev/fuse` (most distributions do so), \
                 or start the container with `--device /dev/fuse`."
            .to_owned(),
    })
}

fn packet_socket() -> Result<(), Failure> {
    let no_protocol_yet = None;
    socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        no_protocol_yet,
    )
    .map(drop)
    .map_err(|errno| Step::PacketSocket.failed(errno))
}

/// Does `work` in a child in new namespaces. The work must not allocate: other threads of ours
/// may hold the allocator's lock, and they don't exist in the child.
fn attempt(
    namespaces: CloneFlags,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Missing> {
    let start = |errno| missing(Step::Start.failed(errno));
    let (reports, reporter) = pipe2(OFlag::O_CLOEXEC).map_err(start)?;
    match process::fork_into(namespaces) {
        Err(errno) => Err(missing(Step::Namespaces.failed(errno))),
        Ok(None) => {
            if let Err(failure) = work() {
                Report::Failed(failure).send(&reporter);
            }
            process::exit_at_once(0)
        }
        Ok(Some(child)) => {
            drop(reporter);
            waitpid(child, None).map_err(start)?;
            match Report::receive(&reports).map_err(start)? {
                Some(Report::Failed(failure)) => Err(missing(failure)),
                _ => Ok(()),
            }
        }
    }
}

fn missing(failure: Failure) -> Missing {
    Missing {
        reason: failure.to_string(),
        remedy: remedy(&Machine::read(), failure),
    }
}
