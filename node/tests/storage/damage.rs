//! Damage to what was acknowledged: the log is the same, or a loss is reported that covers it. Never is it
//! silently shorter, and never is an entry in it that was not written.

use std::fs;
use std::path::Path;

use shakedown_node::storage::{Opened, StorageError};
use shakedown_raft::{Index, LogWrite, Persist, Recovered};

use crate::disk::{Disk, Files, segments, with, written_len};
use crate::model::{Model, term, write_batches, writes};

const UNKNOWN: Index = Index(u64::MAX);

/// A disk of several segments, and what it held after each batch.
fn written(batches: u64) -> (Disk, Files, Vec<Model>) {
    let disk = Disk::new();
    let stages = write_batches(&mut disk.open().log, &mut Model::default(), batches);
    let files = disk.files();
    (disk, files, stages)
}

/// Starts on what there is; gives whether the log was whole.
#[track_caller]
fn check_is_whole_or_lost(disk: &Disk, stages: &[Model], what: &str) -> bool {
    let last = stages.last().unwrap();
    let Recovered { loss, .. } = match disk.try_open() {
        Ok(Opened { recovered, .. }) if recovered.loss.is_none() => {
            last.check(&recovered);
            return true;
        }
        Ok(opened) => {
            let found = &opened.recovered;
            let is_a_stage = stages.iter().any(|stage| stage.has_log_of(found));
            assert!(is_a_stage, "{what}: {found:?}");
            assert_eq!(found.hard_state, last.hard_state, "{what}");
            opened.recovered
        }
        Err(error) => panic!("{what}: {error}"),
    };
    let loss = loss.unwrap();
    assert!(loss.upto >= Index(last.last()), "{what}: {loss:?}");
    assert_eq!(loss.term, term(last), "{what}");
    let again = disk.open().recovered;
    assert_eq!(again.loss, Some(loss), "{what}: it is known again");
    false
}

#[test]
fn a_flipped_bit_anywhere_in_the_log_is_harmless_or_a_loss() {
    let (disk, files, stages) = written(7);
    assert!(segments(&files).len() >= 3);
    let mut lost = 0;
    for name in segments(&files) {
        for at in 0..files[&name].len() {
            let mut flipped = files[&name].clone();
            flipped[at] ^= 1 << (at % 8);
            disk.put(&with(&files, &name, &flipped));
            let whole = check_is_whole_or_lost(&disk, &stages, &format!("{name:?} byte {at}"));
            lost += usize::from(!whole);
        }
    }
    let written: usize = segments(&files)
        .iter()
        .map(|s| written_len(&files[s]))
        .sum();
    assert!(lost > written / 2, "most bytes matter: {lost} of {written}");
}

#[test]
fn a_segment_that_is_missing_is_a_loss() {
    let (disk, files, stages) = written(7);
    let all = segments(&files);
    for missing in 1_u32..1 << all.len() {
        let mut left = files.clone();
        for (_, name) in all
            .iter()
            .enumerate()
            .filter(|(at, _)| missing & (1 << at) != 0)
        {
            left.remove(name);
        }
        disk.put(&left);
        let whole = check_is_whole_or_lost(&disk, &stages, &format!("missing {missing:b}"));
        assert!(!whole, "missing {missing:b}");
    }
}

#[test]
fn a_file_that_was_cut_is_a_loss() {
    let (disk, files, stages) = written(5);
    for name in segments(&files) {
        // Without its last byte a frame is whole.
        for len in 0..written_len(&files[&name]) - 1 {
            disk.put(&with(&files, &name, &files[&name][..len]));
            let whole = check_is_whole_or_lost(&disk, &stages, &format!("{name:?} cut at {len}"));
            assert!(!whole, "{name:?} cut at {len}");
        }
    }
}

#[test]
fn segments_in_each_others_place_are_a_loss() {
    let (disk, files, stages) = written(7);
    let all = segments(&files);
    let (one, other) = (&all[1], &all[2]);
    let swapped = with(&with(&files, one, &files[other]), other, &files[one]);
    disk.put(&swapped);
    assert!(!check_is_whole_or_lost(&disk, &stages, "swapped"));
}

/// Damages the payload of the first frame of the first segment.
fn damage_first_frame(disk: &Disk, files: &Files) {
    let name = &segments(files)[0];
    let start = files[name]
        .windows(4)
        .enumerate()
        .filter(|(_, w)| *w == b"SDF2");
    let frame = start.map(|(at, _)| at).nth(1).unwrap();
    disk.edit(name, |bytes| bytes[frame + 40] ^= 1);
}

#[test]
fn a_loss_says_how_far_the_log_went_and_what_is_before_it_is_kept() {
    let (disk, files, stages) = written(7);
    damage_first_frame(&disk, &files);
    let recovered = disk.open().recovered;
    assert_eq!(recovered.log, []);
    let loss = recovered.loss.unwrap();
    assert_eq!(loss.upto, Index(stages.last().unwrap().last()));

    let (disk, files, stages) = written(7);
    let last = segments(&files).pop().unwrap();
    let end = written_len(&files[&last]);
    disk.edit(&last, |bytes| bytes[end - 3] ^= 1);
    let recovered = disk.open().recovered;
    assert!(stages[6].has_log_of(&recovered), "all but the last batch");
    assert_eq!(recovered.loss.unwrap().upto, Index(stages[7].last()));
}

#[test]
fn a_loss_is_known_until_it_is_repaired() {
    let (disk, files, mut stages) = written(4);
    damage_first_frame(&disk, &files);
    let mut opened = disk.open();
    let loss = opened.recovered.loss.unwrap();
    let mut lost = Model {
        hard_state: stages.pop().unwrap().hard_state,
        ..Model::default()
    };
    for _ in 0..3 {
        let write = writes(vec![lost.append(b"from a leader")]);
        opened.log.append(&[write]).unwrap();
        drop(opened);
        opened = disk.open();
        assert_eq!(opened.recovered.loss, Some(loss));
        lost.check_with_loss(&opened.recovered);
    }
    let last = lost.append(b"the last that was missing");
    let repaired = writes(vec![last, LogWrite::Repaired]);
    opened.log.append(&[repaired, Persist::default()]).unwrap();
    drop(opened);
    lost.check(&disk.open().recovered);
}

#[test]
fn a_crash_at_any_step_of_cutting_off_what_is_damaged_finds_the_loss_again() {
    let (disk, files, stages) = written(16);
    let name = segments(&files)[1].clone();
    let at = written_len(&files[&name]) / 2;
    let damage = |bytes: &mut Vec<u8>| bytes[at] ^= 1;
    disk.edit(&name, damage);
    let damaged = disk.files();
    let loss = disk.open().recovered.loss.unwrap();
    let cut = disk.files();
    let marked = with(&damaged, "loss", &cut[Path::new("loss")]);
    let mut cleared = marked.clone();
    cleared.insert(name.clone(), cut[&name].clone());
    let behind: Vec<_> = segments(&files).split_off(2);
    assert!(behind.len() >= 2);
    for files in [&marked, &cleared] {
        for removed in 0_u32..1 << behind.len() {
            let mut files = files.clone();
            for (_, name) in behind
                .iter()
                .enumerate()
                .filter(|(n, _)| removed & (1 << n) != 0)
            {
                files.remove(name);
            }
            disk.put(&files);
            let recovered = disk.open().recovered;
            assert!(recovered.loss.unwrap().upto >= loss.upto);
            assert!(stages.iter().any(|stage| stage.has_log_of(&recovered)));
            disk.open();
        }
    }
}

#[test]
fn a_damaged_marker_is_still_a_loss() {
    let (disk, files, stages) = written(3);
    damage_first_frame(&disk, &files);
    disk.open();
    disk.edit(Path::new("loss"), |bytes| bytes[33] ^= 1);
    let loss = disk.open().recovered.loss.unwrap();
    assert_eq!(
        (loss.upto, loss.term),
        (UNKNOWN, term(stages.last().unwrap()))
    );
    fs::write(disk.path().join("loss"), b"").unwrap();
    assert_eq!(disk.open().recovered.loss.unwrap().upto, UNKNOWN);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let (disk, files, _) = written(3);
    let mut without = files.clone();
    without.remove(Path::new("hard-state"));
    disk.put(&without);
    let error = disk.try_open().unwrap_err();
    assert!(matches!(error, StorageError::Io { .. }), "{error}");
    assert!(error.to_string().contains("hard-state"), "{error}");
}
