//! Probing, replicating and sending snapshots, as one peer sees it.

use bytes::Bytes;
use shakedown_history::{LogHash, LogId};

use super::*;
use crate::entry::{Entry, Payload};
use crate::membership::Membership;
use crate::snapshot::SnapshotHeader;

fn settings(entries_per_message_max: usize) -> Settings {
    Settings {
        entries_per_message_max,
        ..Settings::for_tests()
    }
}

/// A log of commands of ten bytes.
fn log(len: u64) -> Log {
    let mut log = Log::default();
    for index in 1..=len {
        let command = Payload::Command(Bytes::from_static(b"ten bytes!"));
        let entry = Entry::new(log.last_hash(), LogId::new(1, index), command);
        log.push(entry);
    }
    log
}

fn snapshot(last: u64, len: u64) -> Snapshot {
    Snapshot {
        header: SnapshotHeader {
            last: LogId::new(1, last),
            hash: LogHash::EMPTY,
            membership: Membership::default(),
            membership_index: Index(0),
            len,
        },
        data: Bytes::from(vec![0; usize::try_from(len).unwrap()]),
    }
}

fn replicating(match_index: u64) -> Progress {
    let mut progress = Progress::new(Index(match_index), 0);
    progress.matched(Index(match_index));
    progress
}

fn entries(prev: u64, upto: u64) -> Option<Parcel> {
    Some(Parcel::Entries {
        prev: Index(prev),
        upto: Index(upto),
    })
}

#[test]
fn a_probe_goes_out_once_until_it_is_answered_or_a_heartbeat_repeats_it() {
    let (log, settings) = (log(9), settings(2));
    let mut progress = Progress::new(Index(5), 0);
    assert_eq!(progress.next_parcel(&log, None, &settings), entries(5, 7));
    assert_eq!(progress.next_parcel(&log, None, &settings), None);
    assert_eq!(progress.heartbeat_prev(&log), Index(5));
}

#[test]
fn messages_in_flight_are_bounded_by_number() {
    let (log, settings) = (log(1000), settings(1));
    let mut progress = replicating(0);
    let send = |progress: &mut Progress| {
        std::iter::from_fn(|| progress.next_parcel(&log, None, &settings)).count()
    };
    assert_eq!(send(&mut progress), settings.messages_in_flight_max);
    progress.matched(Index(3));
    assert_eq!(send(&mut progress), 3, "three places became free");
}

#[test]
fn messages_and_what_is_in_flight_are_bounded_by_bytes() {
    let log = log(1000);
    let settings = Settings {
        bytes_per_message_max: 35,
        bytes_in_flight_max: 60,
        ..settings(100)
    };
    let mut progress = replicating(0);
    assert_eq!(progress.next_parcel(&log, None, &settings), entries(0, 3));
    assert_eq!(progress.next_parcel(&log, None, &settings), entries(3, 6));
    assert_eq!(progress.next_parcel(&log, None, &settings), None);
    progress.matched(Index(3));
    assert_eq!(progress.next_parcel(&log, None, &settings), entries(6, 9));
}

#[test]
fn an_entry_above_the_limit_goes_alone() {
    let settings = Settings {
        bytes_per_message_max: 5,
        ..settings(100)
    };
    let mut progress = replicating(0);
    assert_eq!(
        progress.next_parcel(&log(3), None, &settings),
        entries(0, 1)
    );
}

#[test]
fn a_rejection_backs_off_at_least_one_entry_and_never_behind_the_match() {
    let log = log(20);
    let mut progress = Progress::new(Index(9), 0);
    progress.rejected(Index(9), Index(12));
    assert_eq!(progress.next_index, Index(9));
    progress.rejected(Index(9), Index(3));
    assert_eq!(progress.next_index, Index(9), "answered already");
    progress.matched(Index(8));
    progress.next_parcel(&log, None, &settings(100));
    progress.rejected(Index(20), Index(2));
    assert_eq!(progress.next_index, Index(9));
}

#[test]
fn entries_unheard_of_for_an_interval_are_sent_again() {
    let (log, settings) = (log(6), settings(10));
    let mut progress = replicating(4);
    progress.next_parcel(&log, None, &settings);
    progress.suspect_loss();
    assert_eq!(progress.next_index, Index(7), "an interval has only begun");
    progress.suspect_loss();
    assert_eq!(
        (progress.heartbeat_prev(&log), progress.next_index),
        (Index(4), Index(5))
    );
    progress.matched(Index(4));
    assert_eq!(progress.next_parcel(&log, None, &settings), entries(4, 6));
}

#[test]
fn an_older_answer_does_not_take_the_match_back() {
    let mut progress = replicating(4);
    progress.next_parcel(&log(6), None, &settings(10));
    progress.matched(Index(6));
    progress.matched(Index(5));
    assert_eq!(
        (progress.match_index, progress.next_index),
        (Index(6), Index(7))
    );
}

#[test]
fn a_peer_that_lost_entries_is_probed_anew() {
    let mut progress = replicating(4);
    progress.forget(Index(4), Index(2), Index(2));
    assert_eq!(
        (progress.match_index, progress.next_index),
        (Index(0), Index(3))
    );
}

#[test]
fn a_peer_that_lost_what_is_compacted_gets_the_snapshot() {
    let (mut log, settings) = (log(4), settings(10));
    log.compact(log.base_at(Index(4)).unwrap());
    let mut progress = replicating(4);
    // Where the logs may agree lies before the base, which is the answer then.
    progress.forget(Index(4), Index(2), Index(4));
    progress.rejected(Index(4), Index(4));
    assert_eq!(progress.match_index, Index(0));
    let snapshot = snapshot(4, 3);
    let parcel = progress.next_parcel(&log, Some(&snapshot), &settings);
    let offset = 0;
    assert_eq!(parcel, Some(Parcel::Chunk { snapshot, offset }));
}

#[test]
fn a_peer_behind_the_base_gets_the_snapshot_and_then_what_follows() {
    let (mut log, settings) = (log(9), settings(10));
    log.compact(log.base_at(Index(5)).unwrap());
    let snapshot = snapshot(7, 3);
    let mut progress = Progress::new(Index(9), 0);
    progress.rejected(Index(9), Index(2));
    let next = |progress: &mut Progress| progress.next_parcel(&log, Some(&snapshot), &settings);
    let chunk = |offset| {
        Some(Parcel::Chunk {
            snapshot: snapshot.clone(),
            offset,
        })
    };
    assert_eq!(next(&mut progress), chunk(0));
    assert_eq!(next(&mut progress), None, "one piece at a time");
    progress.chunk_received(Index(7), 2);
    assert_eq!(next(&mut progress), chunk(2));
    progress.suspect_loss();
    assert_eq!(next(&mut progress), None, "an interval has only begun");
    progress.suspect_loss();
    assert_eq!(next(&mut progress), chunk(2), "again");
    progress.rejected(Index(5), Index(2));
    progress.matched(Index(3));
    assert!(progress.receives_snapshot(), "these say nothing about it");
    progress.matched(Index(7));
    assert_eq!(next(&mut progress), entries(7, 9));
}
