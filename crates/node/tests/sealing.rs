//! Sealed mail between real nodes: who can read it, how long, and what a lost vault costs.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use ecomesh_api::{
    Client, ClientError, FrontierQuery, PrekeyUse, ProblemCode, ReaderKey, ReceiptOutcome, ReceiptRequest,
    RefusalReason, ResendRequest, SendRequest, Sent,
};
use ecomesh_node::Running;
use ecomesh_node::backup::{backup, restore};
use ecomesh_node::home::Home;
use support::{Network, given, message, now, until};

async fn send(client: &Client, text: &str, to: &[&str]) -> Sent {
    client.send(&message(text, to), None).await.unwrap()
}

/// What a node shows of a record, once it is there: its text, or nothing.
async fn text(client: &Client, id: &str) -> Option<String> {
    let record = until("the record is here", || async { client.record(id).await.ok() }).await;
    record.document.map(|document| document["text"].as_str().unwrap().to_owned())
}

async fn delivered(client: &Client, id: &str) {
    until("it is delivered", || async { client.status(id).await.unwrap().is_delivered().then_some(()) })
        .await;
}

/// Waits until `client` would seal to `member` with a prekey of the day.
async fn knows_daily(client: &Client, member: &str) {
    until("the prekey of the day is known", || async {
        let others = client.prekeys().await.unwrap().others;
        let other = others.into_iter().find(|other| other.member == member).unwrap();
        other.prekey.filter(|prekey| prekey.purpose == PrekeyUse::Daily).map(drop)
    })
    .await;
}

/// Waits until a node has opened what came, or said that it cannot.
async fn all_looked_at(client: &Client) {
    until("sealed mail is looked at", || async {
        client.metrics().await.unwrap().contains("ecomesh_sealed_unopened 0").then_some(())
    })
    .await;
}

fn key_for(record: &ecomesh_api::RecordView, member: &str) -> ReaderKey {
    let readers = &record.sealed.as_ref().unwrap().readers;
    readers.iter().find(|reader| reader.member == member).unwrap().key
}

async fn refused(result: Result<Sent, ClientError>) -> ProblemCode {
    match result {
        Err(ClientError::Refused(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

async fn stop(running: Running) {
    running.shutdown().await.unwrap();
}

/// Files under a folder in which these bytes stand.
fn files_with(dir: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if kind.is_file() && std::fs::read(&path).unwrap().windows(bytes.len()).any(|w| w == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_readable_by_its_addressees_and_nobody_else() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let ke = network.start(0).await;
    // TZ's node has never run: its card has a first key.
    let early = send(&ke.client(), "before TZ's node ran", &["TZ"]).await;
    assert!(early.sealed);
    assert_eq!(early.lower_secrecy, ["TZ"]);
    let (tz, th) = (network.start(1).await, network.start(2).await);
    let (ke_client, tz_client, th_client) = (ke.client(), tz.client(), th.client());
    assert_eq!(text(&tz_client, &early.id).await.as_deref(), Some("before TZ's node ran"));
    assert_eq!(text(&th_client, &early.id).await, None);

    knows_daily(&ke_client, "TZ").await;
    let canary = "canary-7f3a91-plain";
    let sent = send(&ke_client, canary, &["TZ"]).await;
    assert!(sent.sealed && sent.lower_secrecy.is_empty(), "{sent:?}");
    delivered(&ke_client, &sent.id).await;
    until("TH carries it", || async { th_client.record(&sent.id).await.ok().map(drop) }).await;
    for (client, readable) in [(&ke_client, true), (&tz_client, true), (&th_client, false)] {
        let record = client.record(&sent.id).await.unwrap();
        assert_eq!(record.document.is_some(), readable);
        assert_eq!(record.message.subject.is_some(), readable);
        assert_eq!(record.unreadable.is_some(), !readable);
        assert_eq!(key_for(&record, "KE"), ReaderKey::Author);
        assert_eq!(key_for(&record, "TZ"), ReaderKey::Daily, "everybody can see how well it is sealed");
    }
    assert_eq!(key_for(&th_client.record(&early.id).await.unwrap(), "TZ"), ReaderKey::Fallback);

    let open = SendRequest { open: true, ..message("not sealed", &["TZ"]) };
    let open = ke_client.send(&open, None).await.unwrap();
    let to_all = send(&ke_client, "to all", &[]).await;
    for id in [&open.id, &to_all.id] {
        assert!(text(&th_client, id).await.is_some());
        assert_eq!(th_client.record(id).await.unwrap().sealed, None);
    }
    for node in [ke, tz, th] {
        stop(node).await;
    }
    for home in &network.homes {
        assert_eq!(files_with(home.dir(), canary.as_bytes()), [""; 0], "sealed on every disk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_the_same_message_although_it_is_sealed_anew() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let one = message("once", &["TZ"]);
    let sent = ke.client().send(&one, Some("a key")).await.unwrap();
    let again = ke.client().send(&one, Some("a key")).await.unwrap();
    assert_eq!((&again.id, again.repeated), (&sent.id, true));
    stop(ke).await;
    let ke = network.start(0).await;
    let again = ke.client().send(&one, Some("a key")).await.unwrap();
    assert_eq!((&again.id, again.repeated), (&sent.id, true), "also after a restart");
    let other = ke.client().send(&message("another", &["TZ"]), Some("a key")).await;
    assert_eq!(refused(other).await, ProblemCode::IdempotencyKeyReused);
    let unsealed = SendRequest { open: true, ..one };
    let unsealed = ke.client().send(&unsealed, Some("a key")).await;
    assert_eq!(refused(unsealed).await, ProblemCode::IdempotencyKeyReused);
    assert_eq!(text(&ke.client(), &sent.id).await.as_deref(), Some("once"));
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_stays_readable_when_its_prekey_is_destroyed() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let sent = send(&ke.client(), "to be kept", &["TZ"]).await;
    assert_eq!(text(&tz.client(), &sent.id).await.as_deref(), Some("to be kept"));
    // The node has kept its content key by itself: nobody need have read it.
    all_looked_at(&tz.client()).await;
    stop(tz).await;
    std::fs::remove_file(network.homes[1].vault_dir().join("prekeys.vault")).unwrap();
    let tz = network.start(1).await;
    assert_eq!(text(&tz.client(), &sent.id).await.as_deref(), Some("to be kept"));
    stop(tz).await;
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_vault_is_told_and_the_mail_sent_again() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let old = send(&ke.client(), "read before the loss", &["TZ"]).await;
    assert!(text(&tz.client(), &old.id).await.is_some());
    knows_daily(&ke.client(), "TZ").await;
    stop(tz).await;
    let lost = send(&ke.client(), "on its way", &["TZ", "TH"]).await;
    std::fs::remove_dir_all(network.homes[1].vault_dir()).unwrap();

    let tz = network.start(1).await;
    let said = until("KE is told", || async {
        let status = ke.client().status(&lost.id).await.unwrap();
        status.recipients.iter().find(|r| r.member == "TZ").and_then(|r| r.receipt)
    })
    .await;
    assert_eq!((said.outcome, said.reason), (ReceiptOutcome::CannotOpen, Some(RefusalReason::PrekeyGone)));
    let record = tz.client().record(&lost.id).await.unwrap();
    assert!(record.unreadable.unwrap().contains("destroyed or lost"), "and TZ's officer too");

    let th = network.start(2).await;
    assert!(text(&th.client(), &lost.id).await.is_some());
    let opened = ReceiptRequest { outcome: ReceiptOutcome::Opened, reason: None };
    th.client().receipt(&lost.id, &opened).await.unwrap();
    until("KE is told that TH has read it", || async {
        let status = ke.client().status(&lost.id).await.unwrap();
        status.recipients.iter().find(|r| r.member == "TH").and_then(|r| r.receipt)
    })
    .await;
    let again = ke.client().resend(&lost.id, &ResendRequest::default(), Some("again")).await.unwrap();
    assert_eq!(again.to, ["TZ"], "TH has read it");
    let once = ke.client().resend(&lost.id, &ResendRequest::default(), Some("again")).await.unwrap();
    assert_eq!((once.id, once.repeated), (again.id.clone(), true));
    assert_eq!(text(&tz.client(), &again.id).await.as_deref(), Some("on its way"));
    let foreign = tz.client().resend(&lost.id, &ResendRequest::default(), None).await;
    assert_eq!(refused(foreign).await, ProblemCode::NotOwnRecord);

    // Said once, not at each start.
    stop(tz).await;
    let tz = network.start(1).await;
    all_looked_at(&tz.client()).await;
    until("KE has all that TZ wrote", || async {
        let own = FrontierQuery::default();
        let (here, there) =
            (ke.client().frontier(&own).await.unwrap(), tz.client().frontier(&own).await.unwrap());
        (here.entries == there.entries).then_some(())
    })
    .await;
    let status = ke.client().status(&lost.id).await.unwrap();
    let receipt = status.recipients.into_iter().find(|r| r.member == "TZ").unwrap().receipt;
    assert_eq!(receipt, Some(said));
    stop(th).await;
    stop(tz).await;
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_can_read_what_was_read_before() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let came = send(&ke.client(), "came before the backup", &["TZ"]).await;
    assert!(text(&tz.client(), &came.id).await.is_some());
    all_looked_at(&tz.client()).await;
    let went = send(&tz.client(), "went before the backup", &["KE"]).await;
    stop(tz).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tz.backup");
    let made = backup(&network.homes[1], &file, given, now()).unwrap();
    assert!(made.entries.iter().any(|entry| entry == "vault/keys.vault"), "{made:?}");
    assert!(!made.entries.iter().any(|entry| entry.contains("prekeys")), "{made:?}");
    let dir = network.homes[1].dir().to_owned();
    std::fs::remove_dir_all(&dir).unwrap();
    restore(&file, &dir, given, now()).unwrap();
    assert_eq!(Home::at(&dir), network.homes[1]);

    let tz = network.start(1).await;
    assert_eq!(text(&tz.client(), &came.id).await.as_deref(), Some("came before the backup"));
    assert_eq!(text(&tz.client(), &went.id).await.as_deref(), Some("went before the backup"));
    // New prekeys are published, and mail comes again.
    knows_daily(&ke.client(), "TZ").await;
    until("KE seals to a prekey that TZ has", || async {
        let sent = send(&ke.client(), "after the restore", &["TZ"]).await;
        text(&tz.client(), &sent.id).await
    })
    .await;
    stop(tz).await;
    stop(ke).await;
}
