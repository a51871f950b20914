//! What bad input gets: garbage in every file that the program reads, wrong keys, folders that cannot be used. Each
//! case checks the documented exit code, that the message says what to do next, and that nothing panics.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Network, Node, Ran, ecomesh, run, run_in, wait_for};

// The exit codes of `ecomesh --help`.
const OK: i32 = 0;
const NO: i32 = 1;
const USAGE: i32 = 2;
const BAD_INPUT: i32 = 3;
const NO_NODE: i32 = 4;
const REFUSED: i32 = 5;
const KEYS: i32 = 6;
const IO: i32 = 7;

/// What no reader of these files understands: empty, a word, bytes that are no text, and much of it.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let noise =
        |length: u32| (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    vec![
        ("empty", Vec::new()),
        ("a word", b"garbage".to_vec()),
        ("noise", noise(300)),
        ("much noise", noise(3_000_000)),
    ]
}

/// A command that must fail with this code, saying what happened and what to do next; `parts` must be in it.
#[track_caller]
fn refused(ran: Ran, code: i32, parts: &[&str]) {
    let ran = ran.expect(code);
    assert!(ran.stderr.contains("error: "), "{ran:#?}");
    assert!(ran.stderr.contains("\nhelp: ") || ran.stderr.contains("; "), "no advice: {ran:#?}");
    assert!(!ran.stderr.contains("should not happen"), "{ran:#?}");
    for part in parts {
        assert!(ran.stderr.contains(part), "{part:?} is not in {ran:#?}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs the node of `home` to its end: for nodes that must not start. A node that starts all the same is ended.
fn run_node(home: &Path, passphrase_file: &Path) -> Ran {
    let mut child = ecomesh()
        .args(["run", "--home", path(home), "--passphrase-file", path(passphrase_file)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    ended(&mut child);
    Ran::from(child.wait_with_output().unwrap())
}

/// Waits until a process has ended; one that goes on is killed, and the test fails.
#[track_caller]
fn ended(child: &mut Child) {
    let deadline = Instant::now() + common::PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the process goes on for {:?}", common::PATIENCE);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A copy of a stopped node's folder.
fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").args(["-rp", path(from), path(to)]).status().unwrap();
    assert!(status.success());
}

// ---- keys ----

#[test]
fn keygen_refuses_a_bad_member_address_or_passphrase_and_an_existing_home() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    at("passphrase", common::PASSPHRASE);
    at("short", "short");
    at("empty", "\n");
    let keygen = |member: &str, listen: &str, passphrase: &str| {
        let args = ["keygen", "--member", member, "--name", "NCB", "--listen", listen, "--home", "home"];
        run_in(folder.path(), &[&args[..], &["--passphrase-file", passphrase]].concat())
    };
    let good = "/ip4/127.0.0.1/tcp/4001";
    let ran = keygen("K", good, "passphrase").expect(USAGE);
    assert!(ran.stderr.contains("2 letters (KE)"), "{ran:#?}");
    refused(keygen("KE", "garbage", "passphrase"), USAGE, &["garbage", "/ip4/192.0.2.10/tcp/4001"]);
    refused(keygen("KE", good, "short"), KEYS, &["8 characters"]);
    refused(keygen("KE", good, "empty"), KEYS, &["empty"]);
    refused(keygen("KE", good, "absent"), IO, &["absent"]);
    assert!(!folder.path().join("home").exists(), "a refused keygen leaves nothing behind");
    keygen("KE", good, "passphrase").expect(OK);
    refused(keygen("KE", good, "passphrase"), IO, &["already", "nothing was changed"]);
}

#[test]
fn without_terminal_and_file_the_passphrase_is_asked_for_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let args =
        ["keygen", "--member", "KE", "--name", "N", "--listen", "/ip4/127.0.0.1/tcp/1", "--home", "home"];
    // A session of its own has no terminal to ask.
    let output = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_ecomesh"))
        .args(args)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => refused(Ran::from(output), USAGE, &["--passphrase-file"]),
        Err(error) => eprintln!("skipped: setsid does not run here ({error})"),
    }
}

// ---- founding ----

#[test]
fn garbage_as_card_draft_signature_and_charter_is_named() {
    let network = Network::found(&["KE"]);
    let folder = network.folder.path();
    let sign = ["charter", "sign", "--home", "KE", "--passphrase-file", "passphrase", "-o", "new.sig"];
    for (kind, bytes) in garbage() {
        std::fs::write(folder.join("bad"), bytes).unwrap();
        eprintln!("{kind}");
        let named: &[&str] = &["bad"];
        let draft = ["charter", "draft", "--network", "N", "KE/card.toml", "bad", "-o", "new"];
        refused(run_in(folder, &draft), BAD_INPUT, named);
        refused(run_in(folder, &[&sign[..], &["bad"]].concat()), BAD_INPUT, named);
        refused(run_in(folder, &["charter", "found", "bad", "KE.sig", "-o", "new"]), BAD_INPUT, named);
        refused(run_in(folder, &["charter", "found", "charter.toml", "bad", "-o", "new"]), BAD_INPUT, named);
        refused(run_in(folder, &["charter", "show", "bad"]), BAD_INPUT, named);
        refused(run_in(folder, &["join", "--home", "KE", "bad"]), BAD_INPUT, named);
        assert!(!folder.join("new").exists() && !folder.join("new.sig").exists());
    }
    refused(run_in(folder, &["charter", "show", "absent"]), IO, &["absent", "check the path"]);
    refused(run_in(folder, &["charter", "show", "."]), IO, &["a file and a folder are mixed up"]);
    let again = ["charter", "draft", "--network", "N", "KE/card.toml", "-o", "charter.toml"];
    refused(run_in(folder, &again), IO, &["charter.toml", "another name"]);
}

#[test]
fn a_missing_doubled_or_wrong_signature_is_named() {
    let network = Network::found(&["KE", "TZ", "FR"]);
    let folder = network.folder.path();
    let found = |signatures: &[&str]| {
        run_in(folder, &[&["charter", "found", "charter.toml", "-o", "new.charter"], signatures].concat())
    };
    refused(found(&["KE.sig", "FR.sig"]), REFUSED, &["missing", "TZ"]);
    refused(found(&["KE.sig", "TZ.sig", "FR.sig", "KE.sig"]), REFUSED, &["KE.sig", "both signatures of KE"]);
    // The signature of TZ under the name of KE: right bytes, wrong key.
    let text = std::fs::read_to_string(folder.join("TZ.sig")).unwrap();
    std::fs::write(folder.join("forged.sig"), text.replace("\"TZ\"", "\"KE\"")).unwrap();
    refused(found(&["forged.sig", "TZ.sig", "FR.sig"]), REFUSED, &["forged.sig", "KE is wrong"]);
    assert!(!folder.join("new.charter").exists());
    found(&["KE.sig", "TZ.sig", "FR.sig"]).expect(OK);
}

#[test]
fn a_card_changed_by_one_letter_is_refused() {
    let network = Network::found(&["KE", "TZ"]);
    let folder = network.folder.path();
    let text = std::fs::read_to_string(folder.join("TZ/card.toml")).unwrap();
    std::fs::write(folder.join("changed.toml"), text.replace("NCB TZ", "NCB XY")).unwrap();
    let draft = ["charter", "draft", "--network", "N", "KE/card.toml", "changed.toml", "-o", "new"];
    refused(run_in(folder, &draft), BAD_INPUT, &["changed.toml"]);
}

#[test]
fn a_charter_without_this_bureau_or_of_another_network_is_refused() {
    let (ours, theirs) = (Network::found(&["KE"]), Network::found(&["TZ"]));
    let charter = theirs.folder.path().join("test.charter");
    let ran = run_in(ours.folder.path(), &["join", "--home", "KE", path(&charter)]);
    refused(ran, REFUSED, &["KE"]);
}

// ---- the folder of a node ----

#[test]
fn without_a_home_or_before_joining_there_is_no_node() {
    let network = Network::found(&["KE"]);
    let folder = network.folder.path();
    refused(run_node(&folder.join("none"), &network.passphrase_file), NO_NODE, &["none", "ecomesh keygen"]);
    refused(run_in(folder, &["audit", "--home", "none"]), NO_NODE, &["ecomesh keygen"]);
    refused(run_in(folder, &["doctor", "--home", "none"]), NO_NODE, &["ecomesh keygen"]);
    refused(run_in(folder, &["backup", "--home", "none", "-o", "b"]), NO_NODE, &["ecomesh keygen"]);
    refused(run_in(folder, &["join", "--home", "none", "test.charter"]), NO_NODE, &["ecomesh keygen"]);
    let made = folder.join("unjoined");
    let keygen =
        ["keygen", "--member", "KE", "--name", "N", "--listen", "/ip4/127.0.0.1/tcp/1", "--home", "unjoined"];
    run_in(folder, &[&keygen[..], &["--passphrase-file", "passphrase"]].concat()).expect(OK);
    refused(run_node(&made, &network.passphrase_file), NO_NODE, &["has not joined", "ecomesh join"]);
    refused(run_in(folder, &["audit", "--home", "unjoined"]), NO_NODE, &["ecomesh join"]);
}

#[test]
fn every_command_that_needs_a_node_says_so_when_none_runs() {
    let network = Network::found(&["KE", "TZ"]);
    let home = &network.nodes[0];
    let archive = network.folder.path().join("test.charter");
    for args in [
        &["inbox"] as &[&str],
        &["outbox"],
        &["peers"],
        &["frontier"],
        &["network"],
        &["show", "123456"],
        &["status", "123456"],
        &["send", "--text", "x", "--language", "en", "--to", "TZ"],
        &["export", "-o", "never"],
        &["import", path(&archive)],
    ] {
        refused(home.run(args), NO_NODE, &["not running", "ecomesh run"]);
        let error = home.run(&[args, &["--json"]].concat()).expect(NO_NODE).error();
        assert_eq!(error["name"], "no_node", "{error}");
        assert!(error["help"].as_str().is_some_and(|help| !help.is_empty()), "{error}");
    }
    assert!(!Path::new("never").exists());
}

#[test]
fn a_wrong_passphrase_is_told_from_nothing_else() {
    let network = Network::found(&["KE"]);
    let wrong = network.folder.path().join("wrong");
    std::fs::write(&wrong, "wrong horse battery staple").unwrap();
    refused(run_node(&network.nodes[0].home, &wrong), KEYS, &["identity.key", "the passphrase is wrong"]);
    let node = &network.nodes[0];
    let (made, never) = (network.folder.path().join("made"), network.folder.path().join("never"));
    let right = ["--passphrase-file", path(&network.passphrase_file)];
    node.run(&[&["backup", "-o", path(&made)], right.as_slice()].concat()).expect(OK);
    for args in [&["transport", "rotate"] as &[&str], &["audit"], &["backup", "-o", path(&never)]] {
        let ran = node.run(&[args, &["--passphrase-file", path(&wrong)]].concat());
        refused(ran, KEYS, &["the passphrase is wrong"]);
    }
    let restore = ["restore", path(&made), "--home", path(&never), "--passphrase-file"];
    refused(run(&[restore.as_slice(), &[path(&wrong)]].concat()), KEYS, &["the passphrase is wrong"]);
    assert!(!never.exists());
    run(&[restore.as_slice(), &[path(&network.passphrase_file)]].concat()).expect(OK);
    let doctor = node.run(&["doctor", "--passphrase-file", path(&wrong)]).expect(NO);
    assert!(doctor.stdout.contains("bad    passphrase"), "{doctor:?}");
}

#[test]
fn a_lost_vault_is_named_by_what_reads_a_home() {
    let network = Network::found(&["KE"]);
    let node = &network.nodes[0];
    let right = ["--passphrase-file", path(&network.passphrase_file)];
    let audit = [&["audit"], right.as_slice()].concat();
    node.run(&audit).expect(OK);
    std::fs::remove_dir_all(node.home.join("vault")).unwrap();
    node.run(&audit).expect(OK);
    std::fs::remove_file(node.home.join("storage.key")).unwrap();
    refused(node.run(&audit), KEYS, &["the vault", "storage.key", "from a backup"]);
    let doctor = node.run(&[&["doctor"], right.as_slice()].concat()).expect(NO);
    assert!(doctor.stdout.contains("storage.key"), "{doctor:?}");
}

#[test]
fn keys_that_others_may_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let network = Network::found(&["KE"]);
    let key = network.nodes[0].home.join("identity.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(run_node(&network.nodes[0].home, &network.passphrase_file), IO, &["0644", "chmod 600"]);
}

#[test]
fn garbage_in_a_file_of_the_home_is_named() {
    let network = Network::found(&["KE"]);
    let home = network.folder.path().join("copy");
    for file in ["identity.key", "card.toml", "network.charter", "node.toml", "transport.toml"] {
        for (kind, bytes) in garbage() {
            // Settings may be empty.
            if file == "node.toml" && bytes.is_empty() {
                continue;
            }
            eprintln!("{file}: {kind}");
            let _ = std::fs::remove_dir_all(&home);
            copy(&network.nodes[0].home, &home);
            write_private(&home.join(file), &bytes);
            let code = if file == "identity.key" && bytes.len() < 1_000 { KEYS } else { BAD_INPUT };
            refused(run_node(&home, &network.passphrase_file), code, &[file]);
        }
    }
}

#[test]
fn a_wrong_value_in_the_settings_is_named_with_what_to_do() {
    let network = Network::found(&["KE"]);
    let home = &network.nodes[0].home;
    std::fs::write(home.join("node.toml"), "[api]\ntcp = \"127.0.0&1:7420\"\n").unwrap();
    let parts = ["node.toml", "api.tcp", "127.0.0&1:7420", "\nhelp: ", "remove the line"];
    refused(run_node(home, &network.passphrase_file), BAD_INPUT, &parts);
}

/// Replaces the content of a file and lets only its owner read it, so that the content is what is refused.
fn write_private(file: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, bytes).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A node that cannot trust what it stored goes on: the damaged part is set aside, its log opens a new generation,
/// and what it sends then is whole.
#[test]
fn garbage_in_store_and_journal_never_stops_a_node() {
    for (file, kept) in
        [("store/records/db", "store.damaged"), ("log/journal", "journal.damaged"), ("store/marker", "")]
    {
        let mut network = Network::found(&["KE", "TZ"]);
        let home = network.nodes[0].home.clone();
        std::fs::write(home.join("node.toml"), "[limits]\nrecovery_s = 1\n[store]\nballast_mib = 1\n")
            .unwrap();
        std::fs::write(home.join(file), vec![0xa5; 3_000]).unwrap();
        network.start_node(0);
        let node = &network.nodes[0];
        let send = ["send", "--text", "still here", "--language", "en", "--to", "TZ"];
        wait_for("a record after the recovery", || {
            let ran = node.run(&send);
            assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
            if ran.code == OK { Ok(()) } else { Err(format!("{ran:#?}")) }
        });
        assert_eq!(network.audit(0)["verdict"], "whole", "{file}");
        let log = std::fs::read_to_string(node.log()).unwrap();
        assert!(!log.contains("panicked"), "{file}: {log}");
        assert!(kept.is_empty() || tree(&home).contains(kept), "{file} is not set aside: {}", tree(&home));
    }
}

/// The paths below a folder, one a line.
fn tree(folder: &Path) -> String {
    let output = std::process::Command::new("find").arg(folder).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

// ---- forms and archives ----

#[test]
fn a_file_that_is_no_form_is_refused_before_any_node_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bytes) in garbage() {
        std::fs::write(folder.path().join("bad"), &bytes).unwrap();
        eprintln!("{kind}");
        refused(run_in(folder.path(), &["send", "bad", "--to", "TZ", "--home", "none"]), BAD_INPUT, &["bad"]);
        let check = run_in(folder.path(), &["ecomessage", "check", "bad"]);
        let code = if std::str::from_utf8(&bytes).is_ok() { NO } else { BAD_INPUT };
        check.expect(code);
    }
    refused(run_in(folder.path(), &["send", "absent", "--to", "TZ", "--home", "none"]), IO, &["absent"]);
    run_in(folder.path(), &["ecomessage", "new", "form.toml"]).expect(OK);
    refused(run_in(folder.path(), &["ecomessage", "new", "form.toml"]), IO, &["form.toml", "another name"]);
}

#[test]
fn a_file_that_is_no_entry_of_a_database_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bytes) in garbage() {
        std::fs::write(folder.path().join("bad"), &bytes).unwrap();
        eprintln!("{kind}");
        let check = run_in(folder.path(), &["db", "check", "bad"]);
        if std::str::from_utf8(&bytes).is_ok() {
            check.expect(NO);
        } else {
            refused(check, BAD_INPUT, &["bad"]);
        }
    }
    refused(run_in(folder.path(), &["db", "check", "absent"]), IO, &["absent", "check the path"]);
    run_in(folder.path(), &["db", "new", "sltd", "-o", "form.toml"]).expect(OK);
    let again = run_in(folder.path(), &["db", "new", "sltd", "-o", "form.toml"]);
    refused(again, IO, &["form.toml", "another name"]);
    let cars = run_in(folder.path(), &["db", "new", "cars"]).expect(USAGE).stderr;
    assert!(cars.contains("sltd, vehicle, vessel, art, firearm, nominal, seizure"), "{cars}");
    // What is dirty inside is shown without what it could do to a terminal.
    let dirty = "form = \"vehicle-entry\"\n[vehicle]\nmake = \"a\\u202Eb\"\nkind = \"\\u001b[2J\"\nvin = \"1M8GDM9\\u001b\"\nplate_country = 7\n";
    std::fs::write(folder.path().join("bad"), dirty).unwrap();
    let report = run_in(folder.path(), &["db", "check", "bad"]).expect(NO).stdout;
    assert!(report.contains("line 3, column 8, vehicle.make: the text holds"), "{report}");
    assert!(report.contains("vehicle.plate_country: it is a number, where a code is wanted"), "{report}");
    assert!(report.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{report:?}");
}

#[test]
fn a_file_that_is_no_request_for_a_notice_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bytes) in garbage() {
        std::fs::write(folder.path().join("bad"), &bytes).unwrap();
        eprintln!("{kind}");
        let check = run_in(folder.path(), &["notice", "check", "bad"]);
        if std::str::from_utf8(&bytes).is_ok() {
            check.expect(NO);
        } else {
            refused(check, BAD_INPUT, &["bad"]);
        }
    }
    refused(run_in(folder.path(), &["notice", "check", "absent"]), IO, &["absent", "check the path"]);
    run_in(folder.path(), &["notice", "new", "red", "-o", "form.toml"]).expect(OK);
    let again = run_in(folder.path(), &["notice", "new", "red", "-o", "form.toml"]);
    refused(again, IO, &["form.toml", "another name"]);
    let white = run_in(folder.path(), &["notice", "new", "white"]).expect(USAGE).stderr;
    assert!(white.contains("red, yellow, blue, black, green, orange, purple, silver, un"), "{white}");
    // What is dirty inside is shown without what it could do to a terminal.
    let dirty = "form = \"red-notice\"\n[person]\nfamily_name = \"a\\u202Eb\"\nsex = \"\\u001b[2J\"\nnationalities = [\"Kenia\", 7]\n";
    std::fs::write(folder.path().join("bad"), dirty).unwrap();
    let report = run_in(folder.path(), &["notice", "check", "bad"]).expect(NO).stdout;
    assert!(report.contains("line 3, column 15, person.family_name: the text holds"), "{report}");
    assert!(report.contains("warning, line 5, column 18, person.nationalities[1]: \"Kenia\""), "{report}");
    assert!(report.contains("person.nationalities[2]: it is a number, where a code is wanted"), "{report}");
    assert!(report.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{report:?}");
}

/// A sample of the demonstration.
fn sample(name: &str) -> String {
    path(&common::root().join("node-config/demo").join(name)).to_owned()
}

#[test]
fn a_form_is_read_as_what_the_command_takes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    let at = |args: &[&str]| run_in(folder.path(), args);
    // One that does not say what it is is no Ecomessage where a notice or an entry is meant.
    for (args, words) in [
        (&["notice", "request", "empty.toml"] as &[&str], "which notice it is"),
        (&["notice", "diffuse", "empty.toml", "--to", "TZ"], "which notice it is"),
        (&["db", "add", "empty.toml"], "which entry it is"),
    ] {
        let ran = at(args);
        assert!(!ran.stderr.contains("legal"), "{ran:#?}");
        refused(ran, BAD_INPUT, &[words]);
    }
    // One of another kind is told, with the command that checks it.
    for (command, file, what, other) in [
        ("ecomessage", "notices/red.toml", "no Ecomessage but: Red Notice", "ecomesh notice check"),
        ("ecomessage", "entries/vehicle.toml", "no Ecomessage but: ", "ecomesh db check"),
        ("notice", "entries/vehicle.toml", "no notice but: ", "ecomesh db check"),
        ("db", "notices/red.toml", "no entry of a database but: Red Notice", "ecomesh notice check"),
        ("notice", "ke-01-ivory-mombasa.toml", "no notice but: Ecomessage", "ecomesh ecomessage check"),
    ] {
        let ran = at(&[command, "check", &sample(file)]).expect(NO);
        assert!(ran.stdout.contains(what) && ran.stdout.contains(other), "{ran:#?}");
        let report = at(&[command, "check", &sample(file), "--json"]).expect(NO).json();
        assert_eq!(report["problems"][0]["path"], "form", "{report}");
    }
    at(&["ecomessage", "check", &sample("fr-07-message.toml")]).expect(OK);
    // Files that a form names go with it only if they are attached.
    let ran = at(&["notice", "check", &sample("notices/red.toml")]).expect(OK);
    assert!(ran.stdout == "no problems\n" && ran.stderr.contains("--attach face.jpg"), "{ran:#?}");
}

#[test]
fn a_check_knows_whose_home_it_is() {
    let network = Network::found(&["KE", "TZ"]);
    let passport = sample("entries/sltd.toml");
    network.nodes[0].run(&["db", "check", &passport]).expect(OK);
    let ran = network.nodes[1].run(&["db", "check", &passport]).expect(NO);
    assert!(ran.stdout.contains("TZ may not enter it") && ran.stdout.contains("sltd.issuer"), "{ran:#?}");
    run_in(network.folder.path(), &["db", "check", &passport, "--home", "none"]).expect(OK);
}

#[test]
fn a_command_that_is_typed_wrongly_is_told_in_json_too() {
    for (args, words) in [
        (&["--json", "db", "lines"] as &[&str], "<ID>"),
        (&["--json", "notice", "foo"], "foo"),
        (&["notice", "foo", "--json"], "foo"),
        (&["notice", "--json"], "requires a subcommand"),
        (&["--json", "notice"], "not whole"),
        (&["inbox", "--json", "--limit", "x"], "--limit"),
    ] {
        let ran = run(args).expect(USAGE);
        let error = ran.error();
        assert_eq!((&error["code"], &error["name"]), (&2.into(), &"usage".into()), "{ran:#?}");
        assert!(error["what"].as_str().is_some_and(|what| what.contains(words)), "{ran:#?}");
        assert!(error["help"].as_str().is_some_and(|help| help.contains("--help")), "{ran:#?}");
        assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1), "{ran:#?}");
    }
    let plain = run(&["notice", "foo"]).expect(USAGE);
    assert!(plain.stderr.contains("\n\nUsage: ecomesh notice"), "{plain:#?}");
    assert!(run(&["notice", "--help", "--json"]).expect(OK).stdout.contains("Usage: "));
}

#[test]
fn what_is_typed_gets_advice_that_fits_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let at = |args: &[&str]| run_in(folder.path(), args);
    let renew = at(&["notice", "renew", "3f9a2c71d0", "--until", "tomorrow", "--reason", "x"]).expect(USAGE);
    assert!(renew.stderr.contains("'tomorrow'") && renew.stderr.contains("2031-11-28"), "{renew:#?}");
    let withdraw = "ecomesh db withdraw 34affc9915.43 --reason";
    refused(at(&["db", "update", "34affc9915.43", "x.toml"]), REFUSED, &[withdraw, "db add"]);
    refused(at(&["erase", "34affc9915.43", "--reason", "other"]), REFUSED, &[withdraw]);
    refused(at(&["inbox", "--home", "none"]), NO_NODE, &["no node in none", "--home"]);
}

#[test]
fn an_empty_list_of_addressees_is_refused_before_any_node_is_asked() {
    for to in ["", ",", " , "] {
        let ran = run(&["send", "--text", "x", "--language", "en", "--to", to, "--home", "none"]);
        refused(ran, USAGE, &["addressees is empty", "--to TZ,FR"]);
    }
}

#[test]
fn the_audit_of_garbage_is_broken_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bytes) in garbage() {
        std::fs::write(folder.path().join("bad"), bytes).unwrap();
        let report = run_in(folder.path(), &["audit", "bad", "--json"]).expect(NO).json();
        assert_eq!(report["verdict"], "broken", "{kind}");
        assert!(!report["faults"].as_array().unwrap().is_empty(), "{kind}: {report}");
    }
    refused(run_in(folder.path(), &["audit", "absent"]), IO, &["absent", "check the path"]);
}

#[test]
fn garbage_as_backup_is_refused_and_leaves_no_home() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bytes) in garbage() {
        std::fs::write(folder.path().join("bad"), bytes).unwrap();
        eprintln!("{kind}");
        refused(run_in(folder.path(), &["restore", "bad", "--home", "new"]), BAD_INPUT, &["bad"]);
        assert!(!folder.path().join("new/identity.key").exists());
    }
}

// ---- one running node ----

#[test]
fn a_running_node_refuses_with_reasons() {
    let mut network = Network::found(&["KE", "TZ"]);
    network.start_node(0);
    let node = &network.nodes[0];
    let send = |to: &str| node.run(&["send", "--text", "x", "--language", "en", "--to", to]);
    refused(send("KE"), REFUSED, &["KE is your own bureau"]);
    refused(send("XX"), REFUSED, &["XX is not a member", "ecomesh network"]);
    refused(send("TZ,XX"), REFUSED, &["XX is not a member"]);
    refused(send("no country"), REFUSED, &["ecomesh network"]);
    refused(node.run(&["send", "--text", "x", "--language", "en"]), USAGE, &["no addressees"]);
    refused(node.run(&["show", "1234567890"]), REFUSED, &["no record 1234567890", "check the id"]);
    node.run(&["show", "nonsense"]).expect(USAGE);
    refused(node.run(&["inbox", "--since", "nonsense"]), USAGE, &["2026-03-01"]);
    assert_eq!(node.json(&["outbox"])["messages"], serde_json::json!([]), "nothing of it was recorded");
    archives_in(&network);
    second_process(&network);
}

/// What `import` and `export` of a running node refuse.
fn archives_in(network: &Network) {
    let (node, folder) = (&network.nodes[0], network.folder.path());
    let bad = folder.join("bad");
    for (kind, bytes) in garbage() {
        std::fs::write(&bad, bytes).unwrap();
        eprintln!("{kind}");
        refused(node.run(&["import", path(&bad)]), BAD_INPUT, &[]);
    }
    node.run(&["send", "--text", "first", "--language", "en", "--to", "TZ"]).expect(OK);
    let archive = folder.join("all.ecoarchive");
    node.run(&["export", "-o", path(&archive)]).expect(OK);
    refused(node.run(&["export", "-o", path(&archive)]), IO, &["exists already"]);
    let whole = std::fs::read(&archive).unwrap();
    std::fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    refused(node.run(&["import", path(&bad)]), BAD_INPUT, &["cut short"]);
    run(&["audit", path(&bad)]).expect(NO);
    refused(node.run(&["import", path(folder)]), IO, &["a file and a folder are mixed up"]);
    run(&["audit", path(&archive)]).expect(OK);
    every_changed_byte_is_found(&whole, &bad);
}

/// The audit finds any change of an archive; here of some bytes all over it.
fn every_changed_byte_is_found(whole: &[u8], file: &Path) {
    for index in (0..whole.len()).step_by((whole.len() / 12).max(1)) {
        let mut changed = whole.to_vec();
        changed[index] ^= 0x10;
        std::fs::write(file, &changed).unwrap();
        let report = run(&["audit", path(file), "--json"]).expect(NO).json();
        assert_eq!(report["verdict"], "broken", "byte {index}");
    }
}

/// One home, one process; and one address, one node.
fn second_process(network: &Network) {
    let node = &network.nodes[0];
    refused(run_node(&node.home, &network.passphrase_file), IO, &["in use"]);
    let backup = network.folder.path().join("backup");
    refused(node.run(&["backup", "-o", path(&backup)]), IO, &["stop it", "ecomesh export"]);
    // TZ is told to listen where KE does.
    let listen = std::fs::read_to_string(node.home.join("card.toml")).unwrap();
    let port = listen.split("/tcp/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let other = &network.nodes[1];
    std::fs::write(
        other.home.join("node.toml"),
        format!("[net]\nlisten = [\"/ip4/127.0.0.1/tcp/{port}\"]\n"),
    )
    .unwrap();
    refused(run_node(&other.home, &network.passphrase_file), IO, &["in use", &port]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let network = Network::found(&["KE"]);
    let Some(folder) = ReadOnly::of(&network.nodes[0]) else { return };
    let home = path(&folder.home).to_owned();
    let passphrase_file = path(&network.passphrase_file);
    refused(folder.run(&["run", "--home", &home, "--passphrase-file", passphrase_file]), IO, &[]);
    let inside = folder.home.join("new.toml");
    refused(folder.run(&["ecomessage", "new", path(&inside)]), IO, &["new.toml"]);
    let keygen = ["keygen", "--member", "KE", "--name", "N", "--listen", "/ip4/127.0.0.1/tcp/1", "--home"];
    let below = folder.home.join("below");
    let keygen = [&keygen[..], &[path(&below), "--passphrase-file", passphrase_file]].concat();
    refused(folder.run(&keygen), IO, &["below"]);
}

/// A copy of a node's folder that cannot be written: by permission bits, or, for a user whom they do not bind, by a
/// read-only mount that only the command sees.
struct ReadOnly {
    home: PathBuf,
    by_mount: bool,
}

/// Mounts the folder `$0` on itself, read-only, and becomes the command.
const MOUNT: &str = r#"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@""#;

impl ReadOnly {
    /// `None`, said aloud, where neither way works.
    fn of(node: &Node) -> Option<Self> {
        let mut made = Self { home: node.home.with_extension("read-only"), by_mount: false };
        copy(&node.home, &made.home);
        made.mode("a-w");
        if std::fs::write(made.home.join("probe"), b"").is_err() {
            return Some(made);
        }
        made.mode("u+w");
        made.by_mount = true;
        let probe = made.in_mount().arg("true").output();
        if probe.is_ok_and(|output| output.status.success()) {
            return Some(made);
        }
        eprintln!("skipped: permission bits do not bind this user, and it may not mount");
        None
    }

    fn in_mount(&self) -> std::process::Command {
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "sh", "-c", MOUNT, path(&self.home)]).stdin(Stdio::null());
        command
    }

    /// Runs a command that ends by itself, since the folder cannot be used.
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = if self.by_mount { self.in_mount() } else { ecomesh() };
        if self.by_mount {
            command.arg(env!("CARGO_BIN_EXE_ecomesh"));
        }
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        ended(&mut child);
        Ran::from(child.wait_with_output().unwrap())
    }

    fn mode(&self, change: &str) {
        let status =
            std::process::Command::new("chmod").args(["-R", change, path(&self.home)]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        // So that the temporary folder can be removed.
        self.mode("u+w");
    }
}
