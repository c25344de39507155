//! Crashes at every step of a write: the batches before are there, and the last is there or not.

use std::path::{Path, PathBuf};

use shakedown_raft::Persist;

use crate::disk::{Disk, Files, segments, with, written_len};
use crate::model::{Model, write_batches, writes};

/// A disk before and after one batch that goes into the segment that is there.
struct LastWrite {
    disk: Disk,
    before: (Files, Model),
    after: (Files, Model),
    segment: PathBuf,
}

fn last_write() -> LastWrite {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 4);
    let before = (disk.files(), model.clone());
    // Zeros in the payload must not be taken for a lost sector.
    let batch = writes(vec![model.append(&[1; 20]), model.append(&[0; 9])]);
    log.append(&[batch]).unwrap();
    drop(log);
    let after = (disk.files(), model);
    let segment = segments(&after.0).pop().unwrap();
    assert_eq!(segments(&before.0).last(), Some(&segment), "no roll");
    LastWrite {
        disk,
        before,
        after,
        segment,
    }
}

#[test]
fn a_write_cut_at_any_byte_never_was_or_is_whole() {
    let LastWrite {
        disk,
        before,
        after,
        segment,
    } = last_write();
    let bytes = &after.0[&segment];
    let range = written_len(&before.0[&segment])..written_len(bytes);
    let mut whole = 0;
    for cut in range.start..=range.end {
        let mut cut_off = bytes.clone();
        cut_off[cut..].fill(0);
        let torn = written_len(&cut_off).saturating_sub(range.start.next_multiple_of(32));
        disk.put(&with(&after.0, &segment, &cut_off));
        let opened = disk.open();
        if opened.recovered.log.len() == after.1.entries.len() {
            after.1.check(&opened.recovered);
            whole += 1;
        } else {
            before.1.check(&opened.recovered);
            assert_eq!(opened.torn_bytes, torn as u64, "cut at {cut}");
        }
    }
    assert_eq!(whole, 11, "nine zeros and the byte behind them say nothing");
}

#[test]
fn a_write_of_which_any_sectors_were_lost_never_was() {
    let disk = Disk::with_segments_of(8192);
    let mut before = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut before, 2);
    let mut model = before.clone();
    let start = written_len(&disk.files()[&segments(&disk.files())[0]]).next_multiple_of(32);
    let payload: Vec<u8> = (0..2000_u32).map(|n| (n % 251) as u8).collect();
    // A sector of zeros in the payload is none that was lost.
    let batch = writes(vec![model.append(&[0; 1200]), model.append(&payload)]);
    log.append(&[batch]).unwrap();
    drop(log);
    let files = disk.files();
    model.check(&disk.open().recovered);
    let segment = &segments(&files)[0];
    let end = written_len(&files[segment]);
    let sectors: Vec<_> = (start / 512..end.div_ceil(512))
        .filter(|s| written_len(&files[segment][(s * 512).max(start)..(s + 1) * 512]) > 0)
        .collect();
    for lost in 1_u32..1 << sectors.len() {
        let mut torn = files[segment].clone();
        for (nth, sector) in sectors.iter().enumerate() {
            if lost & (1 << nth) != 0 {
                torn[(sector * 512).max(start)..(sector + 1) * 512].fill(0);
            }
        }
        disk.put(&with(&files, segment, &torn));
        before.check(&disk.open().recovered);
    }
}

#[test]
fn the_log_goes_on_after_a_write_that_was_cut_off() {
    let LastWrite {
        disk,
        before,
        after,
        segment,
    } = last_write();
    let bytes = &after.0[&segment];
    for cut in [
        written_len(bytes) - 20,
        written_len(&before.0[&segment]) + 40,
    ] {
        let mut cut_off = bytes.clone();
        cut_off[cut..].fill(0);
        disk.put(&with(&after.0, &segment, &cut_off));
        let mut model = before.1.clone();
        let mut opened = disk.open();
        let write = writes(vec![model.append(b"x")]);
        opened.log.append(&[write]).unwrap();
        drop(opened);
        model.check(&disk.open().recovered);
    }
}

/// The disk before and after one batch that begins another segment.
struct Roll {
    disk: Disk,
    before: (Files, Model),
    after: (Files, Model),
    new: PathBuf,
}

fn roll(batch: impl FnOnce(&mut Model) -> Persist) -> Roll {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 7);
    let before = (disk.files(), model.clone());
    assert!(segments(&before.0).len() >= 3, "{:?}", segments(&before.0));
    let batch = batch(&mut model);
    log.append(&[batch]).unwrap();
    drop(log);
    let after = (disk.files(), model);
    let new = segments(&after.0).pop().unwrap();
    assert!(!before.0.contains_key(&new), "it begins a segment");
    Roll {
        disk,
        before,
        after,
        new,
    }
}

fn check_every_step(roll: &Roll) {
    let Roll {
        disk,
        before,
        after,
        new,
    } = roll;
    let bytes = &after.0[new];
    // Made, and filled byte by byte, under another name.
    for len in (0..=bytes.len()).step_by(7) {
        disk.put(&with(&before.0, new.with_extension("new"), &bytes[..len]));
        before.1.check(&disk.open().recovered);
    }
    // Named, while the segment before is not yet sealed and nothing is removed.
    disk.put(&with(&before.0, new, bytes));
    after.1.check(&disk.open().recovered);
    // The segment before is being sealed.
    let sealed = segments(&before.0).pop().unwrap();
    if let Some(bytes) = after.0.get(&sealed) {
        for cut in written_len(&before.0[&sealed])..written_len(bytes) {
            let mut cut_off = bytes.clone();
            cut_off[cut..].fill(0);
            disk.put(&with(&after.0, &sealed, &cut_off));
            after.1.check(&disk.open().recovered);
        }
    }
    // Any of the segments before was removed, if any is.
    let gone = segments(&before.0)
        .into_iter()
        .filter(|s| !after.0.contains_key(s));
    let gone: Vec<PathBuf> = gone.collect();
    for subset in 0..1_u32 << gone.len() {
        let mut files = after.0.clone();
        let left = gone
            .iter()
            .enumerate()
            .filter(|(at, _)| subset & (1 << at) != 0);
        files.extend(left.map(|(_, name)| (name.clone(), before.0[name].clone())));
        disk.put(&files);
        after.1.check(&disk.open().recovered);
    }
}

#[test]
fn a_crash_while_a_segment_begins_because_the_last_is_full() {
    check_every_step(&roll(|model| writes(vec![model.append(&[5; 2000])])));
}

#[test]
fn a_crash_while_entries_of_other_segments_are_replaced() {
    check_every_step(&roll(|model| {
        let truncate = model.truncate(3);
        writes(vec![truncate, model.append(b"in their place")])
    }));
}

#[test]
fn a_crash_while_the_log_begins_anew_after_a_leaders_snapshot() {
    let mut roll = roll(|model| model.install(5));
    // The snapshot is durable before; the steps of the log come after.
    let is_snapshot = |name: &&PathBuf| name.starts_with("snapshot");
    let name = roll.after.0.keys().find(is_snapshot).unwrap().clone();
    let bytes = roll.after.0[&name].clone();
    for len in (0..bytes.len()).step_by(7) {
        let unfinished = name.with_extension("installing");
        roll.disk
            .put(&with(&roll.before.0, unfinished, &bytes[..len]));
        roll.before.1.check(&roll.disk.open().recovered);
    }
    roll.before.0.insert(name, bytes);
    roll.disk.put(&roll.before.0);
    roll.after.1.check(&roll.disk.open().recovered);
    roll.before.1 = roll.after.1.clone();
    check_every_step(&roll);
}

#[test]
fn segments_that_were_superseded_do_not_come_back() {
    let Roll {
        disk, mut after, ..
    } = roll(|model| {
        let truncate = model.truncate(3);
        writes(vec![truncate, model.append(b"in their place")])
    });
    let mut log = disk.open().log;
    // All but the superseded go on; compaction takes them all at once.
    let snapshot = after.1.snapshot_at(3);
    let batch = Persist {
        snapshot: Some(snapshot),
        ..writes(vec![after.1.compact(3)])
    };
    log.append(&[batch]).unwrap();
    write_batches(&mut log, &mut after.1, 3);
    drop(log);
    after.1.check(&disk.open().recovered);
}

#[test]
fn formatting_can_be_cut_off_anywhere_but_not_repeated_later() {
    let disk = Disk::new();
    drop(disk.open());
    let formatted = disk.files();
    let order = ["lock", "hard-state", "log/00000000000000000001.seg"];
    for made in 0..=order.len() {
        let files = order[..made].iter().map(|name| Path::new(name).to_owned());
        let files = files.map(|name| (name.clone(), formatted[&name].clone()));
        disk.put(&files.collect());
        assert_eq!(disk.open().recovered, Default::default());
    }
    write_batches(&mut disk.open().log, &mut Model::default(), 1);
    let mut files = disk.files();
    files.remove(Path::new("identity"));
    disk.put(&files);
    let error = disk.try_open().unwrap_err().to_string();
    assert!(error.contains("identity file is missing"), "{error}");
}
