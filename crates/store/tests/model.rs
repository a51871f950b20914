//! The ledger on sled against the one in memory, over random batches, restarts and questions.
#![allow(clippy::unwrap_used)] // These are tests: a panic is their answer.

mod common;

use common::{Authors, INSTANCE, MEMBERS, batch, contents, open};
use ecomesh_protocol::ledger::{Batch, Ledger, MemoryLedger};
use ecomesh_record::{Kind, Position};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Records: member, lane, length of content, whether its body comes along.
    Commit(Vec<(usize, u8, usize, bool)>),
    /// Bodies for some of the holes.
    Fill(Vec<usize>),
    /// Bodies that need not be there any more, of any records.
    Excuse(Vec<usize>),
    /// Of those, some that are needed again.
    Want(Vec<usize>),
    /// Small values; an empty one removes.
    Values(Vec<(u8, usize)>),
    Fork(usize, u8),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![6 => 0..300usize, 2 => 7_000..7_300usize, 1 => 20_000..60_000usize];
    let record = (0..MEMBERS.len(), 0..4u8, length, prop::bool::weighted(0.8));
    prop_oneof![
        6 => prop::collection::vec(record, 0..40).prop_map(Step::Commit),
        2 => prop::collection::vec(any::<usize>(), 0..6).prop_map(Step::Fill),
        2 => prop::collection::vec(any::<usize>(), 0..6).prop_map(Step::Excuse),
        1 => prop::collection::vec(any::<usize>(), 0..6).prop_map(Step::Want),
        2 => prop::collection::vec((0..6u8, 0..50usize), 0..6).prop_map(Step::Values),
        1 => (0..MEMBERS.len(), any::<u8>()).prop_map(|(m, n)| Step::Fork(m, n)),
        2 => Just(Step::Restart),
    ]
}

/// Some of the places that are taken.
fn some_of(model: &MemoryLedger, which: &[usize]) -> Vec<Position> {
    let heads = model.heads().unwrap();
    let all: Vec<Position> = heads.iter().flat_map(|h| (0..=h.seq).map(|seq| h.log.at(seq))).collect();
    which.iter().filter(|_| !all.is_empty()).map(|n| all[n % all.len()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_and_its_model_agree(steps in prop::collection::vec(step(), 1..12), page in 1..50_000usize) {
        let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
        let mut ledger = Some(open(dir.path(), authors.network));
        let mut model = MemoryLedger::new(authors.network, INSTANCE);
        let mut bodies: Vec<(Position, ecomesh_record::Body)> = Vec::new();
        for step in steps {
            let batch = match step {
                Step::Restart => {
                    drop(ledger.take());
                    ledger = Some(open(dir.path(), authors.network));
                    Batch::default()
                }
                Step::Commit(records) => {
                    let mut some = Vec::new();
                    for (member, lane, length, whole) in records {
                        let record = authors.next(MEMBERS[member], lane, Kind::MESSAGE, vec![lane; length]);
                        if !whole {
                            let body = record.record().body().unwrap().clone();
                            bodies.push((record.record().position(), body));
                        }
                        some.push(if whole { record } else { authors.bare(&record) });
                    }
                    batch(&some)
                }
                Step::Fill(which) if !bodies.is_empty() => {
                    let some = which.iter().map(|n| bodies[n % bodies.len()].clone());
                    Batch { bodies: some.collect(), ..Batch::default() }
                }
                Step::Fill(_) => Batch::default(),
                Step::Excuse(which) => Batch { excused: some_of(&model, &which), ..Batch::default() },
                Step::Want(which) => Batch { wanted: some_of(&model, &which), ..Batch::default() },
                Step::Values(values) => {
                    let values = values.into_iter().map(|(n, length)| (format!("v{n}"), vec![n; length]));
                    Batch { values: values.collect(), ..Batch::default() }
                }
                Step::Fork(member, mark) => {
                    let heads = model.heads().unwrap();
                    let Some(head) = heads.iter().find(|h| h.log.author == common::member(MEMBERS[member])) else {
                        continue;
                    };
                    Batch { forks: vec![authors.fork(MEMBERS[member], head.log.at(0), mark)], ..Batch::default() }
                }
            };
            let ledger = ledger.as_mut().unwrap();
            prop_assert_eq!(ledger.commit(&batch), model.commit(&batch));
            prop_assert_eq!(contents(ledger).unwrap(), contents(&model).unwrap());
            for head in model.heads().unwrap() {
                let of = |l: &dyn Ledger| l.page(head.log, head.seq / 2, page, 5).unwrap();
                prop_assert_eq!(of(ledger), of(&model));
            }
        }
        let ledger = ledger.as_mut().unwrap();
        let verified = ledger.verify(|_| {}).unwrap();
        prop_assert!(verified.is_sound() && verified.new_holes.is_empty());
        prop_assert_eq!(verified.records, ledger.counts().records);
    }
}
