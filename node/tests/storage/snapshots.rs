//! Snapshots: saved beside the log, found again, or a loss.

use std::path::{Path, PathBuf};

use shakedown_node::storage::SnapshotSaver;
use shakedown_raft::{Index, Persist};

use crate::disk::{Disk, names_in, with};
use crate::model::{Model, write_batches, writes};

/// A disk with a log and, by way of the log's thread, a snapshot in it.
fn with_snapshot(back: u64) -> (Disk, Model) {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 6);
    let persist = Persist {
        snapshot: Some(model.snapshot_at(model.last() - back)),
        ..Persist::default()
    };
    log.append(&[persist]).unwrap();
    (disk, model)
}

fn snapshot_names(disk: &Disk) -> Vec<PathBuf> {
    names_in(&disk.files(), "snapshot")
}

#[tokio::test]
async fn the_nodes_own_snapshots_are_saved_in_order_and_the_older_go() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut opened = disk.open();
    write_batches(&mut opened.log, &mut model, 3);
    let mut saver = SnapshotSaver::start(opened.snapshots);
    for index in [2, 4, 5] {
        saver.save(model.snapshot_at(index));
    }
    for index in [2, 4, 5] {
        assert_eq!(saver.saved().await.unwrap(), model.at(index).id);
    }
    assert_eq!(snapshot_names(&disk).len(), 1);
    drop((saver, opened.log));
    model.check(&disk.open().recovered);
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_saved_is_a_failure() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut opened = disk.open();
    write_batches(&mut opened.log, &mut model, 1);
    std::fs::remove_dir_all(disk.path().join("snapshot")).unwrap();
    let mut saver = SnapshotSaver::start(opened.snapshots);
    saver.save(model.snapshot_at(1));
    let failure = saver.saved().await.unwrap_err();
    assert_eq!(failure.op, "create");
}

#[test]
fn a_snapshot_being_written_is_not_found() {
    let (disk, model) = with_snapshot(3);
    let files = disk.files();
    let name = snapshot_names(&disk).remove(0);
    for suffix in ["saving", "installing"] {
        let later = Path::new("snapshot/00000000000000000099-00000000000000000009");
        disk.put(&with(&files, later.with_extension(suffix), &files[&name]));
        model.check(&disk.open().recovered);
        assert_eq!(snapshot_names(&disk), std::slice::from_ref(&name));
    }
}

#[test]
fn a_damaged_snapshot_is_made_good_by_a_log_that_has_everything() {
    let (disk, mut model) = with_snapshot(3);
    let files = disk.files();
    let name = snapshot_names(&disk).remove(0);
    model.snapshot = None;
    for at in 0..files[&name].len() {
        let mut flipped = files[&name].clone();
        flipped[at] ^= 1 << (at % 8);
        disk.put(&with(&files, &name, &flipped));
        let recovered = disk.open().recovered;
        if recovered.snapshot.is_none() {
            model.check(&recovered);
            assert_eq!(snapshot_names(&disk), [] as [PathBuf; 0]);
        } else {
            assert_eq!(
                recovered.snapshot.map(|s| s.header.last.index),
                Some(Index(model.last() - 3))
            );
        }
    }
}

#[test]
fn a_damaged_snapshot_falls_back_to_an_older_one_that_the_log_reaches() {
    let (disk, mut model) = with_snapshot(6);
    let older = snapshot_names(&disk).remove(0);
    let older_bytes = disk.files()[&older].clone();
    let mut log = disk.open().log;
    let kept = model.clone();
    let persist = Persist {
        snapshot: Some(model.snapshot_at(model.last() - 2)),
        ..Persist::default()
    };
    log.append(&[persist]).unwrap();
    drop(log);
    let newer = snapshot_names(&disk).remove(0);
    disk.edit(&newer, |bytes| *bytes.last_mut().unwrap() ^= 1);
    disk.put(&with(&disk.files(), older, &older_bytes));
    kept.check(&disk.open().recovered);
}

#[test]
fn a_damaged_snapshot_whose_log_is_compacted_is_a_loss() {
    let (disk, mut model) = with_snapshot(2);
    let mut log = disk.open().log;
    log.append(&[writes(vec![model.compact(model.last() - 2)])])
        .unwrap();
    drop(log);
    assert!(
        disk.open().recovered.base.id.index > Index(0),
        "some of it is gone"
    );
    let name = snapshot_names(&disk).remove(0);
    let whole = disk.files();
    for missing in [false, true] {
        disk.put(&whole);
        disk.edit(&name, |bytes| bytes[100] ^= 1);
        if missing {
            std::fs::remove_file(disk.path().join(&name)).unwrap();
        }
        for _ in 0..2 {
            let recovered = disk.open().recovered;
            assert_eq!(recovered.loss.unwrap().upto, Index(model.last()));
            assert_eq!((recovered.snapshot, recovered.log), (None, vec![]));
            assert_eq!(recovered.hard_state, model.hard_state);
        }
    }
}

#[test]
fn a_damaged_snapshot_beyond_the_log_is_a_loss() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 3);
    log.append(&[model.install(10)]).unwrap();
    drop(log);
    let name = snapshot_names(&disk).remove(0);
    disk.edit(&name, |bytes| bytes[100] ^= 1);
    let recovered = disk.open().recovered;
    assert_eq!(recovered.loss.unwrap().upto, Index(model.last()));
}
