//! What the ledger promises, one story each.
#![allow(clippy::unwrap_used)] // These are tests: a panic is their answer.

mod common;

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use common::{Authors, INSTANCE, batch, contents, files, new, open, options, storage_key, try_open};
use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError, MemoryLedger, Room};
use ecomesh_record::{Kind, NetworkId};
use ecomesh_seal::StorageKey;
use ecomesh_store::{OpenError, Options, System, create, open_or_create, set_aside};

#[test]
fn bodies_of_all_sizes_come_back_after_a_restart() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let path = dir.path().join("store");
    let sizes = [0, 1, 7_136, 7_137, 7 * 1024, 100_000, 1024 * 1024];
    let records: Vec<_> =
        sizes.iter().map(|n| authors.next("KE", 1, Kind::MESSAGE, vec![0xab; *n])).collect();
    let opened = try_open(&path, authors.network).unwrap();
    assert!(opened.fresh);
    assert_eq!(opened.notes, Vec::<String>::new());
    let mut ledger = opened.ledger;
    ledger.commit(&batch(&records)).unwrap();
    let before = contents(&ledger).unwrap();
    drop(ledger);
    let opened = try_open(&path, authors.network).unwrap();
    assert!(!opened.fresh);
    assert_eq!(opened.notes, Vec::<String>::new());
    assert_eq!(contents(&opened.ledger).unwrap(), before);
    let lengths: Vec<_> = before.records.iter().map(|(r, _)| r.body().unwrap().content().len()).collect();
    assert_eq!(lengths, sizes);
    assert_eq!(opened.ledger.instance(), INSTANCE);
    // Nothing was big enough to be put into a file of its own, which sled would not sync.
    assert_eq!(fs::read_dir(path.join("records/blobs")).unwrap().count(), 0);
}

#[test]
fn a_commit_of_more_than_256_operations_is_one() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let records: Vec<_> = (0..700).map(|n| authors.next("TZ", 2, Kind::MESSAGE, vec![1; n])).collect();
    let mut ledger = open(dir.path(), authors.network);
    ledger.commit(&batch(&records)).unwrap();
    let before = contents(&ledger).unwrap();
    assert_eq!(before.records.len(), 700);
    drop(ledger);
    assert_eq!(contents(&open(dir.path(), authors.network)).unwrap(), before);
}

#[test]
fn a_batch_out_of_order_writes_nothing() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let records: Vec<_> = (0..4).map(|_| authors.next("KE", 1, Kind::MESSAGE, vec![])).collect();
    let log = records[0].record().position().log;
    let mut ledger = open(dir.path(), authors.network);
    ledger.commit(&batch(&records[..1])).unwrap();
    let before = contents(&ledger).unwrap();
    let gap = batch(&[Arc::clone(&records[1]), Arc::clone(&records[3])]);
    assert_eq!(ledger.commit(&gap), Err(LedgerError::OutOfOrder(log)));
    assert_eq!(ledger.commit(&batch(&records[..1])), Err(LedgerError::OutOfOrder(log)));
    let long = Batch { values: vec![("x".into(), vec![0; 4097])], ..batch(&records[1..2]) };
    assert_eq!(ledger.commit(&long), Err(LedgerError::ValueTooLong("x".into())));
    assert_eq!(contents(&ledger).unwrap(), before);
    drop(ledger);
    let mut ledger = open(dir.path(), authors.network);
    assert_eq!(contents(&ledger).unwrap(), before);
    ledger.commit(&batch(&records[1..])).unwrap();
    assert_eq!(ledger.counts().records, 4);
}

#[test]
fn a_body_that_comes_later_fills_the_hole() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let whole = authors.next("KE", 1, Kind::MESSAGE, vec![5; 20_000]);
    let other = authors.next("KE", 1, Kind::MESSAGE, vec![6; 20_000]);
    let position = whole.record().position();
    let mut ledger = open(dir.path(), authors.network);
    ledger.commit(&batch(&[authors.bare(&whole), other.clone()])).unwrap();
    assert_eq!(ledger.holes().unwrap(), [whole.record().id()]);
    assert_eq!(ledger.record(position).unwrap().unwrap().body(), None);
    drop(ledger);
    let mut ledger = open(dir.path(), authors.network);
    assert_eq!(ledger.holes().unwrap(), [whole.record().id()]);
    let wrong = vec![(position, other.record().body().unwrap().clone())];
    assert!(matches!(
        ledger.commit(&Batch { bodies: wrong, ..Batch::default() }),
        Err(LedgerError::Damaged(_))
    ));
    let body = vec![(position, whole.record().body().unwrap().clone())];
    ledger.commit(&Batch { bodies: body, ..Batch::default() }).unwrap();
    assert_eq!(ledger.holes().unwrap(), []);
    drop(ledger);
    let ledger = open(dir.path(), authors.network);
    assert_eq!(ledger.record(position).unwrap().as_ref(), Some(whole.record()));
    assert_eq!(ledger.holes().unwrap(), []);
}

#[test]
fn a_body_that_need_not_be_here_is_gone_and_no_hole_until_it_is_wanted() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    // The largest body has more chunks than fit beside the rows of one batch.
    let sizes = [20_000, 1024 * 1024, 1024 * 1024, 100];
    let records: Vec<_> = sizes.iter().map(|n| authors.next("KE", 1, Kind::MESSAGE, vec![5; *n])).collect();
    let places: Vec<_> = records.iter().map(|record| record.record().position()).collect();
    let mut ledger = open(dir.path(), authors.network);
    ledger.commit(&batch(&records[..3])).unwrap();
    // One comes without its body at once, as to a node that was away when it was erased.
    let last = Batch { excused: vec![places[3]], ..batch(&[authors.bare(&records[3])]) };
    ledger.commit(&last).unwrap();
    ledger.commit(&Batch { excused: places[..3].to_vec(), ..Batch::default() }).unwrap();
    for _ in 0..2 {
        assert_eq!(ledger.holes().unwrap(), []);
        assert_eq!((ledger.counts().excused, ledger.counts().records), (4, 4));
        for (place, whole) in places.iter().zip(&records) {
            let record = ledger.record(*place).unwrap().unwrap();
            assert_eq!((record.id(), record.body()), (whole.record().id(), None));
            assert!(ledger.is_excused(*place));
        }
        let walk = ledger.verify(|_| {}).unwrap();
        assert_eq!((walk.excused, walk.bodies, walk.new_holes.len()), (4, 0, 0));
        drop(ledger);
        ledger = open(dir.path(), authors.network);
    }
    // What is not wanted is not taken.
    let body = vec![(places[0], records[0].record().body().unwrap().clone())];
    ledger.commit(&Batch { bodies: body.clone(), ..Batch::default() }).unwrap();
    assert_eq!(ledger.record(places[0]).unwrap().unwrap().body(), None);
    ledger.commit(&Batch { wanted: vec![places[0]], ..Batch::default() }).unwrap();
    assert_eq!(ledger.holes().unwrap(), [records[0].record().id()]);
    ledger.commit(&Batch { bodies: body, ..Batch::default() }).unwrap();
    assert_eq!(ledger.record(places[0]).unwrap().as_ref(), Some(records[0].record()));
    assert_eq!((ledger.holes().unwrap().len(), ledger.counts().excused), (0, 3));
}

#[test]
fn readers_see_what_is_durable_and_nothing_else() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let records: Vec<_> = (0..300).map(|_| authors.next("KE", 1, Kind::MESSAGE, vec![1; 100])).collect();
    // An fsync that waits for us, once the store is open.
    let (entered, wait_entered) = mpsc::channel::<()>();
    let (release, wait_release) = mpsc::channel::<()>();
    let wait_release = Mutex::new(wait_release);
    let armed = Arc::new(AtomicBool::new(false));
    let sync = {
        let armed = Arc::clone(&armed);
        move |file: &fs::File| {
            if armed.swap(false, Ordering::SeqCst) {
                entered.send(()).unwrap();
                wait_release.lock().unwrap().recv().unwrap();
            }
            file.sync_all()
        }
    };
    let with = Options { system: System::default().with_sync(sync), ..options() };
    let mut ledger =
        open_or_create(dir.path(), authors.network, INSTANCE, &storage_key(), &with).unwrap().ledger;
    ledger.commit(&batch(&records[..2])).unwrap();
    let reader = ledger.reader();
    armed.store(true, Ordering::SeqCst);
    let rest = Batch { values: vec![("a".into(), vec![1])], ..batch(&records[2..]) };
    let commit = std::thread::spawn(move || {
        ledger.commit(&rest).unwrap();
        ledger
    });
    wait_entered.recv_timeout(Duration::from_secs(60)).unwrap();
    // sled shows the new records to everyone now; they are not on the disk yet.
    assert_eq!(reader.counts().records, 2);
    assert_eq!(reader.record(records[2].record().position()).unwrap(), None);
    assert_eq!(reader.find(records[2].record().id()).unwrap(), None);
    assert_eq!(reader.page(records[0].record().position().log, 0, usize::MAX, 10).unwrap().len(), 2);
    assert_eq!(reader.records().count(), 2);
    assert_eq!(reader.value("a"), None);
    release.send(()).unwrap();
    let _ledger = commit.join().unwrap();
    assert_eq!(reader.counts().records, 300);
    assert_eq!(reader.value("a"), Some(vec![1]));
    let exported: Vec<_> = reader.records().map(|r| r.unwrap().0.id()).collect();
    assert_eq!(exported, records.iter().map(|r| r.record().id()).collect::<Vec<_>>());
}

#[test]
fn a_stretch_brings_the_bodies_that_are_wanted_and_counts_these_alone() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let mut ledger = open(dir.path(), authors.network);
    // The second body is missing; the third and the fourth have three chunks each.
    let lengths = [100, 100, 20_000, 20_000, 0, 7_000];
    let mut records: Vec<_> =
        lengths.map(|length| authors.next("KE", 1, Kind::MESSAGE, vec![7; length])).into();
    records[1] = authors.bare(&records[1]);
    ledger.commit(&batch(&records)).unwrap();
    let (reader, log) = (ledger.reader(), records[0].record().position().log);
    let bodies = |from, max_bytes, unwanted: u64| {
        let stretch = reader.stretch(log, from, max_bytes, 10, |record| record.header().seq != unwanted);
        let stretch = stretch.unwrap().into_iter();
        stretch.map(|(record, _)| record.body().map(|body| body.content().len())).collect::<Vec<_>>()
    };
    let all = [Some(100), None, Some(20_000), Some(20_000), Some(0), Some(7_000)];
    assert_eq!(bodies(0, usize::MAX, 99), all);
    let without =
        |n: usize| all.iter().enumerate().map(|(at, body)| body.filter(|_| at != n)).collect::<Vec<_>>();
    for n in 0..6 {
        assert_eq!(bodies(0, usize::MAX, n as u64), without(n), "{n}");
    }
    assert_eq!(bodies(3, usize::MAX, 4), without(4)[3..]);
    assert_eq!(bodies(2, 10, 99), [Some(20_000)], "one at least");
    assert_eq!(bodies(0, 25_000, 2), without(2)[..5]);
    assert_eq!(bodies(6, usize::MAX, 99), []);
    assert_eq!(reader.counts().holes, 1, "what is not wanted is no hole");
}

#[test]
fn a_failed_sync_is_told_and_nothing_is_written_after_it() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let records: Vec<_> = (0..3).map(|_| authors.next("KE", 1, Kind::MESSAGE, vec![1])).collect();
    let fails = Arc::new(AtomicBool::new(false));
    let sync = {
        let fails = Arc::clone(&fails);
        move |file: &fs::File| {
            if fails.swap(false, Ordering::SeqCst) { Err(io::Error::other("EIO")) } else { file.sync_all() }
        }
    };
    let with = Options { system: System::default().with_sync(sync), ..options() };
    let mut ledger =
        open_or_create(dir.path(), authors.network, INSTANCE, &storage_key(), &with).unwrap().ledger;
    ledger.commit(&batch(&records[..1])).unwrap();
    fails.store(true, Ordering::SeqCst);
    let failed = Err(LedgerError::SyncFailed("EIO".into()));
    assert_eq!(ledger.commit(&batch(&records[1..2])), failed);
    // The system would confirm the next one.
    assert_eq!(ledger.commit(&batch(&records[1..2])), failed);
    assert_eq!(ledger.counts().records, 1);
    drop(ledger);
    let ledger = open(dir.path(), authors.network);
    // What was not confirmed may be there or not; what was confirmed is.
    assert!((1..=2).contains(&ledger.counts().records));
}

#[test]
fn a_disk_that_does_not_answer_counts_as_a_failed_sync() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let record = authors.next("KE", 1, Kind::MESSAGE, vec![1]);
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let hangs = Arc::new(AtomicBool::new(false));
    let sync = {
        let hangs = Arc::clone(&hangs);
        move |file: &fs::File| {
            if hangs.load(Ordering::SeqCst) {
                // Ends when the test ends.
                let _ = wait.lock().unwrap().recv();
            }
            file.sync_all()
        }
    };
    let system = System::default().with_sync(sync);
    let with = Options { system, commit_limit: Duration::from_millis(200), ..options() };
    let mut ledger =
        open_or_create(dir.path(), authors.network, INSTANCE, &storage_key(), &with).unwrap().ledger;
    hangs.store(true, Ordering::SeqCst);
    assert!(matches!(ledger.commit(&batch(&[record])), Err(LedgerError::SyncFailed(_))));
    assert_eq!(ledger.counts().records, 0);
    drop(ledger);
    drop(release);
}

#[test]
fn another_network_is_refused_with_advice() {
    let (dir, authors) = (tempfile::tempdir().unwrap(), Authors::new());
    drop(open(dir.path(), authors.network));
    let other = NetworkId([1; 32]);
    let path = dir.path().to_owned();
    let refused = try_open(dir.path(), other).unwrap_err();
    assert_eq!(refused, OpenError::OtherNetwork { path, found: authors.network, expected: other });
    assert!(refused.to_string().contains("give another folder"));
}

#[test]
fn a_store_is_open_once() {
    let (dir, authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let ledger = open(dir.path(), authors.network);
    assert_eq!(try_open(dir.path(), authors.network).unwrap_err(), OpenError::InUse(dir.path().into()));
    drop(ledger);
    assert!(try_open(dir.path(), authors.network).is_ok());
}

#[test]
fn a_full_disk_takes_control_records_then_nothing_then_goes_on() {
    const MIB: u64 = 1024 * 1024;
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    // A disk on which the ballast counts.
    let left = Arc::new(AtomicU64::new(100 * MIB));
    let ballast = dir.path().join("ballast");
    let free = {
        let (left, ballast) = (Arc::clone(&left), ballast.clone());
        move |_: &std::path::Path| Ok(left.load(Ordering::SeqCst).saturating_sub(ballast.metadata()?.len()))
    };
    let with = Options {
        ballast_bytes: 8 * MIB,
        low_water_bytes: 4 * MIB,
        min_free_bytes: MIB,
        system: System::default().with_free_space(free),
        ..options()
    };
    let mut ledger =
        open_or_create(dir.path(), authors.network, INSTANCE, &storage_key(), &with).unwrap().ledger;
    assert_eq!(ledger.room(), Room::Plenty);
    let message = authors.next("KE", 1, Kind::MESSAGE, vec![1; 1000]);
    let more = authors.next("KE", 1, Kind::MESSAGE, vec![1; 1000]);
    ledger.commit(&batch(&[message])).unwrap();

    left.store(9 * MIB, Ordering::SeqCst);
    assert_eq!(ledger.room(), Room::ControlOnly);
    assert_eq!(ledger.commit(&batch(std::slice::from_ref(&more))), Err(LedgerError::Full));
    let control = authors.next("KE", 0, Kind(2), vec![1; 100]);
    ledger.commit(&batch(&[control])).unwrap();
    assert!(ballast.metadata().unwrap().len() < 8 * MIB);

    // Step by step the ballast goes to control records, and at the end there is nothing left for them either.
    let mut control = authors.next("KE", 0, Kind(2), vec![1; 100]);
    let mut taken = 0;
    for free in (1..9).rev() {
        left.store(free * MIB, Ordering::SeqCst);
        match ledger.commit(&batch(std::slice::from_ref(&control))) {
            Ok(()) => {
                control = authors.next("KE", 0, Kind(2), vec![1; 100]);
                taken += 1;
            }
            full => assert_eq!(full, Err(LedgerError::Full)),
        }
    }
    assert_eq!((taken, ledger.room()), (6, Room::None));
    assert_eq!(ballast.metadata().unwrap().len(), 0);
    assert_eq!(ledger.counts().records, 8);

    left.store(100 * MIB, Ordering::SeqCst);
    assert_eq!(ledger.room(), Room::Plenty);
    assert_eq!(ballast.metadata().unwrap().len(), 8 * MIB);
    ledger.commit(&batch(&[control, more])).unwrap();
    assert_eq!(ledger.counts().records, 10);
    drop(ledger);
    assert_eq!(open(dir.path(), authors.network).counts().records, 10);
}

#[test]
fn a_damaged_store_is_set_aside_and_a_fresh_one_opens() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let path = dir.path().join("store");
    let mut ledger = open(&path, authors.network);
    ledger.commit(&batch(&[authors.next("KE", 1, Kind::MESSAGE, vec![1])])).unwrap();
    drop(ledger);
    fs::remove_file(path.join("records/db")).unwrap();
    let refused = try_open(&path, authors.network).unwrap_err();
    assert!(matches!(&refused, OpenError::Damaged { .. }), "{refused}");
    let aside = set_aside(&path, ecomesh_record::Time(1234)).unwrap();
    assert_eq!(aside, dir.path().join("store.damaged-1234"));
    assert!(!aside.join("ballast").exists() && aside.join("marker").exists());
    let fresh = open_or_create(&path, authors.network, [8; 16], &storage_key(), &options()).unwrap();
    assert!(fresh.fresh);
    assert_eq!(fresh.ledger.instance(), [8; 16]);
    drop(fresh);
    assert_eq!(
        set_aside(&path, ecomesh_record::Time(1234)).unwrap(),
        dir.path().join("store.damaged-1234-2")
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_told_clearly() {
    let dir = tempfile::tempdir().unwrap();
    // Also root cannot make a folder below a file.
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = try_open(&file.join("store"), NetworkId([1; 32])).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }));
    assert!(refused.to_string().contains("check that the node's user may write to this folder"));
}

#[test]
fn the_model_takes_and_refuses_the_same() {
    let (dir, mut authors) = (tempfile::tempdir().unwrap(), Authors::new());
    let mut ledger = open(dir.path(), authors.network);
    let mut model = MemoryLedger::new(authors.network, INSTANCE);
    let one = authors.next("KE", 1, Kind::MESSAGE, vec![1]);
    let batches = [
        Batch {
            values: vec![("a".into(), vec![1]), ("b".into(), vec![2])],
            ..batch(std::slice::from_ref(&one))
        },
        Batch { values: vec![("a".into(), vec![]), ("ab".into(), vec![3])], ..Batch::default() },
        Batch { forks: vec![authors.fork("KE", one.record().position(), 1)], ..Batch::default() },
        Batch { forks: vec![authors.fork("KE", one.record().position(), 2)], ..Batch::default() },
        Batch {
            bodies: vec![(one.record().position().log.at(9), one.record().body().unwrap().clone())],
            ..Batch::default()
        },
        Batch { records: vec![new(&one)], ..Batch::default() },
        Batch::default(),
    ];
    for batch in batches {
        assert_eq!(ledger.commit(&batch), model.commit(&batch));
        assert_eq!(contents(&ledger).unwrap(), contents(&model).unwrap());
        assert_eq!(ledger.values_with("a").unwrap(), model.values_with("a").unwrap());
    }
    drop(ledger);
    assert_eq!(contents(&open(dir.path(), authors.network)).unwrap(), contents(&model).unwrap());
}

#[test]
fn records_are_found_by_the_first_digits_of_their_ids() {
    let dir = tempfile::tempdir().unwrap();
    let mut authors = Authors::new();
    let mut ledger = open(dir.path(), authors.network);
    let records: Vec<_> = (0..50).map(|n| authors.next("TZ", 1, Kind::MESSAGE, vec![n])).collect();
    ledger.commit(&batch(&records)).unwrap();
    let reader = ledger.reader();
    for record in &records {
        let id = record.record().id().to_string();
        for digits in [&id[..8], &id[..15], &id[..16], &id[..17], &id[..40], &id] {
            let found = reader.starting_with(digits, 2).unwrap();
            assert_eq!(found.len(), 1, "{digits}");
            assert_eq!(found[0].0.id(), record.record().id());
        }
        // The first sixteen digits agree, a later one does not.
        let other = if id.as_bytes()[20] == b'0' { "1" } else { "0" };
        assert!(reader.starting_with(&format!("{}{other}", &id[..20]), 2).unwrap().is_empty());
    }
    let firsts: usize =
        "0123456789abcdef".chars().map(|d| reader.starting_with(&d.to_string(), 99).unwrap().len()).sum();
    assert_eq!(firsts, 50);
    assert_eq!((0..16).map(|d| reader.starting_with(&format!("{d:x}"), 2).unwrap().len()).max(), Some(2));
    for junk in ["", "xyz", "12 4", "é"] {
        assert!(reader.starting_with(junk, 2).unwrap().is_empty(), "{junk}");
    }
}

#[test]
fn what_records_say_is_on_the_disk_under_the_storage_key_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut authors = Authors::new();
    let canary = b"two tusks under the floor of the blue lorry";
    let long = [canary.as_slice(), &[b'.'; 20_000], canary].concat();
    let records =
        [authors.next("KE", 1, Kind::MESSAGE, canary.to_vec()), authors.next("KE", 1, Kind::MESSAGE, long)];
    let mut ledger = open(&path, authors.network);
    ledger.commit(&batch(&records)).unwrap();
    assert_eq!(ledger.record(records[1].record().position()).unwrap().unwrap(), *records[1].record());
    drop(ledger);
    for (name, _) in files(&path) {
        let bytes = fs::read(path.join(&name)).unwrap();
        assert!(!bytes.windows(canary.len()).any(|window| window == canary), "{}", name.display());
    }

    let other = StorageKey::from_bytes(&[4; 32]);
    let refused = open_or_create(&path, authors.network, INSTANCE, &other, &options()).unwrap_err();
    assert_eq!(refused, OpenError::OtherKey(path.clone()));
    // Nothing was changed by it.
    let ledger = open(&path, authors.network);
    assert_eq!(ledger.record(records[0].record().position()).unwrap().unwrap(), *records[0].record());
}

#[test]
fn a_store_that_was_made_before_there_is_a_key_takes_the_first_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut authors = Authors::new();
    let made = || create(dir.path(), authors.network, [8; 16], &options()).unwrap();
    assert_eq!((made(), made()), ([8; 16], [8; 16]));
    assert_eq!(create(dir.path(), authors.network, [9; 16], &options()).unwrap(), [8; 16]);
    let first = authors.next("KE", 1, Kind::MESSAGE, b"first".to_vec());
    let mut ledger = open(dir.path(), authors.network);
    ledger.commit(&batch(std::slice::from_ref(&first))).unwrap();
    assert_eq!(ledger.instance(), [8; 16]);
    drop(ledger);
    assert_eq!(
        create(dir.path(), authors.network, [9; 16], &options()).unwrap_err(),
        OpenError::OtherKey(dir.path().to_owned())
    );
}
