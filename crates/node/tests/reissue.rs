//! A closed batch of which a line was withdrawn is written anew also if nothing can be sealed to one of its readers now.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use ecomesh_api::{Client, EntryDraft, FindRequest, RecordState, WithdrawRequest};
use ecomesh_node::config::{LogFormat, LogSettings};
use ecomesh_node::telemetry;
use serde_json::{Value, json};
use support::{Network, until};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Travel documents 1 to 4 of a series, closed to some.
fn batch(series: &str, excluded: &[&str]) -> Value {
    let line = |n: usize| {
        json!({
            "form": "sltd-entry",
            "source": { "reference": format!("KE/{series}{n}") },
            "document": { "kind": "passport", "number": format!("{series}{n}"), "country": "KE" },
            "status": "stolen",
            "date": "2026-11-20",
        })
    };
    json!({
        "form": "entry-batch",
        "source": { "reference": format!("list {series}"), "handling": { "excluded": excluded } },
        "entries": (1..=4).map(line).collect::<Vec<_>>(),
    })
}

/// The records in which a number is found.
async fn find(client: &Client, number: &str) -> Vec<String> {
    let request = FindRequest {
        number: Some(number.into()),
        purpose: "border-control".into(),
        officer: "N. 12".into(),
        ..FindRequest::default()
    };
    let found = client.find(&request).await.unwrap().found;
    found.into_iter().map(|found| found.id.split_once('.').unwrap().0.to_owned()).collect()
}

async fn readers(client: &Client, id: &str) -> Vec<String> {
    let sealed = client.record(id).await.unwrap().sealed.unwrap();
    sealed.readers.into_iter().map(|reader| reader.member).collect()
}

// The only test of this file: the log belongs to the whole process.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_to_whom_nothing_can_be_sealed_is_left_out_and_told() {
    let log = Log::default();
    let writer = log.clone();
    let settings = LogSettings { level: "warn".into(), format: LogFormat::Text };
    telemetry::start_to(&settings, move || writer.clone()).unwrap();
    // Tanzania's node never runs: it is sealed to the prekey on its card.
    let network = Network::found(&["KE", "TZ", "UG", "ZM"]);
    let (ke_node, zm_node) = (network.start(0).await, network.start(3).await);
    let (ke, zm) = (ke_node.client(), zm_node.client());
    let draft = EntryDraft { document: batch("A", &["UG"]), replaces: None, exercise: false };
    let old = ke.add_entry(&draft, None).await.unwrap();
    assert_eq!(old.to, ["TZ", "ZM"]);
    assert!(!old.warnings.iter().any(|warning| warning.message.contains("sealed")), "{:?}", old.warnings);
    assert_eq!(readers(&ke, &old.id).await, ["KE", "TZ", "ZM"]);
    let is_old = |found: &[String]| found == std::slice::from_ref(&old.id);
    until("Zambia reads it", || async { is_old(&find(&zm, "A3").await).then_some(()) }).await;

    let draft = EntryDraft { document: batch("B", &["UG", "ZM"]), replaces: None, exercise: false };
    let lonely = ke.add_entry(&draft, None).await.unwrap().id;
    assert_eq!(readers(&ke, &lonely).await, ["KE", "TZ"]);

    network.let_prekeys_end(1, &ke).await;
    let reason = WithdrawRequest { reason: "recovered".into() };
    ke.withdraw_entry(&format!("{}.2", old.id), &reason).await.unwrap();
    ke_node.shutdown().await.unwrap();
    let mut config = support::config();
    config.databases.rewrite_after_h = 0;
    let ke_node = network.try_start(0, config).await.unwrap();
    for client in [&ke, &zm] {
        until("the old one is erased", || async {
            (client.record(&old.id).await.ok()?.message.state == RecordState::Erased).then_some(())
        })
        .await;
        let new = until("the new one stands", || async {
            let found = find(client, "A3").await;
            (found.len() == 1 && !is_old(&found)).then(|| found[0].clone())
        })
        .await;
        assert_eq!(readers(client, &new).await, ["KE", "ZM"]);
        assert_eq!(find(client, "A2").await, Vec::<String>::new());
    }
    let count = |told: &dyn Fn(&str) -> bool| {
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap().lines().filter(|line| told(line)).count()
    };
    assert_eq!(
        count(&|line| line.contains("a batch is written anew without them") && line.contains("TZ")),
        1
    );
    zm_node.shutdown().await.unwrap();

    // Without any reader the batch stays, the withdrawn line is hidden, and it is no failure that is tried again and again.
    ke.withdraw_entry(&format!("{lonely}.1"), &reason).await.unwrap();
    ke_node.shutdown().await.unwrap();
    let mut config = support::config();
    config.databases.rewrite_after_h = 0;
    let ke_node = network.try_start(0, config).await.unwrap();
    let waits = |line: &str| line.contains("nothing can be sealed to any reader of a batch now");
    until("the officer of the log is told", || async { (count(&waits) == 1).then_some(()) }).await;
    assert_eq!(count(&|line| line.contains("wait to be written anew")), 0);
    let ke = ke_node.client();
    until("the rest is found", || async { (find(&ke, "B3").await == [lonely.clone()]).then_some(()) }).await;
    assert_eq!(find(&ke, "B1").await, Vec::<String>::new());
    ke_node.shutdown().await.unwrap();
}
