//! Whose disk it is.

use std::fs;
use std::path::Path;

use shakedown_node::storage::StorageError;
use shakedown_raft::{DiskId, NodeId};

use crate::disk::Disk;

#[test]
fn starts_are_counted_and_a_wiped_disk_has_another_name() {
    let disk = Disk::new();
    let mut names = Vec::new();
    for incarnation in 1..=3 {
        let identity = disk.open().identity;
        assert_eq!(identity.incarnation, incarnation);
        let number = u128::from_str_radix(&identity.disk, 16).unwrap();
        assert_eq!(identity.disk_id(), DiskId(number));
        names.push(identity.disk);
    }
    assert!(names.iter().all(|name| *name == names[0]));
    fs::remove_dir_all(disk.path()).unwrap();
    let wiped = disk.open().identity;
    assert_eq!(wiped.incarnation, 1);
    assert_ne!(wiped.disk, names[0]);
}

#[test]
fn a_disk_serves_one_process_of_its_own_node() {
    let disk = Disk::new();
    let opened = disk.open();
    let second = disk.try_open();
    assert!(
        matches!(second, Err(StorageError::Locked { .. })),
        "{second:?}"
    );
    drop(opened);
    for (cluster, node) in [("c", NodeId(2)), ("other", NodeId(1))] {
        let before = disk.files();
        let error = disk.open_as(cluster, node).unwrap_err();
        assert!(matches!(error, StorageError::Foreign { .. }), "{error}");
        assert_eq!(disk.files(), before, "nothing was touched");
    }
}

#[test]
fn a_damaged_identity_refuses_to_start() {
    let disk = Disk::new();
    disk.open();
    let path = Path::new("identity");
    let whole = disk.files();
    for at in 0..32 + 40 {
        disk.put(&whole);
        disk.edit(path, |bytes| bytes[at] ^= 1);
        let error = disk.try_open().unwrap_err();
        assert!(
            matches!(error, StorageError::Corrupt { .. }),
            "byte {at}: {error}"
        );
    }
}
