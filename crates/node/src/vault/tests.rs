use super::*;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const TODAY: Time = Time(20_000 * DAY_MS);

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn kept(n: u8) -> Kept {
    Kept { key_commitment: [n; 32], key: ContentKey::from_bytes(&[n + 100; 32]) }
}

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let params = Params::new(8, 1, 1).unwrap();
        let first = new_fallback(TODAY).unwrap();
        create(&dir.path().join("vault"), &passphrase("a long passphrase"), params, &[first]).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    fn open(&self) -> (Vault, Renewed) {
        Vault::open(&self.path(), &passphrase("a long passphrase"), None).unwrap()
    }

    /// The contents of all files of content keys.
    fn files(&self) -> Vec<Vec<u8>> {
        let list = std::fs::read_dir(content_keys_dir(&self.path())).unwrap();
        list.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    }

    fn content_file(&self) -> PathBuf {
        let mut list = std::fs::read_dir(content_keys_dir(&self.path())).unwrap();
        list.next().unwrap().unwrap().path()
    }
}

#[test]
fn a_vault_keeps_what_it_is_given() {
    let home = Home::new();
    let (vault, renewed) = home.open();
    assert_eq!(renewed, Renewed::default());
    let first = vault.prekeys()[0].secret.public().id();
    vault.make_prekey(Use::DAILY, TODAY).unwrap();
    vault.keep(&[kept(1), kept(2)], TODAY).unwrap();
    vault.keep(&[kept(3)], Time(TODAY.0 + DAY_MS)).unwrap();
    let salt = vault.request_salt(&[1; 32], &[2; 32]);
    drop(vault);

    let (again, renewed) = home.open();
    assert_eq!(renewed, Renewed::default());
    for n in 1..=3 {
        assert_eq!(again.content_key(&[n; 32]), Some(kept(n).key), "{n}");
    }
    assert_eq!(again.content_key(&[4; 32]), None);
    assert_eq!(again.request_salt(&[1; 32], &[2; 32]), salt);
    assert_eq!(again.prekeys().len(), 2);
    assert!(again.prekey(first).is_some());
    // The clock goes back: the key of that day is there.
    again.keep(&[kept(5)], TODAY).unwrap();
    let days: Vec<u32> = again.keys.read().unwrap().days.iter().map(|day| day.day).collect();
    assert_eq!(days, [20_000, 20_001]);
}

#[test]
fn a_destroyed_prekey_is_in_no_file() {
    let home = Home::new();
    let (vault, _) = home.open();
    vault.make_prekey(Use::DAILY, TODAY).unwrap();
    let gone = vault.prekeys()[0].secret.public().id();
    vault.change_prekeys(|list| list.retain(|kept| kept.secret.public().id() != gone)).unwrap();
    assert!(vault.prekey(gone).is_none());
    let (again, _) = home.open();
    assert!(again.prekey(gone).is_none());
    assert_eq!(again.prekeys().len(), 1);
}

#[test]
fn a_torn_tail_costs_what_was_not_acknowledged() {
    let home = Home::new();
    let (vault, _) = home.open();
    vault.keep(&[kept(1), kept(2)], TODAY).unwrap();
    drop(vault);
    let path = home.content_file();
    let whole = std::fs::read(&path).unwrap();
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let (vault, _) = home.open();
        let entries = end.saturating_sub(28) / 80;
        assert_eq!(vault.knows_content_key(&[1; 32]), entries >= 1, "cut at {end}");
        assert!(!vault.knows_content_key(&[2; 32]), "cut at {end}");
        vault.keep(&[kept(3)], TODAY).unwrap();
        drop(vault);
        let (again, _) = home.open();
        assert!(again.knows_content_key(&[3; 32]), "kept after a cut at {end}");
    }
    // An entry that was torn in its middle does not open, and the one behind it does.
    let mut torn = whole.clone();
    torn[28 + 40..28 + 60].fill(0);
    std::fs::write(&path, &torn).unwrap();
    let (vault, _) = home.open();
    assert!(!vault.knows_content_key(&[1; 32]), "it is learned again");
    assert_eq!(vault.content_key(&[1; 32]), None);
    assert_eq!(vault.content_key(&[2; 32]), Some(kept(2).key));
    vault.keep(&[kept(1)], TODAY).unwrap();
    assert_eq!(vault.content_key(&[1; 32]), Some(kept(1).key), "learned again");
}

#[test]
fn a_lost_vault_is_made_anew_and_a_damaged_one_is_told() {
    let home = Home::new();
    let (vault, _) = home.open();
    vault.keep(&[kept(1)], TODAY).unwrap();
    drop(vault);
    let keys = std::fs::read(keys_file(&home.path())).unwrap();

    let mut bad = keys.clone();
    *bad.last_mut().unwrap() ^= 1;
    std::fs::write(keys_file(&home.path()), &bad).unwrap();
    let fault = Vault::open(&home.path(), &passphrase("a long passphrase"), None).map(drop).unwrap_err();
    assert!(matches!(fault, VaultFault::Damaged { reason: VaultError::WrongPassphrase, .. }));
    assert!(fault.to_string().contains("backup"), "{fault}");

    std::fs::remove_file(keys_file(&home.path())).unwrap();
    let (vault, renewed) = home.open();
    assert_eq!(renewed, Renewed { keys: true, prekeys: false });
    assert_eq!(vault.prekeys().len(), 1, "the prekeys are still good");
    assert!(!vault.knows_content_key(&[1; 32]));
    vault.keep(&[kept(2)], TODAY).unwrap();
    drop(vault);

    // The backup is found: nothing of the old was thrown away.
    std::fs::write(keys_file(&home.path()), &keys).unwrap();
    std::fs::remove_file(prekeys_file(&home.path())).unwrap();
    let (vault, renewed) = home.open();
    assert_eq!(renewed, Renewed { keys: false, prekeys: true });
    assert_eq!(vault.content_key(&[1; 32]), Some(kept(1).key));
    assert!(vault.prekeys().is_empty());
}

#[test]
fn nothing_secret_is_readable_in_the_files() {
    let home = Home::new();
    let (vault, _) = home.open();
    vault.make_prekey(Use::DAILY, TODAY).unwrap();
    vault.keep(&[kept(1)], TODAY).unwrap();
    let seeds: Vec<Vec<u8>> = vault.prekeys().iter().map(|kept| kept.secret.seed()[..16].to_vec()).collect();
    for path in [keys_file(&home.path()), prekeys_file(&home.path()), home.content_file()] {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(16).any(|part| part == [101; 16]), "{}", path.display());
        for seed in &seeds {
            assert!(!bytes.windows(16).any(|part| part == seed.as_slice()), "{}", path.display());
        }
    }
}

#[test]
fn a_node_of_many_years_holds_few_files_open() {
    let home = Home::new();
    let (vault, _) = home.open();
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open_files();
    for day in 0..200_u8 {
        vault.keep(&[kept(day % 100)], Time(TODAY.0 + u64::from(day) * DAY_MS)).unwrap();
    }
    drop(vault);
    let (again, _) = home.open();
    again.keep(&[kept(101)], TODAY).unwrap();
    for n in [0, 50, 99, 101] {
        assert_eq!(again.content_key(&[n; 32]), Some(kept(n).key), "{n}");
    }
    // Other tests of this process open files too, though not so many.
    assert!(open_files() < before + 100, "{} files are open", open_files());
}

#[test]
fn no_new_vault_takes_the_place_of_one_that_is_there() {
    let home = Home::new();
    let params = Params::new(8, 1, 1).unwrap();
    let request = crate::founding::keygen::KeygenRequest {
        member: ecomesh_record::MemberId::parse("KE").unwrap(),
        name: "NCB Nairobi".into(),
        role: None,
        listen: Vec::new(),
        addresses: Vec::new(),
    };
    let before = std::fs::read(keys_file(&home.path())).unwrap();
    let made =
        crate::founding::keygen::keygen(home.dir.path(), &request, &passphrase("another passphrase"), params);
    assert!(made.is_err(), "identity and card are lost, the vault is not");
    assert_eq!(std::fs::read(keys_file(&home.path())).unwrap(), before);
}

#[test]
fn a_content_key_that_is_destroyed_is_in_no_file_and_those_of_its_day_survive() {
    let home = Home::new();
    let (vault, _) = home.open();
    vault.keep(&[kept(1), kept(2), kept(3)], TODAY).unwrap();
    vault.keep(&[kept(4)], Time(TODAY.0 + DAY_MS)).unwrap();
    let old = home.files();
    vault.forget(&BTreeSet::from([[2; 32], [9; 32]])).unwrap();
    let check = |vault: &Vault| {
        for n in [1, 3, 4] {
            assert_eq!(vault.content_key(&[n; 32]), Some(kept(n).key), "{n}");
        }
        assert!(!vault.knows_content_key(&[2; 32]));
        assert_eq!(vault.content_key(&[2; 32]), None);
    };
    check(&vault);
    // The day goes on under its new key.
    vault.keep(&[kept(5)], TODAY).unwrap();
    assert_eq!(vault.content_key(&[5; 32]), Some(kept(5).key));
    drop(vault);
    let (again, _) = home.open();
    check(&again);
    assert_eq!(again.content_key(&[5; 32]), Some(kept(5).key));
    // The other day was not touched, and the old file is gone.
    let new = home.files();
    assert_eq!((old.len(), new.len()), (2, 2));
    assert_eq!(old.iter().filter(|file| new.contains(file)).count(), 1);
    // Who has kept the old file opens it with no key that is left.
    let days = again.keys.read().unwrap().days.clone();
    let moved = old.iter().find(|file| !new.contains(file)).unwrap();
    assert_eq!(moved.len(), 28 + 3 * 80);
    for entry in moved[28..].chunks_exact(80) {
        let commitment: [u8; 32] = entry[..32].try_into().unwrap();
        let wrapped: [u8; 48] = entry[32..].try_into().unwrap();
        assert!(days.iter().all(|day| day.unwrap(&commitment, &wrapped).is_none()));
    }
}

/// A crash between any two writes leaves what is to survive, and what was to be destroyed is destroyed the next time.
#[test]
fn a_crash_while_keys_are_destroyed_loses_no_other() {
    for stage in 0..4 {
        let home = Home::new();
        let (vault, _) = home.open();
        vault.keep(&[kept(1), kept(2)], TODAY).unwrap();
        let before = home.content_file();
        let old_file = std::fs::read(&before).unwrap();
        let old_keys = std::fs::read(keys_file(&home.path())).unwrap();
        vault.forget(&BTreeSet::from([[2; 32]])).unwrap();
        let after = home.content_file();
        drop(vault);
        match stage {
            // Nothing of it was written but the list of keys, of which the old one says the same.
            0 => {
                std::fs::remove_file(&after).unwrap();
                std::fs::write(&before, &old_file).unwrap();
                std::fs::write(keys_file(&home.path()), &old_keys).unwrap();
            }
            // The new file is there, and nobody has its key.
            1 => {
                std::fs::write(&before, &old_file).unwrap();
                std::fs::write(keys_file(&home.path()), &old_keys).unwrap();
            }
            // The old file is still there, and its key is gone.
            2 => std::fs::write(&before, &old_file).unwrap(),
            _ => {}
        }
        let (again, _) = home.open();
        assert_eq!(again.content_key(&[1; 32]), Some(kept(1).key), "stage {stage}");
        again.forget(&BTreeSet::from([[2; 32]])).unwrap();
        drop(again);
        let (again, _) = home.open();
        assert_eq!(again.content_key(&[1; 32]), Some(kept(1).key), "stage {stage}");
        assert!(!again.knows_content_key(&[2; 32]), "stage {stage}");
    }
}

/// Keys that come while others are destroyed are kept, whichever key of the day they found.
#[test]
fn keys_that_come_meanwhile_are_kept() {
    let home = Home::new();
    let (vault, _) = home.open();
    let doomed: Vec<Kept> = (200..210).map(kept_far).collect();
    vault.keep(&doomed, TODAY).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (1..60).for_each(|n| vault.keep(&[kept(n)], TODAY).unwrap()));
        scope.spawn(|| {
            for one in &doomed {
                vault.forget(&BTreeSet::from([one.key_commitment])).unwrap();
            }
        });
    });
    drop(vault);
    let (again, _) = home.open();
    for n in 1..60 {
        assert_eq!(again.content_key(&[n; 32]), Some(kept(n).key), "{n}");
    }
    assert!(doomed.iter().all(|one| !again.knows_content_key(&one.key_commitment)));
}

fn kept_far(n: u8) -> Kept {
    Kept { key_commitment: [n; 32], key: ContentKey::from_bytes(&[n; 32]) }
}
