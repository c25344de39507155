//! The log's files, `log/<sequence>.seg`, and how they are written.
//!
//! A segment is made under another name, whole with its first frame, and gets its own once it is on disk:
//! there is no moment at which half of it can be found. What it voids (entries that it truncates, or all
//! that came before) is void from that moment on; the files go afterwards, in any order.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use shakedown_raft::{Base, Index};

use super::StorageError;
use super::failure::DiskFailure;
use super::frame::{self, HEADER_LEN, Place};
use super::scan::Kept;
use super::segment::{self, Start};
use super::synced::Synced;

/// The suffix of a segment that is being made.
const UNFINISHED: &str = "new";

/// How far ahead zeros are written, in bytes.
const FILL_LEN: usize = 1 << 20;

/// The segments of one log. Entries go into the last.
#[derive(Debug)]
pub(super) struct Segments {
    dir: PathBuf,
    len: u64,
    /// All of them, in order.
    kept: Vec<Kept>,
    file: File,
    path: PathBuf,
    end: usize,
    filled: usize,
}

impl Segments {
    /// Brings the files in `dir` to what was found in them to be `kept`, durably: what stands behind the
    /// end is zero again, and all other segments are gone. A log without segments begins anew after `base`.
    pub(super) fn settle(
        dir: &Path,
        len: u64,
        kept: Vec<Kept>,
        base: Base,
    ) -> Result<Self, StorageError> {
        let found = list(dir)?;
        let synced = &mut Synced::default();
        let this = match kept.last() {
            Some(last) => Self::reopen(dir, len, *last, kept, synced)?,
            None => {
                let sequence = found.last().map_or(1, |last| last.saturating_add(1));
                Self::make(dir, len, sequence, base, synced)?
            }
        };
        let stray = found
            .iter()
            .filter(|s| this.kept.iter().all(|k| k.sequence != **s));
        for sequence in stray {
            remove(&path_of(dir, *sequence))?;
        }
        synced.sync_dir(dir)?;
        Ok(this)
    }

    fn reopen(
        dir: &Path,
        len: u64,
        last: Kept,
        kept: Vec<Kept>,
        synced: &mut Synced,
    ) -> Result<Self, StorageError> {
        let path = path_of(dir, last.sequence);
        let at = &path;
        let io = |what| move |e| StorageError::io(what, at, e);
        let open = File::options().read(true).write(true).open(&path);
        let file = open.map_err(io("open"))?;
        clear(&file, last.end, last.len).map_err(io("clear the end of"))?;
        // Also what is whole may not be on disk yet, only in the system's memory.
        synced.sync(&file, &path)?;
        let end = usize::try_from(last.end).expect("it was read into memory");
        Ok(Self {
            dir: dir.to_owned(),
            len,
            kept,
            file,
            path,
            end,
            filled: end,
        })
    }

    /// A log of one segment, empty, that voids all before it.
    fn make(
        dir: &Path,
        len: u64,
        sequence: u64,
        base: Base,
        synced: &mut Synced,
    ) -> Result<Self, StorageError> {
        let start = Start {
            len: len.next_multiple_of(HEADER_LEN as u64),
            anew: true,
            base,
        };
        let (file, end) = write_new(dir, sequence, &start, &[], synced)?;
        Ok(Self {
            dir: dir.to_owned(),
            len,
            kept: vec![kept_of(sequence, &start, end)],
            file,
            path: path_of(dir, sequence),
            end,
            filled: end,
        })
    }

    /// Where the last segment's entries begin.
    pub(super) fn base_of_last(&self) -> Index {
        self.last().base
    }

    /// Where the next frame of the last segment goes, if one with this payload fits.
    pub(super) fn place_for(&self, payload_len: usize) -> Option<Place> {
        let end = self.end + frame::len_of(payload_len) + frame::len_of(0);
        (end as u64 <= self.last().len).then_some(Place {
            sequence: self.last().sequence,
            offset: self.end,
        })
    }

    /// Adds a frame to the last segment, durably.
    pub(super) fn append(&mut self, frame: &[u8], synced: &mut Synced) -> Result<(), DiskFailure> {
        synced.write(&self.file, &self.path, frame, self.end)?;
        self.end += frame.len();
        synced.frames += 1;
        if self.end > self.filled {
            self.fill(synced)?;
        }
        synced.sync(&self.file, &self.path)
    }

    /// Writes zeros ahead of the next frames. Blocks that were allocated but never written would cost their
    /// first sync a change of the file system's own (on ext4 syncs of 16 KiB then take a fifth longer).
    fn fill(&mut self, synced: &mut Synced) -> Result<(), DiskFailure> {
        let len = usize::try_from(self.last().len).unwrap_or(usize::MAX);
        self.filled = (self.end + FILL_LEN).next_multiple_of(FILL_LEN).min(len);
        let zeros = vec![0; self.filled.saturating_sub(self.end)];
        synced.write(&self.file, &self.path, &zeros, self.end)
    }

    /// Begins another segment with the frame that `buffer` was begun as, durably. The log is then `base`
    /// and what the frame adds; `anew` if none of the segments before belongs to it.
    pub(super) fn roll(
        &mut self,
        base: Base,
        anew: bool,
        buffer: &mut Vec<u8>,
        upto: Index,
        synced: &mut Synced,
    ) -> Result<(), DiskFailure> {
        let sequence = self.last().sequence.checked_add(1);
        let sequence = sequence.expect("segments do not outlast the numbers");
        let payload_len = buffer.len() - HEADER_LEN;
        let start_len = segment::encode_start(
            sequence,
            &Start {
                len: u64::MAX,
                anew,
                base,
            },
        )
        .len();
        let needed = (start_len + frame::len_of(payload_len) + frame::len_of(0)) as u64;
        let start = Start {
            len: self.len.max(needed).next_multiple_of(HEADER_LEN as u64),
            anew,
            base,
        };
        let offset = segment::encode_start(sequence, &start).len();
        frame::finish(buffer, Place { sequence, offset }, upto);
        let (file, end) = write_new(&self.dir, sequence, &start, buffer, synced)?;
        synced.frames += 1;
        let sealed = (std::mem::replace(&mut self.file, file), self.path.clone());
        let sealed_place = Place {
            sequence: self.last().sequence,
            offset: self.end,
        };
        self.path = path_of(&self.dir, sequence);
        self.end = end;
        self.filled = end;
        self.kept.push(kept_of(sequence, &start, end));
        if anew {
            return self.keep_from(self.kept.len() - 1);
        }
        let seal = frame::encode(sealed_place, base.id.index, &[]);
        synced.write(&sealed.0, &sealed.1, &seal, sealed_place.offset)?;
        synced.sync(&sealed.0, &sealed.1)
    }

    /// Removes the segments that hold nothing after `upto`; gives the base of the first that is left.
    pub(super) fn compact(&mut self, upto: Index) -> Result<Index, DiskFailure> {
        let mut lowest = Index(u64::MAX);
        let mut first = 0;
        for (at, kept) in self.kept.iter().enumerate().rev() {
            // A later segment may go back behind the start of this one.
            lowest = lowest.min(kept.base);
            if kept.base <= upto && kept.base <= lowest {
                first = at;
                break;
            }
        }
        self.keep_from(first)?;
        Ok(self.kept[0].base)
    }

    /// Removes the segments before the `first` of those that are kept. After a crash any of them may be
    /// there still: they are then known to be covered by a snapshot, or void.
    fn keep_from(&mut self, first: usize) -> Result<(), DiskFailure> {
        for kept in self.kept.drain(..first) {
            remove(&path_of(&self.dir, kept.sequence))?;
        }
        Ok(())
    }

    fn last(&self) -> &Kept {
        self.kept.last().expect("a log has a segment")
    }
}

/// The numbers of the segments in `dir`, in order; what was left unfinished is removed.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>, StorageError> {
    let io = |e| StorageError::io("list", dir, e);
    let mut sequences = Vec::new();
    for file in fs::read_dir(dir).map_err(io)? {
        let path = file.map_err(io)?.path();
        if path.extension().is_some_and(|e| e == UNFINISHED) {
            remove(&path)?;
        }
        sequences.extend(sequence_of(&path));
    }
    sequences.sort_unstable();
    Ok(sequences)
}

/// Where segment `sequence` is.
pub(super) fn path_of(dir: &Path, sequence: u64) -> PathBuf {
    dir.join(format!("{sequence:020}.seg"))
}

fn sequence_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    let digits = name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

fn kept_of(sequence: u64, start: &Start, end: usize) -> Kept {
    Kept {
        sequence,
        base: start.base.id.index,
        end: end as u64,
        len: start.len,
    }
}

fn remove(path: &Path) -> Result<(), DiskFailure> {
    fs::remove_file(path).map_err(DiskFailure::of("remove", path))
}

/// Writes a segment with its first frame, if there is one; gives the open file and where its frames end.
fn write_new(
    dir: &Path,
    sequence: u64,
    start: &Start,
    frame: &[u8],
    synced: &mut Synced,
) -> Result<(File, usize), DiskFailure> {
    let path = path_of(dir, sequence);
    let unfinished = path.with_extension(UNFINISHED);
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&unfinished);
    let file = file.map_err(DiskFailure::of("create", &unfinished))?;
    allocate(&file, start.len).map_err(DiskFailure::of("allocate", &unfinished))?;
    let head = segment::encode_start(sequence, start);
    synced.write(&file, &unfinished, &head, 0)?;
    synced.write(&file, &unfinished, frame, head.len())?;
    file.sync_all()
        .map_err(DiskFailure::of("sync", &unfinished))?;
    synced.fsyncs += 1;
    fs::rename(&unfinished, &path).map_err(DiskFailure::of("rename", &unfinished))?;
    synced.sync_dir(dir)?;
    Ok((file, head.len() + frame.len()))
}

/// Gives the file its length and its blocks, so that a write into it changes nothing but the blocks.
fn allocate(file: &File, len: u64) -> io::Result<()> {
    let signed = i64::try_from(len).map_err(io::Error::other)?;
    match fallocate(file, FallocateFlags::empty(), 0, signed) {
        // Not every file system can; the file is then merely slower.
        Err(nix::Error::EOPNOTSUPP) => file.set_len(len),
        result => result.map_err(io::Error::from),
    }
}

/// Makes all bytes after `end` zero, and the file `len` bytes long.
fn clear(file: &File, end: u64, len: u64) -> io::Result<()> {
    const BLOCK_LEN: u64 = 1 << 16;
    file.set_len(len)?;
    let mut block = vec![0; BLOCK_LEN as usize];
    let mut at = end;
    while at < len {
        let part = (len - at).min(BLOCK_LEN);
        let bytes = &mut block[..usize::try_from(part).expect("a block fits")];
        file.read_exact_at(bytes, at)?;
        if !frame::is_zero(bytes) {
            bytes.fill(0);
            file.write_all_at(bytes, at)?;
        }
        at += part;
    }
    Ok(())
}
