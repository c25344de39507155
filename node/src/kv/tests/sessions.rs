//! Sessions: a request takes effect once, whatever is evicted (scenarios of dragonboat's `internal/rsm`).

use super::*;

/// The same store from its own snapshot.
fn restored(log: &Log) -> Log {
    Log {
        store: Store::restore(&log.store.save(), Sessions::Kept).unwrap(),
        last: log.last,
    }
}

#[test]
fn a_session_is_named_by_its_entry() {
    let mut log = Log::new(Sessions::Kept);
    assert_eq!([log.open(10), log.open(10)], [1, 2]);
    assert_eq!(log.store.session_count(), 2);
    assert!(log.append(2, 1, 0).has_effect());
    assert_eq!(log.open(10), 4);
}

/// TestDuplicatedUpdateWillNotBeAppliedTwice.
#[test]
fn a_duplicated_update_is_not_applied_twice_and_gets_the_same_answer() {
    let mut log = Log::with_a_session();
    let ops = json!([{"f": "append", "key": "l", "value": 1}, {"f": "r", "key": "l"}]);
    let first = log.transact(1, 5, &ops);
    log.append(1, 6, 2);
    let ops_6 = json!([{"f": "append", "key": "l", "value": 2}]);
    let second = log.transact(1, 6, &ops_6);
    assert!(first.has_effect() && !second.has_effect());
    let Applied::Repeated(decision) = second else {
        panic!("{second:?}");
    };
    assert_eq!(
        decision.at,
        LogId::new(1, 3),
        "the place where it took effect"
    );
    assert_eq!(log.read("l"), json!([1, 2]));
}

/// The answer given again is the one given first, even if the contents have changed since.
#[test]
fn a_repeated_answer_is_the_first_one() {
    let mut log = Log::with_a_session();
    let other = log.open(10);
    let cas = json!([{"f": "cas", "key": "x", "old": 1, "new": 2}]);
    let first = log.transact(1, 1, &cas);
    assert!(!first.has_effect());
    log.transact(other, 1, &json!([{"f": "w", "key": "x", "value": 1}]));
    let (Applied::Fresh(first), Applied::Repeated(again)) = (first, log.transact(1, 1, &cas))
    else {
        panic!("the same request");
    };
    assert_eq!(again, first, "refused then, refused for good");
    assert_eq!(log.read("x"), json!(1));
}

/// TestRespondedUpdateWillNotBeAppliedTwice: by asking for more the client has said that it has the answer.
#[test]
fn a_responded_update_is_not_applied_twice() {
    let mut log = Log::with_a_session();
    log.append(1, 5, 1);
    log.append(1, 7, 2);
    for late in [4, 5, 6] {
        assert_eq!(log.append(1, late, 3), Applied::Stale, "{late}");
    }
    assert_eq!(log.read("l"), json!([1, 2]));
}

/// TestUpdateFromUnregisteredClientWillBeReported.
#[test]
fn an_update_of_an_unregistered_client_is_reported() {
    let mut log = Log::with_a_session();
    let before = log.store.digest();
    for (client, expired) in [(0, true), (5, false), (u64::MAX, false)] {
        assert_eq!(log.append(client, 1, 0), Applied::NoSession { expired });
    }
    assert_eq!(log.store.digest(), before, "no session comes of it");
    assert_eq!(log.open(10), 5);
    assert_eq!(log.append(2, 1, 0), Applied::NoSession { expired: true });
}

#[test]
fn the_least_recently_used_session_goes() {
    let mut log = Log::new(Sessions::Kept);
    let [a, b, c] = [log.open(3), log.open(3), log.open(3)];
    log.append(a, 1, 1);
    log.append(b, 1, 2);
    log.append(b, 1, 2);
    let d = log.open(3);
    assert_eq!(log.append(c, 1, 3), Applied::NoSession { expired: true });
    let e = log.open(3);
    assert_eq!(log.append(a, 1, 1), Applied::NoSession { expired: true });
    for client in [b, d, e] {
        assert!(log.append(client, 2, 4).has_effect(), "{client}");
    }
    assert_eq!(log.store.session_count(), 3);
}

#[test]
fn being_told_that_it_was_done_before_is_use_too() {
    let mut log = Log::new(Sessions::Kept);
    let [a, b] = [log.open(2), log.open(2)];
    log.append(a, 2, 1);
    log.append(b, 2, 2);
    log.append(a, 2, 1);
    let c = log.open(2);
    assert_eq!(log.append(b, 3, 0), Applied::NoSession { expired: true });
    log.append(c, 1, 0);
    assert_eq!(log.append(a, 1, 0), Applied::Stale);
    log.open(2);
    assert_eq!(log.append(c, 2, 0), Applied::NoSession { expired: true });
}

/// The entry says how many there may be, so nodes with other ideas agree.
#[test]
fn a_smaller_table_evicts_at_the_next_opening() {
    let mut log = Log::new(Sessions::Kept);
    for _ in 0..5 {
        log.open(5);
    }
    let last = log.open(0);
    assert_eq!(log.store.session_count(), 1);
    assert!(log.append(last, 1, 0).has_effect());
}

/// TestSessionSaveOrderWithEviction, TestLRUSessionCanBeSavedAndRestoredWithLRUOrderPreserved.
#[test]
fn a_restored_table_evicts_in_the_same_order() {
    let mut log = Log::new(Sessions::Kept);
    let clients = [log.open(4), log.open(4), log.open(4), log.open(4)];
    for client in [2, 0, 3, 1] {
        log.append(clients[client], 1, 7);
    }
    let mut other = restored(&log);
    for _ in 0..4 {
        log.open(4);
        other.open(4);
        assert_eq!(other.store.digest(), log.store.digest());
        for client in clients {
            let known = |log: &Log| log.store.sessions.get(client).is_some();
            assert_eq!(known(&other), known(&log));
        }
    }
    assert_eq!(log.store.save(), other.store.save());
}

#[test]
fn the_digest_tells_orders_of_eviction_apart() {
    let order = |first, second| {
        let mut log = Log::new(Sessions::Kept);
        log.open(4);
        log.open(4);
        for client in [1, 2] {
            log.append(client, 1, 0);
        }
        log.append(first, 1, 0);
        log.append(second, 1, 0);
        log.store.digest()
    };
    let (one, other) = (order(1, 2), order(2, 1));
    assert_eq!(one.0, other.0);
    assert_ne!(one.1, other.1);
}

#[test]
fn a_duplicate_is_recognised_after_a_restore() {
    let mut log = Log::with_a_session();
    let first = log.append(1, 5, 1);
    let mut log = restored(&log);
    let second = log.append(1, 5, 1);
    let (Applied::Fresh(first), Applied::Repeated(second)) = (first, second) else {
        panic!("the session was in the snapshot");
    };
    assert_eq!(first, second);
    assert_eq!(log.read("l"), json!([1]));
}

/// The planted bug `double-apply`.
#[test]
fn without_sessions_a_repeated_request_takes_effect_again() {
    let mut log = Log::new(Sessions::Ignored);
    log.open(10);
    assert!(log.append(1, 5, 1).has_effect());
    assert!(log.append(1, 5, 1).has_effect());
    assert_eq!(log.read("l"), json!([1, 1]));
}
