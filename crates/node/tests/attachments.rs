//! Files that go with messages, between real nodes.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use ecomesh_api::limits::{FILE_BYTES_MAX, PART_BYTES};
use ecomesh_api::{
    CaseKind, Client, ClientError, EraseReason, EraseRequest, ExportQuery, FileRequest, ListingQuery,
    NoticeDraft, NoticeStanding, PartQuery, ProblemCode, ResendRequest, SendRequest, StepRequest,
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

/// A Yellow Notice whose form names a photograph.
fn missing(reference: &str) -> NoticeDraft {
    let document = json!({
        "form": "yellow-notice",
        "request": { "reference": reference, "language": "en", "article_3": "conforms" },
        "person": {
            "status": "missing", "family_name": "DOE", "given_names": "Jane",
            "photographs": [{ "name": "photo.jpg" }],
        },
        "disappearance": {
            "case": "missing", "age_group": "adult", "date": "2026-10-01",
            "place": { "text": "Mombasa", "country": "KE" },
            "reported_date": "2026-10-02", "reported_to": "Mombasa police", "circumstances": "On foot.",
        },
        "wish_when_found": "unknown",
        "law_permits": "given",
    });
    NoticeDraft {
        document,
        kind: CaseKind::Notice,
        to: Vec::new(),
        regions: Vec::new(),
        members: false,
        replaces: None,
        priority: None,
        exercise: false,
        files: Vec::new(),
    }
}

/// The whole file, once all its parts have come.
async fn fetched(client: &Client, id: &str) -> Vec<u8> {
    until("the file is here", || async { client.file(id, 1).await.ok() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photograph_goes_with_a_notice_to_all_and_is_erased_with_it() {
    let network = Network::reviewed(&["KE", "TZ"], &["TZ"], 1);
    let nodes = network.start_all().await;
    let (ke, tz) = (nodes[0].client(), nodes[1].client());
    let bytes = photo(PART_BYTES + 1_000);
    let audience = ke.notice_audience(&missing("KE/1")).await.unwrap();
    assert_eq!((audience.to.as_slice(), audience.sealed, audience.expires_at_ms), (&[][..], false, None));
    let file = upload(&ke, "photo.jpg", &bytes, &[]).await;
    let draft = NoticeDraft { files: vec![file.clone()], ..missing("KE/1") };
    let sent = ke.notice(&draft, None).await.unwrap();
    assert!(sent.warnings.is_empty(), "{:?}", sent.warnings);
    // Whoever reviews it sees it before, and everybody has it afterwards.
    assert_eq!(fetched(&tz, &sent.id).await, bytes);
    let detail = tz.notice_detail(&sent.id).await.unwrap();
    assert_eq!(detail.notice.standing, NoticeStanding::Requested);
    assert_eq!((detail.files[0].name.as_str(), detail.files[0].here), ("photo.jpg", 2));
    let approve = StepRequest { step: "approve".into(), ..StepRequest::default() };
    tz.notice_step(&sent.id, &approve).await.unwrap();

    // A new text has its own files; without any its author is told.
    let update = NoticeDraft { replaces: Some(sent.id.clone()), ..missing("KE/1") };
    let updated = ke.notice(&update, None).await.unwrap();
    let warned = |message: &str| updated.warnings.iter().any(|warning| warning.message == message);
    assert!(warned("no files go with the new text; with the one before went photo.jpg"), "{updated:?}");
    assert!(warned("the form names photo.jpg, and no file of that name goes with it"), "{updated:?}");
    until("the new text waits", || async {
        let detail = ke.notice_detail(&sent.id).await.ok()?;
        (detail.notice.pending.as_ref() == Some(&updated.id) && detail.files.len() == 1).then_some(())
    })
    .await;

    let cancel =
        StepRequest { step: "cancel".into(), reason: Some("found".into()), ..StepRequest::default() };
    ke.notice_step(&sent.id, &cancel).await.unwrap();
    let erase = EraseRequest { ids: vec![sent.id.clone()], reason: EraseReason::PurposeMet };
    ke.erase(&erase).await.unwrap();
    for client in [&ke, &tz] {
        for id in file.parts.iter().chain([&sent.id]) {
            until("it is hidden", || async { client.record(id).await.ok()?.erasure.map(drop) }).await;
        }
        assert_eq!(code(client.file(&sent.id, 1).await), ProblemCode::Closed);
    }
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_diffusion_are_sealed_to_whom_it_is() {
    let network = Network::reviewed(&["KE", "TZ", "UG", "FR"], &["FR"], 1);
    let nodes = network.start_all().await;
    let all: Vec<Client> = nodes.iter().map(Running::client).collect();
    let (ke, tz, ug, fr) = (&all[0], &all[1], &all[2], &all[3]);
    let bytes = photo(40_000);
    let mut draft =
        NoticeDraft { kind: CaseKind::Diffusion, regions: vec!["eastern-africa".into()], ..missing("KE/2") };
    draft.document["request"]["handling"] = json!({ "excluded": ["UG"] });
    let to = ke.notice_audience(&draft).await.unwrap().to;
    assert_eq!(to, ["FR", "TZ"]);
    // Not open, not for fewer than it is for, and named by no hand.
    let open = upload(ke, "photo.jpg", &bytes, &[]).await;
    let fewer = upload(ke, "photo.jpg", &bytes, &["TZ"]).await;
    for file in [open, fewer] {
        let wrong = NoticeDraft { files: vec![file], ..draft.clone() };
        assert_eq!(code(ke.notice(&wrong, None).await), ProblemCode::BadDocument);
    }
    let file = upload(ke, "photo.jpg", &bytes, &["FR", "TZ"]).await;
    let mut by_hand = draft.clone();
    by_hand.document["request"]["files"] =
        json!([{ "name": "a.jpg", "bytes": 40_000, "sha256": file.sha256, "parts": file.parts }]);
    assert_eq!(code(ke.notice(&by_hand, None).await), ProblemCode::BadDocument);
    // What ends before its file would, and what ends with it.
    let mut short = draft.clone();
    short.document["request"]["valid_until"] = json!("2027-01-01");
    let ends = ke.notice_audience(&short).await.unwrap().expires_at_ms;
    assert!(ends.is_some());
    short.files = vec![file.clone()];
    assert_eq!(code(ke.notice(&short, None).await), ProblemCode::BadDocument);
    let ending = PartQuery { expires_at_ms: ends, ..query(&["FR", "TZ"]) };
    let part = ke.part(bytes.clone(), &ending, "short").await.unwrap().id;
    short.files[0].parts = vec![part];
    ke.notice(&short, None).await.unwrap();

    let sent = ke.notice(&NoticeDraft { files: vec![file.clone()], ..draft }, None).await.unwrap();
    assert_eq!((sent.to, sent.sealed), (to, true));
    for client in [ke, tz, fr] {
        assert_eq!(fetched(client, &sent.id).await, bytes);
    }
    until("UG carries all", || async { ug.record(&file.parts[0]).await.ok().map(drop) }).await;
    until("UG carries the diffusion", || async { ug.record(&sent.id).await.ok().map(drop) }).await;
    assert!(!ug.record(&file.parts[0]).await.unwrap().message.body_here);
    assert_eq!(code(ug.file(&sent.id, 1).await), ProblemCode::Closed);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_what_is_closed_to_some_are_sealed_to_the_same_group() {
    let network = Network::reviewed(&["KE", "TZ", "UG", "ZM"], &["TZ"], 1);
    let nodes = network.start_all().await;
    let all: Vec<Client> = nodes.iter().map(Running::client).collect();
    let (ke, tz, ug, zm) = (&all[0], &all[1], &all[2], &all[3]);
    let bytes = photo(40_000);
    let mut draft = missing("KE/3");
    draft.document["request"]["handling"] = json!({ "excluded": ["UG"] });
    let audience = ke.notice_audience(&draft).await.unwrap();
    assert_eq!((audience.to, audience.sealed, audience.group), (vec!["TZ".into(), "ZM".into()], true, true));

    let with_part = async |query: &PartQuery, key: &str| {
        let part = ke.part(bytes.clone(), query, key).await.unwrap().id;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        FileRequest { name: "photo.jpg".into(), bytes: 40_000, sha256, parts: vec![part] }
    };
    // Named addressees are no group, and another group is not this one.
    let named = query(&["TZ", "ZM"]);
    let fewer = PartQuery { group: Some(true), ..query(&["TZ"]) };
    let group = PartQuery { group: Some(true), ..query(&["ZM", "TZ"]) };
    for (number, wrong) in [&named, &fewer].into_iter().enumerate() {
        let file = with_part(wrong, &format!("wrong {number}")).await;
        let wrong = NoticeDraft { files: vec![file], ..draft.clone() };
        assert_eq!(code(ke.notice(&wrong, None).await), ProblemCode::BadDocument);
    }
    let open = PartQuery { group: Some(true), ..query(&[]) };
    assert_eq!(code(ke.part(bytes.clone(), &open, "open").await), ProblemCode::BadRequest);

    draft.files = vec![with_part(&group, "right").await];
    let sent = ke.notice(&draft, None).await.unwrap();
    assert_eq!((sent.to.as_slice(), sent.sealed), (&["TZ".to_owned(), "ZM".to_owned()][..], true));
    for client in [ke, tz, zm] {
        assert_eq!(fetched(client, &sent.id).await, bytes);
        assert_eq!(client.notice_detail(&sent.id).await.unwrap().notice.to, ["TZ", "ZM"]);
    }
    until("it is carried", || async { ug.record(&sent.id).await.ok() }).await;
    assert_eq!(code(ug.file(&sent.id, 1).await), ProblemCode::Closed);
    let unread = ug.record(&sent.id).await.unwrap();
    assert_eq!(unread.unreadable.as_deref(), Some("only KE, TZ, ZM can read it"));
    stop_all(nodes).await;
}
