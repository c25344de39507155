//! Any changes in any batches: after every one, a process that starts finds what the model holds.

use proptest::prelude::*;
use proptest::sample::Index as Pick;
use shakedown_raft::Persist;

use crate::disk::{Disk, names_in, segments, with, written_len};
use crate::model::{Model, writes};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Truncate(Pick),
    Vote,
    Snapshot(Pick),
    Compact(Pick),
    Install(u64),
    Sync,
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..400).prop_map(Step::Append),
        2 => any::<Pick>().prop_map(Step::Truncate),
        1 => Just(Step::Vote),
        1 => any::<Pick>().prop_map(Step::Snapshot),
        1 => any::<Pick>().prop_map(Step::Compact),
        1 => (1..4_u64).prop_map(Step::Install),
        4 => Just(Step::Sync),
        2 => Just(Step::Reopen),
    ]
}

/// An index above what a snapshot covers, for a truncation; or below, for a compaction.
fn covered(model: &Model) -> u64 {
    let last = model.snapshot.as_ref().map(|s| s.header.last.index.0);
    last.unwrap_or(0)
}

fn apply(model: &mut Model, step: &Step) -> Persist {
    let mut persist = Persist::default();
    let (covered, last) = (covered(model), model.last());
    match step {
        Step::Append(payload) => return writes(vec![model.append(payload)]),
        Step::Vote => persist.hard_state = model.vote(),
        Step::Truncate(at) if last > covered => {
            let from = covered + 1 + at.index((last - covered) as usize) as u64;
            return writes(vec![model.truncate(from)]);
        }
        Step::Snapshot(at) if last > covered => {
            let index = covered + 1 + at.index((last - covered) as usize) as u64;
            persist.snapshot = Some(model.snapshot_at(index));
        }
        Step::Compact(at) if covered > model.start.id.index.0 => {
            let start = model.start.id.index.0.max(model.compacted.0);
            let upto = start + at.index((covered - start + 1) as usize) as u64;
            return writes(vec![model.compact(upto)]);
        }
        Step::Install(ahead) => return model.install(*ahead),
        _ => {}
    }
    persist
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// With a crash at any byte of the last write into a segment, the log holds the batches before it, or
    /// the last one too.
    #[test]
    fn a_disk_holds_what_was_acknowledged(
        steps in prop::collection::vec(any_step(), 1..80),
        cut in any::<Pick>(),
    ) {
        let disk = Disk::new();
        let mut log = disk.open().log;
        let mut model = Model::default();
        let mut batch = Vec::new();
        for step in steps {
            match step {
                Step::Sync => {
                    log.append(&std::mem::take(&mut batch)).unwrap();
                }
                Step::Reopen => {
                    log.append(&std::mem::take(&mut batch)).unwrap();
                    drop(log);
                    let opened = disk.open();
                    model.check(&opened.recovered);
                    log = opened.log;
                }
                step => batch.push(apply(&mut model, &step)),
            }
        }
        log.append(&batch).unwrap();
        let (before, acknowledged) = (disk.files(), model.clone());
        let batch = writes(vec![model.append(b"the last"), model.append(&[0; 30])]);
        log.append(&[batch]).unwrap();
        drop(log);
        let mut files = disk.files();
        let segment = segments(&files).pop().unwrap();
        if let Some(old) = before.get(&segment) {
            let start = written_len(old);
            let mut bytes = files[&segment].clone();
            let kept = start + cut.index(written_len(&bytes) - start);
            bytes[kept..].fill(0);
            files = with(&files, &segment, &bytes);
            disk.put(&files);
        }
        let recovered = disk.open().recovered;
        if !model.has_log_of(&recovered) {
            acknowledged.check(&recovered);
        }
    }

    /// One byte of the log or of a snapshot is another: either everything is there, or a loss is reported
    /// and what is there was in the log once.
    #[test]
    fn damage_is_never_silent(
        steps in prop::collection::vec(any_step(), 20..80),
        file in any::<Pick>(),
        byte in any::<Pick>(),
        mask in 1..=u8::MAX,
    ) {
        let disk = Disk::new();
        let mut log = disk.open().log;
        let mut model = Model::default();
        let mut stages = vec![model.clone()];
        let mut batch = Vec::new();
        for step in steps.into_iter().chain([Step::Sync]) {
            if let Step::Sync | Step::Reopen = step {
                log.append(&std::mem::take(&mut batch)).unwrap();
                stages.push(model.clone());
            } else {
                batch.push(apply(&mut model, &step));
            }
        }
        drop(log);
        let files = disk.files();
        let names = [segments(&files), names_in(&files, "snapshot")].concat();
        let name = &names[file.index(names.len())];
        disk.edit(name, |bytes| {
            let at = byte.index(written_len(bytes));
            bytes[at] ^= mask;
        });
        for _ in 0..2 {
            let recovered = disk.open().recovered;
            if recovered.loss.is_none() {
                let covered = recovered.snapshot.as_ref().map(|s| s.header.last.index);
                let model = Model {
                    snapshot: recovered.snapshot.clone(),
                    compacted: covered.unwrap_or_default(),
                    ..model.clone()
                };
                model.check(&recovered);
            } else {
                let was_there = stages.iter().any(|stage| stage.begins_as(&recovered));
                prop_assert!(was_there || recovered.log.is_empty());
                prop_assert!(recovered.loss.unwrap().upto.0 >= model.last());
            }
        }
    }
}
