//! Erasure between real nodes: hidden at once, destroyed after the hold with the keys that open it, told by all, and not
//! brought back by a backup.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use ecomesh_api::{
    Client, ClientError, EraseReason, EraseRequest, ErasuresView, ExportQuery, ExtendReason, ExtendRequest,
    ListingQuery, MessageView, ProblemCode, RecordState, SendRequest,
};
use ecomesh_document::Document;
use ecomesh_node::Running;
use ecomesh_node::archives::write_archive;
use ecomesh_node::backup::{backup, restore};
use ecomesh_node::home::Home;
use ecomesh_protocol::erasure::{Erase, Ground};
use ecomesh_protocol::ledger::{Batch, Ledger};
use ecomesh_protocol::lives::{ERASURE_PREFIX, HOLD_MS};
use ecomesh_record::{Audience, Header, Kind, RecordId, Retention};
use ecomesh_store::{Options, open_or_create};
use serde_json::json;
use support::{Network, given, now, storage_key, until};

const DAY: u64 = 24 * 3_600_000;

fn message(text: &str, open: bool) -> SendRequest {
    SendRequest {
        document: json!({ "form": "message", "language": "en", "title": text, "text": text }),
        to: vec!["TZ".to_owned()],
        members: false,
        open,
        ..SendRequest::default()
    }
}

async fn send(client: &Client, text: &str, open: bool) -> String {
    let sent = client.send(&message(text, open), None).await.unwrap();
    until("it is delivered", || async {
        client.status(&sent.id).await.unwrap().is_delivered().then_some(())
    })
    .await;
    sent.id
}

async fn is_erased(client: &Client, id: &str) {
    until("it is hidden", || async {
        (client.record(id).await.ok()?.message.state == RecordState::Erased).then_some(())
    })
    .await;
}

async fn erase(client: &Client, ids: &[&str]) -> Result<ErasuresView, ClientError> {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    client.erase(&EraseRequest { ids, reason: EraseReason::SentInError }).await
}

fn extend(id: &str, until_ms: u64) -> ExtendRequest {
    ExtendRequest { ids: vec![id.to_owned()], until_ms, reason: ExtendReason::StillNeeded }
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ProblemCode {
    match result {
        Err(ClientError::Refused(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

fn clients(nodes: &[Running]) -> Vec<Client> {
    nodes.iter().map(Running::client).collect()
}

async fn stop_all(nodes: Vec<Running>) {
    for node in nodes {
        node.shutdown().await.unwrap();
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The node of this home has seen its erasures as long ago as the hold lasts. Returns the commitments of sealed headers to
/// their content keys.
fn let_the_hold_pass(home: &Home, ids: &[&str]) -> Vec<[u8; 32]> {
    let network = home.roster().unwrap().network();
    let options = Options { ballast_bytes: 0, ..Options::default() };
    let mut ledger =
        open_or_create(&home.store_dir(), network, [1; 16], &storage_key(home), &options).unwrap().ledger;
    let mut values = ledger.values_with(ERASURE_PREFIX).unwrap();
    assert!(!values.is_empty());
    for (_, value) in &mut values {
        let seen: [u8; 8] = value[2..10].try_into().unwrap();
        let earlier = u64::from_be_bytes(seen) - HOLD_MS - 1;
        value[2..10].copy_from_slice(&earlier.to_be_bytes());
    }
    ledger.commit(&Batch { values, ..Batch::default() }).unwrap();
    let audience = |id: &&str| {
        let position = ledger.find(RecordId::parse(id).unwrap()).unwrap().unwrap();
        ledger.record(position).unwrap().unwrap().header().audience.clone()
    };
    let commitment = |audience| match audience {
        Audience::Sealed { key_commitment, .. } => Some(key_commitment),
        _ => None,
    };
    ids.iter().map(audience).filter_map(commitment).collect()
}

/// Whether a file of content keys has an entry for this commitment.
fn keeps_key(home: &Home, commitment: &[u8; 32]) -> bool {
    let files = std::fs::read_dir(home.vault_dir().join("content-keys")).unwrap();
    files
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default())
        .any(|bytes| bytes.windows(32).any(|window| window == commitment))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_message_is_hidden_destroyed_and_told() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let nodes = network.start_all().await;
    let all = clients(&nodes);
    let (ke, tz) = (&all[0], &all[1]);
    let sealed = send(ke, "the wrong person", false).await;
    let open = send(ke, "the wrong ship", true).await;
    let kept = send(ke, "the right one", false).await;
    for client in &all {
        until("all hold it", || async { client.record(&kept).await.ok().map(drop) }).await;
    }

    for client in &all[..2] {
        until("sealed mail is looked at", || async {
            client.metrics().await.unwrap().contains("ecomesh_sealed_unopened 0").then_some(())
        })
        .await;
    }

    // Only its author can, and only messages.
    assert_eq!(code(erase(tz, &[&sealed]).await), ProblemCode::NotOwnRecord);
    assert_eq!(code(erase(ke, &[]).await), ProblemCode::BadRequest);
    let erased = erase(ke, &[&sealed[..10], &open]).await.unwrap().erasures;
    assert_eq!([&erased[0].id, &erased[1].id], [&sealed, &open]);
    assert!(erased.iter().all(|e| !e.destroyed && e.reason == EraseReason::SentInError));
    let control = erased[0].erasure.clone();
    assert_eq!(control, erased[1].erasure, "one record for both");
    assert_eq!(erase(ke, &[&sealed]).await.unwrap().erasures[0].erasure, control, "and none for a retry");
    assert_eq!(code(erase(ke, &[&control]).await), ProblemCode::NotOwnRecord);
    assert_eq!(code(ke.extend(&extend(&sealed, now().after(DAY).0)).await), ProblemCode::WouldBeVoid);

    for client in &all {
        for id in [&sealed, &open] {
            is_erased(client, id).await;
            let record = client.record(id).await.unwrap();
            assert!(record.document.is_none() && record.text.is_none() && record.message.subject.is_none());
            assert_eq!(record.unreadable.as_deref(), Some("its author has erased it"));
            assert_eq!(record.erasure.unwrap().erasure, control);
            let query = ExportQuery { record: Some(id.clone()), ..ExportQuery::default() };
            assert_eq!(code(client.export(&query, &mut Vec::new()).await), ProblemCode::NotFound);
        }
        let mut archive = Vec::new();
        client.export(&ExportQuery::default(), &mut archive).await.unwrap();
        assert!(!has(&archive, "the wrong ship"));
    }
    let inbox = tz.inbox(&ListingQuery::default()).await.unwrap().messages;
    assert_eq!(inbox.iter().map(|message| &message.id).collect::<Vec<_>>(), [&kept]);
    let status = ke.status(&sealed).await.unwrap();
    assert!(status.is_delivered(), "that it was delivered before is never unsaid");
    assert_eq!(status.erasure.unwrap().unconfirmed, ["KE", "TH", "TZ"]);

    // Three days later.
    stop_all(nodes).await;
    let ids = [sealed.as_str(), &open, &kept];
    let found: Vec<_> = network.homes.iter().map(|home| let_the_hold_pass(home, &ids)).collect();
    let [gone, survivor] = found[0][..] else { panic!("two were sealed") };
    assert!(keeps_key(&network.homes[0], &gone) && keeps_key(&network.homes[1], &gone));
    let nodes = network.start_all().await;
    let all = clients(&nodes);
    for client in &all {
        for id in [&sealed, &open] {
            until("it is destroyed", || async {
                (!client.record(id).await.ok()?.message.body_here).then_some(())
            })
            .await;
        }
        assert!(client.record(&kept).await.unwrap().message.body_here);
    }
    until("all have said so", || async { all[0].status(&sealed).await.unwrap().is_erased().then_some(()) })
        .await;
    until("the content keys are destroyed", || async {
        network.homes.iter().all(|home| !keeps_key(home, &gone)).then_some(())
    })
    .await;
    // What was sent on the same day can still be read.
    for client in &all[..2] {
        assert!(client.record(&kept).await.unwrap().document.is_some());
    }
    assert!(keeps_key(&network.homes[0], &survivor) && keeps_key(&network.homes[1], &survivor));
    let mut archive = Vec::new();
    all[0].export(&ExportQuery::default(), &mut archive).await.unwrap();
    let report = ecomesh_audit::audit(archive.as_slice(), &ecomesh_audit::Options::at(now())).unwrap();
    assert_eq!((report.fault_count, report.bodies_erased), (0, 2), "{report}");
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_nothing_back() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let before = send(&ke.client(), "erased before the backup", true).await;
    let after = send(&ke.client(), "erased after the backup", true).await;
    let erasure = erase(&ke.client(), &[&before]).await.unwrap().erasures[0].erasure.clone();
    // It counts before its place in the log is reached, and is in the backup only from then on.
    until("TZ has it in its place", || async { tz.client().record(&erasure).await.ok().map(drop) }).await;
    is_erased(&tz.client(), &before).await;
    tz.shutdown().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tz.backup");
    backup(&network.homes[1], &file, given, now()).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert!(!has(&bytes, "erased before the backup") && !has(&bytes, "erased after the backup"));
    erase(&ke.client(), &[&after]).await.unwrap();

    let home = network.homes[1].dir();
    std::fs::rename(home, dir.path().join("old")).unwrap();
    restore(&file, home, given, now()).unwrap();
    let mut restored = Vec::new();
    write_archive(&network.homes[1], given, now(), &mut restored).unwrap();
    assert!(!has(&restored, "erased before the backup") && has(&restored, "erased after the backup"));
    let tz = network.start(1).await;
    let client = tz.client();
    let message = client.record(&before).await.unwrap().message;
    assert_eq!((message.state, message.body_here), (RecordState::Erased, false), "the backup knows it");
    is_erased(&client, &after).await;
    stop_all(vec![tz, ke]).await;
}

/// A body that a backup lacks without a reason in it costs no other record.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_a_backup_lacks_is_a_hole_of_the_restored_node() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let first = send(&ke.client(), "its body is lost", true).await;
    let second = send(&ke.client(), "behind it", true).await;
    tz.shutdown().await.unwrap();
    let home = &network.homes[1];
    {
        let options = Options { ballast_bytes: 0, ..Options::default() };
        let id = home.roster().unwrap().network();
        let mut ledger =
            open_or_create(&home.store_dir(), id, [1; 16], &storage_key(home), &options).unwrap().ledger;
        let excused = vec![ledger.find(RecordId::parse(&first).unwrap()).unwrap().unwrap()];
        ledger.commit(&Batch { excused, ..Batch::default() }).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tz.backup");
    backup(home, &file, given, now()).unwrap();
    std::fs::rename(home.dir(), dir.path().join("old")).unwrap();
    restore(&file, home.dir(), given, now()).unwrap();
    let tz = network.start(1).await;
    let client = tz.client();
    assert!(client.record(&second).await.unwrap().message.body_here);
    until("KE fills the hole", || async {
        client.record(&first).await.unwrap().message.body_here.then_some(())
    })
    .await;
    stop_all(vec![tz, ke]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_moves_the_expiry_on_all_nodes() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let (ke_client, tz_client) = (ke.client(), tz.client());
    let expires = now().after(DAY).0;
    let request = SendRequest { expires_at_ms: Some(expires), ..message("it goes on", false) };
    let id = ke_client.send(&request, None).await.unwrap().id;
    until("TZ has it", || async { tz_client.record(&id).await.ok().map(drop) }).await;
    let until_ms = now().after(90 * DAY).0;
    let extended = ke_client.extend(&extend(&id, until_ms)).await.unwrap();
    assert_eq!(extended.extensions[0].expires_at_ms, until_ms);
    until("TZ knows it", || async {
        let message = tz_client.record(&id).await.unwrap().message;
        (message.expires_at_ms == Some(until_ms)).then_some(())
    })
    .await;
    // It is no way to shorten a life, nor to make one that no class allows.
    let shorter = ke_client.extend(&extend(&id, expires)).await.unwrap();
    assert_eq!(shorter.extensions[0].expires_at_ms, until_ms);
    let too_long = now().after(20 * 366 * DAY).0;
    assert_eq!(code(ke_client.extend(&extend(&id, too_long)).await), ProblemCode::WouldBeVoid);
    assert_eq!(code(tz_client.extend(&extend(&id, until_ms)).await), ProblemCode::NotOwnRecord);
    tz.shutdown().await.unwrap();
    let tz = network.start(1).await;
    let message = tz.client().record(&id).await.unwrap().message;
    assert_eq!(message.expires_at_ms, Some(until_ms), "also after a restart");
    stop_all(vec![tz, ke]).await;
}

/// A blue notice, as a member writes it that keeps to no rule.
fn blue(name: &str, replaces: Option<RecordId>) -> Vec<u8> {
    let mut form = json!({
        "form": "blue-notice",
        "request": { "reference": "TZ/1", "language": "en", "article_3": "conforms" },
        "person": { "status": "suspect", "family_name": name, "given_names": "One" },
        "investigation": { "facts": "Seen at the port." },
        "asked": ["locate"],
    });
    if let Some(first) = replaces {
        form["request"]["replaces"] = json!(first.to_string());
    }
    Document::from_json(&form).unwrap().0.encode().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_whose_notice_was_erased_is_erased_with_it() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    let kept = |header: &mut Header| {
        (header.retention, header.expires_at) = (Retention::YEARS_5, now().after(99 * DAY));
    };
    let first = network.record_of(1, Kind::NOTICE, blue("ORPHAN", None), kept);
    let second = network.record_of(1, Kind::NOTICE, blue("FOUNDLING", Some(first.id())), |header| {
        kept(header);
        (header.seq, header.prev) = (1, first.id());
    });
    for record in [&first, &second] {
        network.bring(record, &client).await;
    }
    let inbox = || async { client.inbox(&ListingQuery::default()).await.unwrap().messages };
    until("both are known", || async {
        let all = inbox().await;
        all.iter().all(|one| one.standing.is_some()).then_some(()).filter(|()| all.len() == 2)
    })
    .await;
    // Its source takes the first text back alone, with software of its own.
    let erase = Erase::new(Ground::SENT_IN_ERROR, [first.id()]).unwrap().encode().unwrap();
    network.bring(&network.record_of(1, Kind::ERASE, erase, |_| ()), &client).await;
    until("nothing of it is shown", || async {
        let all = client.inbox(&ListingQuery { all: Some(true), ..ListingQuery::default() }).await.unwrap();
        let erased = |one: &&MessageView| one.state == RecordState::Erased && one.subject.is_none();
        (all.messages.iter().filter(erased).count() == 2).then_some(())
    })
    .await;
    let shown = client.record(&second.id().to_string()).await.unwrap();
    assert_eq!((shown.document, shown.text, shown.message.state), (None, None, RecordState::Erased));
    assert_eq!(inbox().await, []);
    assert!(shown.unreadable.is_some_and(|why| why.contains("erased")));
    ke.shutdown().await.unwrap();
}
