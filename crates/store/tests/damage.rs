//! Crashes, losses of power and rot: what was acknowledged is there, or its loss is noticed. Never silently wrong.
#![allow(clippy::unwrap_used)] // These are tests: a panic is their answer.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Authors, Contents, Dice, batch, contents, copy_dir, files, mix, open, storage_key, try_open};
use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError};
use ecomesh_record::Kind;
use ecomesh_store::{OpenError, Options, System, open_or_create};

/// What became of a store that was damaged.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord)]
enum Outcome {
    /// All that was acknowledged is there.
    Whole,
    /// Headers are there, some bodies are known to be missing.
    Holes,
    /// Refused when it opened, or when it was read back.
    Damaged,
}

/// Opens a store, reads all of it back and compares it with what was acknowledged.
fn judge(path: &Path, acknowledged: &Contents, authors: &Authors) -> Outcome {
    let mut ledger = match try_open(path, authors.network) {
        Ok(opened) => opened.ledger,
        Err(OpenError::Damaged { .. }) => return Outcome::Damaged,
        Err(other) => panic!("{other}"),
    };
    let verified = match ledger.verify(|_| {}) {
        Ok(verified) if verified.is_sound() => verified,
        Ok(_) => return Outcome::Damaged,
        Err(LedgerError::Damaged(_)) => {
            drop(ledger);
            let again = try_open(path, authors.network);
            assert!(
                matches!(again, Err(OpenError::Damaged { .. })),
                "the damage is forgotten at the next start"
            );
            return Outcome::Damaged;
        }
        Err(other) => panic!("{other}"),
    };
    let found = match contents(&ledger) {
        Ok(found) => found,
        Err(LedgerError::Damaged(_)) => {
            drop(ledger);
            let again = try_open(path, authors.network);
            assert!(
                matches!(again, Err(OpenError::Damaged { .. })),
                "the damage is forgotten at the next start"
            );
            return Outcome::Damaged;
        }
        Err(other) => panic!("{other}"),
    };
    // Only an unacknowledged rest may be there beyond this.
    assert!(found.heads.len() >= acknowledged.heads.len(), "a log was lost silently");
    for ((record, seen), (wanted, wanted_seen)) in pairs(&found, acknowledged) {
        assert_eq!((record.id(), seen), (wanted.id(), wanted_seen), "a record was lost silently");
        let is_hole = ledger.holes().unwrap().contains(&record.id());
        assert!(record.body() == wanted.body() || is_hole, "a body was lost silently");
    }
    if verified.new_holes.is_empty() { Outcome::Whole } else { Outcome::Holes }
}

type Seen = (ecomesh_record::Record, Option<ecomesh_record::Time>);

fn pairs(found: &Contents, wanted: &Contents) -> Vec<(Seen, Seen)> {
    let find = |record: &Seen| {
        let same = found.records.iter().find(|(r, _)| r.position() == record.0.position());
        same.cloned().expect("a record was lost silently")
    };
    wanted.records.iter().map(|record| (find(record), record.clone())).collect()
}

/// A small store with bodies of several sizes, after several commits.
fn small_store(path: &Path) -> (Authors, Contents) {
    let mut authors = Authors::new();
    let mut ledger = open(path, authors.network);
    for round in 0..6usize {
        let mut some = Vec::new();
        for (lane, length) in [(0, 40), (1, 500 * round), (2, 3_000), (3, 9_000)] {
            some.push(authors.next(["KE", "TZ"][round % 2], lane, Kind::MESSAGE, vec![round as u8; length]));
        }
        let values = vec![("round".into(), vec![round as u8]), (format!("v{round}"), vec![1; 20])];
        let forks =
            vec![authors.fork(["KE", "TZ"][round % 2], some[0].record().position().log.at(0), round as u8)];
        ledger.commit(&Batch { values, forks, ..batch(&some) }).unwrap();
    }
    let acknowledged = contents(&ledger).unwrap();
    drop(ledger);
    (authors, acknowledged)
}

/// Bytes of a file that are not zero: flips in the unused rest of the database prove nothing.
fn used(path: &Path) -> u64 {
    fs::read(path).unwrap().iter().rposition(|b| *b != 0).map_or(0, |at| at as u64 + 1)
}

#[test]
fn every_flipped_bit_is_harmless_or_noticed() {
    quiet_panics();
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dir.path().join("good"), dir.path().join("bad"));
    let (authors, acknowledged) = small_store(&good);
    fs::remove_file(good.join("ballast")).unwrap();
    let mut dice = Dice(1);
    let mut outcomes = std::collections::BTreeMap::new();
    for round in 0..400 {
        let all = files(&good);
        // Mostly the database itself: it holds the records.
        let (file, _) = if round % 4 == 0 {
            all[dice.roll(all.len() as u64) as usize].clone()
        } else {
            all.iter().find(|(f, _)| f.ends_with("db")).unwrap().clone()
        };
        copy_dir(&good, &bad);
        let mut bytes = fs::read(bad.join(&file)).unwrap();
        let (at, bit) = (dice.roll(used(&good.join(&file))) as usize, dice.roll(8) as u32);
        bytes[at] ^= 1 << bit;
        fs::write(bad.join(&file), bytes).unwrap();
        eprintln!("round {round}: {} byte {at} bit {bit}", file.display());
        let outcome = judge(&bad, &acknowledged, &authors);
        *outcomes.entry(outcome).or_insert(0) += 1;
        fs::remove_dir_all(&bad).unwrap();
    }
    eprintln!("{outcomes:?}");
    assert!(outcomes.contains_key(&Outcome::Damaged), "no flip was noticed: the test is blind");
}

#[test]
fn a_truncated_or_zeroed_file_is_noticed() {
    quiet_panics();
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dir.path().join("good"), dir.path().join("bad"));
    let (authors, acknowledged) = small_store(&good);
    let mut dice = Dice(2);
    let length = used(&good.join("records/db"));
    let mut noticed = 0;
    for round in 0..60 {
        copy_dir(&good, &bad);
        let path = bad.join("records/db");
        let at = dice.roll(length);
        if round % 2 == 0 {
            fs::File::options().write(true).open(&path).unwrap().set_len(at).unwrap();
        } else {
            let mut bytes = fs::read(&path).unwrap();
            let from = at as usize / 4096 * 4096;
            bytes.iter_mut().skip(from).take(4096).for_each(|b| *b = 0);
            fs::write(&path, bytes).unwrap();
        }
        noticed += usize::from(judge(&bad, &acknowledged, &authors) == Outcome::Damaged);
        fs::remove_dir_all(&bad).unwrap();
    }
    assert!(noticed > 30, "only {noticed} of 60 were noticed");
}

/// A loss of power between any two syncs: of the 4 KiB blocks that were written since the last one any may be on the
/// disk, and any not. Four such subsets for each sync; commits are small, of several batches, and full of bodies.
///
/// sled may use a segment again that it left just before; then blocks that were good are overwritten in the same
/// stretch, and the store is refused as damaged. That is told, and bounded here; what is never allowed is a store
/// that opens with less than was acknowledged.
#[test]
fn a_loss_of_power_loses_nothing_acknowledged_in_silence() {
    quiet_panics();
    let dir = tempfile::tempdir().unwrap();
    let (live, cut) = (dir.path().join("live"), dir.path().join("cut"));
    let mut authors = Authors::new();
    let syncs = Arc::new(AtomicUsize::new(0));
    let sync = {
        let (syncs, live, dir) = (Arc::clone(&syncs), live.clone(), dir.path().to_owned());
        move |file: &fs::File| {
            file.sync_all()?;
            copy_dir(&live, &dir.join(format!("image{}", syncs.fetch_add(1, Ordering::SeqCst))));
            Ok(())
        }
    };
    let with = Options { system: System::default().with_sync(sync), ..common::options() };
    let mut ledger =
        open_or_create(&live, authors.network, common::INSTANCE, &storage_key(), &with).unwrap().ledger;
    let mut dice = Dice(3);
    let image = |n: usize| dir.path().join(format!("image{n}"));
    let (mut cuts, mut refused) = (0, 0);
    let mut acknowledged = contents(&ledger).unwrap();
    for commit in 1..=15usize {
        let count = if commit % 3 == 0 { 300 } else { 5 };
        let mut some = Vec::new();
        for n in 0..count {
            let length = (n * 37 + commit * 100) % 2_000;
            let name = ["KE", "TZ", "ZM"][n % 3];
            some.push(authors.next(name, (n % 4) as u8, Kind::MESSAGE, vec![n as u8; length]));
        }
        let from = syncs.load(Ordering::SeqCst) - 1;
        ledger.commit(&Batch { values: vec![("n".into(), vec![commit as u8])], ..batch(&some) }).unwrap();
        let after = contents(&ledger).unwrap();
        for window in from..syncs.load(Ordering::SeqCst) - 1 {
            for _ in 0..4 {
                mix(&image(window), &image(window + 1), &cut, &mut dice);
                cuts += 1;
                match try_open(&cut, authors.network) {
                    Ok(opened) => {
                        // sled may notice at the first read only: noticed all the same.
                        let Ok(found) = contents(&opened.ledger) else {
                            refused += 1;
                            drop(opened);
                            fs::remove_dir_all(&cut).unwrap();
                            continue;
                        };
                        assert!(
                            found == acknowledged || found == after,
                            "commit {commit}: neither before nor after"
                        );
                        drop(opened);
                        // It recovered for good.
                        assert_eq!(contents(&open(&cut, authors.network)).unwrap(), found);
                    }
                    Err(OpenError::Damaged { reason, .. }) => {
                        eprintln!("commit {commit}, window {window}: {reason}");
                        refused += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
                fs::remove_dir_all(&cut).unwrap();
            }
            fs::remove_dir_all(image(window)).unwrap();
        }
        acknowledged = after;
    }
    eprintln!("{refused} of {cuts} were refused as damaged");
    assert!(refused * 10 <= cuts, "{refused} of {cuts} were refused as damaged");
}

/// A crash between the batches of one large commit: what is above the heads is cut.
#[test]
fn a_copy_taken_at_any_moment_is_a_prefix() {
    let dir = tempfile::tempdir().unwrap();
    let (live, copy) = (dir.path().join("live"), dir.path().join("copy"));
    let mut authors = Authors::new();
    let mut ledger = open(&live, authors.network);
    let first: Vec<_> = (0..3).map(|_| authors.next("KE", 1, Kind::MESSAGE, vec![1; 100])).collect();
    ledger.commit(&batch(&first)).unwrap();
    let before = contents(&ledger).unwrap();
    let more: Vec<_> = (0..3_000).map(|n| authors.next("KE", 1, Kind::MESSAGE, vec![1; n % 500])).collect();
    let commit = std::thread::spawn(move || {
        ledger.commit(&batch(&more)).unwrap();
        ledger
    });
    let mut copies = 0;
    while !commit.is_finished() && copies < 6 {
        // The copy itself takes time: a file may change under it, as blocks do in a loss of power.
        copy_dir(&live, &copy);
        let opened = try_open(&copy, authors.network);
        let found = contents(&opened.unwrap_or_else(|e| panic!("{e}")).ledger).unwrap();
        assert!(found == before || found.records.len() == 3_003, "{} records", found.records.len());
        fs::remove_dir_all(&copy).unwrap();
        copies += 1;
    }
    let ledger = commit.join().unwrap();
    assert_eq!(ledger.counts().records, 3_003);
}

#[test]
fn half_written_snapshots_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let (authors, acknowledged) = small_store(dir.path());
    let half = dir.path().join("records/snap.00000000FFFFFFFF.generating");
    fs::write(&half, [1, 2, 3]).unwrap();
    let opened = try_open(dir.path(), authors.network).unwrap();
    assert!(!half.exists());
    assert_eq!(opened.notes.len(), 1, "{:?}", opened.notes);
    assert_eq!(contents(&opened.ledger).unwrap(), acknowledged);
}

#[test]
fn a_damaged_snapshot_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (authors, acknowledged) = small_store(dir.path());
    // Opening once more makes sure that there is a snapshot.
    drop(open(dir.path(), authors.network));
    let all = files(dir.path());
    let mut snapshots = all.iter().filter(|(f, _)| f.to_string_lossy().contains("snap."));
    let (snapshot, _) = snapshots.next_back().expect("sled writes a snapshot when it opens");
    fs::write(dir.path().join(snapshot), [7; 100]).unwrap();
    let opened = try_open(dir.path(), authors.network).unwrap();
    assert!(opened.notes.iter().any(|note| note.contains("aside-snap.")), "{:?}", opened.notes);
    assert_eq!(contents(&opened.ledger).unwrap(), acknowledged);
}

#[test]
fn a_lost_marker_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (authors, acknowledged) = small_store(dir.path());
    fs::remove_file(dir.path().join("marker")).unwrap();
    let opened = try_open(dir.path(), authors.network).unwrap();
    assert_eq!(opened.notes.len(), 1, "{:?}", opened.notes);
    assert_eq!(contents(&opened.ledger).unwrap(), acknowledged);
    assert!(dir.path().join("marker").exists());
}

/// A database of an earlier day under the marker of today: whole, but not what was acknowledged.
#[test]
fn an_old_copy_of_the_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (live, old) = (dir.path().join("live"), dir.path().join("old"));
    let mut authors = Authors::new();
    let mut ledger = open(&live, authors.network);
    ledger.commit(&batch(&[authors.next("KE", 1, Kind::MESSAGE, vec![1])])).unwrap();
    copy_dir(&live, &old);
    ledger.commit(&batch(&[authors.next("KE", 1, Kind::MESSAGE, vec![1])])).unwrap();
    drop(ledger);
    fs::remove_dir_all(live.join("records")).unwrap();
    copy_dir(&old.join("records"), &live.join("records"));
    let refused = try_open(&live, authors.network).unwrap_err();
    assert_eq!(refused, OpenError::Damaged { path: live, reason: "the last 1 commits are missing".into() });
}

/// The database of one store under the marker of another, which had no more commits.
#[test]
fn the_files_of_two_stores_are_not_taken_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let mut authors = Authors::new();
    let record = authors.next("KE", 1, Kind::MESSAGE, vec![1]);
    for (path, instance) in [(&one, [1; 16]), (&other, [2; 16])] {
        let mut opened =
            open_or_create(path, authors.network, instance, &storage_key(), &common::options()).unwrap();
        opened.ledger.commit(&batch(std::slice::from_ref(&record))).unwrap();
    }
    fs::copy(other.join("marker"), one.join("marker")).unwrap();
    let refused = try_open(&one, authors.network).unwrap_err();
    assert_eq!(refused, OpenError::Damaged { path: one, reason: "its files are those of two stores".into() });
}

/// sled panics on purpose-made damage, on threads that nobody looks at: keep the log readable.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let in_sled = info.location().is_some_and(|at| at.file().contains("sled-"));
            if !in_sled {
                hook(info);
            }
        }));
    });
}
