//! A leader's snapshot takes the place of the log, in one batch with what comes before and after.

use shakedown_raft::Persist;

use crate::disk::{Disk, names_in, segments};
use crate::model::{Model, write_batches, writes};

#[test]
fn the_log_begins_anew_and_goes_on() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 5);
    let mut batch = vec![writes(vec![model.append(b"before"), model.truncate(4)])];
    batch.push(model.install(7));
    batch.push(writes(vec![model.append(b"after")]));
    batch.push(model.install(1));
    batch.push(writes(vec![model.append(b"after"), model.append(b"after")]));
    log.append(&batch).unwrap();
    drop(log);
    let files = disk.files();
    assert_eq!(segments(&files).len(), 1, "what is void is gone");
    assert_eq!(names_in(&files, "snapshot").len(), 1);
    let mut opened = disk.open();
    model.check(&opened.recovered);
    write_batches(&mut opened.log, &mut model, 4);
    drop(opened);
    model.check(&disk.open().recovered);
}

#[test]
fn a_log_that_contradicts_the_snapshot_is_dropped() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 5);
    let mut other = Model {
        hard_state: model.hard_state,
        ..Model::default()
    };
    // The same place in the log, another entry.
    let persist = Persist {
        log: Vec::new(),
        ..other.install(4)
    };
    log.append(&[persist]).unwrap();
    drop(log);
    other.check(&disk.open().recovered);
    other.check(&disk.open().recovered);
}
