//! What the command line promises to people and to scripts, against golden files: help texts, exit codes, the shape
//! of errors, and the field names of every `--json`. What bad input gets is in `bad_input.rs`.
//!
//! `ECOMESH_GOLDEN=write cargo test -p ecomesh --test cli` writes the golden files anew.

mod common;

use std::collections::BTreeSet;

use common::{Network, Node, run, run_in};
use ecomesh_node::access_log::{AccessLog, Consultation};
use ecomesh_record::Time;
use ecomesh_seal::{Identity, StorageKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

const COMMANDS: &[&str] = &[
    "demo",
    "keygen",
    "charter",
    "join",
    "run",
    "ecomessage",
    "notice",
    "db",
    "find",
    "check",
    "hit",
    "hits",
    "codes",
    "send",
    "inbox",
    "outbox",
    "show",
    "status",
    "receipt",
    "attachments",
    "erase",
    "extend",
    "resend",
    "prekeys",
    "lock",
    "unlock",
    "peers",
    "frontier",
    "network",
    "export",
    "prove",
    "import",
    "audit",
    "doctor",
    "backup",
    "restore",
    "transport",
    "selftest",
    "completions",
    "man",
];

/// Compares with the golden file, or writes it where the environment says so.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = common::root().join("tests/golden").join(name);
    if std::env::var_os("ECOMESH_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable tree");
        std::fs::write(&path, text).expect("a writable tree");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs; see the head of tests/cli.rs", path.display());
}

#[test]
fn help_is_stable_and_lists_commands_and_exit_codes() {
    let help = run(&["--help"]).expect(0).stdout;
    for command in COMMANDS {
        assert!(help.contains(&format!("  {command} ")), "--help does not list {command}");
    }
    for code in ["0  done", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  ", "70 "] {
        assert!(help.contains(code), "--help does not explain the exit code {code}");
    }
    golden("help.txt", &help);
}

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let help = run(&[command, "--help"]).expect(0).stdout;
        assert!(help.contains("Usage: ecomesh"), "{command}: {help}");
        golden(&format!("help-{command}.txt"), &help);
    }
}

#[test]
fn a_request_for_a_notice_is_started_and_checked_off_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |args: &[&str]| run_in(folder.path(), args);
    for colour in ["red", "yellow", "blue", "black", "green", "orange", "purple", "silver", "un"] {
        let file = format!("{colour}.toml");
        let said = at(&["notice", "new", colour, "-o", &file]).expect(0);
        assert!(said.stderr.contains(&format!("ecomesh notice check {file}")), "{}", said.stderr);
        let printed = at(&["notice", "new", colour]).expect(0).stdout;
        assert_eq!(std::fs::read_to_string(folder.path().join(&file)).expect("a form"), printed);
        let report = at(&["notice", "check", &file]).expect(1).stdout;
        assert!(report.contains("the field is empty [article-3]; fill it in\n"), "{report}");
    }
    std::fs::write(folder.path().join("bare.toml"), "form = \"red-notice\"\n").expect("a file");
    golden("notice-check-red.txt", &at(&["notice", "check", "bare.toml"]).expect(1).stdout);
    let json = at(&["notice", "check", "bare.toml", "--json"]).expect(1).json();
    let problem = &json["problems"][0];
    for field in ["id", "asks", "source", "verified"] {
        assert!(!problem["rule"][field].is_null(), "{problem}");
    }
    let whole = common::root().join("node-config/demo/notices/red.toml");
    let said = at(&["notice", "check", whole.to_str().expect("a plain path")]).expect(0).stdout;
    assert_eq!(said, "no problems\n");
}

#[test]
fn an_entry_of_a_database_is_started_and_checked_off_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |args: &[&str]| run_in(folder.path(), args);
    for kind in ["sltd", "vehicle", "vessel", "art", "firearm", "nominal", "seizure"] {
        let file = format!("{kind}.toml");
        let said = at(&["db", "new", kind, "-o", &file]).expect(0);
        assert!(said.stderr.contains(&format!("ecomesh db check {file}")), "{}", said.stderr);
        let printed = at(&["db", "new", kind]).expect(0).stdout;
        assert_eq!(std::fs::read_to_string(folder.path().join(&file)).expect("a form"), printed);
        let report = at(&["db", "check", &file]).expect(1).stdout;
        assert!(report.contains("the field is empty [entry.source]; fill it in\n"), "{report}");
        let whole = common::root().join(format!("node-config/demo/entries/{file}"));
        let said = at(&["db", "check", whole.to_str().expect("a plain path")]).expect(0).stdout;
        assert_eq!(said, "no problems\n");
    }
    // A document of another country, its number with a slip; a truck whose VIN has one.
    let sltd = "form = \"sltd-entry\"\n[source]\nreference = \"1\"\nfrom = \"TZ\"\n[document]\nkind = \"passport\"\nnumber = \"L898902C4\"\ncheck_digit = \"6\"\ncountry = \"KE\"\n";
    std::fs::write(folder.path().join("bare.toml"), sltd).expect("a file");
    golden("db-check-sltd.txt", &at(&["db", "check", "bare.toml"]).expect(1).stdout);
    let vehicle = "form = \"vehicle-entry\"\n[vehicle]\nvin = \"1M8GDM9A1KP042788\"\n";
    std::fs::write(folder.path().join("bare.toml"), vehicle).expect("a file");
    golden("db-check-vehicle.txt", &at(&["db", "check", "bare.toml"]).expect(1).stdout);
    let json = at(&["db", "check", "bare.toml", "--json"]).expect(1).json();
    for field in ["id", "asks", "source", "verified"] {
        assert!(!json["problems"][0]["rule"][field].is_null(), "{json}");
    }
}

/// The mappings that come with the program, and the sample of each.
const SAMPLES: &[(&str, &str)] = &[
    ("travel-documents", "travel-documents.csv"),
    ("vehicles", "vehicles.csv"),
    ("cites-illegal-trade", "cites-illegal-trade.csv"),
    ("pangolin-incidents", "pangolin-incidents.csv"),
    ("public-notices", "public-notices.json"),
];

#[test]
fn the_mappings_are_listed_and_printed() {
    let listed = run(&["import", "mappings"]).expect(0).stdout;
    let json = run(&["import", "mappings", "--json"]).expect(0).json();
    assert_eq!(
        run(&["import", "--json", "mappings"]).expect(0).json(),
        json,
        "global options may stand before"
    );
    for (number, (name, _)) in SAMPLES.iter().enumerate() {
        assert!(listed.contains(name), "{listed}");
        let file = common::root().join(format!("crates/document/mappings/{name}.toml"));
        let printed = run(&["import", "mappings", name]).expect(0).stdout;
        assert_eq!(printed, std::fs::read_to_string(file).expect("a mapping"));
        assert_eq!((&json[number]["name"], &json[number]["toml"]), (&(*name).into(), &printed.into()));
    }
    for command in ["csv", "mappings"] {
        golden(&format!("help-import-{command}.txt"), &run(&["import", command, "--help"]).expect(0).stdout);
    }
}

#[test]
fn samples_of_lists_become_forms_or_say_why_not() {
    let folder = common::root().join("node-config/demo/import");
    for (name, file) in SAMPLES {
        // Every sample has dirty rows.
        let ran = run_in(&folder, &["import", "csv", "--mapping", name, file, "--dry-run"]).expect(1);
        golden(&format!("import-{name}.txt"), &ran.stdout);
        // There is no node here, so nobody knows who will import.
        if *name == "travel-documents" {
            let words = "of 4 rows was not checked";
            assert!(ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{ran:?}");
        } else {
            assert_eq!(ran.stderr, "", "{ran:?}");
        }
    }
    let ran = run_in(
        &folder,
        &["import", "csv", "--mapping", "travel-documents", SAMPLES[0].1, "--dry-run", "--json"],
    );
    golden("import-travel-documents.jsonl", &ran.expect(1).stdout);
}

#[test]
fn accepted_forms_are_written_to_a_folder_and_can_be_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = common::root().join("node-config/demo/import");
    let checks =
        [("travel-documents", "db"), ("cites-illegal-trade", "ecomessage"), ("public-notices", "notice")];
    for (name, command) in checks {
        let (_, file) = SAMPLES.iter().find(|(sample, _)| *sample == name).expect("a sample");
        let file = samples.join(file);
        let args = ["import", "csv", "--mapping", name, file.to_str().expect("a plain path"), "--out", name];
        let said = run_in(folder.path(), &args).expect(1);
        assert!(
            said.stderr.contains(&format!("the accepted forms are in {name}: ecomesh ")),
            "{}",
            said.stderr
        );
        let forms: Vec<_> = std::fs::read_dir(folder.path().join(name)).expect("a folder").collect();
        assert!(said.stdout.contains(&format!(" {} accepted", forms.len())), "{}", said.stdout);
        for form in forms {
            let form = form.expect("a form").path();
            assert!(form.file_name().is_some_and(|name| name.to_string_lossy().starts_with("row-00000")));
            // An extract of a notice lacks what a request needs; the others are whole.
            let code = if command == "notice" { 1 } else { 0 };
            let text = std::fs::read_to_string(&form).expect("a text");
            assert_eq!(text.contains("# An extract of the public list"), command == "notice", "{text}");
            run(&[command, "check", form.to_str().expect("a plain path")]).expect(code);
        }
        // Forms of two imports never mix.
        let again = run_in(folder.path(), &args).expect(7);
        assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    }
}

#[test]
fn an_import_enters_entries_only_and_needs_a_node_for_it() {
    let folder = common::root().join("node-config/demo/import");
    let ran = run_in(&folder, &["import", "csv", "--mapping", "vehicles", "vehicles.csv"]).expect(4);
    assert!(ran.stderr.contains("the rows 2 to 5 were not entered"), "{}", ran.stderr);
    assert!(ran.stderr.contains("run the import again"), "{}", ran.stderr);
    let messages = ["import", "csv", "--mapping", "cites-illegal-trade", "cites-illegal-trade.csv"];
    let ran = run_in(&folder, &messages).expect(2);
    assert!(ran.stderr.contains("only entries of databases"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--dry-run") && ran.stderr.contains("--out DIR"), "{}", ran.stderr);
}

#[test]
fn a_mapping_or_a_list_that_is_none_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    let import = |mapping: &str, file: &str| {
        run_in(folder.path(), &["import", "csv", "--mapping", mapping, file, "--dry-run"])
    };
    write("m.toml", b"form = \"message\"\nignore = [\"c\"]\n[constants]\nlanguage = \"en\"\n[[field]]\nto = \"text\"\ncolumn = \"a\"\n[[field]]\nto = \"title\"\ncolumn = \"b\"\n");
    write("bad.toml", b"form = \"mesage\"\n");
    let said = import("bad.toml", "x.csv").expect(3).stderr;
    assert!(said.contains("line 1, column 8") && said.contains("did you mean \"message\"?"), "{said}");
    write("bad.toml", b"form = \"message\"\nignor = []\n[[field]]\nto = \"txet\"\ncolumn = 1\n[[field]]\nto = \"title\"\ncolumn = 1\ntable = \"t\"\n");
    golden("import-mapping-errors.txt", &import("bad.toml", "x.csv").expect(3).stderr);
    let said = import("nothing", "x.csv").expect(3).stderr;
    assert!(said.contains("travel-documents, vehicles"), "{said}");
    assert!(import("m.toml", "nowhere.csv").expect(7).stderr.contains("nowhere.csv"));
    import("m.toml", ".").expect(7);
    // Two columns are not named, one is missing.
    write("x.csv", b"a,B,d\nx,y,z\n");
    golden("import-columns.txt", &import("m.toml", "x.csv").expect(3).stderr);
    for (name, bytes, words) in [
        ("empty.csv", &b""[..], "empty.csv is empty"),
        ("utf16.csv", b"\xff\xfea\0,\0b\0", "UTF-16"),
        ("header.csv", b"a,\xe9\n", "no text in UTF-8"),
        ("other.csv", b"a;b\nx;y\n", "write delimiter = \";\""),
    ] {
        write(name, bytes);
        let said = import("m.toml", name).expect(3).stderr;
        assert!(said.contains(words) && said.contains("help: "), "{name}: {said}");
    }
    write("list.json", b"{}");
    assert!(import("public-notices", "list.json").expect(3).stderr.contains("no entries"));
    assert!(import("public-notices", "x.csv").expect(3).stderr.contains("no public list"));
    // A quote that is never closed ends the import, and not the memory.
    let mut long = b"a,b\nx,y\n\"".to_vec();
    long.resize(4 << 20, b'z');
    write("long.csv", &long);
    let said = import("m.toml", "long.csv").expect(3);
    assert!(said.stderr.contains("line 3: a row of more than 1048576 bytes begins here"), "{}", said.stderr);
}

#[test]
fn rows_are_counted_as_spreadsheets_do_and_bad_ones_do_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = "form = \"message\"\n[constants]\nlanguage = \"en\"\n[[field]]\nto = \"text\"\ncolumn = 1\n[[field]]\nto = \"title\"\ncolumn = 2\n";
    std::fs::write(folder.path().join("m.toml"), mapping).expect("a file");
    let headless = format!("{mapping}[csv]\nheader = false\ncolumns = 2\n");
    std::fs::write(folder.path().join("headless.toml"), headless).expect("a file");
    let lists: [(&str, &[u8], &[&str], &str); 5] = [
        (
            "m.toml",
            b"\xef\xbb\xbfa,b\r\n\"two\r\nlines\",x\r\n\xff,x\r\n\r\n\r\none\r\nlast,x",
            &["row 3 (line 4): column \"a\"", "row 4 (line 7): the row: the row has 1 cell"],
            "4 rows read: 2 accepted, 2 rejected, 0 warnings",
        ),
        ("headless.toml", b"\xef\xbb\xbffirst,x\nsecond,x\n", &[], "2 rows read: 2 accepted, 0 rejected"),
        (
            "m.toml",
            b"a,b\nx,\"never closed\ny,z\nz,z\n",
            &["row 2: the row: a quote is opened in it and not closed"],
            "1 row read: 0 accepted, 1 rejected",
        ),
        ("m.toml", b"a,b\nx,\"cut off", &["row 2: the row: a quote is opened"], "0 accepted, 1 rejected"),
        ("m.toml", b"a,b\n", &[], "0 rows read: 0 accepted, 0 rejected"),
    ];
    for (mapping, list, told, sum) in lists {
        std::fs::write(folder.path().join("list.csv"), list).expect("a file");
        let code = if told.is_empty() { 0 } else { 1 };
        let ran = run_in(folder.path(), &["import", "csv", "--mapping", mapping, "list.csv", "--dry-run"]);
        let said = ran.expect(code).stdout;
        assert!(said.contains(sum) && told.iter().all(|words| said.contains(words)), "{said}");
    }
}

#[test]
fn a_list_is_read_row_by_row() {
    use std::io::{BufRead, BufReader, Write};
    let mut import = common::ecomesh()
        .args(["import", "csv", "--mapping", "vehicles", "/dev/stdin", "--dry-run", "--json"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let sample = common::root().join("node-config/demo/import/vehicles.csv");
    let list = std::fs::read_to_string(sample).expect("a sample");
    let mut told = BufReader::new(import.stdout.take().expect("a pipe")).lines();
    let mut written = import.stdin.take().expect("a pipe");
    let mut rows = list.lines();
    writeln!(written, "{}", rows.next().expect("a header")).expect("an open pipe");
    for (row, number) in rows.zip(2..) {
        writeln!(written, "{row}").expect("an open pipe");
        // What becomes of a row is told before the next one is there.
        let event: Value =
            serde_json::from_str(&told.next().expect("a line").expect("a text")).expect("JSON");
        assert_eq!(
            (&event["row"], &event["line"]),
            (&number.into(), &Value::Null),
            "a pipe has no lines to count"
        );
    }
    drop(written);
    assert!(told.next().expect("a line").expect("a text").contains("summary"));
    assert_eq!(import.wait().expect("it ends").code(), Some(1));
}

#[test]
fn the_whole_incident_sheet_and_the_public_list_are_imported() {
    let sum = |ran: common::Ran| -> Value {
        serde_json::from_str(ran.stdout.lines().last().unwrap_or_default()).expect("the sum is JSON")
    };
    let dry = |mapping: &str, file: &std::path::Path| {
        run(&[
            "import",
            "csv",
            "--mapping",
            mapping,
            file.to_str().expect("a plain path"),
            "--dry-run",
            "--json",
        ])
    };
    let counts = |sum: &Value| ["rows", "accepted", "rejected", "warnings"].map(|name| sum[name].as_u64());
    if let Some(sheet) = common::shared("data/pangolin_incidents.csv") {
        let whole = sum(dry("pangolin-incidents", &sheet).expect(0));
        assert_eq!(counts(&whole), [Some(552), Some(552), Some(0), Some(308)], "{whole}");
        // The same sheet with one row that is shifted by a cell.
        let text = std::fs::read_to_string(&sheet).expect("a text");
        let shifted: Vec<String> = text
            .lines()
            .enumerate()
            .map(|(number, line)| match number {
                1 => line.replacen(",Indonesia,UC,", ",,Indonesia,UC", 1),
                _ => line.to_owned(),
            })
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("shifted.csv");
        std::fs::write(&copy, shifted.join("\n")).expect("a file");
        let ran = dry("pangolin-incidents", &copy).expect(1);
        let refused: Value =
            serde_json::from_str(ran.stdout.lines().next().unwrap_or_default()).expect("JSON");
        assert_eq!((&refused["event"], &refused["row"]), (&"rejected".into(), &2.into()), "{refused}");
        assert!(refused["problems"][0]["reason"].as_str().is_some_and(|reason| reason.contains("shifted")));
        assert_eq!(sum(ran)["accepted"], 551);
    }
    if let Some(list) = common::shared("data/red_notices_pseudonymised.json") {
        let whole = sum(dry("public-notices", &list).expect(0));
        assert_eq!(counts(&whole), [Some(451), Some(451), Some(0), Some(288)], "{whole}");
    }
}

#[test]
fn wrong_typing_is_code_2() {
    for args in [
        &["sned"][..],
        &["send"],
        &["send", "a.toml", "--text", "x"],
        &["send", "--text", "x"],
        &["send", "--text", "x", "--language", "de"],
        &["status"],
        &["receipt", "3f9a2c71d0"],
        &["receipt", "3f9a2c71d0", "--refuse", "because"],
        &["receipt", "3f9a2c71d0", "--refuse", "other", "--opened"],
        &["inbox", "--limit", "0"],
        &["notice"],
        &["notice", "new"],
        &["notice", "new", "white"],
        &["notice", "new", "red", "--language", "de"],
        &["notice", "check"],
        &["db"],
        &["db", "new"],
        &["db", "new", "cars"],
        &["db", "new", "sltd", "--language", "de"],
        &["db", "check"],
        &["notice", "diffuse", "x.toml"],
        &["notice", "diffuse", "x.toml", "--members", "--region", "africa"],
        &["notice", "request", "x.toml", "--region", "africa"],
        &["notice", "review", "3f9a2c71d0"],
        &["notice", "review", "3f9a2c71d0", "return"],
        &["notice", "review", "3f9a2c71d0", "refuse", "--reason", "because"],
        &["notice", "cancel", "3f9a2c71d0"],
        &["notice", "list", "--standing", "famous"],
        &["db", "withdraw", "3f9a2c71d0", "--reason", "because"],
        &["find", "--purpose", "visa", "--officer", "x"],
        &["find", "--number", "a", "--officer", "x"],
        &["find", "--number", "a", "--name", "b", "--purpose", "visa", "--officer", "x"],
        &["find", "--number", "a", "--purpose", "curiosity", "--officer", "x"],
        &["check", "x.csv", "--purpose", "visa", "--officer", "x"],
        &["check", "x.csv", "--number", "a", "--delimiter", "→", "--purpose", "visa", "--officer", "x"],
        &["hit", "3f9a2c71d0", "--purpose", "visa", "--officer", "x"],
        &["completions"],
        &["completions", "cobol"],
        &["import"],
        &["import", "csv"],
        &["import", "csv", "--mapping", "vehicles"],
        &["import", "csv", "list.csv", "--dry-run"],
        &["import", "csv", "list.csv", "--mapping", "vehicles", "--dry-run", "--out", "x"],
        &["import", "mappings", "nothing"],
        &["import", "x.ecoarchive", "mappings"],
        &["keygen"],
        &["demo", "--countries", "KE"],
        &["demo", "--countries", "KE,K3"],
        &["demo", "--countries", "KE,TZ,KE"],
        &["inbox", "--since", "yesterday", "--home", "nowhere"],
        &["audit", "x.ecoarchive", "--access"],
        &["audit", "--officer", "a.wanjiru"],
        &["audit", "--access", "--since", "yesterday", "--home", "nowhere"],
        &["audit", "--access", "--head", "12:34", "--home", "nowhere"],
    ] {
        let ran = run(args).expect(2);
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_error_in_json_has_code_name_sentence_and_advice() {
    let folder = tempfile::tempdir().expect("a folder");
    for (args, code, name) in [
        (&["inbox", "--home", "nowhere"][..], 4, "no_node"),
        (&["demo", "--countries", "KE"], 2, "usage"),
        (&["send", "nowhere.toml", "--to", "TZ"], 7, "io"),
    ] {
        let mut args = args.to_vec();
        args.push("--json");
        let error = run_in(folder.path(), &args).expect(code).error();
        assert_eq!((&error["code"], &error["name"]), (&code.into(), &name.into()), "{args:?}");
        assert!(error["what"].is_string() && error["help"].is_string(), "{args:?}: {error}");
    }
}

#[test]
fn a_demonstration_needs_an_empty_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("thesis.txt"), "dear").expect("a file");
    run_in(folder.path(), &["demo", "--dir", "."]).expect(7);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing was written");
}

#[test]
fn the_sender_reads_what_became_of_its_message() {
    let network = Network::start(&["KE", "TZ"]);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let sent = ke.json(&["send", "--text", "x", "--language", "en", "--to", "TZ"]);
    let id = sent["id"].as_str().expect("an id");
    ke.json(&["status", id, "--wait", "delivered", "--timeout", "60s"]);
    assert!(!ke.run(&["status", id]).expect(0).stdout.contains("opened"));
    // Whoever only peeks says nothing.
    let peeked = tz.run(&["show", id, "--no-receipt"]).expect(0).stdout;
    assert!(!peeked.contains("receipt"), "{peeked}");
    let shown = tz.run(&["show", id]).expect(0).stdout;
    assert!(shown.contains("receipt    opened "), "{shown}");
    let status = ke.run(&["status", id, "--wait", "answered", "--timeout", "60s"]).expect(0).stdout;
    assert!(status.contains("opened "), "{status}");
    let said = tz.run(&["receipt", id, "--refuse", "incomplete"]).expect(0).stdout;
    assert!(said.contains("refused ") && said.contains("items are missing"), "{said}");
    let words = "Which port? No quantity is given.";
    let said = ["receipt", id, "--refuse", "incomplete", "--say", words, "--language", "en"];
    let told = tz.run(&said).expect(0);
    assert!(
        told.stdout.contains("refused ") && told.stderr.contains("(sealed)"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    let answer = {
        network.wait_until_equal();
        let inbox = ke.json(&["inbox"]);
        inbox["messages"]
            .as_array()
            .expect("messages")
            .iter()
            .find(|m| m["reply_to"] == id)
            .expect("an answer")
            .clone()
    };
    let shown = ke.run(&["show", answer["id"].as_str().expect("an id")]).expect(0).stdout;
    assert!(shown.contains(words) && shown.contains("readable by TZ, KE only"), "{shown}");
    assert!(
        tz.run(&["receipt", id, "--refuse", "incomplete", "--say", words])
            .expect(2)
            .stderr
            .contains("--language")
    );
    let own = ke.run(&["receipt", id, "--opened"]).expect(5).stderr;
    assert!(own.contains("no message to this bureau") && own.contains("ecomesh inbox"), "{own}");
}

#[test]
fn a_message_is_taken_back_and_everybody_sees_that_it_was() {
    let network = Network::start(&["KE", "TZ"]);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let words = "two tusks, and the wrong name";
    let sent = ke.json(&["send", "--text", words, "--language", "en", "--to", "TZ"]);
    let id = sent["id"].as_str().expect("an id");
    ke.json(&["status", id, "--wait", "delivered", "--timeout", "60s"]);
    let extended = ke.run(&["extend", id, "--until", "30d", "--reason", "still-needed"]).expect(0).stdout;
    assert!(
        extended.contains(&format!("{}  expires 20", &id[..10])),
        "it lives for longer anyway: {extended}"
    );
    let too_long = ke.run(&["extend", id, "--until", "3650d", "--reason", "still-needed"]).expect(5).stderr;
    assert!(too_long.contains("its retention class allows until 20"), "{too_long}");
    assert!(
        ke.run(&["extend", id, "--until", "2020-01-01", "--reason", "other"])
            .expect(2)
            .stderr
            .contains("over")
    );
    let foreign = tz.run(&["erase", id, "--reason", "other"]).expect(5).stderr;
    assert!(foreign.contains("was written by KE") && foreign.contains("ask the bureau"), "{foreign}");
    assert!(ke.run(&["erase", id]).expect(2).stderr.contains("--reason"));

    let erased = ke.run(&["erase", id, "--reason", "inaccurate"]).expect(0);
    assert!(erased.stdout.contains("hidden, destroyed here after"), "{}", erased.stdout);
    assert!(erased.stderr.contains("beyond the reach of any node"), "{}", erased.stderr);
    network.wait_until_equal();
    for node in [ke, tz] {
        let shown = node.run(&["show", id]).expect(0).stdout;
        assert!(shown.contains("what it says is not true") && !shown.contains(words), "{shown}");
        assert!(shown.contains("(the document cannot be shown: its author has erased it)"), "{shown}");
        node.run(&["prove", id, "-o", "proof"]).expect(5);
    }
    assert!(!tz.run(&["inbox"]).expect(0).stdout.contains(&id[..10]));
    assert!(tz.run(&["inbox", "--all"]).expect(0).stdout.contains("[erased]"));
    let status = ke.run(&["status", id]).expect(0).stdout;
    assert!(status.contains("destroyed  by 0 of 2 members") && status.contains("not yet"), "{status}");
    ke.run(&["status", id, "--wait", "erased", "--timeout", "1s"]).expect(1);
    ke.run(&["resend", id, "--to", "TZ"]).expect(5);
}

#[test]
fn files_go_with_a_message_and_are_saved_whole() {
    let network = Network::start(&["KE", "TZ", "TH"]);
    let (ke, tz, th) = (&network.nodes[0], &network.nodes[1], &network.nodes[2]);
    let dir = network.folder.path().join("evidence");
    std::fs::create_dir_all(&dir).expect("a folder");
    // More than one part.
    let photo: Vec<u8> = (0..250_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(dir.join("photo.jpg"), &photo).expect("a file");
    std::fs::write(dir.join("report.txt"), "two tusks").expect("a file");
    std::fs::write(dir.join("empty"), "").expect("a file");
    let (attached, empty) =
        (format!("{0}/photo.jpg,{0}/report.txt", dir.display()), format!("{}/empty", dir.display()));
    let text = ["send", "--text", "see the photograph", "--language", "en", "--to", "TZ", "--attach"];
    let with =
        |files: &'_ str| [&text[..], &[files]].concat().iter().map(ToString::to_string).collect::<Vec<_>>();
    let run = |files: &str| {
        let arguments = with(files);
        ke.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(run(&empty).expect(3).stderr.contains("is empty"));
    assert!(run("nowhere.jpg").expect(7).stderr.contains("nothing was sent"));
    // Nothing is recorded for a form that the node refuses.
    let foreign = common::root().join("node-config/demo/fr-01-civelles.toml");
    let documents = || -> Vec<Value> {
        let frontier = ke.json(&["frontier"]);
        let entries = frontier["entries"].as_array().expect("entries").clone();
        // Keys of the day are published whenever a node comes to it.
        entries.into_iter().filter(|entry| entry["author"] == "KE" && entry["lane"] != "control").collect()
    };
    let before = documents();
    let foreign = foreign.to_str().expect("a plain path");
    let refused = ke.run(&["send", foreign, "--to", "TZ", "--attach", &attached]).expect(3);
    assert!(refused.stderr.contains("names FR as its sender"), "{refused:?}");
    assert_eq!(documents(), before);
    let sent = run(&attached).expect(0);
    assert!(sent.stderr.contains("photo.jpg: part 2 of 2"), "{}", sent.stderr);
    let id = sent.stdout.trim();
    let status = ke.run(&["status", id, "--wait", "delivered", "--timeout", "60s"]).expect(0).stdout;
    assert!(status.contains("file       ") && status.contains("TZ       delivered"), "{status}");
    let listed = tz.run(&["attachments", id]).expect(0).stdout;
    assert!(listed.contains("1000000") && listed.contains("report.txt"), "{listed}");
    let shown = tz.run(&["show", id]).expect(0).stdout;
    assert!(shown.contains("photo.jpg") && shown.contains("(1000000 bytes)"), "{shown}");

    let saved = network.folder.path().join("saved");
    let saved_text = saved.to_str().expect("a plain path");
    for again in [false, true] {
        let said = tz.run(&["attachments", id, "--save", saved_text]).expect(0).stdout;
        assert_eq!(said.contains("(was there)"), again, "{said}");
    }
    assert_eq!(std::fs::read(saved.join("photo.jpg")).expect("saved"), photo);
    assert_eq!(std::fs::read(saved.join("report.txt")).expect("saved"), b"two tusks");
    assert_eq!(std::fs::read_dir(&saved).expect("a folder").count(), 2);
    network.wait_until_equal();
    let closed = th.run(&["attachments", id]).expect(0);
    assert!(
        closed.stdout.trim().is_empty() && closed.stderr.contains("only KE, TZ can read it"),
        "{}",
        closed.stderr
    );
}

/// Among other records of its author, which it neither holds nor shows.
#[test]
fn one_message_is_proved_to_whoever_has_only_the_file() {
    let network = Network::start(&["KE", "TZ", "TH"]);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    ke.json(&["send", "--text", "the first of three", "--language", "en", "--to", "TZ"]);
    let sent = ke.json(&["send", "--text", "two tusks of 40 kg", "--language", "en", "--to", "TZ"]);
    let id = sent["id"].as_str().expect("an id");
    ke.json(&["send", "--text", "the last of three", "--language", "en", "--to", "TZ"]);
    network.wait_until_equal();
    let file = network.folder.path().join("proof.ecoarchive");
    let file = file.to_str().expect("a plain path");
    // By a node that is not the author's.
    let written = tz.run(&["prove", &id[..12], "-o", file]).expect(0).stdout;
    assert!(written.contains("ecomesh audit"), "{written}");
    tz.run(&["prove", id, "-o", file]).expect(7);
    let audited = run(&["audit", file]).expect(0).stdout;
    for wanted in [id, "two tusks of 40 kg", "KE, at KE/1/0/1", "TZ", "its content key is in this file"] {
        assert!(audited.contains(wanted), "{wanted}: {audited}");
    }
    assert!(!audited.contains("of three"), "{audited}");
    assert_eq!(run(&["audit", file, "--json"]).expect(0).json()["records"], 1);
    // A changed proof proves nothing, and shows nothing of what it would have said: neither with another body, nor with
    // another key.
    let proof = std::fs::read(file).expect("the proof");
    let key_at = {
        let id = hex::decode(id).expect("an id");
        proof.windows(32).position(|window| window == id).expect("the section of the content key") + 32
    };
    for (at, code) in [(proof.len() - 200, "other-body"), (key_at, "content-key")] {
        let broken = with_right_checksum(&proof, at);
        std::fs::write(file, &broken).expect("a writable folder");
        let audited = run(&["audit", file]);
        assert!(!audited.stdout.contains("tusks"), "{}", audited.stdout);
        audited.expect(1);
        let faults = run(&["audit", file, "--json"]).expect(1).json();
        assert_eq!(faults["faults"][0]["code"], code, "{faults}");
    }
    // Whoever cannot read a message cannot prove what it says.
    let th = &network.nodes[2];
    let closed = th.run(&["prove", id, "-o", "x.ecoarchive"]).expect(5).stderr;
    assert!(closed.contains("sealed to others"), "{closed}");
    let none = ke.run(&["prove", "abcdef123456", "-o", "x.ecoarchive"]).expect(5).stderr;
    assert!(none.contains("no record"), "{none}");
}

/// The archive with one bit flipped, as somebody leaves it who knows the format.
fn with_right_checksum(archive: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = archive[..archive.len() - 32].to_vec();
    bytes[at] ^= 1;
    let checksum = Sha256::new().chain_update(b"ecomesh/1/archive").chain_update(&bytes).finalize();
    bytes.extend_from_slice(&checksum);
    bytes
}

/// Some consultations in the access log of a home, as its node would write them.
fn consult(node: &Node, count: u64) {
    let file = |name| std::fs::read(node.home.join(name)).expect("a file of the home");
    let identity = Identity::open(&file("identity.key"), common::PASSPHRASE.as_bytes()).expect("its keys");
    let key = StorageKey::from_copy(&file("storage.key"), identity.signing_key()).expect("its storage key");
    let log = AccessLog::open(&node.home.join("access"), &key).expect("a log");
    for n in 1..=count {
        let consultation = Consultation {
            action: "find-number".into(),
            officer: if n.is_multiple_of(2) { "b.otieno" } else { "a.wanjiru" }.into(),
            purpose: "border control".into(),
            place: Some("JKIA".into()),
            query: format!("L89890{n}"),
            filters: Some("sltd".into()),
            found: n,
            hits: 1,
        };
        let at = Time(1_772_352_930_000 + n * 60_000);
        log.append(at, &consultation).expect("it is logged");
    }
}

#[test]
fn the_access_log_is_audited_while_the_node_runs_and_when_it_is_stopped() {
    let mut network = Network::start(&["KE"]);
    let passphrase = network.passphrase_file.to_str().expect("a plain path").to_owned();
    let audit = |network: &Network, more: &[&str]| {
        let args = ["audit", "--access", "--passphrase-file", &passphrase];
        network.nodes[0].run(&[&args[..], more].concat())
    };
    let none = audit(&network, &[]).expect(0).stdout;
    assert!(none.contains("there is no access log in"), "{none}");
    consult(&network.nodes[0], 3);
    let all = audit(&network, &[]).expect(0).stdout;
    for wanted in [
        "2026-03-01 08:16:30Z  a.wanjiru",
        "find-number",
        "border control",
        "L898903",
        "whole: 3 of 3 entries",
    ] {
        assert!(all.contains(wanted), "{wanted}: {all}");
    }
    let head = all.lines().find_map(|line| line.strip_prefix("head ")).expect("the head").to_owned();
    let one = audit(&network, &["--officer", "b.otieno", "--since", "2026-03-01T08:17:00Z"]).expect(0).stdout;
    assert!(one.contains("L898902") && one.contains("1 of 3 entries"), "{one}");
    assert!(!one.contains("L898901") && !one.contains("L898903"), "{one}");
    // The log has gone on since the head was noted.
    consult(&network.nodes[0], 1);
    assert_eq!(network.nodes[0].stop(), Some(0));
    let stopped = audit(&network, &["--head", &head]).expect(0).stdout;
    assert!(stopped.contains("whole: 4 of 4 entries listed, in 2 files"), "{stopped}");
    let wrong = network.folder.path().join("wrong");
    std::fs::write(&wrong, "another passphrase").expect("a file");
    let wrong = wrong.to_str().expect("a plain path");
    network.nodes[0].run(&["audit", "--access", "--passphrase-file", wrong]).expect(6);

    // A backup has the log, and what was cut off is missed by who has noted the head.
    let backup = network.folder.path().join("ke.backup");
    let backup = backup.to_str().expect("a plain path");
    network.nodes[0].run(&["backup", "--passphrase-file", &passphrase, "-o", backup]).expect(0);
    let restored = network.folder.path().join("restored");
    let restored = restored.to_str().expect("a plain path");
    run(&["restore", "--home", restored, "--passphrase-file", &passphrase, backup]).expect(0);
    let args = ["audit", "--access", "--home", restored, "--passphrase-file", &passphrase, "--head", &head];
    assert!(run(&args).expect(0).stdout.contains("whole: 4 of 4"));
    let access = network.nodes[0].home.join("access");
    let first = std::fs::read(access.join("00000001.access")).expect("a file of the log");
    std::fs::write(access.join("00000001.access"), &first[..first.len() - 100]).expect("a writable file");
    let cut = audit(&network, &["--head", &head]).expect(1).stdout;
    assert!(cut.contains("fault  00000002.access: the file goes on behind entry 3"), "{cut}");
    assert!(cut.contains("does not have the head that was noted") && cut.contains("broken: "), "{cut}");
    std::fs::remove_dir_all(&access).expect("a folder");
    let gone = audit(&network, &["--head", &head]).expect(1).stdout;
    assert!(gone.contains("does not have the head") && gone.contains("there is no access log in"), "{gone}");
}

#[test]
fn field_names_of_json_are_stable() {
    let network = Network::start(&["KE", "TZ"]);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let sent = ke.json(&["send", "--text", "x", "--language", "en", "--to", "TZ"]);
    let id = sent["id"].as_str().expect("an id");
    let status = ke.json(&["status", id, "--wait", "delivered", "--timeout", "60s"]);
    network.wait_until_equal();
    let archive = network.folder.path().join("x.ecoarchive");
    let archive = archive.to_str().expect("a plain path");
    let exported = tz.json(&["export", "-o", archive]);
    consult(ke, 2);
    let purposes = network.folder.path().join("purpose.tsv");
    let purposes = purposes.to_str().expect("a plain path");
    ke.run(&["codes", "show", "purpose", "--tsv", "-o", purposes]).expect(0);
    let second = ke.home.join("access/00000003.access");
    std::fs::write(second, "damaged").expect("a writable folder");
    let passphrase = network.passphrase_file.to_str().expect("a plain path");
    let access = ke.run(&["audit", "--access", "--passphrase-file", passphrase, "--json"]).expect(1).json();
    let answers = [
        ("send", sent.clone()),
        ("status", status),
        ("outbox", ke.json(&["outbox"])),
        ("inbox", tz.json(&["inbox"])),
        ("show", tz.json(&["show", id])),
        ("receipt", tz.json(&["receipt", id, "--refuse", "incomplete"])),
        ("status, answered", ke.json(&["status", id, "--wait", "answered", "--timeout", "60s"])),
        ("attachments", ke.json(&["attachments", id])),
        ("extend", ke.json(&["extend", id, "--until", "365d", "--reason", "still-needed"])),
        ("erase", ke.json(&["erase", id, "--reason", "superseded"])),
        ("status, erased", ke.json(&["status", id])),
        ("prekeys", ke.json(&["prekeys"])),
        ("peers", ke.json(&["peers"])),
        ("frontier", ke.json(&["frontier"])),
        ("network", ke.json(&["network"])),
        ("export", exported),
        ("import", ke.json(&["import", archive])),
        ("audit", run(&["audit", archive, "--json"]).expect(0).json()),
        ("audit, access", access),
        ("codes list", ke.json(&["codes", "list"])),
        ("codes show", ke.json(&["codes", "show", "purpose"])),
        ("codes check", ke.json(&["codes", "check", purposes])),
        ("codes install", ke.json(&["codes", "install", purposes])),
        ("codes remove", ke.json(&["codes", "remove", "purpose"])),
    ];
    let mut text = String::new();
    for (command, answer) in &answers {
        let mut names = BTreeSet::new();
        field_names(answer, "", &mut names);
        for name in names {
            text.push_str(&format!("{command}: {name}\n"));
        }
    }
    golden("json-fields.txt", &text);
}

/// The path of every field; entries of a list share one.
fn field_names(value: &Value, path: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                names.insert(path.clone());
                // The document's own fields are described by its form.
                if name != "document" {
                    field_names(value, &path, names);
                }
            }
        }
        Value::Array(entries) => {
            entries.iter().for_each(|entry| field_names(entry, &format!("{path}[]"), names));
        }
        _ => {}
    }
}
