//! 552 real incidents, with all their dirt, through a mesh of three nodes.

mod common;

use std::collections::BTreeMap;

use common::Network;
use ecomesh_api::SendRequest;
use ecomesh_document::{Document, incident};

const MEMBERS: [&str; 3] = ["KE", "TZ", "TH"];

#[test]
fn every_incident_goes_through_the_mesh_or_is_refused_with_a_reason() {
    let Some(rows) = rows() else { return };
    assert_eq!(rows.len(), 552);
    let mut documents = Vec::new();
    let mut refused = Vec::new();
    for (number, row) in (1..).zip(&rows) {
        match incident::map_row(row, number) {
            Ok(mapped) => documents.push(Document::Ecomessage(Box::new(mapped.ecomessage))),
            Err(problems) => refused.push((number, problems)),
        }
    }
    for (number, problems) in &refused {
        assert!(!problems.is_empty(), "row {number} is refused without a reason");
        eprintln!("row {number}: {problems:?}");
    }
    // Dirt is kept as reported text; only a row that says nothing of use may be refused.
    assert!(refused.len() <= 5, "{} rows are refused", refused.len());

    let network = Network::start(&MEMBERS);
    let sent = send_all(&network, &documents);
    assert_eq!(sent.len(), documents.len());
    let holdings = network.wait_until_equal();
    let held: u64 = holdings["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["lane"] == "messages")
        .map(|entry| entry["seq"].as_u64().expect("a number") + 1)
        .sum();
    assert_eq!(held, documents.len() as u64);

    // What arrived elsewhere is what was sent, to the last cell.
    for (index, (id, document)) in sent.iter().zip(&documents).enumerate().step_by(37) {
        let reader = &network.nodes[(index + 1) % MEMBERS.len()];
        assert_eq!(reader.json(&["show", id])["document"], document.to_json(), "row {index}");
    }
    for index in 0..MEMBERS.len() {
        let audit = network.audit(index);
        eprintln!("{}: {}", MEMBERS[index], audit["verdict"]);
    }
}

/// Sends the documents in turn from each member to all; their ids in the same order.
fn send_all(network: &Network, documents: &[Document]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clients: Vec<_> = network.nodes.iter().map(common::Node::api).collect();
    runtime.block_on(async {
        let mut ids = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            let request = SendRequest {
                document: document.to_json(),
                to: Vec::new(),
                members: true,
                priority: None,
                reply_to: None,
                expires_at_ms: None,
                exercise: false,
            };
            let sent = clients[number % clients.len()].send(&request, None).await;
            ids.push(sent.unwrap_or_else(|error| panic!("row {number}: {error} {error:?}")).id);
        }
        ids
    })
}

fn rows() -> Option<Vec<BTreeMap<String, String>>> {
    let path = common::shared("data/pangolin_incidents.csv")?;
    let mut reader = csv::Reader::from_path(path).expect("the sheet");
    let heads: Vec<String> = reader
        .headers()
        .expect("headings")
        .iter()
        .map(|head| head.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let row =
        |record: csv::StringRecord| heads.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    Some(reader.records().map(|record| row(record.expect("a row"))).collect())
}
