//! What the access log keeps, and what an audit finds.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ecomesh_record::Time;
use ecomesh_seal::StorageKey;
use ecomesh_store::{Access, Files, OpenFile, System};
use tempfile::TempDir;

use super::format::{self, FRAME_BYTES, HEADER_BYTES};
use super::*;

fn key(n: u8) -> StorageKey {
    StorageKey::from_bytes(&[n; 32])
}

fn consultation(n: u64) -> Consultation {
    Consultation {
        action: "find-number".into(),
        officer: "a.wanjiru".into(),
        purpose: format!("case 2026/{n}"),
        place: n.is_multiple_of(2).then(|| "JKIA, desk 4".into()),
        query: format!("zq7canary{n}"),
        filters: None,
        found: n,
        hits: n / 2,
    }
}

/// A folder with a log of `files` files of `entries` entries each, as of as many runs of a node.
fn log(files: u64, entries: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in 0..files {
        let log = AccessLog::open(dir.path(), &key(1)).unwrap();
        for entry in 0..entries {
            let n = file * entries + entry + 1;
            log.append(Time(n), &consultation(n)).unwrap();
        }
    }
    dir
}

fn read_with(dir: &Path, key: &StorageKey, noted: Option<Head>) -> (Audit, Vec<Entry>) {
    let mut entries = Vec::new();
    let audit = read(dir, key, noted, |entry| entries.push(entry)).unwrap();
    (audit, entries)
}

fn read_all(dir: &Path) -> (Audit, Vec<Entry>) {
    read_with(dir, &key(1), None)
}

#[track_caller]
fn assert_whole(dir: &Path, entries: u64) -> Audit {
    let (audit, read) = read_all(dir);
    assert_eq!(audit.faults, []);
    assert!(audit.is_whole());
    assert_eq!(audit.head.entries, entries);
    let expected = |n| Entry { number: n, at: Time(n), consultation: consultation(n) };
    assert_eq!(read, (1..=entries).map(expected).collect::<Vec<_>>());
    audit
}

fn path(dir: &TempDir, number: u64) -> PathBuf {
    dir.path().join(format::name(number))
}

/// Header and entries of a file, each as it stands there.
fn pieces(file: &[u8]) -> Vec<Vec<u8>> {
    let (header, mut rest) = file.split_at(HEADER_BYTES);
    let mut pieces = vec![header.to_vec()];
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let (entry, after) = rest.split_at(FRAME_BYTES + length);
        pieces.push(entry.to_vec());
        rest = after;
    }
    pieces
}

/// The faults of a log after `change` of one of its files: name, entry and code.
fn faults_after(
    dir: &TempDir,
    number: u64,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> Vec<(String, Option<u64>, &'static str)> {
    let good = fs::read(path(dir, number)).unwrap();
    let mut changed = pieces(&good);
    change(&mut changed);
    fs::write(path(dir, number), changed.concat()).unwrap();
    let faults = faults(dir);
    fs::write(path(dir, number), good).unwrap();
    faults
}

fn faults(dir: &TempDir) -> Vec<(String, Option<u64>, &'static str)> {
    let (audit, _) = read_all(dir.path());
    audit.faults.into_iter().map(|fault| (fault.file, fault.entry, fault.kind.code())).collect()
}

#[test]
fn what_was_logged_is_read_back_in_order_over_many_runs() {
    let dir = log(3, 4);
    let audit = assert_whole(dir.path(), 12);
    assert_eq!((audit.files, audit.torn_bytes), (3, 0));
    // A run without a consultation leaves nothing behind.
    drop(AccessLog::open(dir.path(), &key(1)).unwrap());
    assert_eq!(assert_whole(dir.path(), 12), audit);
}

#[test]
fn a_log_that_is_not_there_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let (audit, entries) = read_all(&dir.path().join("access"));
    assert_eq!((audit.files, audit.head, entries.len()), (0, Head::default(), 0));
    assert!(audit.is_whole());
}

#[test]
fn nothing_of_a_consultation_is_readable_in_the_files() {
    let dir = log(2, 3);
    for number in [1, 2] {
        let bytes = fs::read(path(&dir, number)).unwrap();
        for text in ["zq7canary", "wanjiru", "case", "JKIA", "find", "query"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
        }
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path(&dir, 1)), 0o600);
}

#[test]
fn a_full_file_is_followed_by_another() {
    let dir = tempfile::tempdir().unwrap();
    let log = AccessLog::open_on(dir.path(), &key(1), System::default(), 1024).unwrap();
    (1..=20).for_each(|n| log.append(Time(n), &consultation(n)).unwrap());
    let audit = assert_whole(dir.path(), 20);
    assert!(audit.files > 4, "{} files", audit.files);
    for number in 1..=audit.files {
        assert!(fs::metadata(path(&dir, number)).unwrap().len() <= 1024);
    }
}

#[test]
fn threads_append_at_once_and_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let syncs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&syncs);
    let system = System::default().with_sync(move |file| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_millis(2));
        file.sync_all()
    });
    let log = AccessLog::open_on(dir.path(), &key(1), system, FILE_BYTES_MAX).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                (0..25).for_each(|n| log.append(Time(n), &consultation(thread * 25 + n)).unwrap());
            });
        }
    });
    let (audit, entries) = read_all(dir.path());
    assert_eq!(audit.faults, []);
    let queries: BTreeSet<String> = entries.into_iter().map(|entry| entry.consultation.query).collect();
    assert_eq!((audit.head.entries, queries.len()), (200, 200));
    let syncs = syncs.load(Ordering::Relaxed);
    // How many share one depends on the machine; that none did would take more luck than there is.
    assert!(syncs < 200, "{syncs} syncs for 200 entries");
}

#[test]
fn it_can_be_read_at_any_moment_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let log = AccessLog::open_on(dir.path(), &key(1), System::default(), 4096).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut readings = 0;
            while !ended.load(Ordering::Relaxed) {
                let (audit, entries) = read_all(dir.path());
                assert_eq!(audit.faults, []);
                assert_eq!(entries.len() as u64, audit.head.entries);
                readings += 1;
            }
            readings
        });
        (1..=200).for_each(|n| log.append(Time(n), &consultation(n)).unwrap());
        ended.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 1);
    });
    assert_whole(dir.path(), 200);
}

#[test]
fn a_tail_that_is_torn_at_any_byte_costs_only_what_was_not_acknowledged() {
    let dir = log(2, 3);
    let good = fs::read(path(&dir, 2)).unwrap();
    let pieces = pieces(&good);
    let begin_of_last = good.len() - pieces[3].len();
    for cut in begin_of_last..good.len() {
        for zeros in [0, good.len() - cut] {
            let torn = [&good[..cut], &vec![0; zeros]].concat();
            fs::write(path(&dir, 2), &torn).unwrap();
            // While it is the newest file, and after the node went on.
            let audit = assert_whole(dir.path(), 5);
            // Whoever cuts zeros at the end of a text that ends with zeros cuts nothing.
            assert_eq!(audit.torn_bytes, (torn.len() - begin_of_last) as u64, "{cut} bytes, {zeros} zeros");
            let again = AccessLog::open(dir.path(), &key(1)).unwrap();
            again.append(Time(6), &consultation(6)).unwrap();
            assert_eq!(assert_whole(dir.path(), 6).torn_bytes, 0);
            fs::remove_file(path(&dir, 3)).unwrap();
            if cut > begin_of_last {
                break;
            }
        }
    }
}

#[test]
fn a_key_never_meets_a_number_twice() {
    let dir = log(1, 3);
    let copy = fs::read(path(&dir, 1)).unwrap();
    let go_on = |n| {
        AccessLog::open(dir.path(), &key(1)).unwrap().append(Time(n), &consultation(n)).unwrap();
        fs::read(path(&dir, 2)).unwrap()
    };
    let first = go_on(4);
    // A backup is put back, and the node goes on from there.
    fs::remove_file(path(&dir, 2)).unwrap();
    fs::write(path(&dir, 1), copy).unwrap();
    let second = go_on(4);
    assert_ne!(first[72..104], second[72..104], "salts");
    assert_ne!(pieces(&first)[1][36..], pieces(&second)[1][36..], "the same entry is another ciphertext");
    assert_whole(dir.path(), 4);
}

#[test]
fn every_flipped_bit_is_found() {
    let dir = log(2, 2);
    let (before, _) = read_all(dir.path());
    for number in [1, 2] {
        let good = fs::read(path(&dir, number)).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(path(&dir, number), &bad).unwrap();
            let (audit, _) = read_all(dir.path());
            assert!(!audit.is_whole(), "file {number}, bit {bit}");
        }
        fs::write(path(&dir, number), good).unwrap();
    }
    assert_eq!(read_all(dir.path()).0, before);
}

#[test]
fn an_entry_that_was_altered_moved_or_taken_out_is_named() {
    let dir = log(2, 4);
    let first = || format::name(1);
    let altered = faults_after(&dir, 1, |pieces| pieces[2][FRAME_BYTES] ^= 1);
    assert_eq!(altered, [(first(), Some(2), "altered")]);
    let chain = faults_after(&dir, 1, |pieces| pieces[2][4] ^= 1);
    assert_eq!(chain, [(first(), Some(2), "chain"), (first(), Some(3), "chain")]);
    let removed = faults_after(&dir, 1, |pieces| drop(pieces.remove(2)));
    assert_eq!(removed, [(first(), Some(3), "entries-missing")]);
    let swapped = faults_after(&dir, 1, |pieces| pieces.swap(2, 3));
    let expected =
        [(first(), Some(3), "entries-missing"), (first(), Some(2), "altered"), (first(), Some(4), "chain")];
    assert_eq!(swapped, expected);
    let doubled = faults_after(&dir, 1, |pieces| pieces.insert(2, pieces[2].clone()));
    assert_eq!(doubled[0], (first(), Some(2), "altered"));
    // Where another file follows, also the end cannot be cut.
    let cut = faults_after(&dir, 1, |pieces| drop(pieces.pop()));
    assert_eq!(cut, [(format::name(2), None, "not-joined")]);
    let torn = faults_after(&dir, 1, |pieces| pieces[4].truncate(90));
    assert_eq!(torn, [(format::name(2), None, "not-joined")]);
    let added = faults_after(&dir, 1, |pieces| pieces.push(vec![7; 100]));
    assert_eq!(added, [(first(), Some(5), "rest")]);
    // From one file into another.
    let other = pieces(&fs::read(path(&dir, 2)).unwrap());
    let foreign = faults_after(&dir, 1, |pieces| pieces[2] = other[2].clone());
    assert_eq!(foreign, [(first(), Some(2), "altered"), (first(), Some(3), "chain")]);
    assert_eq!(faults(&dir), []);
}

/// He can compute every hash anew, and has no key.
#[test]
fn who_knows_the_format_cannot_close_a_gap() {
    let dir = log(3, 3);
    let (before, _) = read_all(dir.path());
    // The entry is taken out, and all chain values after it are right again.
    let relinked = faults_after(&dir, 1, |pieces| {
        pieces.remove(2);
        relink(pieces);
    });
    assert_eq!(relinked[0], (format::name(1), Some(3), "entries-missing"));
    // The second file is taken out, and the third is joined to the first.
    let third = fs::read(path(&dir, 3)).unwrap();
    let ours = format::Header::decode(&fs::read(path(&dir, 2)).unwrap()).unwrap();
    fs::remove_file(path(&dir, 3)).unwrap();
    let mut forged = pieces(&third);
    forged[0] = ours.encode();
    relink(&mut forged);
    fs::write(path(&dir, 2), forged.concat()).unwrap();
    assert_eq!(faults(&dir)[0], (format::name(2), Some(4), "altered"));
    // Nothing but its end can be cut off, and that is found by who has noted the head.
    fs::remove_file(path(&dir, 2)).unwrap();
    assert_eq!(faults(&dir), []);
    let (audit, _) = read_with(dir.path(), &key(1), Some(before.head));
    assert_eq!(audit.faults, [Fault { file: format::name(1), entry: None, kind: FaultKind::NotedHead }]);
}

/// Computes all chain values of a file anew.
fn relink(pieces: &mut [Vec<u8>]) {
    let mut head = format::Header::decode(&pieces[0]).unwrap().head();
    for piece in &mut pieces[1..] {
        let hash = head.chain(&piece[FRAME_BYTES..]);
        piece[4..FRAME_BYTES].copy_from_slice(&hash);
        head = Head { entries: head.next_number(), hash };
    }
}

#[test]
fn a_head_that_was_noted_is_met_also_when_the_log_has_gone_on() {
    let dir = log(1, 3);
    let (noted, _) = read_all(dir.path());
    AccessLog::open(dir.path(), &key(1)).unwrap().append(Time(4), &consultation(4)).unwrap();
    assert!(read_with(dir.path(), &key(1), Some(noted.head)).0.is_whole());
    let other = Head { hash: [1; 32], ..noted.head };
    assert!(!read_with(dir.path(), &key(1), Some(other)).0.is_whole());
}

#[test]
fn a_file_that_is_missing_or_exchanged_is_named() {
    let dir = log(3, 2);
    for gone in [1, 2] {
        let bytes = fs::read(path(&dir, gone)).unwrap();
        fs::remove_file(path(&dir, gone)).unwrap();
        assert_eq!(faults(&dir), [(format::name(gone), None, "file-missing")]);
        assert_eq!(read_all(dir.path()).1.len(), 4, "the others are read");
        fs::write(path(&dir, gone), bytes).unwrap();
    }
    let exchanged = [1, 2].map(|number| fs::read(path(&dir, number)).unwrap());
    fs::write(path(&dir, 1), &exchanged[1]).unwrap();
    fs::write(path(&dir, 2), &exchanged[0]).unwrap();
    assert_eq!(faults(&dir), [(format::name(1), None, "header"), (format::name(2), None, "header")]);
    // One of another log of the same home, as from a backup after which both went on.
    fs::write(path(&dir, 1), &exchanged[0]).unwrap();
    fs::remove_file(path(&dir, 2)).unwrap();
    fs::remove_file(path(&dir, 3)).unwrap();
    AccessLog::open(dir.path(), &key(1)).unwrap().append(Time(3), &consultation(3)).unwrap();
    AccessLog::open(dir.path(), &key(1)).unwrap().append(Time(4), &consultation(4)).unwrap();
    fs::write(path(&dir, 2), &exchanged[1]).unwrap();
    assert_eq!(faults(&dir), [(format::name(3), None, "not-joined")]);
}

#[test]
fn the_log_goes_on_behind_damage_and_the_damage_stays_told() {
    let dir = log(2, 3);
    let mut file = fs::read(path(&dir, 2)).unwrap();
    file[20] ^= 1;
    fs::write(path(&dir, 2), &file).unwrap();
    AccessLog::open(dir.path(), &key(1)).unwrap().append(Time(7), &consultation(7)).unwrap();
    assert_eq!(faults(&dir), [(format::name(2), None, "header")]);
    let (_, entries) = read_all(dir.path());
    assert_eq!(entries.len(), 4);
}

#[test]
fn older_files_are_read_with_the_second_key_and_with_no_other() {
    let dir = log(1, 2);
    AccessLog::open(dir.path(), &key(2)).unwrap().append(Time(3), &consultation(3)).unwrap();
    let both = key(2).with_second(&key(1));
    let (audit, entries) = read_with(dir.path(), &both, None);
    assert_eq!((audit.faults.len(), entries.len()), (0, 3));
    let (audit, entries) = read_with(dir.path(), &key(2), None);
    assert_eq!(audit.faults, [Fault { file: format::name(1), entry: None, kind: FaultKind::OtherKey }]);
    assert_eq!((entries.len(), entries[0].number), (1, 3));
    // Its chain is verified also without its key.
    let mut file = fs::read(path(&dir, 1)).unwrap();
    let last = file.len() - 1;
    file[last] ^= 1;
    fs::write(path(&dir, 1), &file).unwrap();
    let (audit, _) = read_with(dir.path(), &key(2), None);
    assert!(audit.faults.iter().any(|fault| fault.kind == FaultKind::Altered), "{:?}", audit.faults);
}

#[test]
fn after_a_failed_sync_nothing_is_taken_until_the_log_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let system = System::default().with_sync(move |file| match failing.load(Ordering::Relaxed) {
        true => Err(io::Error::other("the disk is gone")),
        false => file.sync_all(),
    });
    let log = AccessLog::open_on(dir.path(), &key(1), system, FILE_BYTES_MAX).unwrap();
    log.append(Time(1), &consultation(1)).unwrap();
    fails.store(true, Ordering::Relaxed);
    let failed = log.append(Time(2), &consultation(2)).unwrap_err();
    assert!(matches!(&failed, AccessLogError::Stopped(reason) if reason.contains("gone")), "{failed}");
    fails.store(false, Ordering::Relaxed);
    assert_eq!(log.append(Time(3), &consultation(3)), Err(failed));
    // What was written and not confirmed counts from the next start on, since it is there.
    AccessLog::open(dir.path(), &key(1)).unwrap().append(Time(3), &consultation(3)).unwrap();
    assert_whole(dir.path(), 3);
}

#[test]
fn a_full_disk_refuses_and_the_log_goes_on_when_there_is_space_again() {
    let dir = tempfile::tempdir().unwrap();
    let room = Arc::new(AtomicU64::new(u64::MAX));
    let system = System::default().with_files(SmallDisk { room: Arc::clone(&room) });
    let log = AccessLog::open_on(dir.path(), &key(1), system, FILE_BYTES_MAX).unwrap();
    log.append(Time(1), &consultation(1)).unwrap();
    // A part of an entry fits, or nothing, or the header of a new file.
    for left in [50, 0, HEADER_BYTES as u64 + 10] {
        room.store(left, Ordering::Relaxed);
        let refused = log.append(Time(2), &consultation(2)).unwrap_err();
        assert_eq!(refused, AccessLogError::Full);
        assert!(refused.to_string().contains("free some space"));
        assert_whole(dir.path(), 1);
    }
    room.store(u64::MAX, Ordering::Relaxed);
    log.append(Time(2), &consultation(2)).unwrap();
    let audit = assert_whole(dir.path(), 2);
    assert!(audit.files > 1, "no number serves twice under one key");
}

#[test]
fn a_second_log_in_the_same_folder_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) =
        (AccessLog::open(dir.path(), &key(1)).unwrap(), AccessLog::open(dir.path(), &key(1)).unwrap());
    one.append(Time(1), &consultation(1)).unwrap();
    assert!(matches!(two.append(Time(2), &consultation(2)), Err(AccessLogError::Disk(_))));
    assert_whole(dir.path(), 1);
}

/// Files of the system, until so many bytes were written.
#[derive(Clone, Debug)]
struct SmallDisk {
    room: Arc<AtomicU64>,
}

#[derive(Debug)]
struct SmallFile {
    file: File,
    disk: SmallDisk,
}

impl Files for SmallDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        match access {
            Access::Append => options.append(true),
            Access::AppendOrCreate => options.append(true).create(true),
            Access::Fresh => options.write(true).create(true).truncate(true),
            Access::InPlace => return Err(ErrorKind::Unsupported.into()),
        };
        Ok(Box::new(SmallFile { file: options.open(path)?, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl OpenFile for SmallFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let room = self.disk.room.load(Ordering::Relaxed);
        let fits = bytes.len().min(usize::try_from(room).unwrap());
        (&self.file).write_all(&bytes[..fits])?;
        self.disk.room.store(room - fits as u64, Ordering::Relaxed);
        if fits < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
