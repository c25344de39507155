//! The network of one host.

use crate::{loopback, process};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::Arc;

/// A network namespace, held open by a file descriptor. It lives as long as a clone of this
/// value, or a process or thread in it. It has no name on the file system that could be left.
#[derive(Clone, Debug)]
pub struct NetNamespace {
    file: Arc<File>,
}

impl NetNamespace {
    /// A fresh one, in which only `lo` exists, and is up.
    ///
    /// # Errors
    ///
    /// If the kernel refuses: we are neither in a sandbox nor root, or
    /// `/proc/sys/user/max_net_namespaces` is reached.
    pub fn create() -> io::Result<NetNamespace> {
        in_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            loopback::bring_up()?;
            NetNamespace::current()
        })
    }

    /// The one that the calling thread is in.
    ///
    /// # Errors
    ///
    /// If `/proc` is not mounted.
    pub fn current() -> io::Result<NetNamespace> {
        let file = Arc::new(File::open("/proc/thread-self/ns/net")?);
        Ok(NetNamespace { file })
    }

    /// Does `work` in a throw-away thread in this namespace. What the work opens (a socket, a
    /// file under `/proc/sys/net`) stays in this namespace, wherever it is used.
    ///
    /// # Errors
    ///
    /// If the namespace cannot be joined, or the work's own.
    ///
    /// # Panics
    ///
    /// If the work does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        in_own_thread(|| {
            self.join()?;
            work()
        })
    }

    /// Moves the calling thread into this namespace, for good. For a thread made for it.
    ///
    /// # Errors
    ///
    /// If the kernel refuses: we are not root of the user namespace to which it belongs.
    pub fn join(&self) -> io::Result<()> {
        Ok(setns(&self.file, CloneFlags::CLONE_NEWNET)?)
    }

    /// Has the command's process start in this namespace. For a `tokio::process::Command`, pass
    /// `command.as_std_mut()`.
    pub fn enter_command(&self, command: &mut Command) {
        process::start_in_net_namespace(command, self.clone());
    }
}

impl AsFd for NetNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A thread's namespace is its own business, so that a thread that ends takes the change with it.
fn in_own_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
    })
}
