//! The thread that writes, and what becomes of it when the disk fails.

use std::fs;

use shakedown_node::storage::Writer;

use crate::disk::Disk;
use crate::model::{Model, write_batches, writes};

#[tokio::test]
async fn a_batch_is_on_disk_when_its_outcome_is_there() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut writer = Writer::start(disk.open().log, false);
    for payload in [&b"a"[..], b"b", &[1; 3000]] {
        writer.submit(vec![writes(vec![model.append(payload)])]);
        let synced = writer.outcome().await.unwrap();
        assert_eq!(synced.frames, 1);
        assert!(synced.fsyncs >= 1 && synced.bytes > payload.len() as u64);
    }
    let copy = Disk::new();
    copy.put(&disk.files());
    model.check(&copy.open().recovered);
}

#[test]
fn nothing_is_accepted_after_a_failure() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut log = disk.open().log;
    write_batches(&mut log, &mut model, 2);
    let acknowledged = model.clone();
    // No other segment can be made.
    fs::rename(disk.path().join("log"), disk.path().join("gone")).unwrap();
    let batch = writes(vec![model.append(&[1; 3000])]);
    let failure = log.append(&[batch]).unwrap_err();
    assert_eq!(failure.op, "create", "{failure}");
    fs::rename(disk.path().join("gone"), disk.path().join("log")).unwrap();
    let mut model = acknowledged.clone();
    let batch = writes(vec![model.append(b"would fit")]);
    let failure = log.append(&[batch]).unwrap_err().to_string();
    assert!(failure.contains("an earlier write failed"), "{failure}");
    drop(log);
    acknowledged.check(&disk.open().recovered);
}

#[tokio::test]
async fn the_writer_reports_a_failure() {
    let disk = Disk::new();
    let mut model = Model::default();
    let mut writer = Writer::start(disk.open().log, false);
    fs::remove_dir_all(disk.path().join("log")).unwrap();
    writer.submit(vec![writes(vec![model.append(&[1; 3000])])]);
    assert!(writer.outcome().await.is_err());
}
