//! What pid 1 does to make fresh namespaces a place to live in.

use crate::loopback;
use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid, write};
use std::fmt;

/// A step on the way into a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creating the namespaces.
    Namespaces,
    /// Mapping uid and gid 0 inside to the caller.
    UserMap,
    /// Making our mounts private, so that the host never sees them.
    PrivateMounts,
    /// Mounting a `/proc` that shows the sandbox's processes.
    Proc,
    /// Mounting a private `/run`.
    Run,
    /// Bringing up the loopback interface.
    Loopback,
    /// Starting the process that goes on inside.
    Start,
    /// Opening a packet socket.
    PacketSocket,
}

impl Step {
    pub(crate) const ALL: [Step; 8] = [
        Step::Namespaces,
        Step::UserMap,
        Step::PrivateMounts,
        Step::Proc,
        Step::Run,
        Step::Loopback,
        Step::Start,
        Step::PacketSocket,
    ];

    /// The step with this errno, as an error.
    pub(crate) fn failed(self, errno: Errno) -> Failure {
        Failure { step: self, errno }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Namespaces => "create the namespaces",
            Step::UserMap => "map uid 0 inside to the caller",
            Step::PrivateMounts => "make the mounts private",
            Step::Proc => "mount a fresh /proc",
            Step::Run => "mount a private /run",
            Step::Loopback => "bring up the loopback interface",
            Step::Start => "start the process inside",
            Step::PacketSocket => "open a packet socket",
        })
    }
}

/// A step that the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {step}: {errno}")]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: Errno,
}

/// All that is to be decided before the namespaces exist.
pub(crate) struct Setup {
    /// Only where we lack the privilege to do without a user namespace.
    user_map: Option<UserMap>,
}

struct UserMap {
    uid_map: String,
    gid_map: String,
}

impl Setup {
    /// A user namespace for an ordinary user; none for root, who needs none.
    ///
    /// A container's root often lacks `CAP_SYS_ADMIN`: it counts as an ordinary user.
    pub(crate) fn for_this_process() -> Setup {
        if has_cap_sys_admin() {
            Setup { user_map: None }
        } else {
            Setup::with_user_namespace()
        }
    }

    /// With a user namespace in any case.
    pub(crate) fn with_user_namespace() -> Setup {
        let uid_map = format!("0 {} 1", geteuid());
        let gid_map = format!("0 {} 1", getegid());
        Setup {
            user_map: Some(UserMap { uid_map, gid_map }),
        }
    }

    /// The namespaces to create.
    pub(crate) fn namespaces(&self) -> CloneFlags {
        let always = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS;
        match self.user_map {
            Some(_) => always | CloneFlags::CLONE_NEWUSER,
            None => always,
        }
    }

    /// Furnishes the namespaces from inside, as their pid 1. Allocates nothing, so that a
    /// child of a process with threads may call it.
    pub(crate) fn furnish(&self) -> Result<(), Failure> {
        self.map_user()?;
        mount_private().map_err(|errno| Step::PrivateMounts.failed(errno))?;
        mount_fresh("proc", "/proc", None).map_err(|errno| Step::Proc.failed(errno))?;
        mount_fresh("tmpfs", "/run", Some("mode=755")).map_err(|errno| Step::Run.failed(errno))?;
        loopback::bring_up().map_err(|errno| Step::Loopback.failed(errno))
    }

    /// Maps uid and gid 0 inside to the caller, in a new user namespace.
    pub(crate) fn map_user(&self) -> Result<(), Failure> {
        let Some(map) = &self.user_map else {
            return Ok(());
        };
        write_file("/proc/self/setgroups", "deny")
            .and_then(|()| write_file("/proc/self/uid_map", &map.uid_map))
            .and_then(|()| write_file("/proc/self/gid_map", &map.gid_map))
            .map_err(|errno| Step::UserMap.failed(errno))
    }
}

/// Whether we hold `CAP_SYS_ADMIN`, with which no user namespace is needed.
pub(crate) fn has_cap_sys_admin() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    bits.is_some_and(|bits| bits >> CAP_SYS_ADMIN & 1 == 1)
}

fn mount_private() -> nix::Result<()> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
}

fn mount_fresh(kind: &str, at: &str, options: Option<&str>) -> nix::Result<()> {
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("shakedown"), at, Some(kind), harmless, options)
}

fn write_file(path: &(impl NixPath + ?Sized), text: &str) -> nix::Result<()> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let written = write(&file, text.as_bytes())?;
    if written == text.len() {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}
