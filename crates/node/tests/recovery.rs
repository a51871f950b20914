//! Backups, restores and the doctor, on real homes: nothing is lost, and no restore forks a log.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod support;

use std::path::Path;

use ecomesh_api::{Client, ClientError, ExportQuery, ProblemCode, SendRequest, StatusView};
use ecomesh_audit::{Options, Verdict, audit};
use ecomesh_node::backup::{RestoreError, backup, restore};
use ecomesh_node::doctor::{Severity, examine};
use ecomesh_node::home::Home;
use ecomesh_node::{Daemon, Running};
use serde_json::json;
use support::{Network, config, given, now, passphrase, until};

async fn send(client: &Client, text: &str, to: &str) -> String {
    let request = SendRequest {
        document: json!({ "form": "message", "language": "en", "title": "Test", "text": text }),
        to: vec![to.to_owned()],
        ..SendRequest::default()
    };
    client.send(&request, None).await.unwrap().id
}

async fn delivered(client: &Client, id: &str) {
    until("the message is delivered", || async {
        client.status(id).await.ok().filter(StatusView::is_delivered).map(drop)
    })
    .await;
}

async fn ready(client: &Client) {
    until("the node is ready", || async { client.ready().await.ok().map(drop) }).await;
}

async fn start(home: &Home) -> Running {
    Daemon::start(home.clone(), passphrase("correct horse"), config()).await.unwrap()
}

async fn assert_no_forks(client: &Client) {
    assert!(!client.metrics().await.unwrap().contains("disputed_logs 1"));
    let archive = {
        let mut bytes = Vec::new();
        client.export(&ExportQuery::default(), &mut bytes).await.unwrap();
        bytes
    };
    let report = audit(archive.as_slice(), &Options::at(now())).unwrap();
    assert!(report.verdict.is_good(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_node_goes_on_in_a_new_generation_and_loses_nothing() {
    let network = Network::found(&["KE", "TZ"]);
    let folder = tempfile::tempdir().unwrap();
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let first = send(&ke.client(), "in the backup", "TZ").await;
    delivered(&ke.client(), &first).await;
    ke.shutdown().await.unwrap();
    let file = folder.path().join("ke.backup");
    backup(&network.homes[0], &file, given, now()).unwrap();

    let ke = network.start(0).await;
    let second = send(&ke.client(), "after the backup", "TZ").await;
    delivered(&ke.client(), &second).await;
    ke.shutdown().await.unwrap();

    // The old home is gone; the backup knows nothing of the second message.
    std::fs::remove_dir_all(network.homes[0].dir()).unwrap();
    let restored = restore(&file, network.homes[0].dir(), given, now()).unwrap();
    assert!(restored.records >= 1 && restored.left_out == 0, "{restored:?}");
    let ke = start(&network.homes[0]).await;
    ready(&ke.client()).await;
    let third = send(&ke.client(), "after the restore", "TZ").await;
    delivered(&ke.client(), &third).await;
    let position = ke.client().record(&third).await.unwrap().message.position;
    assert!(!position.starts_with("KE/1/0/"), "{position} is in the old generation");
    // The peers bring back what the backup did not have.
    until("the second message is here again", || async { ke.client().record(&second).await.ok().map(drop) })
        .await;
    assert_no_forks(&tz.client()).await;
    assert_no_forks(&ke.client()).await;

    // A proof of what was written afterwards leads to the key of its generation, and holds nothing else.
    let mut proof = Vec::new();
    let query = ExportQuery { record: Some(third.clone()), ..ExportQuery::default() };
    tz.client().export(&query, &mut proof).await.unwrap();
    let report = audit(proof.as_slice(), &Options::at(now())).unwrap();
    assert_eq!((report.verdict, report.records, report.bodies_present), (Verdict::Partial, 2, 2), "{report}");
    let both = ExportQuery { from: Some("KE".into()), ..query };
    let error = tz.client().export(&both, &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(problem) if problem.code == ProblemCode::BadRequest));
    ke.shutdown().await.unwrap();
    tz.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_alone_it_writes_and_never_forks() {
    let network = Network::found(&["KE", "TZ"]);
    let folder = tempfile::tempdir().unwrap();
    let ke = network.start(0).await;
    send(&ke.client(), "in the backup", "TZ").await;
    ke.shutdown().await.unwrap();
    let file = folder.path().join("ke.backup");
    backup(&network.homes[0], &file, given, now()).unwrap();
    let mut ids = Vec::new();
    for text in ["first life", "second life"] {
        std::fs::remove_dir_all(network.homes[0].dir()).unwrap();
        restore(&file, network.homes[0].dir(), given, now()).unwrap();
        let ke = start(&network.homes[0]).await;
        ready(&ke.client()).await;
        let id = send(&ke.client(), text, "TZ").await;
        ids.push(ke.client().record(&id).await.unwrap().message.position);
        ke.shutdown().await.unwrap();
    }
    let generation = |position: &String| position.split('/').nth(2).unwrap().parse::<u32>().unwrap();
    assert_ne!(generation(&ids[0]), generation(&ids[1]), "two restores of one backup, both alone");
    let (ke, tz) = (start(&network.homes[0]).await, network.start(1).await);
    ready(&ke.client()).await;
    let id = send(&ke.client(), "with a peer", "TZ").await;
    delivered(&ke.client(), &id).await;
    assert_no_forks(&tz.client()).await;
    ke.shutdown().await.unwrap();
    tz.shutdown().await.unwrap();
}

fn is_absent(dir: &Path) -> bool {
    !dir.exists() || std::fs::read_dir(dir).unwrap().next().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_refused_and_nothing_is_written() {
    let network = Network::found(&["KE"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ke.backup");
    backup(&network.homes[0], &file, given, now()).unwrap();
    let good = std::fs::read(&file).unwrap();
    let (bad, dir) = (folder.path().join("bad"), folder.path().join("new"));
    let refused = |bytes: &[u8]| {
        std::fs::write(&bad, bytes).unwrap();
        let error = restore(&bad, &dir, given, now()).unwrap_err();
        assert!(is_absent(&dir), "something was written");
        error
    };
    for at in (0..good.len()).step_by(7) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        let error = refused(&flipped);
        assert!(
            matches!(error, RestoreError::NotABackup(_) | RestoreError::Damaged(_)),
            "byte {at}: {error}"
        );
        let error = refused(&good[..at]);
        assert!(
            matches!(error, RestoreError::NotABackup(_) | RestoreError::Damaged(_)),
            "cut at {at}: {error}"
        );
    }
    let error = restore(&file, network.homes[0].dir(), given, now()).unwrap_err();
    assert!(matches!(error, RestoreError::NotEmpty(_)), "{error}");
    assert!(backup(&network.homes[0], &file, given, now()).is_err(), "a backup is never overwritten");
    assert_eq!(std::fs::read(&file).unwrap(), good);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_and_repairs_a_damaged_store_and_the_peers_refill_it() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let id = send(&ke.client(), "kept by the peers", "TZ").await;
    delivered(&ke.client(), &id).await;
    ke.shutdown().await.unwrap();
    let home = &network.homes[0];
    assert!(examine(home, false, given).is_healthy(), "{:?}", examine(home, false, given));

    std::fs::write(home.store_dir().join("records/db"), b"garbage").unwrap();
    assert!(!examine(home, false, given).is_healthy());
    let repaired = examine(home, true, given);
    assert!(repaired.is_healthy(), "{repaired:?}");
    assert!(repaired.findings.iter().any(|f| f.subject == "store" && f.repaired));

    let ke = start(home).await;
    until("the record is here again", || async { ke.client().record(&id).await.ok().map(drop) }).await;
    let after = send(&ke.client(), "after the repair", "TZ").await;
    delivered(&ke.client(), &after).await;
    assert_no_forks(&tz.client()).await;
    ke.shutdown().await.unwrap();
    tz.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_cuts_a_torn_tail_and_names_what_it_cannot_repair() {
    let network = Network::found(&["KE"]);
    let home = &network.homes[0];
    let journal = home.log_dir().join("journal");
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, [whole.as_slice(), b"torn"].concat()).unwrap();
    let found = examine(home, false, given);
    assert!(found.findings.iter().any(|f| f.severity == Severity::Note && f.text.contains("torn tail")));
    assert!(examine(home, true, given).is_healthy());
    assert_eq!(std::fs::read(&journal).unwrap(), whole);

    for (file, subject) in [
        (home.card_file(), "card"),
        (home.charter_file(), "charter"),
        (home.config_file(), "settings"),
        (home.identity_file(), "keys"),
    ] {
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, b"garbage").unwrap();
        let found = examine(home, true, given);
        assert!(
            found.findings.iter().any(|f| f.severity == Severity::Bad && f.subject == subject),
            "{subject}"
        );
        assert!(!found.is_healthy());
        std::fs::write(&file, good).unwrap();
    }
    assert!(examine(home, false, given).is_healthy());
}
