//! For an architecture without a payload: every attempt is refused.
//!
//! A new `payload_<architecture>.rs` offers what this file does, and works.

use nix::unistd::Pid;

use crate::error::ClockError;
use crate::inject::Assembled;
use crate::vdso::Vdso;

/// Refused.
pub(crate) fn assemble(_: &Vdso, _: u64, _: u64) -> Result<Assembled, ClockError> {
    Err(ClockError::Architecture {
        arch: std::env::consts::ARCH,
    })
}

/// Never reached: [`assemble`] comes first.
pub(crate) fn program_counter(_: Pid) -> nix::Result<u64> {
    Err(nix::errno::Errno::ENOSYS)
}

/// Never reached: [`assemble`] comes first.
pub(crate) fn stack_pointer(_: Pid) -> nix::Result<u64> {
    Err(nix::errno::Errno::ENOSYS)
}

/// Never reached: [`assemble`] comes first.
pub(crate) fn set_program_counter(_: Pid, _: u64) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}
