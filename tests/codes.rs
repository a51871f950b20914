//! Lists of codes that a bureau replaces: from the file to edit to the form that is taken, and back; and what others see
//! who have an older list.

mod common;

use std::path::Path;

use common::{Network, Ran, run, run_in};

/// A form whose only product is counted in heaps, which no list of the program knows.
fn form(sender: &str) -> String {
    format!(
        r#"form = "ecomessage"
reference = "{sender}/2026/1"
from = "{sender}"
language = "en"

[subject]
family = "fauna"
title = "Ivory in heaps"

[legal]
offence = "Possession"

[discovery]
date = 2026-11-02
method = "tip-off"
place = {{ text = "Mombasa", country = "KE" }}

[[products]]
kind = "wildlife"
scientific_name = "Loxodonta africana"
quantities = [{{ certainty = "exact", amount = 12, unit = "XQ" }}]

[agency]
name = "Customs"
"#
    )
}

const HEAPS: &str = "XQ\theaps\ttas\tmontones\tcount\tecomesh\n";

/// A folder with a home in it that nobody has made yet, and the form.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("heaps.toml"), form("KE")).expect("a file");
        Self { folder }
    }

    fn run(&self, args: &[&str]) -> Ran {
        run_in(self.folder.path(), &[args, &["--home", "home"]].concat())
    }

    /// The table of a list, as it is printed to be edited, with more lines.
    fn edited(&self, list: &str, more: &str) -> String {
        let file = format!("{list}.tsv");
        let path = self.folder.path().join(&file);
        let _ = std::fs::remove_file(&path);
        let said = self.run(&["codes", "show", list, "--tsv", "-o", &file]).expect(0);
        assert!(said.stderr.contains(&format!("ecomesh codes install {file} --name {list}")), "{said:?}");
        let text = std::fs::read_to_string(&path).expect("the table");
        std::fs::write(&path, text + more).expect("a file");
        file
    }

    fn installed(&self, list: &str) -> std::path::PathBuf {
        self.folder.path().join(format!("home/codes/{list}.tsv"))
    }

    /// The form is taken.
    #[track_caller]
    fn takes(&self) -> Ran {
        self.run(&["ecomessage", "check", "heaps.toml"]).expect(0)
    }

    /// The form is refused because of its unit.
    #[track_caller]
    fn refuses(&self) -> Ran {
        let ran = self.run(&["ecomessage", "check", "heaps.toml"]).expect(1);
        assert!(ran.stdout.contains("is not in the list of codes \"unit\""), "{ran:?}");
        ran
    }
}

#[test]
fn a_unit_is_added_used_and_taken_away_again() {
    let desk = Desk::new();
    desk.refuses();
    let file = desk.edited("unit", HEAPS);
    let checked = desk.run(&["codes", "check", &file]).expect(0).stdout;
    assert!(checked.contains("unit.tsv: the list unit\n  added    XQ\n"), "{checked}");
    let dry = desk.run(&["codes", "install", &file, "--dry-run"]).expect(0);
    assert!(dry.stderr.contains("nothing was written") && !desk.installed("unit").exists(), "{dry:?}");
    desk.refuses();

    let installed = desk.run(&["codes", "install", &file]).expect(0);
    assert!(installed.stdout.contains("added    XQ"), "{installed:?}");
    assert!(installed.stderr.contains("a node that runs takes it at its next start"), "{installed:?}");
    assert_eq!(desk.takes().stderr, "");
    let shown = desk.run(&["codes", "show", "unit", "--language", "fr"]).expect(0);
    assert!(
        shown.stdout.contains("XQ    tas\n")
            && shown.stderr.contains("against the list of ecomesh:\n  added    XQ\n"),
        "{shown:?}"
    );
    let lists = desk.run(&["codes", "list", "--json"]).expect(0).json();
    let list = |name: &str| {
        let all = lists["lists"].as_array().expect("lists");
        all.iter().find(|list| list["name"] == name).expect("a list").clone()
    };
    assert_eq!((&list("unit")["replaced"], &list("term")["replaced"]), (&true.into(), &false.into()));
    assert_eq!(list("unit")["keeps"][0], "KIL");
    assert_eq!(list("priority")["may_change"], "labels");
    // The same again changes nothing.
    let again = desk.run(&["codes", "install", &file, "--json"]).expect(0).json();
    assert_eq!((&again["added"], &again["written"]), (&serde_json::json!([]), &true.into()));

    desk.run(&["codes", "remove", "unit"]).expect(0);
    assert!(!desk.installed("unit").exists());
    desk.refuses();
    let none = desk.run(&["codes", "remove", "unit", "--json"]).expect(0).json();
    assert_eq!(none, serde_json::json!({ "list": "unit", "removed": false }));
}

#[test]
fn what_ecomesh_relies_on_cannot_be_replaced() {
    let desk = Desk::new();
    let slow = desk.edited("priority", "slow\tslow\n");
    let refused = desk.run(&["codes", "install", &slow]).expect(3).stderr;
    assert!(refused.contains("slow: the list \"priority\" cannot have other codes"), "{refused}");
    assert!(refused.contains("nothing was written"), "{refused}");
    let roles = desk.edited("leg-role", "");
    let path = desk.folder.path().join(&roles);
    let without: String = std::fs::read_to_string(&path)
        .expect("the table")
        .lines()
        .filter(|line| !line.starts_with("origin\t"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&path, without).expect("a file");
    let refused = desk.run(&["codes", "check", &roles]).expect(1).stdout;
    assert!(refused.contains("the list \"leg-role\" lacks origin"), "{refused}");
    desk.run(&["codes", "install", &roles]).expect(3);
    assert!(!desk.folder.path().join("home").exists());
    desk.run(&["codes", "install", &roles, "--name", "roles"]).expect(2);
    let unknown = desk.run(&["codes", "show", "units"]).expect(2).stderr;
    assert!(unknown.contains("did you mean \"unit\"?"), "{unknown}");
    desk.run(&["codes", "install", "nowhere.tsv"]).expect(7);
    let error = desk.run(&["codes", "install", "heaps.toml", "--name", "unit", "--json"]).expect(3).error();
    assert_eq!(error["name"], "bad_input");
    assert!(error["details"][0].as_str().is_some_and(|detail| detail.starts_with("line 1: ")), "{error}");
}

#[test]
fn lists_that_need_each_other_are_installed_and_removed_in_order() {
    let desk = Desk::new();
    let (term, unit) = (desk.edited("term", "QQQ\tquills\t\t\tXQ\n"), desk.edited("unit", HEAPS));
    let alone = desk.run(&["codes", "check", &term]).expect(1).stdout;
    assert!(alone.contains("the term QQQ has the unit \"XQ\", which the list \"unit\" lacks"), "{alone}");
    desk.run(&["codes", "check", &term, &unit]).expect(0);
    desk.run(&["codes", "install", &term]).expect(3);
    desk.run(&["codes", "install", &unit]).expect(0);
    desk.run(&["codes", "install", &term]).expect(0);
    let needed = desk.run(&["codes", "remove", "unit"]).expect(3).stderr;
    assert!(needed.contains("the term QQQ") && desk.installed("unit").exists(), "{needed}");
    desk.run(&["codes", "remove", "term"]).expect(0);
    desk.run(&["codes", "remove", "unit"]).expect(0);
}

#[test]
fn a_broken_list_is_told_of_and_the_other_lists_hold() {
    let desk = Desk::new();
    let file = desk.edited("unit", HEAPS);
    desk.run(&["codes", "install", &file]).expect(0);
    let purpose = desk.installed("purpose");
    std::fs::write(&purpose, "# Purposes.\ncode\ten\nT\n").expect("a file");
    let warned = desk.takes().stderr;
    for wanted in [
        "warning: home/codes/purpose.tsv is not used",
        "line 3: the code T has no label",
        "`ecomesh codes remove purpose`",
    ] {
        assert!(warned.contains(wanted), "{wanted}: {warned}");
    }
    let json = desk.run(&["ecomessage", "check", "heaps.toml", "--json"]).expect(0).stderr;
    let warning: serde_json::Value = serde_json::from_str(json.trim()).expect("one line of JSON");
    assert!(warning["warning"]["what"].is_string() && warning["warning"]["help"].is_string(), "{warning}");
    std::fs::write(desk.installed("unit"), "").expect("a file");
    let warned = desk.refuses().stderr;
    assert!(warned.contains("home/codes/unit.tsv is not used"), "{warned}");
    let listed = desk.run(&["codes", "list"]).expect(0);
    assert!(
        listed.stderr.contains("unit.tsv is not used") && listed.stdout.contains("purpose "),
        "{listed:?}"
    );
    desk.run(&["codes", "remove", "unit"]).expect(0);
    desk.run(&["codes", "remove", "purpose"]).expect(0);
    assert_eq!(desk.refuses().stderr, "");
    // Without a folder for the node, nothing is looked for.
    let nowhere = run_in(desk.folder.path(), &["ecomessage", "check", "heaps.toml"]);
    assert_eq!((nowhere.code, nowhere.stderr.as_str()), (1, ""), "{nowhere:?}");
}

#[test]
fn a_node_with_a_newer_list_sends_and_one_with_an_older_list_shows_it_marked() {
    let mut network = Network::start(&["KE", "TZ"]);
    let folder = network.folder.path().to_owned();
    let path = |name: &str| folder.join(name).to_str().expect("a plain path").to_owned();
    let (heaps, unit) = (path("heaps.toml"), path("unit.tsv"));
    std::fs::write(&heaps, form("KE")).expect("a file");
    network.nodes[0].run(&["codes", "show", "unit", "--tsv", "-o", &unit]).expect(0);
    let text = std::fs::read_to_string(&unit).expect("the table");
    std::fs::write(&unit, text + HEAPS).expect("a file");
    network.nodes[0].run(&["codes", "install", &unit]).expect(0);
    // The node that runs has the lists with which it started.
    let refused = network.nodes[0].run(&["send", &heaps, "--to", "TZ"]).expect(3).stderr;
    assert!(refused.contains("is not in the list of codes"), "{refused}");
    assert_eq!(network.nodes[0].stop(), Some(0));
    let passphrase = network.passphrase_file.clone();
    network.nodes[0].start(&passphrase);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    let sent = ke.run(&["send", &heaps, "--to", "TZ"]).expect(0);
    let id = sent.stdout.trim();
    ke.run(&["status", id, "--wait", "delivered", "--timeout", "60s"]).expect(0);
    let shown = |ran: Ran| ran.expect(0).stdout;
    assert!(shown(ke.run(&["show", id])).contains("XQ (heaps)"));
    assert!(shown(tz.run(&["show", id])).contains("XQ (code not known here)"));

    // Lists go with a backup, and one that is damaged is found.
    let passphrase = path("passphrase");
    assert_eq!(network.nodes[0].stop(), Some(0));
    let (backup, restored) = (path("ke.backup"), path("restored"));
    let ke = &network.nodes[0];
    ke.run(&["backup", "--passphrase-file", &passphrase, "-o", &backup]).expect(0);
    run(&["restore", "--home", &restored, "--passphrase-file", &passphrase, &backup]).expect(0);
    let list = |home: &Path| std::fs::read(home.join("codes/unit.tsv")).expect("a list");
    assert_eq!(list(Path::new(&restored)), list(&ke.home));
    let doctor = ke.run(&["doctor", "--passphrase-file", &passphrase]).expect(0).stdout;
    assert!(doctor.contains("good   codes      replaced: unit"), "{doctor}");
    std::fs::write(ke.home.join("codes/unit.tsv"), "damaged").expect("a file");
    let doctor = ke.run(&["doctor", "--passphrase-file", &passphrase]).expect(1).stdout;
    assert!(doctor.contains("bad    codes") && doctor.contains("`ecomesh codes remove unit`"), "{doctor}");
    let passphrase = network.passphrase_file.clone();
    network.nodes[0].start(&passphrase);
    let log = network.nodes[0].log_text();
    assert!(log.contains("unit.tsv is not used"), "{log}");
}
