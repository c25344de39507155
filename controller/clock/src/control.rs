//! The control block: how the payload learns the timelines, and how they change under its readers.
//!
//! ```text
//! 0    magic: BEGUN while an injection is under way, COMPLETE after it
//! 8    index: its lowest bit says which slot is in force
//! 16   slot 0: timeline of realtime, timeline of monotonic (48 bytes each)
//! 112  slot 1
//! ```
//!
//! A change fills the slot that is not in force, then stores `index + 1` in one aligned word. A
//! reader loads the index, then the time, then maps it by that index's slot, then loads the index
//! again and starts over if it moved. So it never waits, whatever becomes of us; and what it returns
//! is exactly one timeline's word on an instant at which that timeline was in force.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::error::ClockError;
use crate::line::{Timeline, Timelines};

/// How long the block is.
pub(crate) const CONTROL_LEN: u64 = SLOTS_AT + 2 * SLOT_LEN;

const INDEX_AT: u64 = 8;
const SLOTS_AT: u64 = 16;
const SLOT_LEN: u64 = 2 * Timeline::LEN as u64;

/// Whether a vDSO has been injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Code and control block may be there; nothing jumps to them unless the injector was cut off.
    Begun,
    /// The clocks are ours.
    Complete,
}

impl Mark {
    /// As the first eight bytes of the block.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        match self {
            Self::Begun => *b"sdclock?",
            Self::Complete => *b"sdclock1",
        }
    }

    /// The mark that `padding` starts with, if any.
    pub(crate) fn of(padding: &[u8]) -> Option<Self> {
        [Self::Begun, Self::Complete]
            .into_iter()
            .find(|mark| padding.starts_with(&mark.to_bytes()))
    }
}

/// A fresh control block with these timelines in force.
pub(crate) fn fresh(mark: Mark, timelines: &Timelines) -> Vec<u8> {
    let mut block = mark.to_bytes().to_vec();
    block.extend([0; 8]);
    block.extend(slot_bytes(timelines));
    block.extend(slot_bytes(timelines));
    assert_eq!(block.len() as u64, CONTROL_LEN, "the layout above");
    block
}

fn slot_bytes(timelines: &Timelines) -> [u8; SLOT_LEN as usize] {
    let mut slot = [0; SLOT_LEN as usize];
    let (realtime, monotonic) = slot.split_at_mut(Timeline::LEN);
    realtime.copy_from_slice(&timelines.realtime.to_bytes());
    monotonic.copy_from_slice(&timelines.monotonic.to_bytes());
    slot
}

/// The memory of a process, by `/proc/<pid>/mem`. It stays with the address space that it was opened
/// on: after an exec or the process's end every access fails.
#[derive(Debug)]
pub(crate) struct Memory {
    file: File,
    path: PathBuf,
}

impl Memory {
    pub(crate) fn open(pid: i32) -> Result<Self, ClockError> {
        let path = PathBuf::from(format!("/proc/{pid}/mem"));
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(ClockError::Process { path, source }),
        }
    }

    pub(crate) fn read(&self, buffer: &mut [u8], address: u64) -> Result<(), ClockError> {
        self.file
            .read_exact_at(buffer, address)
            .map_err(|source| ClockError::Process {
                path: self.path.clone(),
                source,
            })
    }

    /// Writes even where the process itself may only execute: the kernel copies the page first.
    pub(crate) fn write(&self, bytes: &[u8], address: u64) -> Result<(), ClockError> {
        self.file.write_all_at(bytes, address).map_err(|source| {
            let path = self.path.clone();
            match source.raw_os_error() {
                Some(libc::EIO | libc::EPERM | libc::EACCES) => {
                    ClockError::WriteRefused { path, source }
                }
                _ if source.kind() == io::ErrorKind::WriteZero => {
                    let source = io::Error::other("the address space is gone (exit or exec)");
                    ClockError::Process { path, source }
                }
                _ => ClockError::Process { path, source },
            }
        })
    }
}

/// The control block of an injected process.
#[derive(Debug)]
pub(crate) struct Control {
    memory: Memory,
    address: u64,
}

impl Control {
    pub(crate) fn new(memory: Memory, address: u64) -> Self {
        Self { memory, address }
    }

    /// The timelines in force.
    pub(crate) fn read(&self) -> Result<Timelines, ClockError> {
        let mut slot = [0; SLOT_LEN as usize];
        self.memory.read(&mut slot, self.slot(self.index()?))?;
        let timeline = |at: usize| {
            let bytes = &slot[at..at + Timeline::LEN];
            Timeline::from_bytes(bytes.try_into().expect("a timeline's length"))
        };
        Ok(Timelines {
            realtime: timeline(0),
            monotonic: timeline(Timeline::LEN),
        })
    }

    /// Fills the slot that is not in force. No reader sees it until [`Control::flip`].
    pub(crate) fn fill(&self, timelines: &Timelines) -> Result<(), ClockError> {
        self.memory
            .write(&slot_bytes(timelines), self.slot(self.index()? + 1))
    }

    /// Puts the other slot in force, in one store.
    pub(crate) fn flip(&self) -> Result<(), ClockError> {
        let next = self.index()? + 1;
        self.memory
            .write(&next.to_le_bytes(), self.address + INDEX_AT)
    }

    fn index(&self) -> Result<u64, ClockError> {
        let mut index = [0; 8];
        self.memory.read(&mut index, self.address + INDEX_AT)?;
        Ok(u64::from_le_bytes(index))
    }

    fn slot(&self, index: u64) -> u64 {
        self.address + SLOTS_AT + (index % 2) * SLOT_LEN
    }
}
