//! Against a model that keeps every entry there ever was and looks through all of them.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_history::{Index, LogHash, LogId, NodeId};

use super::Configurations;
use crate::entry::{Entry, Payload};
use crate::membership::Membership;
use crate::snapshot::{Snapshot, SnapshotHeader};

/// The entries from the first on, each with the membership that it carries, if it does.
#[derive(Debug, Default)]
struct Model {
    carried: Vec<Option<Membership>>,
    base: u64,
}

impl Model {
    fn last(&self) -> u64 {
        self.carried.len() as u64
    }

    fn at(&self, index: u64) -> (Index, Membership) {
        let upto = &self.carried[..usize::try_from(index).unwrap()];
        let known = upto
            .iter()
            .enumerate()
            .rev()
            .find_map(|(position, carried)| {
                let index = Index(position as u64 + 1);
                carried.clone().map(|membership| (index, membership))
            });
        known.unwrap_or((Index(0), bootstrap()))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Noop,
    Config(u64),
    /// Cuts so many entries off, but nothing that is compacted.
    Truncate(u64),
    /// Compacts so many entries, as far as there are any.
    Compact(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Noop),
        3 => (1_u64..9).prop_map(Step::Config),
        1 => (1_u64..5).prop_map(Step::Truncate),
        1 => (1_u64..5).prop_map(Step::Compact),
    ]
}

fn bootstrap() -> Membership {
    Membership::of_voters([NodeId(100)])
}

fn entry(index: u64, carried: Option<&Membership>) -> Entry {
    let payload = carried.map_or(Payload::Noop, |m| Payload::Config(m.clone()));
    Entry::new(LogHash::EMPTY, LogId::new(1, index), payload)
}

fn append(known: &mut Configurations, model: &mut Model, carried: Option<Membership>) {
    let before = model.at(model.last()).1;
    let old = known.note(&entry(model.last() + 1, carried.as_ref()));
    assert_eq!(old, carried.is_some().then_some(before));
    model.carried.push(carried);
}

fn truncate(known: &mut Configurations, model: &mut Model, count: u64) {
    let kept = (model.last().saturating_sub(count)).max(model.base);
    let gone = model.carried.split_off(usize::try_from(kept).unwrap());
    let mut gone: Vec<_> = gone.into_iter().flatten().collect();
    gone.reverse();
    let taken_back = known.truncate(Index(kept + 1)).into_iter();
    assert_eq!(taken_back.map(|(_, m)| m).collect::<Vec<_>>(), gone);
}

fn run(steps: Vec<Step>) -> (Configurations, Model) {
    let mut known = Configurations::new(&bootstrap(), None);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Noop => append(&mut known, &mut model, None),
            Step::Config(node) => {
                let membership = Membership::of_voters([NodeId(node)]);
                append(&mut known, &mut model, Some(membership));
            }
            Step::Truncate(count) => truncate(&mut known, &mut model, count),
            Step::Compact(count) => {
                model.base = (model.base + count).min(model.last());
                known.compact(Index(model.base));
            }
        }
        for index in model.base..=model.last() {
            let (at, membership) = known.at(Index(index));
            assert_eq!((at, membership.clone()), model.at(index), "at {index}");
        }
        assert_eq!(*known.latest(), model.at(model.last()).1);
        assert_eq!(known.latest_index(), model.at(model.last()).0);
    }
    (known, model)
}

proptest! {
    #[test]
    fn what_is_known_is_what_a_look_through_the_log_finds(steps in vec(step(), 0..40)) {
        run(steps);
    }

    #[test]
    fn a_snapshot_and_the_entries_retained_or_behind_it_give_the_same(
        steps in vec(step(), 1..40),
        covered in 0_u64..50,
        retained in 0_u64..4,
    ) {
        let (_, model) = run(steps);
        let covered = covered.min(model.last()).max(model.base);
        let (membership_index, membership) = model.at(covered);
        let header = SnapshotHeader {
            last: LogId::new(1, covered),
            hash: LogHash::EMPTY,
            membership,
            membership_index,
            len: 0,
        };
        let snapshot = Snapshot { header, data: Bytes::new() };
        let mut known = Configurations::new(&bootstrap(), Some(&snapshot));
        for index in covered.saturating_sub(retained)..model.last() {
            let carried = model.carried[usize::try_from(index).unwrap()].as_ref();
            known.note(&entry(index + 1, carried));
        }
        for index in covered..=model.last() {
            let (at, membership) = known.at(Index(index));
            prop_assert_eq!((at, membership.clone()), model.at(index), "at {}", index);
        }
    }
}

#[test]
fn a_snapshot_tells_who_the_members_were_and_later_entries_stay() {
    let members = |nodes: &[u64]| Membership::of_voters(nodes.iter().copied().map(NodeId));
    let mut known = Configurations::new(&Membership::default(), None);
    let later = Entry::new(
        LogHash::EMPTY,
        LogId::new(1, 7),
        Payload::Config(members(&[1, 2, 3, 4])),
    );
    known.note(&later);
    known.rebase(&SnapshotHeader {
        last: LogId::new(1, 5),
        hash: LogHash::EMPTY,
        membership: members(&[1, 2, 3]),
        membership_index: Index(2),
        len: 0,
    });
    assert_eq!(known.at(Index(6)), (Index(2), &members(&[1, 2, 3])));
    assert_eq!(*known.latest(), members(&[1, 2, 3, 4]));
}
