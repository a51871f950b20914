//! From keys to a joined network, on real folders: the story, each refusal by its exact error, and garbage in every
//! file that a home has.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod support;

use std::path::{Path, PathBuf};

use ecomesh_node::doctor::{Severity, examine};
use ecomesh_node::founding::Card;
use ecomesh_node::founding::card::CardError;
use ecomesh_node::founding::draft::Draft;
use ecomesh_node::founding::join::{JoinError, join};
use ecomesh_node::founding::keygen::{KeygenError, KeygenRequest, keygen, recovery_files};
use ecomesh_node::founding::sign::{SignatureFile, found, sign};
use ecomesh_node::founding::transport::{RotateError, rotate};
use ecomesh_node::home::{FileError, Home, HomeError};
use ecomesh_record::{MemberId, Time};
use ecomesh_seal::key_file::{self, Params, Purpose};
use ecomesh_seal::{OpenError, OpenIdentityError, SigningKey};
use support::{Network, given, mode, passphrase};

const WORDS: &str = "correct horse";

/// The smallest that Argon2id takes: these keys guard nothing.
fn fast() -> Params {
    Params::new(8, 1, 1).unwrap()
}

fn id(member: &str) -> MemberId {
    MemberId::parse(member).unwrap()
}

fn request(member: &str, port: u16) -> KeygenRequest {
    KeygenRequest {
        member: id(member),
        name: format!("NCB {member}"),
        role: None,
        listen: vec![format!("/ip4/127.0.0.1/tcp/{port}")],
        addresses: Vec::new(),
    }
}

fn make(root: &Path, member: &str, port: u16) -> (Home, Card) {
    let dir = root.join(member);
    let made = keygen(&dir, &request(member, port), &passphrase(WORDS), fast()).unwrap();
    std::fs::write(made.0.config_file(), "[store]\nballast_mib = 1\n").unwrap();
    made
}

/// The founded charter of these homes, as a file.
fn charter(root: &Path, name: &str, founders: &[&(Home, Card)]) -> PathBuf {
    let cards: Vec<Card> = founders.iter().map(|(_, card)| card.clone()).collect();
    let draft = Draft::new(name, &cards, Time(1_700_000_000_000)).unwrap();
    let signed = founders.iter().map(|(home, card)| {
        let identity = home.unseal(&passphrase(WORDS)).unwrap();
        // Through its text, as it travels.
        let text = sign(&draft, card, &identity).unwrap().to_text(name);
        (PathBuf::from(format!("{}.sig", card.member)), SignatureFile::parse(&text).unwrap())
    });
    let signed: Vec<_> = signed.collect();
    let path = root.join(format!("{name}.charter"));
    std::fs::write(&path, found(&draft, &signed).unwrap().encode().unwrap()).unwrap();
    path
}

#[test]
fn three_countries_found_a_network() {
    let root = tempfile::tempdir().unwrap();
    let founders =
        [("KE", 47_101), ("TZ", 47_102), ("TH", 47_103)].map(|(m, port)| make(root.path(), m, port));
    let (home, card) = &founders[0];
    assert_eq!(home.card().unwrap(), *card, "the card in the folder is the one that was returned");
    assert_eq!((mode(home.dir()), mode(&home.identity_file())), (0o700, 0o600));
    assert_eq!(mode(&home.card_file()), 0o644, "a card is public");
    for (number, path) in recovery_files(home, card.member).iter().enumerate() {
        assert_eq!(mode(path), 0o600);
        let seed =
            key_file::open(&std::fs::read(path).unwrap(), Purpose::RECOVERY, WORDS.as_bytes()).unwrap();
        let public = SigningKey::from_seed(seed.as_slice().try_into().unwrap()).public();
        assert_eq!(public, card.recovery_keys[number]);
    }
    assert_eq!(home.open_all(&passphrase(WORDS)).unwrap_err(), HomeError::NotJoined(home.dir().into()));

    let file = charter(root.path(), "three", &[&founders[0], &founders[1], &founders[2]]);
    for (home, card) in &founders {
        let joined = join(home, &file).unwrap();
        assert_eq!((joined.member, joined.members, joined.already), (card.member, 3, false));
        let opened = home.open_all(&passphrase(WORDS)).unwrap();
        assert_eq!(opened.roster.network(), joined.network);
        assert_eq!(opened.transport_counter, 0);
        let hints = opened.roster.addresses(card.member);
        assert_eq!(hints, [card.addresses[0].to_string()]);
    }
    let again = join(home, &file).unwrap();
    assert!(again.already, "a second time changes nothing");
}

#[test]
fn a_home_joins_one_network_and_only_its_own() {
    let root = tempfile::tempdir().unwrap();
    let (ke, tz) = (make(root.path(), "KE", 47_101), make(root.path(), "TZ", 47_102));
    let both = charter(root.path(), "both", &[&ke, &tz]);
    let alone = charter(root.path(), "alone", &[&tz]);
    assert_eq!(join(&ke.0, &alone), Err(JoinError::NotInCharter(id("KE"))));
    let network = join(&ke.0, &both).unwrap().network;
    let other = charter(root.path(), "other", &[&ke, &tz]);
    assert_eq!(join(&ke.0, &other), Err(JoinError::OtherNetwork(network)));

    // A second home of the same member, with keys of its own.
    let twin = make(&root.path().join("twin"), "KE", 47_101);
    assert_eq!(join(&twin.0, &both), Err(JoinError::OtherKeys(id("KE"))));
    assert_eq!(twin.0.has_joined(), Ok(false));
}

#[test]
fn a_charter_that_is_none_is_refused_and_nothing_changes() {
    let root = tempfile::tempdir().unwrap();
    let ke = make(root.path(), "KE", 47_101);
    let good = std::fs::read(charter(root.path(), "good", &[&ke])).unwrap();
    let file = root.path().join("bad.charter");
    let text = std::fs::read(ke.0.card_file()).unwrap();
    for bytes in
        [Vec::new(), b"ECOCHRT1".to_vec(), text, good[..good.len() - 1].to_vec(), [&good[..], &[0]].concat()]
    {
        std::fs::write(&file, &bytes).unwrap();
        assert!(matches!(join(&ke.0, &file), Err(JoinError::NoCharter { .. })), "{} bytes", bytes.len());
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        // A flipped bit in an address hint is not covered by a signature; everything else is.
        if join(&ke.0, &file).is_ok() {
            let hint = good.windows(9).position(|w| w == b"127.0.0.1").unwrap();
            assert!((hint - 5..hint + 9 + 10).contains(&at), "bit flip at {at} was not noticed");
            std::fs::remove_file(ke.0.charter_file()).unwrap();
        }
        assert_eq!(ke.0.has_joined(), Ok(false), "at {at}");
    }
    let missing = join(&ke.0, &root.path().join("none.charter")).unwrap_err();
    assert!(matches!(missing, JoinError::File(error) if error.is_not_found()));
}

#[test]
fn keys_are_never_overwritten_and_a_refusal_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (home, _) = make(root.path(), "KE", 47_101);
    let before = std::fs::read(home.identity_file()).unwrap();
    let again = keygen(home.dir(), &request("KE", 47_101), &passphrase(WORDS), fast());
    assert_eq!(again.unwrap_err(), KeygenError::Home(HomeError::HomeExists(home.dir().into())));
    assert_eq!(std::fs::read(home.identity_file()).unwrap(), before);

    let refused = |change: &dyn Fn(&mut KeygenRequest)| {
        let dir = root.path().join("new");
        let mut request = request("TZ", 47_102);
        change(&mut request);
        let error = keygen(&dir, &request, &passphrase(WORDS), fast()).unwrap_err();
        assert!(!dir.exists(), "{error}");
        error
    };
    assert!(matches!(refused(&|r| r.listen = vec!["here".into()]), KeygenError::Address(_)));
    assert!(matches!(refused(&|r| r.listen = vec!["/ip4/0.0.0.0/tcp/1".into()]), KeygenError::Address(_)));
    assert!(matches!(
        refused(&|r| r.name = "\n".into()),
        KeygenError::Card(CardError::Field { field: "name", .. })
    ));
    assert!(matches!(
        refused(&|r| r.listen = vec!["/ip4/127.0.0.1/tcp/1".into(); 9]),
        KeygenError::Card(CardError::Field { field: "addresses", .. })
    ));
}

#[test]
fn a_node_behind_address_translation_listens_here_and_is_reached_there() {
    let root = tempfile::tempdir().unwrap();
    let mut request = request("KE", 47_101);
    request.listen = vec!["/ip4/0.0.0.0/tcp/4001".into()];
    request.addresses = vec!["/ip4/192.0.2.10/tcp/4001".into()];
    let (home, card) = keygen(&root.path().join("ke"), &request, &passphrase(WORDS), fast()).unwrap();
    assert_eq!(card.addresses[0].to_string(), "/ip4/192.0.2.10/tcp/4001");
    let config = ecomesh_node::config::NodeConfig::load(&home.config_file()).unwrap();
    assert_eq!(config.net.listen, ["/ip4/0.0.0.0/tcp/4001"]);
}

#[test]
fn a_folder_without_keys_or_open_to_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let empty = root.path().join("empty");
    assert_eq!(Home::open(&empty), Err(HomeError::NoHome(empty.clone())));
    let (home, _) = make(root.path(), "KE", 47_101);
    let (keys, aside) = (home.identity_file(), root.path().join("aside"));
    std::fs::rename(&keys, &aside).unwrap();
    assert_eq!(Home::open(home.dir()), Err(HomeError::KeysMissing(keys.clone())), "no word of new keys");
    std::fs::rename(&aside, &keys).unwrap();
    let chmod = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    for (path, bad, good, folder) in
        [(home.identity_file(), 0o640, 0o600, false), (home.dir().to_owned(), 0o770, 0o700, true)]
    {
        chmod(&path, bad);
        assert_eq!(Home::open(home.dir()), Err(HomeError::Exposed { path: path.clone(), mode: bad, folder }));
        assert!(!examine(&home, false, given).is_healthy());
        chmod(&path, good);
        assert_eq!(Home::open(home.dir()), Ok(home.clone()));
    }
}

#[test]
fn one_folder_is_for_one_process() {
    let network = Network::found(&["KE"]);
    let home = &network.homes[0];
    let lock = home.lock().unwrap();
    let holder = format!("process {}", std::process::id());
    let in_use = HomeError::InUse { dir: home.dir().into(), holder };
    assert_eq!(home.lock().unwrap_err(), in_use);
    assert_eq!(rotate(home, &passphrase(WORDS), fast()), Err(RotateError::Home(in_use)));
    let seen = examine(home, true, given);
    assert!(seen.is_healthy(), "a node that runs is no fault: {seen:?}");
    assert!(seen.findings.iter().any(|f| f.subject == "node" && f.severity == Severity::Note));
    drop(lock);
    home.lock().unwrap();
}

#[test]
fn a_new_transport_key_keeps_the_member_and_raises_the_counter() {
    let network = Network::found(&["KE"]);
    let home = &network.homes[0];
    let before = home.open_all(&passphrase(WORDS)).unwrap();
    let wrong = rotate(home, &passphrase("wrong horse"), fast()).unwrap_err();
    let reason = OpenIdentityError::Open(OpenError::WrongPassphrase);
    assert_eq!(wrong, RotateError::Home(HomeError::Keys { path: home.identity_file(), reason }));
    assert_eq!(home.transport_counter(), Ok(0), "nothing was changed");
    for counter in [1, 2] {
        let rotated = rotate(home, &passphrase(WORDS), fast()).unwrap();
        let after = home.open_all(&passphrase(WORDS)).unwrap();
        assert_eq!((rotated.counter, after.transport_counter), (counter, counter));
        assert_eq!(after.transport_key().0, rotated.transport_key);
        assert_ne!(after.transport_key(), before.transport_key());
        assert_eq!(after.identity.signing_key().public(), before.identity.signing_key().public());
    }
    home.write_transport_counter(u64::MAX >> 1).unwrap();
    assert_eq!(home.transport_counter(), Ok(u64::MAX >> 1));
}

#[test]
fn a_lost_counter_of_a_changed_transport_key_is_told_before_the_peers_refuse_it() {
    let network = Network::found(&["KE"]);
    let home = &network.homes[0];
    rotate(home, &passphrase(WORDS), fast()).unwrap();
    let is_refused = || match home.open_all(&passphrase(WORDS)) {
        Err(HomeError::Counter { path, .. }) => assert_eq!(path, home.transport_file()),
        other => panic!("{other:?}"),
    };
    std::fs::remove_file(home.transport_file()).unwrap();
    is_refused();
    home.write_transport_counter(0).unwrap();
    is_refused();
    home.write_transport_counter(7).unwrap();
    assert_eq!(home.open_all(&passphrase(WORDS)).unwrap().transport_counter, 7);
}

/// What opening says to a home with this content in one of its files.
fn open_with(home: &Home, file: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let good = std::fs::read(file).ok();
    std::fs::write(file, bytes).unwrap();
    let opened = home.open_all(&passphrase(WORDS)).map(drop);
    // The doctor must say something about it too, and never panic.
    let examined = examine(home, false, given);
    assert_eq!(opened.is_ok(), examined.is_healthy(), "{}: {opened:?} {examined:?}", file.display());
    match good {
        Some(good) => std::fs::write(file, good).unwrap(),
        None => std::fs::remove_file(file).unwrap(),
    }
    opened
}

#[test]
fn garbage_in_any_file_is_named() {
    let network = Network::found(&["KE", "TZ"]);
    let home = &network.homes[0];
    assert_eq!(home.open_all(&passphrase(WORDS)).map(drop), Ok(()));
    let noise: Vec<u8> = (0..2000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for garbage in [&b""[..], b"\0", b"= = =", &noise] {
        let card = open_with(home, &home.card_file(), garbage);
        assert!(
            matches!(card, Err(HomeError::Card { .. } | HomeError::File(FileError::NotText { .. }))),
            "{card:?}"
        );
        let charter = open_with(home, &home.charter_file(), garbage);
        assert!(matches!(charter, Err(HomeError::Charter { .. })), "{charter:?}");
        let counter = open_with(home, &home.transport_file(), garbage);
        let counter_named =
            matches!(counter, Err(HomeError::Counter { .. } | HomeError::File(FileError::NotText { .. })));
        assert!(counter_named, "{counter:?}");
        let keys = open_with(home, &home.identity_file(), garbage);
        assert!(
            matches!(keys, Err(HomeError::Keys { .. } | HomeError::File(FileError::TooLong { .. }))),
            "{keys:?}"
        );
    }
}

#[test]
fn a_key_file_that_was_cut_short_is_seen_without_the_passphrase() {
    let network = Network::found(&["KE"]);
    let home = &network.homes[0];
    let whole = std::fs::read(home.identity_file()).unwrap();
    let bad_keys = |bytes: &[u8]| {
        std::fs::write(home.identity_file(), bytes).unwrap();
        let examined = examine(home, false, given);
        examined.findings.iter().any(|f| f.subject == "keys" && f.severity == Severity::Bad)
    };
    for end in 0..whole.len() {
        assert!(bad_keys(&whole[..end]), "cut at {end}");
    }
    assert!(bad_keys(&[&whole[..], &[0]].concat()));
    assert!(!bad_keys(&whole));
}

#[test]
fn files_of_another_home_are_noticed() {
    let network = Network::found(&["KE", "TZ"]);
    let [ke, tz] = &network.homes[..] else { panic!("two homes") };
    let theirs = |file: PathBuf| std::fs::read(file).unwrap();
    let ours = |path: PathBuf, bytes: &[u8]| std::fs::write(path, bytes).unwrap();

    let own_keys = theirs(ke.identity_file());
    ours(ke.identity_file(), &theirs(tz.identity_file()));
    assert_eq!(ke.open_all(&passphrase(WORDS)).map(drop), Err(HomeError::KeysDiffer(ke.dir().into())));
    ours(ke.identity_file(), &own_keys);

    let elsewhere = Network::found(&["KE"]);
    let own_charter = theirs(ke.charter_file());
    ours(ke.charter_file(), &theirs(elsewhere.homes[0].charter_file()));
    assert_eq!(ke.open_all(&passphrase(WORDS)).map(drop), Err(HomeError::Foreign(ke.dir().into())));
    ours(ke.charter_file(), &own_charter);
    assert_eq!(ke.open_all(&passphrase(WORDS)).map(drop), Ok(()));
}

#[test]
fn who_takes_part_in_a_pilot_signs_the_charter_that_says_so() {
    let root = tempfile::tempdir().unwrap();
    let (home, card) = make(root.path(), "KE", 4001);
    let draft = Draft::new("pilot", std::slice::from_ref(&card), Time(1_700_000_000_000)).unwrap();
    let draft = draft.with_pilot("silver", &[card.member]).unwrap();
    let identity = home.unseal(&passphrase(WORDS)).unwrap();
    assert_eq!(sign(&draft, &card, &identity).unwrap().network, draft.network);
}
