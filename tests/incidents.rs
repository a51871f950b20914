//! 552 real incidents, with all their dirt, through a mesh of three nodes.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use common::Network;
use ecomesh_api::{Client, SendRequest};
use ecomesh_document::{Document, incident};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];
/// Requests in flight at once: several share one commit of the node, and far fewer than it takes.
const AT_ONCE: usize = 16;

#[test]
fn every_incident_goes_through_the_mesh_or_is_refused_with_a_reason() {
    let Some(path) = common::shared("data/pangolin_incidents.csv") else { return };
    let rows = rows(&path);
    assert_eq!(rows.len(), 552);
    let documents = map(&rows);

    let network = Network::start(&MEMBERS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let sent = runtime.block_on(send_all(&network, &documents));
    eprintln!("{} sent in {:.1} s", sent.len(), began.elapsed().as_secs_f64());
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), documents.len(), "an id stands for two documents");

    network.nodes.iter().for_each(|node| node.wait_until_prekeys());
    let holdings = network.wait_until_equal();
    eprintln!("held by all {:.1} s after the first was sent", began.elapsed().as_secs_f64());
    assert_eq!(holdings["holes"], json!([]));
    assert_eq!(messages_below(&holdings), documents.len() as u64);

    // What a node holds of the others is what they sent, to the last cell.
    for reader in 0..MEMBERS.len() {
        let api = network.nodes[reader].api();
        runtime.block_on(compare(&api, &expected(&documents, &sent, reader)));
    }
    for (index, member) in MEMBERS.iter().enumerate() {
        let audit = network.audit(index);
        assert_eq!(audit["verdict"], "whole", "{member}: {audit}");
        // With a prekey of each member.
        let records = documents.len() + MEMBERS.len();
        assert_eq!(audit["records"], records, "{member}: {audit}");
        assert_eq!(audit["bodies"]["present"], records, "{member}: {audit}");
        assert_eq!((&audit["forks"], &audit["void_count"]), (&json!(0), &json!(0)), "{member}: {audit}");
    }
}

/// The documents of all rows that have one. Dirt is kept word for word; only a row that stands in wrong columns or
/// lacks what every message needs may be refused, and it says so.
fn map(rows: &[BTreeMap<String, String>]) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut notes = BTreeMap::<&'static str, usize>::new();
    let mut refused = 0;
    for (number, row) in (1..).zip(rows) {
        match incident::map_row(row, number) {
            Ok(mapped) => {
                for note in &mapped.notes {
                    *notes.entry(note.reason).or_default() += 1;
                }
                documents.push(Document::Ecomessage(Box::new(mapped.ecomessage)));
            }
            Err(problems) => {
                assert!(!problems.is_empty(), "row {number} is refused without a reason");
                refused += 1;
                for problem in problems {
                    eprintln!("row {number} refused: {problem}");
                }
            }
        }
    }
    eprintln!("{} rows: {} mapped, {refused} refused; notes by reason:", rows.len(), documents.len());
    for (reason, count) in notes {
        eprintln!("{count:5}  {reason}");
    }
    assert!(refused <= 5, "{refused} rows are refused");
    documents
}

/// Index of the node that sends a document.
fn sender_of(index: usize) -> usize {
    index % MEMBERS.len()
}

/// Sends the documents from their nodes to all, some at once; their ids in the order of the documents.
async fn send_all(network: &Network, documents: &[Document]) -> Vec<String> {
    let clients: Vec<Client> = network.nodes.iter().map(common::Node::api).collect();
    let sends = documents.iter().enumerate().map(|(index, document)| {
        let api = clients[sender_of(index)].clone();
        let request = SendRequest {
            document: document.to_json(),
            to: Vec::new(),
            members: true,
            open: false,
            priority: None,
            reply_to: None,
            expires_at_ms: None,
            exercise: true,
            files: Vec::new(),
        };
        async move {
            api.send(&request, None).await.map(|sent| sent.id).map_err(|error| format!("{index}: {error:?}"))
        }
    });
    stream::iter(sends).buffered(AT_ONCE).try_collect().await.expect("every mapped row is sent")
}

/// Id and document of what a node got from the others. The sending node writes its own name and the priority into
/// the form; nothing else may differ.
fn expected(documents: &[Document], ids: &[String], reader: usize) -> Vec<(String, Value)> {
    let from_others = documents.iter().zip(ids).enumerate().filter(|(index, _)| sender_of(*index) != reader);
    from_others
        .map(|(index, (document, id))| {
            let mut json = document.to_json();
            json["from"] = json!(MEMBERS[sender_of(index)]);
            json["priority"] = json!("routine");
            (id.clone(), json)
        })
        .collect()
}

async fn compare(api: &Client, expected: &[(String, Value)]) {
    let reads = expected.iter().map(|(id, document)| async move {
        let record = api.record(id).await.map_err(|error| format!("{id}: {error}"))?;
        Ok::<_, String>((id, document, record))
    });
    let mut records = stream::iter(reads).buffered(AT_ONCE);
    while let Some(read) = records.next().await {
        let (id, document, record) = read.expect("every record is read");
        assert_eq!(record.document.as_ref(), Some(document), "{id}");
        assert!(record.message.exercise, "{id}");
    }
}

/// Records of the lane of messages that a frontier covers.
fn messages_below(holdings: &Value) -> u64 {
    let entries = holdings["entries"].as_array().expect("entries").iter();
    let seqs = entries.filter(|entry| entry["lane"] == "messages").map(|entry| &entry["seq"]);
    seqs.map(|seq| seq.as_u64().expect("a number") + 1).sum()
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("the sheet");
    let heads: Vec<String> = reader
        .headers()
        .expect("headings")
        .iter()
        .map(|head| head.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let row =
        |record: csv::StringRecord| heads.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.expect("a row"))).collect()
}
