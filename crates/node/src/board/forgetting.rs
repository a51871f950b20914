//! What was erased or destroyed leaves the projections, of the node that wrote it and of the others. Clients cannot tell:
//! they are shown nothing of it either way. So these tests look into whole nodes.

#[path = "../../tests/support/mod.rs"]
mod support;

use ecomesh_api::{
    CaseKind, Client, EntryDraft, EraseReason, EraseRequest, FindRequest, NoticeDraft, SendRequest,
    StepRequest, WithdrawRequest,
};
use ecomesh_record::{Header, Retention, Time};
use serde_json::{Value, json};

use super::*;
use crate::Running;
use support::{Network, now, until, until_after};

/// Where all is found that these tests write, as far as it has any of these.
const NUMBER: &str = "P900";
const NAME: &str = "Gavrilov";
const WORD: &str = "tusks";

fn person() -> Value {
    json!({
        "status": "suspect", "family_name": NAME, "given_names": "Ivan",
        "documents": [{ "kind": "passport", "number": NUMBER, "country": "TZ" }],
    })
}

fn entry() -> Value {
    json!({
        "form": "nominal-entry",
        "source": { "reference": "KE/1" },
        "purpose": "locate",
        "article_3": "conforms",
        "person": person(),
        "facts": { "text": "Seen with 12 tusks." },
    })
}

fn batch() -> Value {
    let line = json!({
        "form": "sltd-entry",
        "source": { "reference": "KE/2" },
        "document": { "kind": "passport", "number": NUMBER, "country": "KE" },
        "status": "stolen",
        "date": "2026-11-20",
    });
    json!({ "form": "entry-batch", "source": { "reference": "list 1" }, "entries": [line] })
}

fn notice(kind: CaseKind) -> NoticeDraft {
    let document = json!({
        "form": "blue-notice",
        "request": { "reference": "KE/3", "language": "en", "article_3": "conforms" },
        "person": person(),
        "investigation": { "facts": "Seen at the port with 12 tusks." },
        "asked": ["locate"],
    });
    NoticeDraft {
        document,
        kind,
        to: Vec::new(),
        members: kind == CaseKind::Diffusion,
        replaces: None,
        priority: None,
        exercise: false,
        regions: Vec::new(),
        files: Vec::new(),
    }
}

async fn enter(client: &Client, document: Value) -> String {
    let draft = EntryDraft { document, replaces: None, exercise: false };
    client.add_entry(&draft, None).await.unwrap().id
}

/// The projections of a node that have something of a record.
fn traces(node: &Running, id: &str) -> Vec<&'static str> {
    let id = RecordId::parse(id).unwrap();
    let look = |projections: &Projections| {
        let Projections { notices, entries, batches, index, hits, .. } = projections;
        let has = |found: Vec<index::Candidate>| found.iter().any(|candidate| candidate.record == id);
        let all = [
            ("notices", notices.case_of(id).is_some()),
            ("entries", entries.item_of(id).is_some()),
            ("batches", batches.batch_of(id).is_some()),
            ("hits", hits.contains_key(&id)),
            ("numbers", has(index.by_number(NUMBER))),
            ("names", has(index.by_name(NAME, 9))),
            ("words", has(index.by_text(WORD, 9).unwrap())),
        ];
        all.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    };
    node.board().look(look).unwrap()
}

async fn leaves(nodes: &[&Running], id: &str, expected: &[&str]) {
    for node in nodes {
        until("the projections have it so", || async { (traces(node, id) == expected).then_some(()) }).await;
    }
}

async fn erase(client: &Client, ids: Vec<String>) {
    client.erase(&EraseRequest { ids, reason: EraseReason::SentInError }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_leaves_the_projections_of_all() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let (writer, nodes) = (ke.client(), [&ke, &tz]);
    let message = SendRequest {
        document: json!({ "form": "message", "language": "en", "title": "Test", "text": "Twelve tusks." }),
        to: vec!["TZ".into()],
        ..SendRequest::default()
    };
    let case = ["notices", "numbers", "names", "words"];
    let written = [
        (writer.notice(&notice(CaseKind::Notice), None).await.unwrap().id, &case[..]),
        (writer.notice(&notice(CaseKind::Diffusion), None).await.unwrap().id, &case[..]),
        (enter(&writer, entry()).await, &["entries", "numbers", "names", "words"]),
        (enter(&writer, batch()).await, &["batches", "numbers"]),
        (writer.send(&message, None).await.unwrap().id, &["words"]),
    ];
    for (id, expected) in &written {
        leaves(&nodes, id, expected).await;
    }
    // Tanzania meets the entry and the line, and takes back that it has told so.
    let request = FindRequest {
        number: Some(NUMBER.into()),
        purpose: "border-control".into(),
        officer: "N. 12".into(),
        ..FindRequest::default()
    };
    let found = tz.client().find(&request).await.unwrap().found;
    let hits: Vec<String> = found.into_iter().filter_map(|found| found.hit).collect();
    assert_eq!(hits.len(), 2);
    for hit in &hits {
        leaves(&nodes, hit, &["hits"]).await;
    }

    erase(&tz.client(), hits.clone()).await;
    let [notice, diffusion, entry, batch, message] = written.each_ref().map(|(id, _)| id.clone());
    let cancel =
        StepRequest { step: "cancel".into(), reason: Some("found".into()), ..StepRequest::default() };
    for id in [&notice, &diffusion] {
        writer.notice_step(id, &cancel).await.unwrap();
    }
    for id in [&entry, &batch] {
        writer.withdraw_entry(id, &WithdrawRequest { reason: "found".into() }).await.unwrap();
    }
    erase(&writer, vec![notice, diffusion, message]).await;
    for id in hits.iter().chain(written.iter().map(|(id, _)| id)) {
        leaves(&nodes, id, &[]).await;
    }
    ke.shutdown().await.unwrap();
    tz.shutdown().await.unwrap();
}

/// An entry that expired a month ago comes to a node that nobody has told the time yet. Once somebody has, it is destroyed: a
/// minute after the start, which is why this test takes that long.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_leaves_the_projections_when_it_is_destroyed() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let network = Network::found(&["KE", "TZ", "UG"]);
    let ke = network.start(0).await;
    let (document, _) = Document::from_json(&entry()).unwrap();
    let expired = |header: &mut Header| {
        header.created_at = Time(now().0 - 40 * DAY_MS);
        header.expires_at = Time(now().0 - 31 * DAY_MS);
        header.retention = Retention(document.retention());
    };
    let record = network.record_of(1, Kind::ENTRY, document.encode().unwrap(), expired);
    let id = record.id().to_string();
    network.bring(&record, &ke.client()).await;
    leaves(&[&ke], &id, &["entries", "numbers", "names", "words"]).await;

    let ug = network.start(2).await;
    let first_walk = Duration::from_secs(60);
    until_after(first_walk, "it is destroyed", || async {
        (!ke.client().record(&id).await.unwrap().message.body_here).then_some(())
    })
    .await;
    leaves(&[&ke, &ug], &id, &[]).await;
    ke.shutdown().await.unwrap();
    ug.shutdown().await.unwrap();
}
