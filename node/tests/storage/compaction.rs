//! Compaction, and damage that a snapshot covers.

use shakedown_raft::{Index, Persist};

use crate::disk::{Disk, segments};
use crate::model::{Model, write_batches, writes};

/// A disk with a snapshot in the middle of its log, nothing compacted.
fn with_snapshot() -> (Disk, Model, u64) {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 8);
    let covered = model.last() - 5;
    let snapshot = model.snapshot_at(covered);
    let persist = Persist {
        snapshot: Some(snapshot),
        ..Persist::default()
    };
    log.append(&[persist]).unwrap();
    (disk, model, covered)
}

#[test]
fn whole_segments_go_and_the_rest_stays() {
    let (disk, mut model, covered) = with_snapshot();
    model.check(&disk.open().recovered);
    let before = segments(&disk.files()).len();
    let mut log = disk.open().log;
    log.append(&[writes(vec![model.compact(covered)])]).unwrap();
    write_batches(&mut log, &mut model, 1);
    drop(log);
    let recovered = disk.open().recovered;
    assert!(recovered.base.id.index > Index(0), "something is gone");
    assert!(segments(&disk.files()).len() < before);
    model.check(&recovered);
}

#[test]
fn any_of_the_segments_that_went_may_be_there_after_a_crash() {
    let (disk, mut model, covered) = with_snapshot();
    let before = disk.files();
    let mut log = disk.open().log;
    log.append(&[writes(vec![model.compact(covered)])]).unwrap();
    drop(log);
    let after = disk.files();
    let gone = segments(&before)
        .into_iter()
        .filter(|s| !after.contains_key(s));
    let gone: Vec<_> = gone.collect();
    assert!(gone.len() >= 2);
    for left in 0_u32..1 << gone.len() {
        let mut files = after.clone();
        for (_, name) in gone
            .iter()
            .enumerate()
            .filter(|(at, _)| left & (1 << at) != 0)
        {
            files.insert(name.clone(), before[name].clone());
        }
        disk.put(&files);
        model.check(&disk.open().recovered);
    }
}

#[test]
fn the_active_segment_never_goes() {
    let (disk, mut model, _) = with_snapshot();
    let mut log = disk.open().log;
    let last = model.last();
    let persist = Persist {
        snapshot: Some(model.snapshot_at(last)),
        ..writes(vec![model.compact(last)])
    };
    log.append(&[persist]).unwrap();
    assert_eq!(segments(&disk.files()).len(), 1);
    write_batches(&mut log, &mut model, 1);
    drop(log);
    model.check(&disk.open().recovered);
}

#[test]
fn damage_that_the_snapshot_covers_is_no_loss() {
    let (disk, mut model, covered) = with_snapshot();
    let files = disk.files();
    disk.edit(&segments(&files)[1], |bytes| bytes[200] ^= 1);
    let recovered = disk.open().recovered;
    assert!(
        recovered.base.id.index > Index(0),
        "it starts behind the damage"
    );
    model.compacted = Index(covered);
    model.check(&recovered);
    model.check(&disk.open().recovered);
}

#[test]
fn damage_behind_the_snapshot_is_a_loss() {
    let (disk, model, covered) = with_snapshot();
    let last = segments(&disk.files()).pop().unwrap();
    disk.edit(&last, |bytes| bytes[130] ^= 1);
    let recovered = disk.open().recovered;
    assert!(recovered.loss.unwrap().upto >= Index(model.last()));
    assert_eq!(recovered.snapshot, model.snapshot);
    let ends = recovered.log.last().map_or(recovered.base.id, |e| e.id);
    assert!(ends.index >= Index(covered), "nothing is missing before it");
}
