//! The disk after crashes and damage: what was synced is there, or the node refuses to start.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, outside of test functions too"
)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use shakedown_history::{Index, LogHash, LogId, NodeId, Term};
use shakedown_node::storage::{self, Log, Recovery, StorageError};
use shakedown_raft::{Entry, HardState, LogWrite, Payload, Persist, Recovered};

const FILE_HEADER_LEN: usize = 16;

fn open(dir: &Path) -> Result<(Log, Recovery), StorageError> {
    let opened = storage::open(dir, "c", NodeId(1))?;
    Ok((opened.log, opened.recovery))
}

/// A log with what it should hold, beside the one on disk.
#[derive(Default)]
struct Model {
    state: Recovered,
}

impl Model {
    fn append(&mut self, term: u64, payload: &[u8]) -> LogWrite {
        let (hash, index) = match self.state.log.last() {
            Some(last) => (last.hash, last.id.index.0),
            None => (LogHash::EMPTY, 0),
        };
        let payload = Payload::Command(payload.to_vec().into());
        let entry = Entry::new(hash, LogId::new(term, index + 1), payload);
        self.state.log.push(entry.clone());
        LogWrite::Append(vec![entry])
    }

    fn truncate(&mut self, from: u64) -> LogWrite {
        self.state.log.truncate(usize::try_from(from - 1).unwrap());
        LogWrite::Truncate { from: Index(from) }
    }

    fn vote(&mut self, term: u64) -> HardState {
        self.state.hard_state = HardState {
            term: Term(term),
            voted_for: Some(NodeId(2)),
        };
        self.state.hard_state
    }
}

/// Writes five batches; returns, for each, how long the file was then and what it held.
fn write_five_batches(dir: &Path) -> Vec<(usize, Recovered)> {
    let (mut log, _) = open(dir).unwrap();
    let mut model = Model::default();
    let mut stages = vec![(FILE_HEADER_LEN, Recovered::default())];
    for batch in 1..=5_u64 {
        let hard_state = Some(model.vote(batch));
        let mut writes = vec![
            model.append(batch, b"a"),
            model.append(batch, &[batch as u8; 30]),
        ];
        if batch % 2 == 0 {
            writes.push(model.truncate(2 * batch));
        }
        let first = Persist {
            hard_state,
            log: writes,
        };
        let second = Persist {
            hard_state: None,
            log: vec![model.append(batch, b"")],
        };
        log.append(&[first, second]).unwrap();
        let len = fs::metadata(dir.join("log")).unwrap().len();
        stages.push((usize::try_from(len).unwrap(), model.state.clone()));
    }
    stages
}

#[test]
fn a_log_cut_at_any_byte_holds_what_was_synced_before() {
    let dir = tempfile::tempdir().unwrap();
    let stages = write_five_batches(dir.path());
    let path = dir.path().join("log");
    let whole = fs::read(&path).unwrap();
    for cut in FILE_HEADER_LEN..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (len, expected) = stages.iter().rfind(|(len, _)| *len <= cut).unwrap();
        let (log, recovery) = open(dir.path()).unwrap();
        drop(log);
        assert_eq!(recovery.recovered, *expected, "cut at {cut}");
        assert_eq!(recovery.torn_bytes as usize, cut - len, "cut at {cut}");
        assert_eq!(
            fs::metadata(&path).unwrap().len() as usize,
            *len,
            "the torn tail is gone"
        );
    }
}

#[test]
fn a_log_goes_on_after_its_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let stages = write_five_batches(dir.path());
    let path = dir.path().join("log");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let (mut log, recovery) = open(dir.path()).unwrap();
    assert_eq!(recovery.recovered, stages[4].1);
    let mut model = Model {
        state: recovery.recovered,
    };
    let write = model.append(9, b"after");
    log.append(&[Persist {
        hard_state: None,
        log: vec![write],
    }])
    .unwrap();
    drop(log);
    assert_eq!(open(dir.path()).unwrap().1.recovered, model.state);
}

#[test]
fn a_flipped_bit_anywhere_refuses_to_start_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let stages = write_five_batches(dir.path());
    let path = dir.path().join("log");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        fs::write(&path, flipped).unwrap();
        let error = open(dir.path()).unwrap_err();
        let StorageError::Corrupt { offset, .. } = &error else {
            panic!("byte {at}: {error}");
        };
        let frame = stages
            .iter()
            .rfind(|(len, _)| *len <= at)
            .map_or(0, |(len, _)| *len);
        assert_eq!(*offset as usize, frame, "byte {at}: {error}");
    }
}

#[test]
fn a_cut_file_header_or_a_missing_log_refuses_to_start() {
    let dir = tempfile::tempdir().unwrap();
    write_five_batches(dir.path());
    let path = dir.path().join("log");
    let whole = fs::read(&path).unwrap();
    for cut in 0..FILE_HEADER_LEN {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(
            matches!(open(dir.path()), Err(StorageError::Corrupt { .. })),
            "cut at {cut}"
        );
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(dir.path()), Err(StorageError::Io { .. })));
}

#[test]
fn entries_without_an_identity_are_not_formatted_over() {
    let dir = tempfile::tempdir().unwrap();
    write_five_batches(dir.path());
    fs::remove_file(dir.path().join("identity")).unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("identity file is missing"), "{error}");
}

#[test]
fn formatting_cut_off_before_the_identity_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::remove_file(dir.path().join("identity")).unwrap();
    assert_eq!(open(dir.path()).unwrap().1.recovered, Recovered::default());
}

#[test]
fn starts_are_counted_and_a_wiped_disk_has_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for incarnation in 1..=3 {
        let identity = storage::open(dir.path(), "c", NodeId(1)).unwrap().identity;
        assert_eq!(identity.incarnation, incarnation);
        names.push(identity.disk);
    }
    assert!(names.iter().all(|name| *name == names[0]));
    fs::remove_dir_all(dir.path()).unwrap();
    let wiped = storage::open(dir.path(), "c", NodeId(1)).unwrap().identity;
    assert_eq!(wiped.incarnation, 1);
    assert_ne!(wiped.disk, names[0]);
}

#[test]
fn a_disk_serves_one_process_of_its_own_node() {
    let dir = tempfile::tempdir().unwrap();
    let opened = storage::open(dir.path(), "c", NodeId(1)).unwrap();
    let second = storage::open(dir.path(), "c", NodeId(1));
    assert!(
        matches!(second, Err(StorageError::Locked { .. })),
        "{second:?}"
    );
    drop(opened);
    for (cluster, node) in [("c", NodeId(2)), ("other", NodeId(1))] {
        let error = storage::open(dir.path(), cluster, node).unwrap_err();
        assert!(matches!(error, StorageError::Foreign { .. }), "{error}");
    }
}

#[test]
fn a_damaged_identity_refuses_to_start() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let path = dir.path().join("identity");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(
        open(dir.path()),
        Err(StorageError::Corrupt { .. })
    ));
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Truncate(prop::sample::Index),
    Vote,
    Sync,
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..700).prop_map(Step::Append),
        1 => any::<prop::sample::Index>().prop_map(Step::Truncate),
        1 => Just(Step::Vote),
        2 => Just(Step::Sync),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any changes in any batches, with a crash at any byte of the last batch: the log holds the
    /// batches before it.
    #[test]
    fn a_log_holds_what_was_synced(
        steps in prop::collection::vec(any_step(), 1..40),
        lost in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = open(dir.path()).unwrap();
        let (mut model, mut term) = (Model::default(), 1);
        let mut batch = Vec::new();
        let mut synced = (FILE_HEADER_LEN as u64, Recovered::default());
        let len = || fs::metadata(dir.path().join("log")).unwrap().len();
        for step in steps.into_iter().chain([Step::Vote]) {
            let mut persist = Persist::default();
            match step {
                Step::Append(payload) => persist.log.push(model.append(term, &payload)),
                Step::Truncate(at) if !model.state.log.is_empty() => {
                    let from = at.index(model.state.log.len()) as u64 + 1;
                    persist.log.push(model.truncate(from));
                }
                Step::Truncate(_) => {}
                Step::Vote => {
                    term += 1;
                    persist.hard_state = Some(model.vote(term));
                }
                Step::Sync | Step::Reopen => {
                    log.append(&std::mem::take(&mut batch)).unwrap();
                    synced = (len(), model.state.clone());
                    if matches!(step, Step::Reopen) {
                        drop(log);
                        let (reopened, recovery) = open(dir.path()).unwrap();
                        prop_assert_eq!(&recovery.recovered, &model.state);
                        log = reopened;
                    }
                }
            }
            batch.push(persist);
        }
        log.append(&batch).unwrap();
        drop(log);
        let kept = synced.0 + lost.index(usize::try_from(len() - synced.0).unwrap()) as u64;
        fs::File::options().write(true).open(dir.path().join("log")).unwrap().set_len(kept).unwrap();
        prop_assert_eq!(open(dir.path()).unwrap().1.recovered, synced.1);
    }
}
