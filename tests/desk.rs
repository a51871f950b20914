//! What a desk officer gets wrong, or meets for the first time: lists with broken rows, rows of other countries, entries that
//! were withdrawn, members that are none. Real processes, as an officer types it.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use common::{Network, Node, Ran, wait_for};
use serde_json::{Value, json};

const WHO: [&str; 4] = ["--purpose", "border-control", "--officer", "N7"];

fn write(network: &Network, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = network.folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

/// The lines of JSON that a command prints.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Runs a command until it ends with this code.
#[track_caller]
fn until(node: &Node, arguments: &[&str], code: i32) -> Ran {
    wait_for(&arguments.join(" "), || {
        let ran = node.run(arguments);
        if ran.code == code { Ok(ran) } else { Err(format!("{ran:#?}")) }
    })
}

#[test]
fn a_row_that_cannot_be_checked_is_told_and_is_no_miss() {
    let network = Network::start(&["KE", "TZ"]);
    let node = &network.nodes[0];
    let list = write(&network, "b.csv", b"passport,name\nX1,A\nM\xfc12,x\n\"X\n2\",B\nshort\n,C\n");
    let check = with(&["check", &list, "--number", "name", "--name", "passport"], &WHO);
    let check: Vec<&str> = check.into_iter().collect();
    // Nothing was found, and not everything was looked at: no script takes that for a miss.
    let ran = until(node, &with(&check, &["--json"]), 3);
    let told = lines(&ran);
    let not_checked: Vec<&Value> = told.iter().filter(|line| line["event"] == "not_checked").collect();
    let places: Vec<_> =
        not_checked.iter().map(|line| (&line["row"], &line["problems"][0]["column"])).collect();
    let expected = [(3, "passport"), (4, "passport"), (5, "")].map(|(row, of)| (json!(row), json!(of)));
    assert_eq!(places, expected.each_ref().map(|(row, of)| (row, of)), "{ran:#?}");
    assert!(not_checked.iter().all(|line| {
        let problem = &line["problems"][0];
        problem["reason"].as_str().is_some_and(|reason| !reason.is_empty()) && problem["advice"] != ""
    }));
    let sum = told.last().expect("a summary");
    assert_eq!(sum["event"], "summary");
    assert_eq!((&sum["rows"], &sum["found"], &sum["not_checked"]), (&json!(5), &json!(0), &json!(3)));
    assert_eq!((&sum["as_of"][0]["member"], &sum["unread"]), (&json!("TZ"), &json!(0)));
    assert!(sum["not_current"].is_array() && sum["searches"].is_u64(), "{sum}");
    let text = node.run(&check).expect(3);
    assert!(text.stderr.contains("row 3 is not checked: column \"passport\""), "{text:?}");
    assert!(text.stderr.contains("3 rows not checked"), "{text:?}");

    let empty = write(&network, "empty.csv", "");
    let ran = node.run(&with(&["check", &empty, "--number", "passport"], &WHO)).expect(3);
    assert!(ran.stderr.contains("empty.csv is empty"), "{ran:?}");
    let semicolons = write(&network, "semicolons.csv", "passport;name\nX1;A\n");
    let ran = node.run(&with(&["check", &semicolons, "--number", "passport"], &WHO)).expect(3);
    assert!(ran.stderr.contains("--delimiter ';'"), "{ran:?}");
    node.run(&with(&["check", &semicolons, "--number", "passport", "--delimiter", ";"], &WHO)).expect(1);
}

/// A number that stands in the sample of a seizure.
const SEIZED: &str = "CSQU3054383";

/// KE has entered the sample of a seizure, and TZ finds it.
fn seized(network: &Network) {
    settled(network);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let sample = common::root().join("node-config/demo/entries/seizure.toml").display().to_string();
    ke.run(&["db", "add", &sample]).expect(0);
    find(tz, SEIZED, 1);
}

#[test]
fn no_row_of_a_list_is_passed_over_in_silence() {
    let network = Network::start(&["KE", "TZ"]);
    seized(&network);
    let tz = &network.nodes[1];
    let check = |text: &[u8], code: i32| {
        let list = write(&network, "list.csv", text);
        let arguments = with(&["check", &list, "--number", "number", "--name", "name", "--json"], &WHO);
        let ran = tz.run(&arguments).expect(code);
        let told = lines(&ran);
        let rows = |event: &str| -> Vec<u64> {
            let those = told.iter().filter(|line| line["event"] == event);
            those.map(|line| line["row"].as_u64().expect("a row")).collect()
        };
        let problem = |n: usize| {
            let not_checked = told.iter().filter(|line| line["event"] == "not_checked").nth(n);
            not_checked.map(|line| line["problems"][0]["reason"].to_string()).unwrap_or_default()
        };
        let sum = told.last().expect("a summary").clone();
        (rows("found"), rows("not_checked"), sum, problem(0))
    };
    // A comma in a name without quotes shifts the row, and what is missing does.
    let shifted = format!("name,number,seat\nGavrilov, Ivan,{SEIZED},1A\nA,{SEIZED},1B\nshort,x\n");
    let (found, not_checked, sum, why) = check(shifted.as_bytes(), 3);
    assert_eq!((found, not_checked, &sum["searches"]), (vec![3], vec![2, 4], &json!(2)));
    assert!(why.contains("4 cells where the header has 3 columns"), "{why}");
    // Nothing to search for, in a row that says something; a row that says nothing is none.
    let blank = format!("name,number,seat\n, ,1A\n,{SEIZED},1B\n,,\nSomebody,,1C\n-,N/A,1D\n?,-,1E\n");
    let (found, not_checked, sum, why) = check(blank.as_bytes(), 3);
    assert_eq!((found, not_checked), (vec![3], vec![2, 7]));
    assert_eq!((&sum["not_checked"], &sum["blank"], &sum["searches"]), (&json!(2), &json!(1), &json!(3)));
    assert!(why.contains("nothing to search for"), "{why}");
    // What is no text, in a column that is not searched, keeps nobody from searching the others.
    let latin = [b"name,number,seat\nA,", SEIZED.as_bytes(), b",M\xfcller\n"].concat();
    let (found, not_checked, ..) = check(&latin, 0);
    assert_eq!((found, not_checked), (vec![2], vec![]));
    // A row beyond all bounds is told, and those behind it are searched.
    let long =
        format!("name,number,seat\nA,x,\"1A\nB,{SEIZED},{}\nC,y,1C\nD,{SEIZED},z\n", "x".repeat(1 << 21));
    let (found, not_checked, sum, why) = check(long.as_bytes(), 3);
    assert_eq!((found, not_checked, &sum["rows"]), (vec![5], vec![2, 3], &json!(4)));
    assert!(why.contains("more than 1048576 bytes"), "{why}");
    let cell = format!("name,number,seat\nA,{},1A\n", "x".repeat(2_000));
    let (_, not_checked, ..) = check(cell.as_bytes(), 3);
    assert_eq!(not_checked, [2]);
    let list = network.folder.path().join("list.csv").display().to_string();
    let text = tz.run(&with(&["check", &list, "--number", "number"], &WHO)).expect(3);
    assert!(text.stderr.contains("1 row, 0 searches: 0 found, 1 row not checked"), "{text:?}");
    assert!(!text.stderr.contains("attachment"), "{text:?}");
    // Of two columns of one name it is not known which is meant.
    let doubled = write(&network, "list.csv", "number,name,Number\nx,A,y\n");
    let ran = tz.run(&with(&["check", &doubled, "--number", "number"], &WHO)).expect(3);
    assert!(ran.stderr.contains("several columns \"number\"") && ran.stderr.contains("help: "), "{ran:?}");
}

/// Starts a check of a list, and waits until it has found what stands in row 2.
fn checking(node: &Node, list: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = common::ecomesh()
        .args(with(&["check", list, "--number", "number", "--json"], &WHO))
        .arg("--home")
        .arg(&node.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    if list == "/dev/stdin" {
        give(&mut child, &format!("number\n{SEIZED}\n{}", "X1\n".repeat(40)));
    }
    let mut told = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a line");
    assert!(line.contains("\"found\""), "{line}");
    (child, told)
}

fn give(child: &mut Child, text: &str) {
    child.stdin.as_mut().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
}

/// The summary, and how the command ended.
fn ending(child: Child, told: BufReader<ChildStdout>) -> (Value, Ran) {
    let last = told.lines().last().expect("a summary").expect("a line");
    let ran = Ran::from(child.wait_with_output().expect("it ends"));
    (serde_json::from_str(&last).expect("a line of JSON"), ran)
}

#[test]
fn a_check_that_breaks_off_says_where_to_go_on() {
    let mut network = Network::start(&["KE", "TZ"]);
    seized(&network);
    // By Ctrl-C: what was asked stands in the access log, and is told.
    let list = write(&network, "list.csv", format!("number\n{SEIZED}\n{}", "X1\n".repeat(50_000)));
    let (child, told) = checking(&network.nodes[1], &list);
    common::signal(&child, "INT");
    let (sum, ran) = ending(child, told);
    let ran = ran.expect(3);
    let next = sum["next_row"].as_u64().expect("a row");
    assert_eq!((&sum["event"], &sum["searches"]), (&json!("summary"), &json!(next - 2)), "{sum}");
    let error = ran.error();
    assert!(
        error["help"].as_str().is_some_and(|help| help.contains(&format!("from row {next} on"))),
        "{error}"
    );
    let passphrase = network.passphrase_file.to_str().expect("a plain path");
    let audit = network.nodes[1].json(&["audit", "--access", "--passphrase-file", passphrase]);
    let logged =
        audit["entries"].as_array().expect("a list").iter().filter(|entry| entry["query"] == "X1").count();
    assert_eq!(logged as u64, next - 3);
    // By a node that ends.
    let (mut child, told) = checking(&network.nodes[1], "/dev/stdin");
    network.nodes[1].stop();
    give(&mut child, &"X2\n".repeat(40));
    drop(child.stdin.take());
    let (sum, ran) = ending(child, told);
    assert_eq!((&sum["next_row"], &sum["searches"]), (&json!(34), &json!(32)), "{sum}");
    let error = ran.expect(4).error();
    assert!(error["what"].as_str().is_some_and(|what| what.contains("broke off at row 34: ")), "{error}");
    // One that never began is no part of a check.
    let ran = network.nodes[1].run(&with(&["check", &list, "--number", "number"], &WHO)).expect(4);
    assert!(ran.stderr.starts_with("error: the node is not running"), "{ran:?}");
}

const TRAVEL_DOCUMENTS: &str = "Reference,Type,Document number,Check digit,Issuing country,Status,Since,Issued,Expires,Place,Country of place,Holder,Remarks\n";

/// A list of travel documents: `n`, and which country issued it.
fn travel_documents(issuers: impl IntoIterator<Item = &'static str>) -> String {
    let row =
        |(n, issuer): (usize, &str)| format!("{issuer}/{n},P,Z{n:06},,{issuer},stolen,2026-11-02,,,,,X,\n");
    TRAVEL_DOCUMENTS.to_owned() + &issuers.into_iter().enumerate().map(row).collect::<String>()
}

/// What a search for a number finds, once it finds so many.
#[track_caller]
fn find(node: &Node, number: &str, count: usize) -> Value {
    wait_for(number, || {
        let answer = node.run(&with(&["find", "--number", number, "--json"], &WHO)).json();
        let is_it = answer["found"].as_array().map(Vec::len) == Some(count) && answer["unread"] == 0;
        if is_it { Ok(answer) } else { Err(answer.to_string()) }
    })
}

/// Passes over what a node reads in the background.
fn settled(network: &Network) {
    network.nodes.iter().for_each(Node::wait_until_prekeys);
}

#[test]
fn a_row_of_another_country_stops_no_import() {
    let network = Network::start(&["KE", "TZ"]);
    settled(&network);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let list =
        write(&network, "list.csv", travel_documents((0..600).map(|n| if n == 299 { "KE" } else { "TZ" })));
    let import = ["import", "csv", "--mapping", "travel-documents", &list];
    // A dry run says the same, and needs no node that runs.
    for more in [&["--dry-run"][..], &[]] {
        let ran = tz.run(&with(&import, more)).expect(1);
        assert!(ran.stdout.contains("row 301: document.country, \"KE\": TZ may not enter it"), "{ran:?}");
        assert!(ran.stdout.contains("sltd.issuer"), "{ran:?}");
        assert!(ran.stdout.contains("600 rows read: 599 accepted, 1 rejected"), "{ran:?}");
        // What is said of the rows is not said again in the node's name.
        assert!(!ran.stderr.contains("the node warns"), "{ran:?}");
    }
    find(ke, "Z000599", 1);
    find(ke, "Z000299", 0);
    let again = tz.run(&with(&import, &["--json"])).expect(1);
    let sum = lines(&again).pop().expect("a summary");
    assert_eq!((&sum["entered"], &sum["known"]), (&json!(0), &json!(599)), "{sum}");
    assert_eq!(sum["node_warnings"], Value::Null, "{sum}");
    // Without a node's folder nobody knows who will import, and that is said.
    let nowhere = network.folder.path().join("nowhere").display().to_string();
    let ran = common::run(&with(&import, &["--dry-run", "--home", &nowhere])).expect(0);
    assert!(ran.stderr.contains("was not checked"), "{ran:?}");

    // What the node alone finds wrong with a row is of that row, too.
    let foreign = write(&network, "foreign.toml", with_constant("\"source.from\" = \"KE\""));
    let short = write(&network, "short.csv", travel_documents(["TZ"; 3]));
    let ran = tz.run(&["import", "csv", "--mapping", &foreign, &short]).expect(1);
    assert!(ran.stdout.contains("3 rows read: 0 accepted, 3 rejected"), "{ran:?}");
}

#[test]
fn a_list_that_names_persons_of_others_is_in_the_access_log() {
    let network = Network::start(&["KE", "TZ"]);
    settled(&network);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let sample = |name: &str| {
        common::root().join(format!("node-config/demo/entries/{name}.toml")).display().to_string()
    };
    ke.run(&["db", "add", &sample("nominal")]).expect(0);
    ke.run(&["db", "add", &sample("seizure")]).expect(0);
    find(tz, "CSQU3054383", 1);
    let logged = |node: &Node| {
        let passphrase = network.passphrase_file.to_str().expect("a plain path");
        let audit = node.json(&["audit", "--access", "--passphrase-file", passphrase]);
        let all = audit["entries"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|entry| entry["action"] == "list").collect::<Vec<_>>()
    };
    wait_for("the person", || {
        let list = tz.json(&["db", "list", "--database", "nominal", "--officer", "N. 12"]);
        if list["entries"].as_array().map(Vec::len) == Some(1) { Ok(()) } else { Err(list.to_string()) }
    });
    let line = logged(tz).pop().expect("an entry of the log");
    assert_eq!(
        (&line["officer"], &line["filters"], &line["found"]),
        (&json!("N. 12"), &json!("nominal"), &json!(1)),
        "{line}"
    );
    // What names nobody is not logged, and what is the bureau's own is not either.
    let before = logged(tz).len();
    tz.json(&["db", "list", "--database", "seizure"]);
    ke.json(&["db", "list"]);
    assert_eq!((logged(tz).len(), logged(ke).len()), (before, 0));
    tz.run(&["db", "list", "--officer", "N. 12", "--purpose", "nonsense"]).expect(2);
}

/// The node of TZ imports a list of so many of its travel documents, one of them a foreign one by mistake.
fn import_at_tz(network: &Network, rows: usize, wrong: Option<usize>, more: &[&str]) -> Ran {
    let issuers = (0..rows).map(|n| if Some(n) == wrong { "KE" } else { "TZ" });
    let list = write(network, "list.csv", travel_documents(issuers));
    network.nodes[1].run(&with(&["import", "csv", "--mapping", "travel-documents", &list], more))
}

#[test]
fn a_corrected_list_is_imported_again_and_what_is_new_in_it_entered() {
    let mut network = Network::start(&["KE", "TZ"]);
    settled(&network);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let counts = |rows, wrong| {
        let ran = import_at_tz(&network, rows, wrong, &["--json"]);
        let sum = lines(&ran).pop().expect("a summary");
        ["entered", "known", "withdrawn"].map(|count| sum[count].as_u64().expect("a count"))
    };
    // In a batch, without a row that is wrong.
    assert_eq!(counts(600, Some(299)), [599, 0, 0]);
    let all = |node: &Node| node.json(&["db", "list"])["entries"].as_array().expect("a list").len();
    assert_eq!(all(tz), 1);
    // The row is corrected, and more than it came: these alone are entered.
    assert_eq!(counts(610, None), [11, 599, 0]);
    assert_eq!(all(tz), 12);
    find(ke, "Z000299", 1);
    find(ke, "Z000298", 1);
    // What was withdrawn is not entered again, and that is said.
    let found = find(tz, "Z000042", 1);
    let name = found["found"][0]["id"].as_str().expect("an id").to_owned();
    tz.run(&["db", "withdraw", &name, "--reason", "recovered"]).expect(0);
    let again = import_at_tz(&network, 610, None, &[]).expect(0);
    let said = "0 entries entered, 609 were there already, 1 was withdrawn since and is not entered again";
    assert!(again.stderr.contains(said), "{again:?}");
    find(ke, "Z000042", 0);
    assert_eq!(all(tz), 12);
    // So it is with a batch that was withdrawn whole, whose text is erased at once; whoever wants it back says so.
    let batch = name.split('.').next().expect("a batch");
    tz.run(&["db", "withdraw", batch, "--reason", "error"]).expect(0);
    assert_eq!(counts(610, None), [0, 11, 599]);
    let back = import_at_tz(&network, 610, None, &["--withdrawn"]).expect(0);
    assert!(back.stderr.contains("599 entries entered, 11 were there already"), "{back:?}");
    find(ke, "Z000042", 1);
    // A row that stands twice is entered once, in a batch as well.
    let many = travel_documents((0..300).map(|_| "TZ")).replace("Z000", "W000");
    let rows: Vec<&str> = many.lines().skip(1).take(3).collect();
    let list = write(&network, "doubles.csv", format!("{many}{}\n", rows.join("\n")));
    let ran = tz.run(&["import", "csv", "--mapping", "travel-documents", &list]).expect(0);
    assert!(ran.stderr.contains("300 entries entered, 3 rows stand twice in the list"), "{ran:?}");
    let twice = travel_documents(["TZ"; 1]).replace("Z000000", "Z999999");
    let row = twice.lines().last().expect("a row").to_owned();
    let list = write(&network, "twice.csv", format!("{twice}{row}\n"));
    let ran = tz.run(&["import", "csv", "--mapping", "travel-documents", &list]).expect(0);
    assert!(ran.stderr.contains("1 entry entered, 1 row stands twice in the list"), "{ran:?}");
    // One that was given a new text is there, and told as such.
    let entry = find(tz, "Z999999", 1)["found"][0]["id"].as_str().expect("an id").to_owned();
    let form = tz.json(&["db", "show", &entry])["document"].clone();
    let lost = json!({ "document": form["document"], "form": form["form"], "source": form["source"], "status": "lost", "date": form["date"] });
    let toml = toml::to_string(&lost).expect("a form");
    let toml = write(&network, "lost.toml", toml);
    tz.run(&["db", "update", &entry, &toml]).expect(0);
    let list = write(&network, "twice.csv", twice.clone());
    let ran = tz.run(&["import", "csv", "--mapping", "travel-documents", &list]).expect(0);
    let said = "0 entries entered, 1 was there already (1 of them has another text now)";
    assert!(ran.stderr.contains(said), "{ran:?}");
    // A node that was just killed reads what it has before it answers.
    network.nodes[1].kill();
    network.start_node(1);
    let ran = import_at_tz(&network, 611, None, &[]).expect(0);
    assert!(ran.stderr.contains("1 entry entered, 610 were there already"), "{ran:?}");
}

/// The mapping of travel documents, with one constant more.
fn with_constant(constant: &str) -> String {
    let mapping = common::root().join("crates/document/mappings/travel-documents.toml");
    let mapping = std::fs::read_to_string(mapping).expect("a mapping");
    assert!(mapping.contains("[constants]"));
    mapping.replace("[constants]", &format!("[constants]\n{constant}"))
}

#[test]
fn a_dry_run_looks_at_dates_as_the_node_does() {
    let network = Network::start(&["KE", "TZ"]);
    settled(&network);
    let tz = &network.nodes[1];
    // No node takes what is valid until a day that is past, and a dry run says so.
    let past = write(&network, "past.toml", with_constant("\"source.valid_until\" = \"2020-01-01\""));
    let short = write(&network, "short.csv", travel_documents(["TZ"; 3]));
    for more in [&["--dry-run"][..], &[]] {
        let ran = tz.run(&with(&["import", "csv", "--mapping", &past, &short], more)).expect(1);
        assert!(ran.stdout.contains("row 2: source.valid_until: that day is past"), "{ran:?}");
        assert!(ran.stdout.contains("3 rows read: 0 accepted, 3 rejected"), "{ran:?}");
        assert!(!ran.stdout.contains("delete the line"), "{ran:?}");
    }
    // Other dates that cannot be are warnings: once, and not again in the node's name. So it is in a batch.
    let odd = |n: usize| format!("TZ/{n},P,Y{n:06},,TZ,stolen,2026-11-02,2020-01-01,2019-01-01,,,X,\n");
    for rows in [3, 300] {
        let text = TRAVEL_DOCUMENTS.to_owned() + &(0..rows).map(odd).collect::<String>();
        let list = write(&network, "odd.csv", text);
        let import = ["import", "csv", "--mapping", "travel-documents", &list];
        for more in [&["--dry-run"][..], &[]] {
            let ran = tz.run(&with(&import, more)).expect(0);
            let words = "column \"Expires\" (document.expires): it expires before it was issued";
            assert_eq!(ran.stdout.matches(words).count(), 1, "{ran:?}");
            assert!(ran.stdout.contains(&format!("{rows} × {words}")), "{ran:?}");
            assert!(!ran.stderr.contains("the node warns"), "{ran:?}");
        }
        let ran = tz.run(&with(&import, &["--json"])).expect(0);
        let sum = lines(&ran).pop().expect("a summary");
        assert_eq!((&sum["known"], &sum["node_warnings"]), (&json!(rows), &Value::Null), "{sum}");
    }
}

#[test]
fn what_is_withdrawn_says_nothing_any_more() {
    let network = Network::start(&["KE", "TZ"]);
    settled(&network);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let list = write(&network, "list.csv", travel_documents(["KE"; 300]));
    ke.run(&["import", "csv", "--mapping", "travel-documents", &list]).expect(0);
    let found = find(tz, "Z000041", 1);
    let name = found["found"][0]["id"].as_str().expect("a name").to_owned();
    let batch = name.split_once('.').expect("a line").0.to_owned();

    // Its lines are listed, page by page.
    let shown = tz.run(&["db", "show", &batch]).expect(0);
    assert!(shown.stderr.contains("ecomesh db lines"), "{shown:?}");
    let page = tz.json(&["db", "lines", &batch, "--after", "40", "--limit", "2"]);
    assert_eq!(
        (&page["lines"][1]["id"], &page["next"], &page["count"]),
        (&json!(name), &json!(42), &json!(300))
    );
    assert_eq!(page["lines"][1]["reference"], "KE/41");

    // A line goes: it is told by whom, when and why, and not what it said.
    let withdrawn = ke.run(&["db", "withdraw", &name, "--reason", "recovered"]).expect(0);
    let days = withdrawn.stderr.split("destroyed here from ").nth(1).expect("a date").to_owned();
    let json = ke.json(&["db", "withdraw", &name.replace(".42", ".43"), "--reason", "recovered"]);
    let hours =
        (json["destroyed_from_ms"].as_u64().unwrap() - json["created_at_ms"].as_u64().unwrap()) / 3_600_000;
    assert!((239..=240).contains(&hours), "seven days and three: {hours} h, {days}");
    find(tz, "Z000041", 0);
    let said_nothing = |node: &Node, arguments: &[&str]| {
        let ran = node.run(arguments).expect(0);
        assert!(!ran.stdout.contains("Z000041") && !ran.stdout.contains("KE/41"), "{ran:?}");
        ran.stdout
    };
    let shown = said_nothing(tz, &["db", "show", &name]);
    assert!(shown.contains("standing   withdrawn: recovered") && shown.contains("withdrawn  20"), "{shown}");
    assert!(shown.contains("KE withdrew it at"), "{shown}");
    for arguments in [
        &["db", "show", &name, "--json"][..],
        &["db", "lines", &batch, "--json"],
        &["db", "show", &batch, "--json"],
        &["show", &batch, "--json"],
        &["show", &batch],
    ] {
        said_nothing(tz, arguments);
    }
    assert_eq!(tz.json(&["db", "lines", &batch])["lines"][41]["standing"], "withdrawn");

    // The whole batch goes.
    let foreign = tz.run(&["db", "withdraw", &batch, "--reason", "error"]).expect(5);
    assert!(foreign.stderr.contains("entry.source-owns"), "{foreign:?}");
    ke.run(&["db", "withdraw", &batch, "--reason", "error"]).expect(0);
    find(tz, "Z000040", 0);
    for node in [ke, tz] {
        let gone = node.json(&["db", "show", &batch]);
        assert_eq!(
            (&gone["entry"]["standing"], &gone["entry"]["reason"]),
            (&json!("withdrawn"), &json!("error"))
        );
        let line = node.run(&["db", "show", &name]).expect(0);
        assert!(line.stdout.contains("withdrawn"), "{line:?}");
    }
    let again = ke.run(&["db", "withdraw", &batch, "--reason", "error"]).expect(5);
    assert!(again.stderr.contains("entry.withdrawn"), "{again:?}");

    // So does an entry with a record of its own, and both stay in the list of all, also after a start.
    let sample = common::root().join("node-config/demo/entries/seizure.toml").display().to_string();
    let one = ke.json(&["db", "add", &sample])["id"].as_str().expect("an id").to_owned();
    until(tz, &["db", "show", &one], 0);
    ke.run(&["db", "withdraw", &one, "--reason", "recovered"]).expect(0);
    let listed = |node: &Node| {
        let listing = node.json(&["db", "list", "--all"]);
        let rows = listing["entries"].as_array().cloned().unwrap_or_default();
        let gone = rows.into_iter().filter(|row| row["standing"] == "withdrawn");
        let mut ids: Vec<String> = gone.map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    };
    let mut expected = vec![batch.clone(), one.clone()];
    expected.sort();
    let both = |node: &Node| {
        wait_for("both in the list", || {
            let ids = listed(node);
            if ids == expected { Ok(()) } else { Err(format!("{ids:?}")) }
        });
        let shown = node.json(&["db", "show", &one]);
        assert_eq!(
            (&shown["entry"]["source"], &shown["entry"]["reason"]),
            (&json!("KE"), &json!("recovered"))
        );
        assert!(shown["entry"]["withdrawn_at_ms"].is_u64() && shown["document"].is_null(), "{shown}");
    };
    both(ke);
    both(tz);
    assert_eq!(tz.json(&["db", "list"])["entries"], json!([]));
    let mut network = network;
    network.nodes[1].stop();
    network.start_node(1);
    both(&network.nodes[1]);
}

#[test]
fn what_is_not_shown_is_told_with_how_to_see_it() {
    let network = Network::start(&["KE", "TZ"]);
    settled(&network);
    let ke = &network.nodes[0];
    for n in 0..11 {
        let text = format!("tusk number {n}");
        ke.run(&["send", "--text", &text, "--language", "en", "--members"]).expect(0);
    }
    let search = with(&["find", "--text", "tusks"], &WHO);
    let answer = wait_for("all are found", || {
        let answer = ke.run(&with(&search, &["--json"])).json();
        if answer["more"] == true && answer["unread"] == 0 { Ok(answer) } else { Err(answer.to_string()) }
    });
    assert_eq!(answer["found"].as_array().map(Vec::len), Some(10));
    let ran = ke.run(&search).expect(0);
    assert!(ran.stderr.contains("MORE results") && ran.stderr.contains("--limit"), "{ran:?}");
    let ran = ke.run(&with(&search, &["--limit", "11"])).expect(0);
    assert!(!ran.stderr.contains("MORE results"), "{ran:?}");

    let sample = common::root().join("node-config/demo/entries/seizure.toml").display().to_string();
    let notice = common::root().join("node-config/demo/notices/purple.toml").display().to_string();
    for _ in 0..2 {
        ke.run(&["db", "add", &sample]).expect(0);
        ke.run(&["notice", "diffuse", &notice, "--members"]).expect(0);
    }
    for (listing, all) in
        [(vec!["outbox"], "100"), (vec!["db", "list"], "2"), (vec!["notice", "list", "--all"], "2")]
    {
        let ran = ke.run(&with(&listing, &["--limit", "1"])).expect(0);
        assert!(ran.stderr.contains("older ones") && ran.stderr.contains("--limit"), "{ran:?}");
        assert!(ke.run(&with(&listing, &["--limit", "1", "--json"])).json()["next"].is_string());
        let ran = ke.run(&with(&listing, &["--limit", all])).expect(0);
        assert!(!ran.stderr.contains("older ones"), "{ran:?}");
        assert!(ke.run(&with(&listing, &["--limit", all, "--json"])).json()["next"].is_null());
    }
}

#[test]
fn searches_say_what_is_wrong_with_them_and_find_what_has_a_number() {
    let mut network = Network::reviewed(&["KE", "TZ"], &["TZ"], 1);
    for index in 0..2 {
        network.start_node(index);
    }
    settled(&network);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    // A member that is none is no miss.
    for arguments in [
        with(&["find", "--number", "X1", "--source", "ZZ"], &WHO),
        vec!["db", "list", "--source", "QQ"],
        vec!["notice", "list", "--source", "QQ"],
    ] {
        let ran = ke.run(&arguments).expect(5);
        assert!(ran.stderr.contains("no member of this network") && ran.stderr.contains("KE, TZ"), "{ran:?}");
    }
    ke.run(&["db", "list", "--source", "tz"]).expect(0);
    let none = ke.run(&with(&["find"], &WHO)).expect(2);
    for way in ["--number", "--name", "--text"] {
        assert!(none.stderr.contains(way), "{none:?}");
    }
    for (arguments, help) in [
        (with(&["find", "--name", ""], &WHO), "--name \"Gavrilov, Ivan\""),
        (with(&["find", "--name", &"x".repeat(1_025)], &WHO), "shorten it"),
        (vec!["find", "--name", "X", "--purpose", "border-control", "--officer", ""], "--officer \"N. 12\""),
    ] {
        let ran = ke.run(&arguments).expect(5);
        assert!(ran.stderr.contains(help) && !ran.stderr.contains("openapi"), "{ran:?}");
    }

    // A vessel of a Purple Notice, and the references of what speaks of it.
    let sample = |name: &str| common::root().join("node-config/demo").join(name).display().to_string();
    let text = std::fs::read_to_string(sample("notices/purple.toml")).expect("the sample");
    let reference = "reference = \"AU/PN/2013/0001\"";
    assert!(text.contains(reference));
    let text = text.replace(reference, &format!("{reference}\nnotice_number = \"2013/6138\""));
    let purple = write(&network, "purple.toml", text);
    let id = ke.json(&["notice", "request", &purple])["id"].as_str().expect("an id").to_owned();
    for number in ["2013/6138", "2013-6138", "au/pn/2013/0001", "IMO 6905408", "6905408"] {
        let found = find(tz, number, 1);
        assert_eq!(found["found"][0]["id"], id.as_str(), "{number}: {found}");
    }
    find(tz, "20136138", 0);

    // A common name of what was seized; the reference of an entry is no hit on it.
    ke.run(&["db", "add", &sample("entries/seizure.toml")]).expect(0);
    let species =
        with(&["find", "--text", "Mombasa", "--species", "elephants", "--kind", "entry", "--json"], &WHO);
    until(tz, &species, 0);
    let entry = ke.json(&["db", "list", "--database", "seizure"])["entries"][0].clone();
    let found = find(tz, entry["reference"].as_str().expect("a reference"), 1);
    assert_eq!((&found["found"][0]["id"], &found["found"][0]["hit"]), (&entry["id"], &Value::Null));

    // How well a name must fit.
    ke.run(&["db", "add", &sample("entries/nominal.toml")]).expect(0);
    let name = with(&["find", "--name", "Example Somebody"], &WHO);
    until(tz, &name, 0);
    until(tz, &with(&name, &["--fits", "99"]), 1);
}
