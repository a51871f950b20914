//! A node that is locked, and one whose vault was lost: what still works, and what comes back.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use ecomesh_api::limits::PART_BYTES;
use ecomesh_api::{
    Client, ClientError, ExportQuery, FileRequest, ListingQuery, PartQuery, ProblemCode, SendRequest,
    UnlockRequest,
};
use ecomesh_node::Running;
use ecomesh_node::config::{ApiSettings, NodeConfig};
use ecomesh_node::doctor::examine;
use ecomesh_node::home::Home;
use sha2::{Digest, Sha256};
use support::{Network, config, given, message, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

async fn send(client: &Client, text: &str, to: &[&str]) -> String {
    client.send(&message(text, to), None).await.unwrap().id
}

async fn text(client: &Client, id: &str) -> String {
    until("the record is here, and open", || async {
        let document = client.record(id).await.ok()?.document?;
        Some(document["text"].as_str().unwrap().to_owned())
    })
    .await
}

async fn delivered(client: &Client, id: &str) {
    until("it is delivered", || async { client.status(id).await.unwrap().is_delivered().then_some(()) })
        .await;
}

async fn unlock(client: &Client, passphrase: &str) -> Result<bool, ClientError> {
    let request = UnlockRequest { passphrase: passphrase.into() };
    client.unlock(&request).await.map(|view| view.locked)
}

fn code<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> ProblemCode {
    match answer {
        Err(ClientError::Refused(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

async fn metric(client: &Client, line: &str) {
    until(line, || async { client.metrics().await.ok()?.lines().any(|one| one == line).then_some(()) }).await;
}

async fn stop(running: Running) {
    running.shutdown().await.unwrap();
}

fn instance(home: &Home) -> [u8; 16] {
    // The marker's first slots: 8 magic, 4 schema, 32 network, 16 instance.
    std::fs::read(home.store_dir().join("marker")).unwrap()[44..60].try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_node_carries_everything_and_shows_nothing() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let (ke_client, tz_client) = (ke.client(), tz.client());
    let before = send(&ke_client, "before", &["TZ"]).await;
    assert_eq!(text(&tz_client, &before).await, "before");
    let own = send(&tz_client, "its own", &["KE"]).await;
    delivered(&tz_client, &own).await;
    metric(&tz_client, "ecomesh_sealed_unopened 0").await;

    assert!(tz_client.lock().await.unwrap().locked);
    assert!(tz_client.lock().await.unwrap().locked, "a second time changes nothing");
    assert!(tz_client.node().await.unwrap().locked && !ke_client.node().await.unwrap().locked);
    assert_eq!(code(tz_client.record(&before).await), ProblemCode::Locked);
    assert_eq!(code(tz_client.status(&own).await), ProblemCode::Locked);
    assert_eq!(code(tz_client.inbox(&ListingQuery::default()).await), ProblemCode::Locked);
    assert_eq!(code(tz_client.send(&message("no", &["KE"]), None).await), ProblemCode::Locked);
    assert_eq!(code(tz_client.prekeys().await), ProblemCode::Locked);
    let mut archive = Vec::new();
    assert_eq!(code(tz_client.export(&ExportQuery::default(), &mut archive).await), ProblemCode::Locked);
    assert!(archive.is_empty());
    // What an operator needs is shown.
    assert!(tz_client.health().await.is_ok() && tz_client.peers().await.is_ok());

    // It takes, keeps and passes on: TH meets only the locked node, and gets what KE wrote.
    let sealed = send(&ke_client, "while it was locked", &["TZ", "TH"]).await;
    let open = send(&ke_client, "to all", &[]).await;
    for id in [&sealed, &open] {
        held_by_another(&ke_client, id).await;
    }
    stop(ke).await;
    let th = network.start(2).await;
    assert_eq!(text(&th.client(), &sealed).await, "while it was locked");
    assert_eq!(text(&th.client(), &open).await, "to all");

    for wrong in ["another passphrase", "x"] {
        assert_eq!(code(unlock(&tz_client, wrong).await), ProblemCode::WrongPassphrase);
    }
    assert_eq!(code(unlock(&tz_client, "").await), ProblemCode::WrongPassphrase);
    assert!(tz_client.node().await.unwrap().locked);
    assert!(!unlock(&tz_client, "correct horse").await.unwrap());
    assert_eq!(text(&tz_client, &sealed).await, "while it was locked");
    assert_eq!(text(&tz_client, &before).await, "before");
    // Its content key is kept, as if it had never been locked.
    metric(&tz_client, "ecomesh_sealed_unopened 0").await;
    assert!(!tz_client.prekeys().await.unwrap().own.is_empty());
    let answer = send(&tz_client, "it can write again", &["TH"]).await;
    delivered(&tz_client, &answer).await;
    stop(tz).await;
    stop(th).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_node_opens_for_nobody_who_takes_the_vault_away() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    client.lock().await.unwrap();
    let keys = network.homes[0].vault_dir().join("keys.vault");
    let aside = keys.with_extension("aside");
    std::fs::rename(&keys, &aside).unwrap();
    // A new vault under any passphrase would open the node.
    assert_eq!(code(unlock(&client, "any passphrase").await), ProblemCode::Disk);
    assert!(!keys.exists() && client.node().await.unwrap().locked);
    std::fs::rename(&aside, &keys).unwrap();
    assert!(!unlock(&client, "correct horse").await.unwrap());
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locking_ends_what_is_under_way() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    for n in 0..100 {
        send(&client, &format!("{n} {}", "x".repeat(200_000)), &[]).await;
    }
    // A client that reads slowly: the archive fits no buffer.
    let (near, mut far) = tokio::io::duplex(1024);
    let exporting = {
        let client = ke.client();
        tokio::spawn(async move {
            let mut near = near;
            client.export(&ExportQuery::default(), &mut near).await
        })
    };
    let mut first = [0; 1024];
    far.read_exact(&mut first).await.unwrap();
    assert!(client.lock().await.unwrap().locked);
    // What comes is not whole, and the client is told.
    let mut rest = Vec::new();
    let reading = far.read_to_end(&mut rest);
    tokio::time::timeout(Duration::from_secs(60), reading).await.unwrap().unwrap();
    assert!(exporting.await.unwrap().is_err());
    assert!(rest.len() < 20_000_000);
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locking_does_not_wait_for_a_client_that_sends_no_more() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    send(&client, &"x".repeat(200_000), &[]).await;
    let mut archive = Vec::new();
    client.export(&ExportQuery::default(), &mut archive).await.unwrap();
    // More than fits the buffers on the way: when all is given, the import has begun.
    let (mut near, far) = tokio::io::duplex(1024);
    let importing = {
        let client = ke.client();
        tokio::spawn(async move { client.import(far).await })
    };
    near.write_all(&archive[..archive.len() - 1]).await.unwrap();
    let transfers = r#"ecomesh_api_requests_total{route="/v1/import""#;
    assert!(!client.metrics().await.unwrap().contains(transfers), "it is under way");
    assert!(client.lock().await.unwrap().locked);
    // It is told that the node is locked, or finds its connection cut before it has read that.
    assert!(importing.await.unwrap().is_err());
    stop(ke).await;
}

/// A client that reads nothing of a long answer.
async fn stalled(running: &Running, path: &str) -> UnixStream {
    let mut stream = UnixStream::connect(running.socket()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The answer has begun; more than this fits the socket's buffer, and the rest waits in the node.
    stream.readable().await.unwrap();
    stream
}

/// How much of an answer still comes, until it ends or is broken off.
async fn rest_of(mut stream: UnixStream) -> usize {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
    let _broken = read.expect("the connection ends");
    rest.len()
}

/// A message whose text does not come: the node waits for it, and holds what there is.
async fn sending(running: &Running) -> UnixStream {
    let mut stream = UnixStream::connect(running.socket()).await.unwrap();
    let head = "POST /v1/messages HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\n\
                content-length: 1000\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    stream
}

async fn large(client: &Client) {
    for n in 0..40 {
        send(client, &format!("{n} {}", "x".repeat(200_000)), &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locking_does_not_wait_for_a_client_that_reads_no_more() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    large(&client).await;
    let export = stalled(&ke, "/v1/export").await;
    assert!(client.lock().await.unwrap().locked);
    let came = rest_of(export).await;
    assert!(came < 4_000_000, "{came} of 8 MB");
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_sent_ends_with_the_lock() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    let bytes = vec![7; 4_000_000];
    let mut parts = Vec::new();
    for (number, part) in bytes.chunks(PART_BYTES).enumerate() {
        let query = PartQuery { to: Some("TZ".into()), ..PartQuery::default() };
        parts.push(client.part(part.to_vec(), &query, &format!("part {number}")).await.unwrap().id);
    }
    let file = FileRequest {
        name: "photo.jpg".into(),
        bytes: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(&bytes)),
        parts,
    };
    let request = SendRequest { files: vec![file], ..message("with a file", &["TZ"]) };
    let sent = client.send(&request, None).await.unwrap();
    let stream = stalled(&ke, &format!("/v1/records/{}/files/1", sent.id)).await;
    assert!(client.lock().await.unwrap().locked);
    let came = rest_of(stream).await;
    assert!(came < 2_000_000, "{came} of 4 MB");
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_does_not_leave_the_node_half_locked() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let held = sending(&ke).await;
    let mut asking = UnixStream::connect(ke.socket()).await.unwrap();
    asking.write_all(b"POST /v1/lock HTTP/1.1\r\nhost: node\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    until("it is locked", || async { ke.client().node().await.unwrap().locked.then_some(()) }).await;
    drop(asking);
    // It goes on to the end: the connections of clients are cut.
    rest_of(held).await;
    assert!(!unlock(&ke.client(), "correct horse").await.unwrap());
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_node_is_locked_is_recorded_or_refused_and_never_both() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let sends: Vec<_> = (0..40)
        .map(|n| {
            let client = ke.client();
            tokio::spawn(async move { client.send(&message(&format!("message {n}"), &["TZ"]), None).await })
        })
        .collect();
    until("some are recorded", || async {
        let outbox = ke.client().outbox(&ListingQuery::default()).await.ok()?;
        (outbox.messages.len() > 3).then_some(())
    })
    .await;
    assert!(ke.client().lock().await.unwrap().locked);
    let mut recorded = BTreeSet::new();
    let (mut refused, mut unknown) = (0, 0);
    for send in sends {
        match send.await.unwrap() {
            Ok(sent) => assert!(recorded.insert(sent.id)),
            Err(ClientError::Refused(problem)) => {
                assert!(matches!(problem.code, ProblemCode::Locked | ProblemCode::Busy), "{problem:?}");
                refused += 1;
            }
            // On a slow machine a commit may outlast the lock's patience; then the client knows that it does not know.
            Err(ClientError::Protocol(_)) => unknown += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!unlock(&ke.client(), "correct horse").await.unwrap());
    let query = ListingQuery { limit: Some(200), ..ListingQuery::default() };
    let outbox = ke.client().outbox(&query).await.unwrap().messages;
    let outbox: BTreeSet<String> = outbox.into_iter().map(|message| message.id).collect();
    assert!(outbox.is_superset(&recorded), "what was acknowledged is there");
    assert!(outbox.len() <= recorded.len() + unknown, "{refused} were refused, {unknown} unknown");
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_node_is_locked_at_once_also_twice() {
    let network = Network::found(&["KE", "TZ"]);
    let few = NodeConfig { api: ApiSettings { requests_max: 2, ..config().api }, ..config() };
    let ke = network.try_start(0, few).await.unwrap();
    let (one, two) = (sending(&ke).await, sending(&ke).await);
    let node = ke.client().node().await;
    assert!(
        matches!(&node, Err(ClientError::Refused(problem)) if problem.code == ProblemCode::Busy),
        "{node:?}"
    );
    let (first, second) = (ke.client(), ke.client());
    let (first, second) = tokio::join!(first.lock(), second.lock());
    assert!(first.unwrap().locked && second.unwrap().locked);
    rest_of(one).await;
    rest_of(two).await;
    assert!(!unlock(&ke.client(), "correct horse").await.unwrap());
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_ends_before_it_is_undone() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let held = sending(&ke).await;
    let (client, again) = (ke.client(), ke.client());
    let locking = tokio::spawn(async move { client.lock().await });
    until("it is locked", || async { again.node().await.unwrap().locked.then_some(()) }).await;
    // The lock waits for the message that does not come, and this for the lock.
    assert!(!unlock(&again, "correct horse").await.unwrap());
    assert!(locking.await.unwrap().unwrap().locked);
    rest_of(held).await;
    assert!(!again.node().await.unwrap().locked);
    assert!(again.outbox(&ListingQuery::default()).await.is_ok());
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_locked_starts_locked() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let id = send(&ke.client(), "before", &["TZ"]).await;
    ke.client().lock().await.unwrap();
    stop(ke).await;
    let ke = network.start(0).await;
    assert_eq!(code(ke.client().record(&id).await), ProblemCode::Locked);
    assert!(!unlock(&ke.client(), "correct horse").await.unwrap());
    stop(ke).await;
    let ke = network.start(0).await;
    assert_eq!(text(&ke.client(), &id).await, "before");
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_key_is_made_once_and_never_replaced() {
    let network = Network::found(&["KE", "TZ"]);
    let home = &network.homes[0];
    let ke = network.start(0).await;
    let id = send(&ke.client(), "under the first key", &[]).await;
    stop(ke).await;
    let (copy, store) = (home.storage_key_file(), instance(home));
    let original = std::fs::read(&copy).unwrap();
    // One that is lost is written again from the vault.
    std::fs::remove_file(&copy).unwrap();
    stop(network.start(0).await).await;
    assert!(copy.exists() && instance(home) == store);
    // One that does not open stops the start, and stays.
    let mut damaged = original.clone();
    damaged[50] ^= 1;
    std::fs::write(&copy, &damaged).unwrap();
    let error = network.try_start(0, config()).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("storage.key does not open"), "{error}");
    assert_eq!(std::fs::read(&copy).unwrap(), damaged);
    std::fs::write(&copy, &original).unwrap();
    // The vault of another time changes nothing.
    let other = Network::found(&["KE"]);
    std::fs::remove_dir_all(home.vault_dir()).unwrap();
    std::fs::create_dir(home.vault_dir()).unwrap();
    for name in ["keys.vault", "prekeys.vault"] {
        std::fs::copy(other.homes[0].vault_dir().join(name), home.vault_dir().join(name)).unwrap();
    }
    let ke = network.start(0).await;
    assert_eq!((std::fs::read(&copy).unwrap(), instance(home)), (original.clone(), store));
    assert_eq!(text(&ke.client(), &id).await, "under the first key");
    stop(ke).await;
    // Nor for what reads the home meanwhile.
    assert!(examine(home, false, given).is_healthy(), "{:?}", examine(home, false, given));
    // Should the file be lost as well, the store is not the vault's; nothing of it is read.
    std::fs::remove_file(&copy).unwrap();
    let ke = network.start(0).await;
    assert_ne!(instance(home), store);
    let since = send(&ke.client(), "under the vault's key", &[]).await;
    stop(ke).await;
    // And an older storage.key that comes back does not hide what is under the vault's.
    std::fs::write(&copy, &original).unwrap();
    let store = instance(home);
    assert!(examine(home, true, given).is_healthy());
    let ke = network.start(0).await;
    assert_eq!((instance(home), text(&ke.client(), &since).await.as_str()), (store, "under the vault's key"));
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_records_that_cannot_be_read_any_more_are_told_and_recorded_again() {
    let network = Network::found(&["KE", "TZ"]);
    let home = &network.homes[0];
    let ke = network.start(0).await;
    let lost = ke.client().send(&message("nobody else has it", &[]), Some("case 7")).await.unwrap();
    stop(ke).await;
    std::fs::remove_dir_all(home.vault_dir()).unwrap();
    std::fs::remove_file(home.storage_key_file()).unwrap();
    // A first start sets the store aside; what is in the journal is told then and later.
    let ke = network.start(0).await;
    stop(ke).await;
    let examined = examine(home, false, given);
    let told = examined.findings.iter().any(|found| found.text.contains("under another storage key"));
    assert!(told && !examined.is_healthy(), "{examined:?}");
    let ke = network.start(0).await;
    until("the node may write", || async { ke.client().node().await.unwrap().generation }).await;
    let again = ke.client().send(&message("nobody else has it", &[]), Some("case 7")).await.unwrap();
    assert!(!again.repeated && again.id != lost.id);
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_vault_costs_no_message_that_nobody_else_has() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let open = send(&ke.client(), "open, and nobody has it", &[]).await;
    let sealed = send(&ke.client(), "sealed, and nobody has it", &["TZ"]).await;
    stop(ke).await;
    let before = instance(&network.homes[0]);
    std::fs::remove_dir_all(network.homes[0].vault_dir()).unwrap();
    assert!(examine(&network.homes[0], false, given).is_healthy());
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    assert_eq!(instance(&network.homes[0]), before, "the same store");
    assert_eq!(ke.client().node().await.unwrap().generation, Some(0));
    for id in [&open, &sealed] {
        held_by_another(&ke.client(), id).await;
    }
    assert_eq!(text(&tz.client(), &open).await, "open, and nobody has it");
    assert_eq!(text(&tz.client(), &sealed).await, "sealed, and nobody has it");
    assert!(ke.client().record(&sealed).await.unwrap().document.is_none(), "its key was in the vault");
    stop(ke).await;
    stop(tz).await;
}

async fn held_by_another(client: &Client, id: &str) {
    until("another member holds it", || async {
        (!client.status(id).await.unwrap().held_by.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_vault_and_storage_key_the_peers_refill_the_node() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let first = send(&ke.client(), "first", &[]).await;
    let second = send(&tz.client(), "second", &[]).await;
    held_by_another(&ke.client(), &first).await;
    held_by_another(&tz.client(), &second).await;
    stop(ke).await;
    let home = &network.homes[0];
    let before = instance(home);
    std::fs::remove_dir_all(home.vault_dir()).unwrap();
    std::fs::remove_file(home.storage_key_file()).unwrap();
    let examined = examine(home, false, given);
    assert!(!examined.is_healthy(), "{examined:?}");
    let ke = network.try_start(0, config()).await.unwrap();
    assert_ne!(instance(home), before);
    assert_eq!(text(&ke.client(), &second).await, "second");
    // Its own body comes back from TZ as well, within minutes: the journal does not tell that it was not erased.
    until("its own record is back", || async { ke.client().record(&first).await.ok().map(drop) }).await;
    until("its logs go on", || async { ke.client().node().await.unwrap().generation }).await;
    let third = send(&ke.client(), "third", &["TZ"]).await;
    assert_eq!(text(&tz.client(), &third).await, "third");
    stop(ke).await;
    stop(tz).await;
}
