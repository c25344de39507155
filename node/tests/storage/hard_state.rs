//! Term and vote: two copies, of which one is enough, and never an older state than was acknowledged.

use std::path::Path;

use shakedown_node::storage::StorageError;
use shakedown_raft::Persist;

use crate::disk::{Disk, with};
use crate::model::Model;

const SECOND_COPY: usize = 4096;

fn name() -> &'static Path {
    Path::new("hard-state")
}

fn vote(disk: &Disk, model: &mut Model) -> shakedown_node::storage::Synced {
    let persist = Persist {
        hard_state: model.vote(),
        ..Persist::default()
    };
    disk.open().log.append(&[persist]).unwrap()
}

#[test]
fn any_damage_to_one_copy_is_survived_and_repaired() {
    let disk = Disk::new();
    let mut model = Model::default();
    vote(&disk, &mut model);
    vote(&disk, &mut model);
    let files = disk.files();
    for at in (0..64).chain(SECOND_COPY..SECOND_COPY + 64) {
        disk.put(&files);
        disk.edit(name(), |bytes| bytes[at] ^= 0x10);
        model.check(&disk.open().recovered);
        let other = if at < SECOND_COPY { SECOND_COPY } else { 0 };
        disk.edit(name(), |bytes| bytes[other..other + 64].fill(0));
        model.check(&disk.open().recovered);
    }
}

#[test]
fn both_copies_damaged_refuses_to_start_and_says_what_to_do() {
    let disk = Disk::new();
    vote(&disk, &mut Model::default());
    disk.edit(name(), |bytes| {
        bytes[33] ^= 1;
        bytes[SECOND_COPY + 33] ^= 1;
    });
    let error = disk.try_open().unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    assert!(
        error.to_string().contains("wipe it and add the node anew"),
        "{error}"
    );
}

#[test]
fn a_crash_between_any_two_writes_leaves_the_old_or_the_new() {
    let disk = Disk::new();
    let mut model = Model::default();
    vote(&disk, &mut model);
    let (old_files, old) = (disk.files(), model.clone());
    vote(&disk, &mut model);
    let new_files = disk.files();
    let (old_bytes, new_bytes) = (&old_files[name()], &new_files[name()]);
    let frame = 0..64;
    let both = frame.clone().chain(frame.map(|at| SECOND_COPY + at));
    for written in both {
        let bytes = [&new_bytes[..written], &old_bytes[written..]].concat();
        disk.put(&with(&new_files, name(), &bytes));
        let recovered = disk.open().recovered;
        if recovered.hard_state == model.hard_state {
            model.check(&recovered);
        } else {
            assert!(
                written < SECOND_COPY,
                "the first copy was acknowledged by then"
            );
            old.check(&recovered);
        }
    }
}

#[test]
fn what_has_not_changed_is_not_written() {
    let disk = Disk::new();
    let mut model = Model::default();
    assert_eq!(vote(&disk, &mut model).fsyncs, 2);
    let mut log = disk.open().log;
    let same = Persist {
        hard_state: Some(model.hard_state),
        ..Persist::default()
    };
    assert_eq!(log.append(&[same]).unwrap().fsyncs, 0);
    let entry = crate::model::writes(vec![model.append(b"x")]);
    let synced = log.append(&[entry]).unwrap();
    assert_eq!((synced.fsyncs, synced.frames), (1, 1));
}

#[test]
fn a_term_older_than_the_log_refuses_to_start() {
    let disk = Disk::new();
    let mut model = Model::default();
    disk.open();
    let old = disk.files()[name()].clone();
    let batch = Persist {
        hard_state: model.vote(),
        log: vec![model.append(b"in the new term")],
        ..Persist::default()
    };
    disk.open().log.append(&[batch]).unwrap();
    model.check(&disk.open().recovered);
    disk.put(&with(&disk.files(), name(), &old));
    let error = disk.try_open().unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
}
