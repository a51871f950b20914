//! The tables as `docs/STORAGE.md` spells them, read and changed with sled alone: each kind of loss is noticed.
#![allow(clippy::unwrap_used)] // These are tests: a panic is their answer.

mod common;

use std::fs;
use std::path::Path;

use common::{Authors, INSTANCE, batch, contents, open, storage_key, try_open};
use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError};
use ecomesh_record::Kind;
use ecomesh_seal::at_rest::Place;
use ecomesh_store::{OpenError, SCHEMA_VERSION};
use sha2::{Digest, Sha256};

/// Changes the database behind the store's back.
fn change(path: &Path, f: impl FnOnce(&sled::Db)) {
    // sled gives up its lock a moment after it was closed.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let db = loop {
        match sled::open(path.join("records")) {
            Err(error) if std::time::Instant::now() > deadline => panic!("{error}"),
            Err(_) => std::thread::yield_now(),
            Ok(db) => break db,
        }
    };
    f(&db);
    db.flush().unwrap();
}

fn damaged(path: &Path, authors: &Authors) -> String {
    match try_open(path, authors.network) {
        Err(OpenError::Damaged { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// Three records of KE, lane 1; the second has a body of three chunks.
fn store(path: &Path) -> Authors {
    let mut authors = Authors::new();
    let records: Vec<_> =
        [10, 20_000, 10].iter().map(|n| authors.next("KE", 1, Kind::MESSAGE, vec![9; *n])).collect();
    let values = vec![("name".into(), b"value".to_vec())];
    open(path, authors.network).commit(&Batch { values, ..batch(&records) }).unwrap();
    authors
}

fn key(table: u8, rest: &[u8]) -> Vec<u8> {
    [&[table], b"KE\0\0\0\0\0\0\x01\0\0\0\0".as_slice(), rest].concat()
}

#[test]
fn the_tables_are_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    let all = contents(&open(dir.path(), authors.network)).unwrap();
    change(dir.path(), |db| {
        let keys: Vec<_> = db.iter().keys().map(|key| key.unwrap().to_vec()).collect();
        let mut expected = vec![b"m".to_vec(), key(b'h', &[]), b"vname".to_vec()];
        for (seq, chunks) in [(0, 1), (1, 3), (2, 1)] {
            expected.push(key(b'r', &[0, 0, 0, 0, 0, 0, 0, seq]));
            expected.extend((0..chunks).map(|n| key(b'b', &[0, 0, 0, 0, 0, 0, 0, seq, 0, n])));
        }
        expected.sort();
        assert_eq!(keys, expected);
        let meta = db.get(b"m").unwrap().unwrap();
        assert_eq!(meta[..4], SCHEMA_VERSION.to_be_bytes());
        assert_eq!(meta[4..36], *authors.network.as_bytes());
        assert_eq!(meta[36..52], INSTANCE);
        assert_eq!(meta[52..68], storage_key().id());
        assert_eq!(meta[68..76], 1u64.to_be_bytes());
        let head = db.get(key(b'h', &[])).unwrap().unwrap();
        assert_eq!(head[..8], 2u64.to_be_bytes());
        assert_eq!(head[8..], *all.heads[0].head.as_bytes());
        let (record, seen) = &all.records[1];
        let row = db.get(key(b'r', &[0, 0, 0, 0, 0, 0, 0, 1])).unwrap().unwrap();
        assert_eq!(row[..32], *record.id().as_bytes());
        assert_eq!(row[32..40], seen.unwrap().0.to_be_bytes());
        assert_eq!(row[40..104], *record.signature());
        assert_eq!(row[104..], *record.header_bytes());
        assert!(db.iter().values().all(|value| value.unwrap().len() <= 7_168));
        // The second chunk of the second record: salt and 20,000 bytes of 9, from byte 7,152 on.
        let chunk = db.get(key(b'b', &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1])).unwrap().unwrap();
        let body = storage_key().body(Place::Store, record.id());
        assert_eq!(body.open(1, false, &chunk).unwrap().as_slice(), [9; 7_152]);
    });
}

#[test]
fn a_lost_record_is_noticed_when_the_store_opens() {
    for (seq, reason) in
        [(0, "KE/1/0/0 is missing"), (1, "KE/1/0/1 is missing"), (2, "log KE/1/0 ends before its head")]
    {
        let dir = tempfile::tempdir().unwrap();
        let authors = store(dir.path());
        change(dir.path(), |db| {
            db.remove(key(b'r', &[0, 0, 0, 0, 0, 0, 0, seq])).unwrap().unwrap();
        });
        assert_eq!(damaged(dir.path(), &authors), reason);
    }
}

/// Damage that was found once is not forgotten: the next start may read less, and not meet it.
#[test]
fn a_store_that_was_found_damaged_stays_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    let row = key(b'r', &[0, 0, 0, 0, 0, 0, 0, 1]);
    let mut lost = None;
    change(dir.path(), |db| lost = db.remove(&row).unwrap());
    let reason = damaged(dir.path(), &authors);
    change(dir.path(), |db| drop(db.insert(&row, lost.unwrap()).unwrap()));
    assert_eq!(damaged(dir.path(), &authors), reason);
}

#[test]
fn a_lost_log_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    change(dir.path(), |db| {
        for seq in 0..3 {
            db.remove(key(b'r', &[0, 0, 0, 0, 0, 0, 0, seq])).unwrap().unwrap();
        }
    });
    assert_eq!(damaged(dir.path(), &authors), "1 of 1 logs are missing");
}

#[test]
fn a_small_row_that_is_lost_or_old_is_noticed() {
    type Harm = fn(&sled::Db);
    let harms: [Harm; 3] = [
        |db| drop(db.remove(b"vname").unwrap()),
        |db| drop(db.insert(b"vname", b"older").unwrap()),
        |db| drop(db.remove(key(b'h', &[])).unwrap()),
    ];
    for harm in harms {
        let dir = tempfile::tempdir().unwrap();
        let authors = store(dir.path());
        change(dir.path(), harm);
        assert_eq!(damaged(dir.path(), &authors), "the small tables are not as the last commit left them");
    }
}

#[test]
fn a_lost_meta_row_and_an_emptied_database_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    change(dir.path(), |db| drop(db.remove(b"m").unwrap()));
    assert_eq!(damaged(dir.path(), &authors), "the meta row is missing");
    change(dir.path(), |db| db.clear().unwrap());
    assert_eq!(damaged(dir.path(), &authors), "it is empty, and it had 1 commits");
}

#[test]
fn a_lost_or_changed_chunk_is_a_hole_that_stays_until_it_is_filled() {
    type Harm = fn(&sled::Db, Vec<u8>);
    let harms: [Harm; 2] =
        [|db, key| drop(db.remove(key).unwrap()), |db, key| drop(db.insert(key, vec![8; 7_168]).unwrap())];
    for harm in harms {
        let dir = tempfile::tempdir().unwrap();
        let authors = store(dir.path());
        let before = contents(&open(dir.path(), authors.network)).unwrap();
        change(dir.path(), |db| harm(db, key(b'b', &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1])));
        let mut ledger = open(dir.path(), authors.network);
        assert_eq!(ledger.holes().unwrap(), []);
        let lost = before.records[1].0.clone();
        // A read finds it, and so does the walk of the doctor.
        assert_eq!(ledger.reader().record(lost.position()).unwrap().unwrap().body(), None);
        assert_eq!(ledger.holes().unwrap(), [lost.id()]);
        drop(ledger);
        ledger = open(dir.path(), authors.network);
        let found = ledger.verify(|_| {}).unwrap();
        assert_eq!((found.records, found.bodies, found.known_holes), (3, 2, 0));
        assert_eq!(found.new_holes, [lost.id()]);
        assert!(found.is_sound());
        drop(ledger);
        // It was written down.
        ledger = open(dir.path(), authors.network);
        assert_eq!(ledger.holes().unwrap(), [lost.id()]);
        let bodies = vec![(lost.position(), lost.body().unwrap().clone())];
        ledger.commit(&Batch { bodies, ..Batch::default() }).unwrap();
        assert_eq!(contents(&ledger).unwrap(), before);
        drop(ledger);
        assert_eq!(contents(&open(dir.path(), authors.network)).unwrap(), before);
    }
}

#[test]
fn a_changed_header_is_named_by_the_walk() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    change(dir.path(), |db| {
        let key = key(b'r', &[0, 0, 0, 0, 0, 0, 0, 1]);
        let mut row = db.get(&key).unwrap().unwrap().to_vec();
        *row.last_mut().unwrap() ^= 1;
        db.insert(key, row).unwrap();
    });
    let mut ledger = open(dir.path(), authors.network);
    let found = ledger.verify(|_| {}).unwrap();
    assert!(!found.is_sound());
    assert_eq!(found.faults[0].position.to_string(), "KE/1/0/1");
}

/// A whole row, at the place of another.
#[test]
fn a_record_at_the_place_of_another_is_not_given_out() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    let place = contents(&open(dir.path(), authors.network)).unwrap().records[1].0.position();
    change(dir.path(), |db| {
        let first = db.get(key(b'r', &[0, 0, 0, 0, 0, 0, 0, 0])).unwrap().unwrap();
        db.insert(key(b'r', &[0, 0, 0, 0, 0, 0, 0, 1]), first).unwrap();
    });
    let ledger = open(dir.path(), authors.network);
    let found = ledger.reader().record(place);
    assert!(matches!(found, Err(LedgerError::Damaged(_))), "{found:?}");
}

/// What a crash between two batches of a commit leaves: rows that no head covers.
#[test]
fn what_lies_above_the_heads_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let authors = store(dir.path());
    let before = contents(&open(dir.path(), authors.network)).unwrap();
    change(dir.path(), |db| {
        let row = db.get(key(b'r', &[0, 0, 0, 0, 0, 0, 0, 2])).unwrap().unwrap();
        for seq in 3..200 {
            db.insert(key(b'r', &[0, 0, 0, 0, 0, 0, 0, seq]), row.clone()).unwrap();
            db.insert(key(b'b', &[0, 0, 0, 0, 0, 0, 0, seq, 0, 0]), b"body").unwrap();
            db.insert(key(b'b', &[0, 0, 0, 0, 0, 0, 0, seq, 0, 1]), b"body").unwrap();
        }
    });
    let opened = try_open(dir.path(), authors.network).unwrap();
    assert_eq!(opened.notes, ["cut 197 records of a commit that a crash had interrupted"]);
    assert_eq!(contents(&opened.ledger).unwrap(), before);
    drop(opened);
    change(dir.path(), |db| assert_eq!(db.len(), 3 + 3 + 5));
    assert_eq!(try_open(dir.path(), authors.network).unwrap().notes, Vec::<String>::new());
}

#[test]
fn another_schema_is_refused_with_advice() {
    for (schema, newer) in [(SCHEMA_VERSION + 1, true), (0, false)] {
        let dir = tempfile::tempdir().unwrap();
        let authors = store(dir.path());
        // Both slots of the marker, as another version of the software would write them.
        let mut slot =
            [b"ECOSTORE".as_slice(), &schema.to_be_bytes(), authors.network.as_bytes(), &INSTANCE].concat();
        slot.extend(9u64.to_be_bytes());
        slot.extend_from_slice(&Sha256::digest(&slot)[..16]);
        let mut file = vec![0; 512];
        file[..slot.len()].copy_from_slice(&slot);
        file.extend(slot);
        fs::write(dir.path().join("marker"), file).unwrap();
        let refused = try_open(dir.path(), authors.network).unwrap_err();
        let path = dir.path().to_owned();
        let expected = if newer {
            OpenError::Newer { path, found: schema }
        } else {
            OpenError::Older { path, found: schema }
        };
        assert_eq!(refused, expected);
        assert!(refused.to_string().contains("fetch its records from its peers"));
        // The table inside says the same without the marker.
        fs::remove_file(dir.path().join("marker")).unwrap();
        change(dir.path(), |db| {
            let mut meta = db.get(b"m").unwrap().unwrap().to_vec();
            meta[..4].copy_from_slice(&schema.to_be_bytes());
            db.insert(b"m", meta).unwrap();
        });
        assert_eq!(try_open(dir.path(), authors.network).unwrap_err(), expected);
    }
}
