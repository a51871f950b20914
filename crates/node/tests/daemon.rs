//! Real nodes in one process: messages, restarts, events, archives, and what starts must refuse.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use ecomesh_api::{
    Client, ClientError, EraseReason, EraseRequest, Event, EventStream, ExportQuery, ListingQuery, Priority,
    ProblemCode, ReceiptOutcome, ReceiptRequest, ReceiptView, Received, RecordState, RefusalReason,
    SendRequest,
};
use ecomesh_node::{Running, StartError};
use serde_json::json;
use support::{Network, config, message, mode, passphrase, until};

async fn received(client: &Client, id: &str) {
    until("the message is in the inbox", || async {
        let inbox = client.inbox(&ListingQuery::default()).await.unwrap();
        inbox.messages.iter().any(|m| m.id == id).then_some(())
    })
    .await;
}

async fn delivered(client: &Client, id: &str) {
    until("the message is delivered", || async {
        client.status(id).await.unwrap().is_delivered().then_some(())
    })
    .await;
}

async fn stop(running: Running) {
    let begun = Instant::now();
    running.shutdown().await.unwrap();
    // The configuration's own bound, not a matter of speed.
    assert!(begun.elapsed() < Duration::from_secs(2), "the stop took {:?}", begun.elapsed());
}

const OPENED: ReceiptRequest = ReceiptRequest { outcome: ReceiptOutcome::Opened, reason: None };

fn refusal_for(reason: RefusalReason) -> ReceiptRequest {
    ReceiptRequest { outcome: ReceiptOutcome::Refused, reason: Some(reason) }
}

/// What `member` is told by `client` to have said of a message, once it is `outcome`.
async fn told(client: &Client, id: &str, member: &str, outcome: ReceiptOutcome) -> ReceiptView {
    until("the receipt is here", || async {
        let status = client.status(id).await.unwrap();
        let recipient = status.recipients.into_iter().find(|recipient| recipient.member == member).unwrap();
        recipient.receipt.filter(|receipt| receipt.outcome == outcome)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_told_what_became_of_its_message() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let mut nodes = network.start_all().await;
    let [ke, tz, th]: [Client; 3] = nodes.iter().map(Running::client).collect::<Vec<_>>().try_into().unwrap();
    let sent = ke.send(&message("Ivory, 40 kg", &["TH", "TZ"]), None).await.unwrap();
    received(&tz, &sent.id).await;
    received(&th, &sent.id).await;
    assert!(!ke.status(&sent.id).await.unwrap().is_answered());

    // Tanzania reads it: told once, however often it is said.
    let shown = tz.record(&sent.id).await.unwrap();
    assert!(shown.receipt_due && shown.receipt.is_none());
    let (one, two) = tokio::join!(tz.receipt(&sent.id, &OPENED), tz.receipt(&sent.id, &OPENED));
    let one = one.unwrap();
    assert_eq!((one.outcome, one.at_ms), (ReceiptOutcome::Opened, two.unwrap().at_ms));
    assert_eq!(tz.receipt(&sent.id, &OPENED).await.unwrap(), one);
    let shown = tz.record(&sent.id).await.unwrap();
    assert_eq!((shown.receipt, shown.receipt_due), (Some(one), false));
    assert_eq!(told(&ke, &sent.id, "TZ", ReceiptOutcome::Opened).await, one);

    // Then it refuses it after all, and looks at it again: the refusal stands.
    let refusal = tz.receipt(&sent.id, &refusal_for(RefusalReason::Incomplete)).await.unwrap();
    assert_eq!(refusal.reason, Some(RefusalReason::Incomplete));
    assert_eq!(tz.receipt(&sent.id, &OPENED).await.unwrap(), refusal);
    assert_eq!(told(&ke, &sent.id, "TZ", ReceiptOutcome::Refused).await, refusal);
    assert!(!ke.status(&sent.id).await.unwrap().is_answered(), "Thailand has said nothing");
    th.receipt(&sent.id, &refusal_for(RefusalReason::NotCompetent)).await.unwrap();
    told(&ke, &sent.id, "TH", ReceiptOutcome::Refused).await;
    assert!(ke.status(&sent.id).await.unwrap().is_answered());

    // What cannot be said is refused with advice.
    let code = |result: Result<ReceiptView, ClientError>| match result.unwrap_err() {
        ClientError::Refused(problem) => problem.code,
        other => panic!("{other}"),
    };
    assert_eq!(code(ke.receipt(&sent.id, &OPENED).await), ProblemCode::NotAddressed, "one's own");
    let other = ke.send(&message("For Thailand only", &["TH"]), None).await.unwrap();
    until("Tanzania carries it", || async { tz.record(&other.id).await.ok() }).await;
    assert!(!tz.record(&other.id).await.unwrap().receipt_due);
    assert_eq!(code(tz.receipt(&other.id, &OPENED).await), ProblemCode::NotAddressed);
    let no_reason = ReceiptRequest { outcome: ReceiptOutcome::Refused, reason: None };
    assert_eq!(code(th.receipt(&other.id, &no_reason).await), ProblemCode::BadRequest);
    let needless = ReceiptRequest { reason: Some(RefusalReason::Other), ..OPENED };
    assert_eq!(code(th.receipt(&other.id, &needless).await), ProblemCode::BadRequest);

    // A restart forgets nothing of it.
    stop(nodes.remove(0)).await;
    let ke = network.start(0).await;
    let status = ke.client().status(&sent.id).await.unwrap();
    let outcomes: Vec<_> =
        status.recipients.iter().map(|r| r.receipt.map(|receipt| receipt.reason)).collect();
    let expected = [RefusalReason::NotCompetent, RefusalReason::Incomplete];
    assert_eq!(outcomes, expected.map(|reason| Some(Some(reason))));
    stop(ke).await;
    for node in nodes {
        stop(node).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_is_delivered_and_survives_restarts() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let nodes = network.start_all().await;
    let clients: Vec<Client> = nodes.iter().map(Running::client).collect();
    let request = SendRequest { priority: Some(Priority::Flash), ..message("Ivory, 40 kg", &["TZ"]) };
    let sent = clients[0].send(&request, Some("key-1")).await.unwrap();
    assert!(!sent.repeated);
    received(&clients[1], &sent.id).await;
    delivered(&clients[0], &sent.id).await;
    let again = clients[0].send(&request, Some("key-1")).await.unwrap();
    assert_eq!((again.id.as_str(), again.repeated), (sent.id.as_str(), true));

    // A member that it is not for carries it and does not list it.
    until("TH holds it too", || async {
        let status = clients[0].status(&sent.id).await.unwrap();
        (status.delivery.held == 2).then_some(())
    })
    .await;
    assert_eq!(clients[2].inbox(&ListingQuery::default()).await.unwrap().messages, []);
    let record = clients[2].record(&sent.id[..12]).await.unwrap();
    assert_eq!(record.document, None);
    assert_eq!(record.unreadable.as_deref(), Some("only KE, TZ can read it"));
    let readers = record.sealed.unwrap().readers;
    assert_eq!(readers.iter().map(|reader| reader.member.as_str()).collect::<Vec<_>>(), ["KE", "TZ"]);
    for client in &clients[..2] {
        let record = client.record(&sent.id).await.unwrap();
        assert_eq!(record.document.unwrap()["text"], "Ivory, 40 kg");
    }

    let reply = SendRequest { reply_to: Some(sent.id.clone()), ..message("Received", &["KE"]) };
    let reply = clients[1].send(&reply, None).await.unwrap();
    received(&clients[0], &reply.id).await;
    let inbox = clients[0].inbox(&ListingQuery::default()).await.unwrap();
    assert_eq!(inbox.messages[0].reply_to.as_deref(), Some(sent.id.as_str()));

    // TZ is away while KE sends, and comes back.
    let mut nodes = nodes.into_iter();
    let (ke, tz, th) = (nodes.next().unwrap(), nodes.next().unwrap(), nodes.next().unwrap());
    stop(tz).await;
    let later = clients[0].send(&message("While you were away", &["TZ"]), None).await.unwrap();
    assert!(!clients[0].status(&later.id).await.unwrap().is_delivered());
    let tz = network.start(1).await;
    received(&tz.client(), &later.id).await;
    received(&tz.client(), &sent.id).await;
    delivered(&clients[0], &later.id).await;
    // A clean restart stays in its generation.
    assert_eq!(tz.client().node().await.unwrap().generation, Some(0));
    for node in [ke, tz, th] {
        stop(node).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_agree_in_the_end() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let nodes = network.start_all().await;
    for (node, text) in nodes.iter().zip(["one", "two", "three"]) {
        for n in 0..20 {
            let request = SendRequest { members: true, ..message(&format!("{text} {n}"), &[]) };
            node.client().send(&request, None).await.unwrap();
        }
    }
    until("all frontiers are equal", || async {
        let mut digests = Vec::new();
        for node in &nodes {
            let frontier = node.client().frontier(&Default::default()).await.unwrap();
            let records: u64 = frontier.entries.iter().map(|entry| entry.seq + 1).sum();
            digests.push((frontier.digest, records));
        }
        (digests[0].1 >= 60 && digests.iter().all(|digest| *digest == digests[0])).then_some(())
    })
    .await;
    for node in nodes {
        stop(node).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_refilled_and_a_new_generation_opened() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let sent = nodes[0].client().send(&message("before", &["TZ"]), None).await.unwrap();
    delivered(&nodes[0].client(), &sent.id).await;
    let mut nodes = nodes.into_iter();
    stop(nodes.next().unwrap()).await;
    let tz = nodes.next().unwrap();
    std::fs::remove_dir_all(network.homes[0].store_dir()).unwrap();
    let ke = network.start(0).await;
    let client = ke.client();
    let generation =
        until("the node writes again", || async { client.node().await.unwrap().generation }).await;
    assert!(generation > 0);
    until("the old record is back", || async { client.record(&sent.id).await.ok() }).await;
    until("the node is ready", || async { client.ready().await.unwrap().ready.then_some(()) }).await;
    let after = client.send(&message("after", &["TZ"]), None).await.unwrap();
    received(&tz.client(), &after.id).await;
    assert_eq!(tz.client().node().await.unwrap().disputed, Vec::<String>::new());
    stop(ke).await;
    stop(tz).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_and_resumed() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let mut events = nodes[1].client().events(None).await.unwrap();
    let sent = nodes[0].client().send(&message("news", &["TZ"]), None).await.unwrap();
    let seen = loop {
        match tokio::time::timeout(Duration::from_secs(60), events.next()).await.unwrap().unwrap() {
            Received::Event(envelope) => {
                if let Event::Stored { id, for_us, state, .. } = &envelope.event
                    && *id == sent.id
                {
                    assert!(for_us);
                    assert_eq!(*state, RecordState::Valid);
                    break envelope.id;
                }
            }
            Received::End => panic!("the stream ended"),
        }
    };
    let second = nodes[0].client().send(&message("more news", &["TZ"]), None).await.unwrap();
    received(&nodes[1].client(), &second.id).await;
    let mut resumed = nodes[1].client().events(Some(&seen)).await.unwrap();
    let Received::Event(next) = resumed.next().await.unwrap() else { panic!("the stream ended") };
    assert!(matches!(next.event, Event::Stored { id, .. } if id == second.id));
    // Open streams do not hold up the stop, and hear it.
    for node in nodes {
        stop(node).await;
    }
    assert_eq!(resumed.next().await.unwrap(), Received::End);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_brings_records_to_a_node_that_meets_nobody() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let ke = network.start(0).await;
    prekeys_published(&ke.client()).await;
    let sent = ke.client().send(&message("by courier", &["TZ"]), None).await.unwrap();
    let mut archive = Vec::new();
    ke.client().export(&ExportQuery::default(), &mut archive).await.unwrap();
    stop(ke).await;

    let tz = network.start(1).await;
    let client = tz.client();
    let imported = client.import(std::io::Cursor::new(archive.clone())).await.unwrap();
    assert_eq!((imported.new, imported.known, imported.refused), (2, 0, 0), "a prekey and the message");
    received(&client, &sent.id).await;
    let again = client.import(std::io::Cursor::new(archive.clone())).await.unwrap();
    assert_eq!((again.new, again.known), (0, 2));

    let mut damaged = archive.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for (bytes, what) in
        [(damaged, "damaged"), (archive[..archive.len() / 2].to_vec(), "cut"), (vec![7; 99], "other")]
    {
        match client.import(std::io::Cursor::new(bytes)).await {
            Err(ClientError::Refused(problem)) => assert_eq!(problem.code, ProblemCode::BadArchive, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    let outbox = client.outbox(&ListingQuery::default()).await.unwrap();
    assert_eq!(outbox.messages, []);
    stop(tz).await;
}

async fn refused(client: &Client, request: SendRequest) -> ProblemCode {
    match client.send(&request, None).await {
        Err(ClientError::Refused(problem)) => {
            assert!(!problem.message.is_empty() && !problem.advice.is_empty(), "{problem:?}");
            problem.code
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_by_name() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let client = ke.client();
    assert_eq!(refused(&client, message("x", &["FR"])).await, ProblemCode::UnknownMember);
    assert_eq!(refused(&client, message("x", &["not a member"])).await, ProblemCode::UnknownMember);
    assert_eq!(refused(&client, message("x", &["KE"])).await, ProblemCode::OwnMember);
    let to_nobody = SendRequest { members: false, ..message("x", &[]) };
    assert_eq!(refused(&client, to_nobody).await, ProblemCode::NoAddressees);
    let both = SendRequest { members: true, ..message("x", &["TZ"]) };
    assert_eq!(refused(&client, both).await, ProblemCode::BadRequest);
    let no_form = SendRequest { document: json!({ "text": "x" }), ..message("x", &["TZ"]) };
    assert_eq!(refused(&client, no_form).await, ProblemCode::BadDocument);
    let not_ours = json!({ "form": "message", "language": "en", "text": "x", "from": "TZ" });
    assert_eq!(
        refused(&client, SendRequest { document: not_ours, ..message("x", &["TZ"]) }).await,
        ProblemCode::BadDocument
    );
    let past = SendRequest { expires_at_ms: Some(1), ..message("x", &["TZ"]) };
    assert_eq!(refused(&client, past).await, ProblemCode::WouldBeVoid);
    let lost_reply = SendRequest { reply_to: Some("abcdef".into()), ..message("x", &["TZ"]) };
    assert_eq!(refused(&client, lost_reply).await, ProblemCode::NotFound);
    let long = message(&"x".repeat(2 * 1024 * 1024), &["TZ"]);
    assert_eq!(refused(&client, long).await, ProblemCode::TooLarge);
    client.send(&message("one", &["TZ"]), Some("same key")).await.unwrap();
    match client.send(&message("two", &["TZ"]), Some("same key")).await {
        Err(ClientError::Refused(problem)) => assert_eq!(problem.code, ProblemCode::IdempotencyKeyReused),
        other => panic!("{other:?}"),
    }
    // Nothing of the refused ones was kept.
    assert_eq!(client.outbox(&ListingQuery::default()).await.unwrap().messages.len(), 1);

    let bad_cursor = ListingQuery { cursor: Some("junk".into()), ..Default::default() };
    assert!(matches!(client.inbox(&bad_cursor).await, Err(ClientError::Refused(_))));
    let bad_limit = ListingQuery { limit: Some(100_000), ..Default::default() };
    assert!(matches!(client.inbox(&bad_limit).await, Err(ClientError::Refused(_))));
    prekeys_published(&client).await;
    let metrics = client.metrics().await.unwrap();
    assert!(metrics.contains("ecomesh_records 2") && metrics.contains("route=\"/v1/messages\""), "{metrics}");
    stop(ke).await;
}

async fn prekeys_published(client: &Client) {
    until("the prekeys are published", || async {
        let own = client.prekeys().await.unwrap().own;
        (own.len() == 2 && own.iter().all(|prekey| prekey.published)).then_some(())
    })
    .await;
}

/// One request in raw bytes, for what the client would not send.
async fn raw(running: &Running, request: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::UnixStream::connect(running.socket()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_the_answer_is_a_problem() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let post = |body: &str, kind: &str| {
        format!(
            "POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let cases = [
        (post("{", "application/json"), 400, "bad_request"),
        (post("[]", "application/json"), 400, "bad_request"),
        (post(r#"{"document":{},"too":["TZ"]}"#, "application/json"), 400, "bad_request"),
        (post("{}", "text/plain"), 415, "unsupported_media_type"),
        (get("/v1/moon"), 404, "no_such_route"),
        (get("/v1/messages"), 405, "bad_method"),
        (get("/v1/inbox?moon=full"), 400, "bad_request"),
        (get("/v1/records/xyz"), 400, "bad_request"),
        (get("/v1/records/abcdef"), 404, "not_found"),
        (get("/v1/frontier?member=FR"), 422, "unknown_member"),
    ];
    for (request, status, code) in cases {
        let (got, body) = raw(&ke, &request).await;
        let problem: serde_json::Value =
            serde_json::from_str(&body).unwrap_or_else(|_| panic!("{request}: {body}"));
        assert_eq!((got, problem["code"].as_str().unwrap()), (status, code), "{request}");
    }
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_over_tcp_wants_the_token() {
    let network = Network::found(&["KE", "TZ"]);
    let mut tcp = config();
    tcp.api.tcp = "127.0.0.1:0".into();
    let ke = network.try_start(0, tcp).await.unwrap();
    let address = ke.tcp().unwrap();
    for wrong in ["", "wrong", "0000000000000000000000000000000000000000000000000000000000000000"] {
        assert_eq!(Client::tcp(address, wrong).health().await, Err(ClientError::Unauthorized));
    }
    let token = std::fs::read_to_string(network.homes[0].token_file()).unwrap();
    let node = Client::tcp(address, token.trim()).node().await.unwrap();
    assert_eq!(node.member, "KE");
    assert_eq!(mode(&network.homes[0].token_file()), 0o600);
    assert_eq!(mode(&network.homes[0].socket_file()), 0o600);
    assert_eq!(mode(&network.homes[0].api_dir()), 0o700);
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why() {
    let network = Network::found(&["KE", "TZ"]);
    let error = |result: Result<Running, StartError>| match result {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    let wrong =
        ecomesh_node::Daemon::start(network.homes[0].clone(), passphrase("wrong words"), config()).await;
    assert!(error(wrong).contains("passphrase"));

    let ke = network.start(0).await;
    assert!(error(network.try_start(0, config()).await).contains("is in use by process"));

    // TZ is told to listen where KE listens.
    let taken = ke.listening()[0].clone();
    let mut config_tz = config();
    config_tz.net.listen = vec![taken];
    assert!(error(network.try_start(1, config_tz).await).contains("in use"));
    let mut config_tz = config();
    config_tz.api.tcp = "0.0.0.0:7420".into();
    assert!(error(network.try_start(1, config_tz).await).contains("other machines"));
    // None of that holds TZ up.
    let tz = network.start(1).await;
    until("TZ meets KE", || async { (tz.client().node().await.unwrap().connected == 1).then_some(()) }).await;
    stop(tz).await;
    stop(ke).await;
    let gone = Client::for_home(network.homes[0].dir()).node().await;
    assert!(matches!(gone, Err(ClientError::NodeNotRunning { .. })), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_in_a_deep_folder_has_its_socket() {
    let network = Network::found(&["KE", "TZ"]);
    let deep = network.homes[0].dir().parent().unwrap().join("d".repeat(120));
    std::fs::rename(network.homes[0].dir(), &deep).unwrap();
    let home = ecomesh_node::home::Home::open(&deep).unwrap();
    let ke = ecomesh_node::Daemon::start(home, passphrase("correct horse"), config()).await.unwrap();
    assert_eq!(ke.client().node().await.unwrap().member, "KE");
    stop(ke).await;
}

/// A body of which the first bytes come and then nothing.
struct Stalled(Option<Vec<u8>>);

impl tokio::io::AsyncRead for Stalled {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        match self.0.take() {
            Some(bytes) => {
                buf.put_slice(&bytes);
                std::task::Poll::Ready(Ok(()))
            }
            None => std::task::Poll::Pending,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_hold_and_a_stalled_client_does_not_hold_up_the_stop() {
    let network = Network::found(&["KE", "TZ"]);
    let mut narrow = config();
    narrow.api.requests_max = 1;
    narrow.api.event_clients_max = 1;
    let ke = network.try_start(0, narrow).await.unwrap();
    let _first = ke.client().events(None).await.unwrap();
    let is_busy = |error: &ClientError| matches!(error, ClientError::Refused(problem) if problem.code == ProblemCode::Busy);
    assert!(is_busy(&ke.client().events(None).await.unwrap_err()));

    let client = ke.client();
    let stalled = tokio::spawn(async move {
        // The questions below may take the only place before the import does.
        loop {
            let ended = client.import(Stalled(Some(b"ECOARCHV".to_vec()))).await.unwrap_err();
            if !is_busy(&ended) {
                return ended;
            }
        }
    });
    until("the import takes the only place", || async {
        ke.client().node().await.err().filter(|error| is_busy(error))
    })
    .await;
    assert_eq!(ke.client().health().await.unwrap().status, "ok");
    stop(ke).await;
    assert!(!is_busy(&stalled.await.unwrap()));
    // Nothing of the first life is in the way of the second.
    stop(network.start(0).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_set_aside_and_refilled() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let sent = nodes[1].client().send(&message("kept by both", &["KE"]), None).await.unwrap();
    received(&nodes[0].client(), &sent.id).await;
    let mut nodes = nodes.into_iter();
    stop(nodes.next().unwrap()).await;
    let tz = nodes.next().unwrap();
    overwrite_files(&network.homes[0].store_dir());
    let ke = network.start(0).await;
    received(&ke.client(), &sent.id).await;
    let names: Vec<String> = std::fs::read_dir(network.homes[0].dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("store.damaged-")), "{names:?}");
    stop(ke).await;
    stop(tz).await;
}

/// Damages every file below a folder, in its middle.
fn overwrite_files(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            overwrite_files(&path);
        } else {
            let mut bytes = std::fs::read(&path).unwrap();
            let half = bytes.len() / 2;
            bytes[half..].fill(0xa5);
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_node_lets_go_of_its_folder() {
    let network = Network::found(&["KE", "TZ"]);
    let ke = network.start(0).await;
    let sent = ke.client().send(&message("durable", &["TZ"]), None).await.unwrap();
    drop(ke);
    let ke = until("the folder is free", || async { network.try_start(0, config()).await.ok() }).await;
    assert_eq!(ke.client().outbox(&ListingQuery::default()).await.unwrap().messages[0].id, sent.id);
    assert_eq!(ke.client().node().await.unwrap().generation, Some(0));
    stop(ke).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_members_say_of_a_message_comes_as_events() {
    let network = Network::found(&["KE", "TZ"]);
    let (ke, tz) = (network.start(0).await, network.start(1).await);
    let mut events = ke.client().events(None).await.unwrap();
    let sent = ke.client().send(&message("a message", &["TZ"]), None).await.unwrap();
    until("it is at TZ", || async { tz.client().record(&sent.id).await.ok().map(drop) }).await;
    let refused =
        ReceiptRequest { outcome: ReceiptOutcome::Refused, reason: Some(RefusalReason::NotCompetent) };
    tz.client().receipt(&sent.id, &refused).await.unwrap();
    let expected = Event::Receipt {
        id: sent.id.clone(),
        member: "TZ".into(),
        outcome: ReceiptOutcome::Refused,
        reason: Some(RefusalReason::NotCompetent),
    };
    assert_eq!(next(&mut events, "receipt").await, expected);
    let erase = EraseRequest { ids: vec![sent.id.clone()], reason: EraseReason::SentInError };
    ke.client().erase(&erase).await.unwrap();
    assert_eq!(next(&mut events, "erased").await, Event::Erased { id: sent.id });
    for node in [ke, tz] {
        node.shutdown().await.unwrap();
    }
}

/// The next event of this name.
async fn next(events: &mut EventStream, name: &str) -> Event {
    let wait = async {
        loop {
            if let Received::Event(envelope) = events.next().await.unwrap()
                && envelope.event.name() == name
            {
                return envelope.event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the event comes")
}
