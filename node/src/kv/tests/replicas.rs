//! Replicas: whoever applies the same commands is in the same state, with or without a snapshot in
//! between; and bytes that are no snapshot are refused.

use super::*;

fn any_command() -> impl Strategy<Value = Command> {
    let request = (1_u64..12, 1_u64..6);
    let transaction =
        (request, prop::collection::vec(any_op(), 1..4)).prop_map(|((client, seq), ops)| {
            Command::Transaction {
                client: ClientSeq { client, seq },
                ops,
            }
        });
    prop_oneof![
        1 => (0_u32..4).prop_map(|sessions_max| Command::OpenSession { sessions_max }),
        4 => transaction,
        1 => Just(Command::Malformed),
    ]
}

proptest! {
    #[test]
    fn a_replica_that_is_restored_now_and_then_gives_the_same_answers(
        entries in prop::collection::vec((any_command(), prop::bool::weighted(0.2)), 1..60)
    ) {
        let mut log = Log::new(Sessions::Kept);
        let mut replica = Log::new(Sessions::Kept);
        for (command, is_restored) in entries {
            prop_assert_eq!(log.apply(command.clone()), replica.apply(command));
            if is_restored {
                let bytes = replica.store.save();
                replica.store = Store::restore(&bytes, Sessions::Kept).unwrap();
                prop_assert_eq!(replica.store.save(), bytes);
            }
            prop_assert_eq!(log.store.digest(), replica.store.digest());
            prop_assert_eq!(log.store.session_count(), replica.store.session_count());
        }
        prop_assert_eq!(log.store.save(), replica.store.save());
    }

    #[test]
    fn a_snapshot_that_was_tampered_with_is_refused_or_consistent(
        entries in prop::collection::vec(any_command(), 1..20),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
        cut in any::<bool>(),
    ) {
        let mut log = Log::new(Sessions::Kept);
        for command in entries {
            log.apply(command);
        }
        let mut bytes = log.store.save().to_vec();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= change;
        }
        if let Ok(mut store) = Store::restore(&bytes, Sessions::Kept) {
            let (before, _) = store.digest();
            let _ = store.apply(LogId::new(1, u64::MAX), Command::OpenSession { sessions_max: 1 });
            prop_assert_eq!(store.digest().0, before);
        }
    }

    #[test]
    fn garbage_is_no_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Store::restore(&bytes, Sessions::Kept);
        let versioned = [&[1], &bytes[..]].concat();
        let _ = Store::restore(&versioned, Sessions::Kept);
        let _ = Command::decode(&bytes);
    }
}

#[test]
fn an_empty_store_is_saved_and_restored() {
    let bytes = Store::new(Sessions::Kept).save();
    let store = Store::restore(&bytes, Sessions::Kept).unwrap();
    assert_eq!(store.digest(), Store::new(Sessions::Kept).digest());
}

fn refusal(bytes: &[u8]) -> String {
    Store::restore(bytes, Sessions::Kept)
        .unwrap_err()
        .to_string()
}

#[test]
fn bytes_that_are_no_snapshot_are_refused_with_the_reason() {
    let mut log = Log::with_a_session();
    log.append(1, 1, 7);
    let bytes = log.store.save();
    assert!(refusal(&[&bytes[..], b"x"].concat()).contains("1 bytes too many"));
    assert!(refusal(&[&[9], &bytes[1..]].concat()).contains("format 9"));
    assert!(refusal(&bytes[..bytes.len() - 1]).contains("cannot be read"));
    // It claims more keys than memory could hold.
    let huge = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert!(refusal(&huge).contains("cannot be read"));
}

#[test]
fn snapshots_that_contradict_themselves_are_refused() {
    type Keys = Vec<(&'static str, &'static str)>;
    type Saved = Vec<(u64, u64, Option<()>)>;
    let refusal = |keys: Keys, sessions: Saved| {
        refusal(&postcard::to_stdvec(&(1_u32, keys, sessions)).unwrap())
    };
    for (keys, sessions, reason) in [
        (
            vec![("b", "1"), ("a", "1")],
            vec![],
            "keys are out of order",
        ),
        (
            vec![("a", "1"), ("a", "1")],
            vec![],
            "keys are out of order",
        ),
        (vec![("a", "{")], vec![], "cannot be read"),
        (
            vec![],
            vec![(1, 3, None), (2, 3, None)],
            "sessions are out of order",
        ),
        (vec![], vec![(1, 3, None), (1, 4, None)], "there twice"),
        (vec![], vec![(5, 3, None)], "before it was opened"),
    ] {
        let refusal = refusal(keys, sessions);
        assert!(refusal.contains(reason), "{refusal}");
    }
}
