//! The disk on files, and a real full disk.
#![allow(clippy::unwrap_used)] // These are tests: a panic is their answer.

mod common;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Authors, INSTANCE, batch, contents, options, storage_key};
use ecomesh_protocol::disk::{Disk, DiskError};
use ecomesh_protocol::ledger::{Ledger, LedgerError, Room};
use ecomesh_record::Kind;
use ecomesh_store::{FileDisk, OpenError, Options, System, open_or_create};

#[test]
fn files_are_appended_cut_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut disk = FileDisk::open(&path, System::default()).unwrap();
    assert_eq!(disk.read("journal"), Ok(None));
    disk.append("journal", b"one").unwrap();
    disk.append("journal", b"two").unwrap();
    disk.sync("journal").unwrap();
    assert_eq!(disk.read("journal"), Ok(Some(b"onetwo".to_vec())));
    disk.truncate("journal", 4).unwrap();
    disk.append("journal", b"!").unwrap();
    assert_eq!(disk.read("journal"), Ok(Some(b"onet!".to_vec())));
    disk.replace("journal", b"new").unwrap();
    disk.append("journal", b"er").unwrap();
    disk.sync("journal").unwrap();
    assert_eq!(disk.read("journal"), Ok(Some(b"newer".to_vec())));
    let mut again = FileDisk::open(&path, System::default()).unwrap();
    assert_eq!(again.read("journal"), Ok(Some(b"newer".to_vec())));
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("journal"))), (0o700, 0o600));
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
}

#[test]
fn only_plain_names_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = FileDisk::open(dir.path(), System::default()).unwrap();
    for name in ["", "..", "a/b", ".hidden", "/etc/passwd", "a\0b"] {
        assert!(matches!(disk.append(name, b"x"), Err(DiskError::Io { .. })), "{name:?}");
        assert!(matches!(disk.read(name), Err(DiskError::Io { .. })), "{name:?}");
    }
    assert!(matches!(disk.sync("none"), Err(DiskError::Io { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// The n-th sync fails, for each n: from then on nothing is written, and what was synced before is there.
#[test]
fn after_a_failed_sync_nothing_is_written() {
    for n in 1..=6 {
        let dir = tempfile::tempdir().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let sync = move |file: &fs::File| match count.fetch_add(1, Ordering::SeqCst) + 1 {
            at if at == n => Err(io::Error::other("EIO")),
            _ => file.sync_all(),
        };
        let mut disk = FileDisk::open(dir.path(), System::default().with_sync(sync)).unwrap();
        let mut synced: Vec<u8> = Vec::new();
        let failed = loop {
            let step = disk.append("journal", b"x").and_then(|()| disk.sync("journal"));
            match step {
                Ok(()) => synced.push(b'x'),
                Err(error) => break error,
            }
        };
        assert_eq!(failed, DiskError::SyncFailed { name: "journal".into(), reason: "EIO".into() });
        let length = fs::metadata(dir.path().join("journal")).unwrap().len();
        assert_eq!(disk.append("journal", b"y"), Err(failed.clone()));
        assert_eq!(disk.sync("journal"), Err(failed.clone()));
        assert_eq!(disk.replace("journal", b"y"), Err(failed.clone()));
        assert_eq!(disk.truncate("journal", 0), Err(failed));
        assert_eq!(fs::metadata(dir.path().join("journal")).unwrap().len(), length);
        assert!(disk.read("journal").unwrap().unwrap().starts_with(&synced));
    }
}

#[test]
fn a_failed_replace_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let sync = move |file: &fs::File| match count.fetch_add(1, Ordering::SeqCst) {
        2 => Err(io::Error::other("EIO")),
        _ => file.sync_all(),
    };
    let mut disk = FileDisk::open(dir.path(), System::default().with_sync(sync)).unwrap();
    disk.append("journal", b"old").unwrap();
    disk.sync("journal").unwrap();
    assert!(matches!(disk.replace("journal", b"new"), Err(DiskError::SyncFailed { .. })));
    assert_eq!(fs::read(dir.path().join("journal")).unwrap(), b"old");
}

/// A small file system of its own, unmounted at the end.
struct Mount(PathBuf);

impl Mount {
    /// `None` where this user may not mount.
    fn small(at: &Path, mib: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={mib}m");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        match done {
            Ok(output) if output.status.success() => Some(Self(at.into())),
            _ => {
                eprintln!("skipped: this user may not mount a small file system");
                None
            }
        }
    }

    fn read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_really_full_disk_refuses_then_goes_on_and_loses_nothing() {
    const MIB: u64 = 1024 * 1024;
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::small(&dir.path().join("disk"), 48) else {
        return;
    };
    let mut authors = Authors::new();
    let with =
        Options { ballast_bytes: 8 * MIB, low_water_bytes: 4 * MIB, min_free_bytes: 2 * MIB, ..options() };
    let path = mount.0.join("store");
    let mut ledger = open_or_create(&path, authors.network, INSTANCE, &storage_key(), &with).unwrap().ledger;
    assert_eq!(ledger.room(), Room::Plenty);
    let mut message = authors.next("KE", 1, Kind::MESSAGE, vec![5; 100_000]);
    let mut acknowledged = 0;
    // As the core does: ask for room, then commit.
    while ledger.room() == Room::Plenty {
        match ledger.commit(&batch(std::slice::from_ref(&message))) {
            Ok(()) => {
                acknowledged += 1;
                message = authors.next("KE", 1, Kind::MESSAGE, vec![5; 100_000]);
            }
            full => {
                assert_eq!(full, Err(LedgerError::Full));
                break;
            }
        }
    }
    assert!(acknowledged > 20, "{acknowledged}");
    // Another program takes the rest, down to the last byte.
    let hog = mount.0.join("hog");
    let _ = io::copy(&mut io::repeat(1), &mut fs::File::create(&hog).unwrap());
    assert_eq!(ledger.commit(&batch(std::slice::from_ref(&message))), Err(LedgerError::Full));
    let mut control = authors.next("KE", 0, Kind(2), vec![1; 100]);
    let mut controls = 0;
    while controls < 30 && ledger.commit(&batch(std::slice::from_ref(&control))).is_ok() {
        controls += 1;
        control = authors.next("KE", 0, Kind(2), vec![1; 100]);
    }
    assert!(controls > 0, "the reserve did not help");
    let full = contents(&ledger).unwrap();
    let mut disk = FileDisk::open(&mount.0.join("log"), System::default()).unwrap();
    let _ = io::copy(&mut io::repeat(1), &mut fs::File::options().append(true).open(&hog).unwrap());
    disk.append("journal", b"").unwrap();
    assert_eq!(disk.append("journal", &[1; 8192]), Err(DiskError::Full));
    assert_eq!(disk.read("journal"), Ok(Some(Vec::new())));
    // sled may write while it reads, and there is no byte left: it is readable, or says that it must be opened again.
    let read = contents(&ledger);
    assert!(read == Ok(full.clone()) || matches!(read, Err(LedgerError::SyncFailed(_))), "{:?}", read.err());
    drop(ledger);
    // It opens on the full disk, and with space it goes on by itself.
    let mut ledger = open_or_create(&path, authors.network, INSTANCE, &storage_key(), &with).unwrap().ledger;
    assert_eq!(contents(&ledger).unwrap(), full);
    assert_eq!(ledger.counts().records, acknowledged + controls);
    fs::remove_file(&hog).unwrap();
    if controls < 30 {
        ledger.commit(&batch(&[control])).unwrap();
    }
    disk.append("journal", b"x").unwrap();
    disk.sync("journal").unwrap();
    assert!(ledger.verify(|_| {}).unwrap().is_sound());
    // Not a byte of the ballast was lost on the way, or it is told that there is too little space for it.
    let room = ledger.room();
    assert!(room >= Room::ControlOnly, "{room:?}");
}

#[test]
fn a_read_only_file_system_is_told_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::small(&dir.path().join("disk"), 8) else {
        return;
    };
    let authors = Authors::new();
    let path = mount.0.join("store");
    drop(open_or_create(&path, authors.network, INSTANCE, &storage_key(), &options()).unwrap());
    mount.read_only();
    let refused = open_or_create(&path, authors.network, INSTANCE, &storage_key(), &options()).unwrap_err();
    assert!(matches!(&refused, OpenError::Io { path: p, .. } if *p == path), "{refused}");
    assert!(refused.to_string().contains("ead-only"), "{refused}");
    let mut disk = FileDisk::open(&path, System::default()).unwrap();
    assert!(matches!(disk.append("journal", b"x"), Err(DiskError::Io { .. })));
}
