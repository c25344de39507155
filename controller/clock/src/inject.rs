//! Putting the payload into a process.

use nix::unistd::Pid;

use crate::control::{CONTROL_LEN, Control, Mark, Memory, fresh};
use crate::error::ClockError;
use crate::line::Timelines;
use crate::payload;
use crate::ptrace::StoppedThreads;
use crate::vdso::Vdso;

/// A payload made for one vDSO.
pub(crate) struct Assembled {
    /// What goes behind the control block.
    pub(crate) bytes: Vec<u8>,
    /// One for each hooked function.
    pub(crate) patches: Vec<Patch>,
}

/// The jump over the start of one function.
pub(crate) struct Patch {
    /// Where the function starts.
    pub(crate) address: u64,
    /// What is written there.
    pub(crate) jump: Vec<u8>,
    /// Old and new address of each instruction under the jump.
    pub(crate) moved: Vec<(u64, u64)>,
}

/// Who holds the process still while its code is patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standstill {
    /// It runs: stop all its threads.
    Needed,
    /// Its only thread stands at an exec stop of ours.
    AtExec,
}

/// The control block of a process that was injected into before, if it was.
pub(crate) fn find(pid: i32) -> Result<Option<Control>, ClockError> {
    let memory = Memory::open(pid)?;
    let vdso = Vdso::read(pid, &memory)?;
    Ok(match Mark::of(vdso.padding_bytes()) {
        Some(Mark::Complete) => Some(Control::new(memory, vdso.address(vdso.padding))),
        Some(Mark::Begun) | None => None,
    })
}

/// Injects the payload, with `timelines` in force.
pub(crate) fn inject(
    pid: i32,
    standstill: Standstill,
    timelines: &Timelines,
) -> Result<Control, ClockError> {
    let memory = Memory::open(pid)?;
    let vdso = Vdso::read(pid, &memory)?;
    check_untouched(&vdso)?;
    let control = vdso.address(vdso.padding);
    let code = (control + CONTROL_LEN).next_multiple_of(64);
    let assembled = payload::assemble(&vdso, control, code)?;
    let needed = code - control + assembled.bytes.len() as u64;
    if needed > vdso.padding_bytes().len() as u64 {
        let free = vdso.padding_bytes().len();
        return Err(vdso.refuse(format!(
            "its padding has {free} bytes and {needed} are needed"
        )));
    }
    // Nothing jumps there yet: this is safe while the process runs.
    memory.write(&fresh(Mark::Begun, timelines), control)?;
    memory.write(&assembled.bytes, code)?;
    let threads = match standstill {
        Standstill::Needed => StoppedThreads::stop(pid)?,
        Standstill::AtExec => StoppedThreads::none(),
    };
    for thread in threads.ids() {
        move_out(thread, &memory, &assembled.patches)?;
    }
    for patch in &assembled.patches {
        memory.write(&patch.jump, patch.address)?;
    }
    memory.write(&Mark::Complete.to_bytes(), control)?;
    drop(threads);
    Ok(Control::new(memory, control))
}

/// Refuses a vDSO whose functions somebody hooked already, or whose padding is used.
fn check_untouched(vdso: &Vdso) -> Result<(), ClockError> {
    let padding = vdso.padding_bytes();
    let clean = padding.iter().all(|&byte| byte == 0) || Mark::of(padding) == Some(Mark::Begun);
    if !clean {
        return Err(vdso.refuse("its padding holds something foreign".to_owned()));
    }
    let own_pid = i32::try_from(std::process::id()).expect("a process id is positive");
    let own = Vdso::read(own_pid, &Memory::open(own_pid)?)?;
    let code = ..vdso.padding.min(own.padding);
    if vdso.image[code] != own.image[code] {
        let reason = "its code differs from ours: an earlier injection was cut off, or another tool \
                      patched it; restart the process";
        return Err(vdso.refuse(reason.to_owned()));
    }
    Ok(())
}

/// A thread that stands between two instructions that a jump will overwrite runs on in their copy. So
/// does one whose signal handler interrupted them, when that returns.
fn move_out(thread: Pid, memory: &Memory, patches: &[Patch]) -> Result<(), ClockError> {
    let failed = |what| {
        move |source| ClockError::Ptrace {
            what,
            tid: thread.as_raw(),
            source,
        }
    };
    let at = payload::program_counter(thread).map_err(failed("read the registers of"))?;
    if let Some(copy) = copy_of(at, patches) {
        payload::set_program_counter(thread, copy).map_err(failed("move"))?;
    }
    let stack = payload::stack_pointer(thread).map_err(failed("read the registers of"))?;
    move_interrupted(memory, stack, patches)
}

/// Where the copy of the instruction is that begins at `address`, if a jump will lie over that.
fn copy_of(address: u64, patches: &[Patch]) -> Option<u64> {
    let inner = patches.iter().flat_map(|patch| patch.moved.iter().skip(1));
    let moved = inner.into_iter().find(|&&(old, _)| old == address);
    moved.map(|&(_, copy)| copy)
}

/// How much of a stack is looked through: signal frames of a few kilobytes, and handlers that
/// interrupt handlers.
const STACK_LEN: u64 = 64 << 10;
const PAGE_LEN: u64 = 4096;

/// Moves what signal handlers on this stack will return to. Nothing calls from between those
/// instructions, so that no other word of a stack has such a value but by a coincidence of 64 bits.
fn move_interrupted(memory: &Memory, stack: u64, patches: &[Patch]) -> Result<(), ClockError> {
    let mut at = stack.next_multiple_of(8);
    let end = at + STACK_LEN;
    while at < end {
        let len = (PAGE_LEN - at % PAGE_LEN).min(end - at);
        let mut page = vec![0; usize::try_from(len).expect("a page is short")];
        if memory.read(&mut page, at).is_err() {
            // Above the stack.
            return Ok(());
        }
        for (place, word) in (at..).step_by(8).zip(page.chunks_exact(8)) {
            let word = u64::from_le_bytes(word.try_into().expect("eight bytes are eight bytes"));
            if let Some(copy) = copy_of(word, patches) {
                memory.write(&copy.to_le_bytes(), place)?;
            }
        }
        at += len;
    }
    Ok(())
}
