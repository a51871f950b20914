//! Real processes over loopback: messages come through, nodes that were away catch up, and what was acknowledged
//! survives `kill -9`.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::{Network, wait_for};
use ecomesh_api::{Client, ListingQuery, SendRequest};
use serde_json::{Value, json};

/// Rounds of kill and restart.
const KILLS: usize = 10;
/// Acknowledged messages between two kills, at least.
const PER_ROUND: usize = 8;

#[test]
fn a_message_is_delivered_shown_and_audited() {
    let network = Network::start(&["KE", "TZ", "TH"]);
    let (ke, tz, th) = (&network.nodes[0], &network.nodes[1], &network.nodes[2]);
    let sent = ke.json(&[
        "send",
        "--text",
        "ضبط عاج في مومباسا",
        "--language",
        "ar",
        "--to",
        "TZ",
        "--priority",
        "flash",
    ]);
    let id = sent["id"].as_str().expect("an id").to_owned();

    let status = ke.json(&["status", &id, "--wait", "delivered", "--timeout", "60s"]);
    assert_eq!(status["recipients"][0]["member"], "TZ");
    assert!(status["recipients"][0]["delivered_at_ms"].is_u64(), "{status}");

    let inbox = tz.json(&["inbox", "--from", "KE"]);
    assert_eq!(inbox["messages"][0]["id"], id.as_str());
    assert_eq!(inbox["messages"][0]["priority"], "flash");
    // An id may be shortened; text from right to left is isolated for the terminal.
    let shown = tz.run(&["show", &id[..10]]).expect(0);
    assert!(shown.stdout.contains("مومباسا"), "{shown:?}");
    assert!(shown.stdout.contains('\u{2068}') && shown.stdout.contains('\u{2069}'), "{shown:?}");

    // The third member carries the record too, but it is not in its inbox.
    let holdings = network.wait_until_equal();
    assert!(holdings["entries"].as_array().is_some_and(|entries| !entries.is_empty()), "{holdings}");
    assert_eq!(th.json(&["inbox"])["messages"], json!([]));

    let answer =
        tz.json(&["send", "--text", "Received", "--language", "en", "--to", "KE", "--reply-to", &id[..8]]);
    let answer_id = answer["id"].as_str().expect("an id");
    tz.json(&["status", answer_id, "--wait", "delivered", "--timeout", "60s"]);
    assert_eq!(ke.json(&["show", answer_id])["message"]["reply_to"], id.as_str());

    network.wait_until_equal();
    for index in 0..3 {
        assert_eq!(network.audit(index)["verdict"], "whole");
    }
}

#[test]
fn a_key_makes_a_repeated_send_one_message() {
    let mut network = Network::found(&["KE", "TZ"]);
    network.start_node(0);
    let ke = &network.nodes[0];
    let send = ["send", "--text", "Once", "--language", "en", "--to", "TZ", "--idempotency-key", "morning-1"];
    let first = ke.json(&send);
    let second = ke.json(&send);
    assert_eq!(first["id"], second["id"]);
    assert_eq!((&first["repeated"], &second["repeated"]), (&json!(false), &json!(true)));
    assert_eq!(ke.json(&["outbox"])["messages"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_node_that_was_away_gets_everything_and_goes_on_in_its_generation() {
    let mut network = Network::start(&["KE", "TZ", "TH"]);
    network.nodes[2].json(&["send", "--text", "Before", "--language", "en", "--members"]);
    network.wait_until_equal();
    assert_eq!(network.nodes[2].stop(), Some(0), "a clean stop");
    for number in 0..5 {
        let text = format!("While TH is away, {number}");
        network.nodes[0].json(&["send", "--text", &text, "--language", "en", "--to", "TH"]);
    }
    network.start_node(2);
    network.wait_until_equal();
    assert_eq!(network.nodes[2].json(&["inbox"])["messages"].as_array().map(Vec::len), Some(5));
    network.nodes[2].json(&["send", "--text", "After", "--language", "en", "--members"]);
    let outbox = network.nodes[2].json(&["outbox"]);
    let positions: Vec<&str> = outbox["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|m| m["position"].as_str())
        .collect();
    assert_eq!(positions, ["TH/1/0/0", "TH/1/0/1"], "a clean restart opens no generation");
}

#[test]
fn an_archive_goes_from_one_node_to_another_by_hand() {
    let mut network = Network::found(&["KE", "TZ"]);
    network.start_node(0);
    network.nodes[0].wait_until_prekeys();
    let sent = network.nodes[0].json(&["send", "--text", "By courier", "--language", "en", "--to", "TZ"]);
    let archive = network.folder.path().join("ke.ecoarchive");
    let path = archive.to_str().expect("a plain path");
    network.nodes[0].run(&["export", "--from", "KE", "-o", path]).expect(0);
    // KE is gone before TZ ever runs: the file is the only way.
    network.nodes[0].stop();
    network.start_node(1);
    let imported = network.nodes[1].json(&["import", path]);
    assert_eq!((&imported["new"], &imported["refused"]), (&json!(2), &json!(0)), "a prekey and the message");
    assert_eq!(network.nodes[1].json(&["inbox"])["messages"][0]["id"], sent["id"]);
    // A flipped bit is found and nothing is taken.
    let mut bytes = std::fs::read(&archive).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&archive, bytes).expect("a writable folder");
    common::run(&["audit", path]).expect(1);
    let refused = network.nodes[1].run(&["import", path, "--json"]);
    assert!([1, 3].contains(&refused.code), "{refused:?}");
}

#[test]
fn a_new_transport_key_is_learned_by_a_member_that_did_not_run() {
    let mut network = Network::start(&["KE", "TZ", "TH"]);
    network.wait_until_linked();
    network.nodes[2].json(&["send", "--text", "Before", "--language", "en", "--members"]);
    network.wait_until_equal();
    assert_eq!(network.nodes[2].stop(), Some(0), "a clean stop");
    assert_eq!(network.nodes[0].stop(), Some(0), "a clean stop");
    let passphrase = network.passphrase_file.to_str().expect("a plain path").to_owned();
    let rotate = ["transport", "rotate", "--passphrase-file", &passphrase];
    let rotated = network.nodes[0].json(&rotate);
    assert_eq!(rotated["counter"], 1, "{rotated}");
    network.start_node(0);
    let sent = network.nodes[0].json(&["send", "--text", "New key", "--language", "en", "--to", "TH"]);
    // TH knows the old key only, and it is the last one to come back.
    network.start_node(2);
    network.wait_until_linked();
    let id = sent["id"].as_str().expect("an id");
    network.nodes[0].json(&["status", id, "--wait", "delivered", "--timeout", "60s"]);
    let peers = network.nodes[2].json(&["peers"]);
    let ke = peers["peers"].as_array().and_then(|peers| peers.iter().find(|peer| peer["member"] == "KE"));
    assert_eq!(ke.expect("KE")["transport_key"], rotated["transport_key"], "{peers}");
    network.wait_until_equal();
    // While a node runs, its key cannot be changed under it.
    network.nodes[0].run(&rotate).expect(7);
}

#[test]
fn a_home_or_an_address_in_use_is_told_clearly() {
    let mut network = Network::found(&["KE", "TZ"]);
    network.start_node(0);
    let passphrase = network.passphrase_file.to_str().expect("a plain path").to_owned();
    let run = ["run", "--passphrase-file", &passphrase, "--json"];

    let second = network.nodes[0].run(&run).expect(7).error();
    assert!(second["what"].as_str().is_some_and(|what| what.contains("in use")), "{second}");
    assert!(second["help"].is_string() || second["what"].to_string().contains("stop"), "{second}");

    // Another program listens where TZ's node should.
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = held.local_addr().expect("an address");
    let config = network.nodes[1].home.join("node.toml");
    let text = std::fs::read_to_string(&config).expect("node.toml");
    let listen = format!("[net]\nlisten = [\"/ip4/127.0.0.1/tcp/{}\"]\n", address.port());
    std::fs::write(&config, text.replace("[net]\n", &listen)).expect("a writable home");
    let taken = network.nodes[1].run(&run).expect(7).error();
    let what = taken["what"].to_string();
    assert!(what.contains("in use") && what.contains(&address.port().to_string()), "{taken}");

    // Neither failure leaves anything behind: the first node still works, the second starts once it can.
    network.nodes[0].json(&["outbox"]);
    drop(held);
    network.start_node(1);
    network.nodes[1].json(&["inbox"]);
}

#[test]
fn a_flipped_byte_of_an_archive_is_found_wherever_it_lies() {
    let mut network = Network::found(&["KE", "TZ"]);
    network.start_node(0);
    network.nodes[0].wait_until_prekeys();
    for number in 0..3 {
        let text = format!("Message {number}");
        network.nodes[0].json(&["send", "--text", &text, "--language", "en", "--to", "TZ"]);
    }
    let whole = network.audit(0);
    assert_eq!(
        (&whole["verdict"], &whole["records"]),
        (&json!("whole"), &json!(4)),
        "a prekey and three messages: {whole}"
    );
    let archive = network.folder.path().join("KE.ecoarchive");
    let bytes = std::fs::read(&archive).expect("the archive");
    let copy = network.folder.path().join("flipped.ecoarchive");
    // Behind the words that say that it is an archive at all, into every part of it.
    for place in (16..bytes.len()).step_by(bytes.len() / 24).chain([bytes.len() - 1]) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x10;
        std::fs::write(&copy, flipped).expect("a writable folder");
        let ran = common::run(&["audit", "--json", copy.to_str().expect("a plain path")]);
        let report = ran.expect(1).json();
        assert_eq!(report["verdict"], "broken", "byte {place}: {report}");
        assert!(report["fault_count"].as_u64() > Some(0), "byte {place}: {report}");
    }
}

#[test]
fn kill_9_under_load_ten_times_loses_nothing_acknowledged() {
    let mut network = Network::start(&["KE", "TZ", "TH"]);
    let load = Load::start(network.nodes[0].api());
    let began = std::time::Instant::now();
    for round in 0..KILLS {
        let before = load.acknowledged().len();
        wait_for("acknowledged messages", || match load.acknowledged().len() - before {
            new if new >= PER_ROUND => Ok(()),
            new => Err(format!("round {round}: {new} of {PER_ROUND}; {}", load.last_error())),
        });
        network.nodes[0].kill();
        network.start_node(0);
    }
    eprintln!("{KILLS} kills and starts in {:.1} s", began.elapsed().as_secs_f64());
    let acknowledged = load.stop();
    assert!(acknowledged.len() >= KILLS * PER_ROUND);

    network.wait_until_equal();
    for node in &network.nodes {
        let held = texts_and_ids(&node.api(), node.member == "KE");
        for (id, text) in &acknowledged {
            assert!(held.iter().any(|(held_id, _)| held_id == id), "{} lost {id} ({text})", node.member);
        }
        // The retry of a broken send never made a second record.
        let mut titles: Vec<&String> = held.iter().map(|(_, title)| title).collect();
        let count = titles.len();
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), count, "{} holds a message twice", node.member);
    }
    for index in 0..network.nodes.len() {
        let audit = network.audit(index);
        assert_eq!((&audit["verdict"], &audit["forks"]), (&json!("whole"), &json!(0)), "{audit}");
    }
}

/// A client that sends as fast as it is answered, notes what was acknowledged, and repeats what was not under the
/// same key.
struct Load {
    acknowledged: Arc<Mutex<Vec<(String, String)>>>,
    last_error: Arc<Mutex<String>>,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Load {
    fn start(api: Client) -> Self {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let last_error = Arc::new(Mutex::new(String::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (acks, error, end) = (Arc::clone(&acknowledged), Arc::clone(&last_error), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for number in 0.. {
                    let title = format!("Load {number}");
                    // The message in hand is finished even after the stop: it may be recorded already.
                    loop {
                        match api.send(&message(&title), Some(&title)).await {
                            Ok(sent) => break acks.lock().expect("no panic").push((sent.id, title)),
                            Err(failed) => *error.lock().expect("no panic") = failed.to_string(),
                        }
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    }
                    if end.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        });
        Self { acknowledged, last_error, stop, thread }
    }

    fn acknowledged(&self) -> Vec<(String, String)> {
        self.acknowledged.lock().expect("no panic").clone()
    }

    fn last_error(&self) -> String {
        self.last_error.lock().expect("no panic").clone()
    }

    fn stop(self) -> Vec<(String, String)> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("the load ends");
        let acknowledged = self.acknowledged.lock().expect("no panic");
        acknowledged.clone()
    }
}

fn message(title: &str) -> SendRequest {
    SendRequest {
        document: json!({ "form": "message", "language": "en", "title": title, "text": title }),
        to: Vec::new(),
        members: true,
        open: false,
        priority: None,
        reply_to: None,
        expires_at_ms: None,
        exercise: true,
        files: Vec::new(),
    }
}

/// Id and subject of everything that a node sent (or, for others, received).
fn texts_and_ids(api: &Client, own: bool) -> Vec<(String, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut all = Vec::new();
        let mut query = ListingQuery { limit: Some(500), ..ListingQuery::default() };
        loop {
            let page = if own { api.outbox(&query).await } else { api.inbox(&query).await }.expect("a page");
            all.extend(
                page.messages.into_iter().map(|message| (message.id, message.subject.unwrap_or_default())),
            );
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return all,
            }
        }
    })
}

#[test]
fn the_demonstration_of_two_countries_passes() {
    let ran = common::run(&["demo", "--countries", "KE,FR", "--json"]).expect(0);
    let report: Value = ran.json();
    assert_eq!(report["passed"], true, "{report}");
    assert!(report["messages"].as_array().is_some_and(|messages| messages.len() >= 6), "{report}");
}
