//! Notices, databases and searches as an officer types them, on real processes: a list is imported, a passport is met at a
//! border, a notice is reviewed, and every search stands in the access log.

mod common;

use common::{Network, run, wait_for};
use serde_json::{Value, json};

const WHO: [&str; 4] = ["--purpose", "border-control", "--officer", "N. 12"];

fn sample(name: &str) -> String {
    common::root().join("node-config/demo").join(name).display().to_string()
}

/// What a search finds, once it finds so many.
#[track_caller]
fn find(node: &common::Node, what: [&str; 2], count: usize) -> Value {
    let arguments: Vec<&str> = ["find"].into_iter().chain(what).chain(WHO).chain(["--json"]).collect();
    wait_for(what[1], || {
        let ran = node.run(&arguments);
        let answer = ran.json();
        let found = answer["found"].as_array().map_or(0, Vec::len);
        // Nothing found while documents are not read yet is no answer.
        let expected = match (found, answer["unread"].as_u64()) {
            (0, Some(1..)) => 4,
            (0, _) => 1,
            _ => 0,
        };
        assert_eq!(ran.code, expected, "{ran:?}");
        if found == count { Ok(answer) } else { Err(answer.to_string()) }
    })
}

#[test]
fn a_list_is_imported_and_met_at_a_border() {
    let network = Network::start(&["KE", "TZ"]);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    network.nodes.iter().for_each(common::Node::wait_until_prekeys);
    let list = sample("import/travel-documents.csv");
    let import = ["import", "csv", "--mapping", "travel-documents", &list];
    // Dirty rows are told and refused; the others are entered.
    let first = ke.run(&import).expect(1);
    assert!(first.stdout.contains("9 rows read: 4 accepted, 5 rejected"), "{first:?}");
    assert!(first.stderr.contains("4 entries entered; see them with: ecomesh db list"), "{first:?}");
    // Run again it goes on where it stopped, and enters nothing twice.
    let again = ke.run(&import).expect(1);
    assert!(again.stderr.contains("0 entries entered, 4 were there already"), "{again:?}");
    let listing = ke.json(&["db", "list", "--database", "sltd"]);
    assert_eq!(listing["entries"].as_array().map(Vec::len), Some(4));
    // Who did not issue them may not enter them.
    let foreign = tz.run(&import).expect(1);
    assert!(foreign.stdout.contains("row 2: document.country, \"KE\": TZ may not enter it"), "{foreign:?}");
    assert!(foreign.stdout.contains("9 rows read: 0 accepted, 9 rejected"), "{foreign:?}");

    let answer = find(tz, ["--number", "l898902c3"], 1);
    assert_eq!(answer["found"][0]["source"], "KE");
    assert!(answer["found"][0]["hit"].is_string(), "{answer}");
    assert_eq!(answer["as_of"][0]["member"], "KE");
    let told = wait_for("the hit", || {
        let hits = ke.json(&["hits"]);
        if hits["hits"] == json!([]) { Err(hits.to_string()) } else { Ok(hits) }
    });
    assert_eq!(told["hits"][0]["officer"], "N. 12");

    // A whole list: two of its four rows are met, one of them under another spelling.
    let passengers = network.folder.path().join("passengers.csv");
    std::fs::write(&passengers, "name,passport\nA,L898902C3\nB,X1\nC,\nD,bk 5501234\n").expect("a file");
    let passengers = passengers.display().to_string();
    let check: Vec<&str> = ["check", &passengers, "--number", "Passport"].into_iter().chain(WHO).collect();
    // The row without a number was not checked, and that is no miss.
    let checked = tz.run(&check).expect(3);
    assert_eq!(checked.stdout.lines().count(), 2, "{checked:?}");
    assert!(checked.stderr.contains("row 4 is not checked"), "{checked:?}");
    assert!(checked.stdout.contains("row 2: L898902C3 fits sltd entry of KE"), "{checked:?}");
    assert!(checked.stderr.contains("4 rows, 3 searches: 2 found"), "{checked:?}");
    let backwards: Vec<&str> =
        ["find", "--text", "ivory", "--since", "1d", "--until", "30d"].into_iter().chain(WHO).collect();
    let backwards = tz.run(&backwards).expect(5);
    assert!(backwards.stderr.contains("the earlier time as --since"), "{backwards:?}");
    let wrong: Vec<&str> = ["check", &passengers, "--number", "visa"].into_iter().chain(WHO).collect();
    let wrong = tz.run(&wrong).expect(3);
    assert!(wrong.stderr.contains("its columns are name, passport"), "{wrong:?}");

    // What is shown of a person whom another country has entered is written down, with the officer or without.
    let person = ke.run(&["db", "add", &sample("entries/nominal.toml")]).expect(0);
    let person = person.stdout.trim();
    ke.run(&["db", "show", person]).expect(0);
    wait_for("the person", || {
        let shown = tz.run(&[&["db", "show", person][..], &WHO].concat());
        if shown.code == 0 { Ok(()) } else { Err(shown.stderr) }
    });
    assert!(tz.run(&["show", person]).expect(0).stdout.contains("EXAMPLE"));
    // A passport names nobody.
    tz.run(&["db", "show", answer["found"][0]["id"].as_str().expect("an id")]).expect(0);

    // Supervision reads who searched for what; nothing of it lies readable on the disk.
    let log =
        tz.json(&["audit", "--access", "--passphrase-file", &network.passphrase_file.display().to_string()]);
    let entries = log["entries"].as_array().expect("entries");
    assert!(entries.iter().any(|entry| entry["query"] == "l898902c3" && entry["hits"] == 1), "{log}");
    assert!(entries.iter().any(|entry| entry["query"] == "X1" && entry["found"] == 0), "{log}");
    let (shown, searched): (Vec<&Value>, Vec<&Value>) =
        entries.iter().partition(|entry| entry["action"] == "show");
    assert!(searched.iter().all(|entry| entry["officer"] == "N. 12" && entry["purpose"] == "border-control"));
    let shown: Vec<_> = shown.iter().map(|entry| (&entry["query"], &entry["officer"])).collect();
    assert_eq!(shown, [(&json!(person), &json!("N. 12")), (&json!(person), &json!(""))]);

    // Withdrawn: nobody finds it any more.
    let id = answer["found"][0]["id"].as_str().expect("an id");
    ke.run(&["db", "withdraw", id, "--reason", "recovered"]).expect(0);
    find(tz, ["--number", "L898902C3"], 0);
}

#[test]
fn a_long_list_is_entered_in_batches_and_single_lines_are_withdrawn() {
    let network = Network::start(&["KE", "TZ"]);
    let (ke, tz) = (&network.nodes[0], &network.nodes[1]);
    network.nodes.iter().for_each(common::Node::wait_until_prekeys);
    let mut list = String::from(
        "Reference,Type,Document number,Check digit,Issuing country,Status,Since,Issued,Expires,Place,Country of place,Holder,Remarks\n",
    );
    for n in 0..600 {
        list.push_str(&format!("KE/{n},P,Z{n:06},,KE,stolen,2026-11-02,,,,,X,\n"));
    }
    let file = network.folder.path().join("list.csv");
    std::fs::write(&file, list).expect("a file");
    let import = ["import", "csv", "--mapping", "travel-documents", &file.display().to_string()];
    let imported = ke.run(&import).expect(0);
    assert!(imported.stderr.contains("600 entries entered"), "{imported:?}");
    let again = ke.run(&import).expect(0);
    assert!(again.stderr.contains("0 entries entered, 600 were there"), "{again:?}");
    let listing = ke.json(&["db", "list"]);
    let batches = listing["entries"].as_array().expect("entries");
    assert_eq!(batches.len(), 1, "{listing}");
    assert_eq!(batches[0]["subject"], "batch of 600 entries, of which 600 hold");

    let answer = find(tz, ["--number", "z 000041"], 1);
    let name = answer["found"][0]["id"].as_str().expect("a name").to_owned();
    assert!(name.ends_with(".42"), "{name}");
    assert_eq!(answer["found"][0]["reference"], "KE/41");
    let shown = tz.run(&["db", "show", &name]).expect(0);
    assert!(shown.stdout.contains("Z000041") && shown.stdout.contains("KE/41"), "{shown:?}");
    let hits = wait_for("the hit", || {
        let hits = ke.json(&["hits"]);
        if hits["hits"] == json!([]) { Err(hits.to_string()) } else { Ok(hits) }
    });
    assert_eq!(hits["hits"][0]["entry"], name.as_str());

    // One line goes, everywhere; the others stay.
    let foreign = tz.run(&["db", "withdraw", &name, "--reason", "recovered"]).expect(5);
    assert!(foreign.stderr.contains("entry.source-owns"), "{foreign:?}");
    ke.run(&["db", "withdraw", &name, "--reason", "recovered"]).expect(0);
    find(tz, ["--number", "Z000041"], 0);
    find(tz, ["--number", "Z000040"], 1);
    let gone = tz.json(&["db", "show", &name]);
    assert_eq!(gone["entry"]["standing"], "withdrawn");
    ke.run(&["db", "withdraw", &name, "--reason", "recovered"]).expect(5);
    ke.run(&["db", "show", &format!("{}.601", &name[..10])]).expect(5);
}

#[test]
fn a_notice_goes_from_the_form_to_its_end() {
    let mut network = Network::reviewed(&["KE", "FR", "TZ"], &["FR", "TZ"], 2);
    for index in 0..3 {
        network.start_node(index);
    }
    let (ke, fr, tz) = (&network.nodes[0], &network.nodes[1], &network.nodes[2]);
    let red = sample("notices/red.toml");
    let sent = ke.json(&["notice", "request", &red]);
    let id = sent["id"].as_str().expect("an id").to_owned();
    let stands = |node: &common::Node, standing: &str| {
        wait_for(standing, || {
            let ran = node.run(&["notice", "show", &id, "--json"]);
            if ran.code == 0 && ran.json()["notice"]["standing"] == standing {
                Ok(ran.json())
            } else {
                Err(ran.stdout)
            }
        })
    };
    stands(fr, "requested");
    assert_eq!(fr.json(&["notice", "list"])["notices"], json!([]));
    let waiting = fr.run(&["notice", "list", "--standing", "requested"]).expect(0);
    assert!(waiting.stdout.contains("REQUESTED, not published (0 of 2 approvals)"), "{waiting:?}");
    fr.run(&["notice", "review", &id, "approve"]).expect(0);
    let twice = fr.run(&["notice", "review", &id, "approve"]).expect(5);
    assert!(twice.stderr.contains("life.one-vote"), "{twice:?}");
    let own = ke.run(&["notice", "review", &id, "approve"]).expect(5);
    assert!(own.stderr.contains("life.review"), "{own:?}");
    stands(tz, "requested");
    tz.run(&["notice", "review", &id, "approve"]).expect(0);
    for node in [ke, fr, tz] {
        stands(node, "published");
    }
    // The person is found, under another spelling; the notice is no arrest warrant, and says so nowhere.
    let found = find(tz, ["--name", "Ali Guma EXAMPEL"], 1);
    assert_eq!(
        (&found["found"][0]["kind"], &found["found"][0]["standing"]),
        (&json!("notice"), &json!("published"))
    );
    let words = find(tz, ["--text", "\"ivory in a container\""], 1);
    assert_eq!(words["found"][0]["id"], id.as_str());
    ke.run(&["notice", "cancel", &id, "--reason", "arrested"]).expect(0);
    stands(fr, "cancelled");
    assert_eq!(fr.json(&["notice", "list"])["notices"], json!([]));
    let shown = fr.run(&["notice", "show", &id]).expect(0);
    assert!(shown.stdout.contains("cancelled, delete national copies: arrested"), "{shown:?}");
    // Text in Arabic is whole, between isolates, and not escaped.
    assert!(shown.stdout.contains("\u{2068}علي جمعة\u{2069}") && !shown.stdout.contains("\\u{"), "{shown:?}");

    // A Red Notice that lacks its minimum data cannot be asked for, off line nor on line.
    let poor = network.folder.path().join("poor.toml");
    let text = std::fs::read_to_string(&red).expect("the sample");
    std::fs::write(&poor, text.replace("[assurances]", "[additional]")).expect("a file");
    let poor = ke.run(&["notice", "request", &poor.display().to_string()]).expect(3);
    assert!(poor.stderr.contains("red.assurances"), "{poor:?}");
}

/// A file of the test with a sample in which one piece was replaced.
fn changed(network: &Network, name: &str, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(sample(name)).expect("the sample");
    assert!(text.contains(from), "{name} has no {from}");
    let file = network.folder.path().join(format!("{}.toml", name.replace('/', "-")));
    std::fs::write(&file, text.replacen(from, to, 1)).expect("a file");
    file.display().to_string()
}

/// Shows a notice once what is shown has all of this.
#[track_caller]
fn shown(node: &common::Node, id: &str, parts: &[&str]) -> String {
    wait_for(&format!("{parts:?}"), || {
        let ran = node.run(&["notice", "show", id]);
        if ran.code == 0 && parts.iter().all(|part| ran.stdout.contains(part)) {
            Ok(ran.stdout)
        } else {
            Err(ran.stdout)
        }
    })
}

#[test]
fn a_request_says_what_it_waits_for_and_when_it_waits_in_vain() {
    let mut network = Network::reviewed(&["KE", "FR", "TZ"], &["FR", "TZ"], 2);
    network.start_node(0);
    let red = sample("notices/red.toml");
    // Neither reviewer's node runs: the source learns it at once, and what to do.
    let sent = network.nodes[0].run(&["notice", "request", &red]).expect(0);
    let unreachable = "no link with FR (not heard since the start), TZ (not heard since the start)";
    assert!(sent.stderr.contains("too few reviewers can be reached now"), "{sent:?}");
    assert!(sent.stderr.contains(unreachable) && sent.stderr.contains("ecomesh notice diffuse"), "{sent:?}");
    let id = sent.stdout.trim().to_owned();
    shown(&network.nodes[0], &id, &[unreachable, "it stays REQUESTED", "ecomesh notice diffuse"]);
    network.start_node(1);
    network.start_node(2);
    network.nodes.iter().for_each(common::Node::wait_until_prekeys);
    let (ke, fr, tz) = (&network.nodes[0], &network.nodes[1], &network.nodes[2]);
    wait_for("the reviewers", || {
        let text = ke.run(&["notice", "show", &id]).stdout;
        if text.contains("no link with") { Err(text) } else { Ok(()) }
    });
    let network_text = ke.run(&["network"]).expect(0).stdout;
    assert!(network_text.contains("reviewed     by 2 of FR, TZ"), "{network_text}");

    // A form that shuts a reviewer out can never be published.
    let shut = changed(&network, "notices/red.toml", "[request]", "[request]\nhandling.excluded = [\"FR\"]");
    let refused = ke.run(&["notice", "request", &shut]).expect(3);
    for part in ["could never be published: 2 of FR, TZ", "the form excludes FR", "ecomesh notice diffuse"] {
        assert!(refused.stderr.contains(part), "{part}: {refused:?}");
    }
    let checked = ke.run(&["notice", "check", &shut]);
    assert!(checked.stdout.contains("the form excludes FR"), "{checked:?}");
    // A reviewer may not review its own request, and then too few are left.
    let own = changed(&network, "notices/yellow.toml", "from = \"FR\"", "");
    let refused = fr.run(&["notice", "request", &own]).expect(3);
    assert!(refused.stderr.contains("FR may not review what it asks for itself"), "{refused:?}");

    // One refuses, and each decides once on a text: it waits in vain, and says so.
    shown(tz, &id, &["next       FR, TZ: review approve, review return, review refuse"]);
    let vote = tz.run(&["notice", "review", &id, "refuse", "--reason", "article-3"]).expect(0);
    assert!(vote.stderr.contains("1 of 2 votes to refuse it"), "{vote:?}");
    shown(fr, &id, &["refused by TZ"]);
    fr.run(&["notice", "review", &id, "approve"]).expect(0);
    let stuck = "1 of 2 approvals, refused by TZ); this text cannot be published any more";
    shown(ke, &id, &[stuck, "ecomesh notice update", "next       KE: update, cancel"]);
    let listed = ke.run(&["notice", "list", "--all"]).expect(0);
    assert!(listed.stdout.contains(stuck) && !listed.stdout.contains('…'), "{listed:?}");
    // A new text is read anew by both.
    let text = ke.run(&["notice", "update", &id, &red]).expect(0).stdout.trim().to_owned();
    for (node, approvals) in [(fr, "0 of 2 approvals"), (tz, "1 of 2 approvals")] {
        shown(node, &id, &[approvals]);
        node.run(&["notice", "review", &id, "approve", "--text", &text]).expect(0);
    }
    shown(fr, &id, &["standing   published"]);

    // One vote of two changes nothing, and does not sound as if it did.
    fr.run(&["notice", "suspend", &id, "--reason", "refugee"]).expect(0);
    shown(tz, &id, &["standing   suspended"]);
    let vote = tz.run(&["notice", "reinstate", &id]).expect(0);
    assert!(vote.stderr.contains("1 of 2 votes to reinstate it"), "{vote:?}");
    shown(fr, &id, &["votes      to reinstate it: 1 of 2 (TZ)"]);
    let done = fr.run(&["notice", "reinstate", &id]).expect(0);
    assert!(done.stderr.contains("is now published"), "{done:?}");
    shown(tz, &id, &["standing   published"]);
    let vote = tz.run(&["notice", "withdraw", &id, "--reason", "not-compliant"]).expect(0);
    assert!(vote.stderr.contains("1 of 2 votes to withdraw it"), "{vote:?}");
}

#[test]
fn a_name_found_in_a_notice_or_diffusion_is_told_to_its_source() {
    let mut network = Network::reviewed(&["KE", "FR", "TZ"], &["FR", "TZ"], 2);
    (0..3).for_each(|index| network.start_node(index));
    network.nodes.iter().for_each(common::Node::wait_until_prekeys);
    let (ke, fr, tz) = (&network.nodes[0], &network.nodes[1], &network.nodes[2]);
    let red = sample("notices/red.toml");
    let notice = ke.run(&["notice", "request", &red]).expect(0).stdout.trim().to_owned();
    let diffusion = fr.run(&["notice", "diffuse", &sample("notices/yellow.toml"), "--to", "KE"]).expect(0);
    let diffusion = diffusion.stdout.trim().to_owned();
    // What every other member asks for can be sent by any as a diffusion.
    ke.run(&["notice", "request", &sample("notices/un.toml")]).expect(5);
    ke.run(&["notice", "diffuse", &sample("notices/un.toml"), "--members"]).expect(0);

    for (found, what, source) in [(&notice, "notice", ke), (&diffusion, "diffusion", fr)] {
        shown(tz, found, &["HISTORY"]);
        let tell = [&["hit", found, "--query", "Ali Guma"][..], &WHO].concat();
        let told = tz.run(&tell).expect(0);
        assert!(told.stderr.contains(&format!("{} is told", source.member)), "{told:?}");
        let own = source.run(&tell).expect(5);
        assert!(own.stderr.contains("this is the own bureau's"), "{own:?}");
        for (node, source_of_it) in [(source, &source.member), (tz, &source.member)] {
            let hit = wait_for("the hit", || {
                let hits = node.json(&["hits"]);
                let hit = hits["hits"]
                    .as_array()
                    .and_then(|hits| hits.iter().find(|hit| hit["entry"] == **found))
                    .cloned();
                hit.ok_or_else(|| hits.to_string())
            });
            assert_eq!((&hit["kind"], &hit["searcher"]), (&json!(what), &json!("TZ")));
            assert_eq!(hit["source"], json!(source_of_it));
            assert!(hit["reference"].is_string(), "{hit}");
        }
    }
    let log =
        tz.json(&["audit", "--access", "--passphrase-file", &network.passphrase_file.display().to_string()]);
    assert!(log.to_string().contains("Ali Guma"), "{log}");
}

#[test]
fn files_go_with_a_notice_and_a_diffusion_goes_to_a_region() {
    let mut network = Network::reviewed(&["FR", "KE", "TZ"], &["TZ"], 1);
    for index in 0..3 {
        network.start_node(index);
    }
    network.nodes.iter().for_each(common::Node::wait_until_prekeys);
    let (fr, ke, tz) = (&network.nodes[0], &network.nodes[1], &network.nodes[2]);
    let yellow = sample("notices/yellow.toml");
    let folder = network.folder.path();
    // More than one part.
    let photo: Vec<u8> = (0..250_000_u32).flat_map(u32::to_le_bytes).collect();
    let (file, saved) = (folder.join("photo.jpg"), folder.join("saved"));
    std::fs::write(&file, &photo).expect("a file");
    let file = file.display().to_string();
    let attach = ["--attach", &file];

    let sent = fr.run(&[&["notice", "request", &yellow][..], &attach].concat()).expect(0);
    assert!(sent.stderr.contains("photo.jpg: part 2 of 2"), "{sent:?}");
    let id = sent.stdout.trim();
    let save = ["attachments", id, "--save", &saved.display().to_string()].map(str::to_owned);
    wait_for("the photograph", || {
        let ran = tz.run(&save.each_ref().map(String::as_str));
        if ran.code == 0 { Ok(()) } else { Err(ran.stderr) }
    });
    assert_eq!(std::fs::read(saved.join("photo.jpg")).expect("saved"), photo);
    let shown = tz.run(&["notice", "show", id]).expect(0);
    assert!(shown.stdout.contains("file       photo.jpg (1000000 bytes)"), "{shown:?}");
    assert!(shown.stderr.contains("ecomesh attachments"), "{shown:?}");

    // A new text has files of its own, and the notice those of the text that is shown.
    tz.run(&["notice", "review", id, "approve"]).expect(0);
    wait_for("it is published", || {
        let standing = fr.json(&["notice", "show", id])["notice"]["standing"].clone();
        if standing == "published" { Ok(()) } else { Err(standing.to_string()) }
    });
    let update = fr.run(&["notice", "update", id, &yellow]).expect(0);
    assert!(update.stderr.contains("with the one before went photo.jpg"), "{update:?}");
    let text = update.stdout.trim();
    assert!(fr.run(&["attachments", id]).expect(0).stdout.contains("photo.jpg"));
    assert!(fr.run(&["attachments", text]).expect(0).stderr.contains("no files go with it"));
    wait_for("the new text", || {
        let ran = tz.run(&["notice", "review", id, "approve", "--text", text]);
        if ran.code == 0 { Ok(()) } else { Err(ran.stderr) }
    });
    wait_for("it is in force", || {
        let ran = fr.run(&["attachments", id]).expect(0);
        if ran.stderr.contains("no files go with it") { Ok(()) } else { Err(ran.stdout) }
    });

    // To a region: the reviewer lies there too, and nobody but these can read it.
    let diffuse = ["notice", "diffuse", &yellow, "--region"];
    let sent = fr.run(&[&diffuse[..], &["Eastern Africa"], &attach].concat()).expect(0);
    assert!(sent.stderr.contains("(for KE,TZ, sealed)"), "{sent:?}");
    let id = sent.stdout.trim();
    wait_for("the files", || {
        let ran = ke.run(&["attachments", id]);
        if ran.code == 0 && ran.stdout.contains("photo.jpg") { Ok(()) } else { Err(ran.stderr) }
    });
    for (region, advice) in [
        ("estern-africa", "did you mean eastern-africa"),
        ("pacific", "lie in: africa, sub-saharan-africa, eastern-africa"),
        ("europe", "no member of this network lies in europe but this bureau"),
    ] {
        let refused = fr.run(&[&diffuse[..], &[region], &attach].concat()).expect(5);
        assert!(refused.stderr.contains(advice), "{refused:?}");
        assert!(!refused.stderr.contains("part 1"), "nothing is recorded for what is refused: {refused:?}");
    }
}

#[test]
fn commands_about_notices_and_entries_need_a_node_and_say_so() {
    let empty = tempfile::tempdir().expect("a folder");
    let home = empty.path().display().to_string();
    let ran = run(&["notice", "diffuse", "x.toml"]).expect(2);
    for way in ["--to", "--region", "--members"] {
        assert!(ran.stderr.contains(way), "{ran:?}");
    }
    for command in [&["notice", "list"][..], &["notice", "show", "3f9a2c71d0"], &["db", "list"], &["hits"]] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--home", &home]).collect();
        let ran = run(&arguments).expect(4);
        assert!(ran.stderr.contains("help:"), "{ran:?}");
    }
}
