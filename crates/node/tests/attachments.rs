//! Files that go with messages, between real nodes.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use ecomesh_api::limits::{FILE_BYTES_MAX, PART_BYTES};
use ecomesh_api::{
    Client, ClientError, EraseReason, EraseRequest, ExportQuery, FileRequest, ListingQuery, PartQuery,
    ProblemCode, ResendRequest, SendRequest,
};
use ecomesh_audit::{Options, audit};
use ecomesh_node::Running;
use serde_json::json;
use sha2::{Digest, Sha256};
use support::{Network, now, until};

fn message(to: &[&str], files: Vec<FileRequest>) -> SendRequest {
    SendRequest {
        document: json!({ "form": "message", "language": "en", "title": "Test", "text": "see the photograph" }),
        to: to.iter().map(|member| (*member).to_owned()).collect(),
        members: to.is_empty(),
        open: false,
        priority: None,
        reply_to: None,
        expires_at_ms: None,
        exercise: false,
        files,
    }
}

fn query(to: &[&str]) -> PartQuery {
    PartQuery { to: (!to.is_empty()).then(|| to.join(",")), ..PartQuery::default() }
}

/// Bytes that do not repeat, with a canary at the end.
fn photo(bytes: usize) -> Vec<u8> {
    let mut photo: Vec<u8> =
        (0..bytes as u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    photo.truncate(bytes - 13);
    photo.extend_from_slice(b"canary-5e1f00");
    photo
}

async fn upload(client: &Client, name: &str, bytes: &[u8], to: &[&str]) -> FileRequest {
    let mut parts = Vec::new();
    for (number, part) in bytes.chunks(PART_BYTES).enumerate() {
        let key = format!("{name}-{number}-{}", to.join("-"));
        parts.push(client.part(part.to_vec(), &query(to), &key).await.unwrap().id);
    }
    FileRequest {
        name: name.into(),
        bytes: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
        parts,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ProblemCode {
    match result {
        Err(ClientError::Refused(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

async fn delivered(client: &Client, id: &str) {
    until("it is delivered", || async { client.status(id).await.unwrap().is_delivered().then_some(()) })
        .await;
}

async fn stop_all(nodes: Vec<Running>) {
    for node in nodes {
        node.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_to_its_addressees_whole_and_to_nobody_else() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let nodes = network.start_all().await;
    let all: Vec<Client> = nodes.iter().map(Running::client).collect();
    let (ke, tz, th) = (&all[0], &all[1], &all[2]);
    // Three parts, the last one shorter.
    let bytes = photo(2 * PART_BYTES + 1_000);
    let file = upload(ke, "photo 1.jpg", &bytes, &["TZ"]).await;
    let again = upload(ke, "photo 1.jpg", &bytes, &["TZ"]).await;
    assert_eq!(file, again, "an upload that is repeated makes no second records");
    let small = upload(ke, "report.txt", b"two tusks", &["TZ"]).await;
    let sent = ke.send(&message(&["TZ"], vec![file.clone(), small]), None).await.unwrap();
    delivered(ke, &sent.id).await;
    let status = ke.status(&sent.id).await.unwrap();
    assert_eq!(status.files[0].parts, 3);
    assert_eq!((status.files[0].delivered[0].member.as_str(), status.files[0].delivered[0].parts), ("TZ", 3));

    for client in [ke, tz] {
        let record = client.record(&sent.id).await.unwrap();
        assert_eq!(record.files.len(), 2);
        assert_eq!((record.files[0].name.as_str(), record.files[0].here), ("photo 1.jpg", 3));
        assert_eq!(client.file(&sent.id, 1).await.unwrap(), bytes);
        assert_eq!(client.file(&sent.id, 2).await.unwrap(), b"two tusks");
        assert_eq!(code(client.file(&sent.id, 3).await), ProblemCode::NotFound);
        assert_eq!(code(client.file(&sent.id, 0).await), ProblemCode::NotFound);
    }
    // Who carries it has the records, not the bodies, and not the names.
    until("TH carries all", || async { th.record(&file.parts[2]).await.ok().map(drop) }).await;
    until("TH carries the message", || async { th.record(&sent.id).await.ok().map(drop) }).await;
    assert!(th.record(&sent.id).await.unwrap().files.is_empty());
    assert!(!th.record(&file.parts[0]).await.unwrap().message.body_here);
    assert_eq!(code(th.file(&sent.id, 1).await), ProblemCode::Closed);
    assert!(th.metrics().await.unwrap().contains("ecomesh_holes 0"));
    // Parts are no messages.
    assert_eq!(tz.inbox(&ListingQuery::default()).await.unwrap().messages.len(), 1);
    assert_eq!(ke.outbox(&ListingQuery::default()).await.unwrap().messages.len(), 1);
    for client in &all {
        let mut archive = Vec::new();
        client.export(&ExportQuery::default(), &mut archive).await.unwrap();
        let report = audit(archive.as_slice(), &Options::at(now())).unwrap();
        assert_eq!(report.fault_count, 0, "{report}");
        assert!(!archive.windows(13).any(|window| window == b"canary-5e1f00"));
    }
    // It is sent again with its files, which are there already.
    let resent = ke.resend(&sent.id, &ResendRequest { to: vec!["TZ".into()] }, None).await.unwrap();
    delivered(ke, &resent.id).await;
    assert_eq!(tz.file(&resent.id, 1).await.unwrap(), bytes);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_file_comes_whole_and_a_longer_one_is_refused() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let (ke, tz) = (nodes[0].client(), nodes[1].client());
    let mut bytes = photo(usize::try_from(FILE_BYTES_MAX).unwrap());
    let file = upload(&ke, "longest.tif", &bytes, &["TZ"]).await;
    assert_eq!(file.parts.len(), 22);
    let sent = ke.send(&message(&["TZ"], vec![file]), None).await.unwrap();
    delivered(&ke, &sent.id).await;
    assert_eq!(tz.file(&sent.id, 1).await.unwrap(), bytes);
    bytes.push(1);
    let longer = upload(&ke, "longer.tif", &bytes, &["TZ"]).await;
    assert_eq!(code(ke.send(&message(&["TZ"], vec![longer]), None).await), ProblemCode::BadRequest);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_of_the_message_is_refused() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let nodes = network.start_all().await;
    let (ke, tz) = (nodes[0].client(), nodes[1].client());
    assert_eq!(code(ke.part(Vec::new(), &query(&["TZ"]), "empty").await), ProblemCode::BadRequest);
    let large = vec![1; PART_BYTES + 1];
    assert_eq!(code(ke.part(large, &query(&["TZ"]), "large").await), ProblemCode::BadRequest);
    assert_eq!(code(ke.part(vec![1], &query(&["XX"]), "whom").await), ProblemCode::UnknownMember);

    let good = upload(&ke, "a.txt", b"for TZ", &["TZ"]).await;
    let send = |to: &'static [&'static str], file: FileRequest| {
        let ke = ke.clone();
        async move { ke.send(&message(to, vec![file]), None).await }
    };
    // Not for TH, who could not get it.
    assert_eq!(code(send(&["TZ", "TH"], good.clone()).await), ProblemCode::BadDocument);
    // Not open, as a message to all is.
    assert_eq!(code(send(&[], good.clone()).await), ProblemCode::BadDocument);
    let sent = ke.send(&message(&["TZ"], Vec::new()), None).await.unwrap();
    let wrong = [
        FileRequest { parts: vec![sent.id.clone()], ..good.clone() },
        FileRequest { parts: Vec::new(), ..good.clone() },
        FileRequest { bytes: 17 * 1024 * 1024, ..good.clone() },
        FileRequest { name: "../a.txt".into(), ..good.clone() },
        FileRequest { name: ".hidden".into(), ..good.clone() },
        FileRequest { sha256: "00".into(), ..good.clone() },
        FileRequest { parts: vec!["ab".repeat(32)], ..good.clone() },
    ];
    for file in wrong {
        let refused = code(send(&["TZ"], file.clone()).await);
        let expected = [ProblemCode::BadRequest, ProblemCode::BadDocument, ProblemCode::NotFound];
        assert!(expected.contains(&refused), "{file:?}: {refused:?}");
    }
    // A message that ends before its file would.
    let short =
        SendRequest { expires_at_ms: Some(now().after(1_000_000).0), ..message(&["TZ"], vec![good.clone()]) };
    assert_eq!(code(ke.send(&short, None).await), ProblemCode::BadDocument);
    // A form that names files by itself.
    let mut by_hand = message(&["TZ"], Vec::new());
    by_hand.document["files"] =
        json!([{ "name": "a.txt", "bytes": 6, "sha256": good.sha256, "parts": good.parts }]);
    assert_eq!(code(ke.send(&by_hand, None).await), ProblemCode::BadDocument);
    // What is not what the message says is shown to nobody.
    let lie = FileRequest { sha256: hex::encode(Sha256::digest(b"for TX")), ..good };
    let sent = send(&["TZ"], lie).await.unwrap();
    delivered(&ke, &sent.id).await;
    assert_eq!(code(tz.file(&sent.id, 1).await), ProblemCode::Closed);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_erased_with_their_message() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let (ke, tz) = (nodes[0].client(), nodes[1].client());
    let to_all = upload(&ke, "b.txt", b"for all", &[]).await;
    let sent = ke.send(&message(&[], vec![to_all.clone()]), None).await.unwrap();
    delivered(&ke, &sent.id).await;
    assert_eq!(tz.file(&sent.id, 1).await.unwrap(), b"for all");
    let erase = EraseRequest { ids: vec![sent.id.clone()], reason: EraseReason::Superseded };
    ke.erase(&erase).await.unwrap();
    for client in [&ke, &tz] {
        until("message and part are hidden", || async {
            let message = client.record(&sent.id).await.ok()?.erasure?;
            let part = client.record(&to_all.parts[0]).await.ok()?.erasure?;
            (message.erasure == part.erasure).then_some(())
        })
        .await;
        assert_eq!(code(client.file(&sent.id, 1).await), ProblemCode::Closed);
    }
    stop_all(nodes).await;
}
