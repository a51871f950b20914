//! Entries of databases between real nodes: only the source changes them, a look-up finds what stands, and the source is
//! told of a hit.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use ecomesh_api::limits::KNOWN_MAX;
use ecomesh_api::{
    Client, ClientError, EntryDraft, EntryQuery, EntryStanding, FindAnswer, FindRequest, FoundKind,
    FrontierQuery, HitRequest, HitView, KnownRequest, LaneName, NoticeDraft, ProblemCode, RecordState, Sent,
    UnlockRequest, WithdrawRequest,
};
use serde_json::{Value, json};
use support::{Network, clients, refused, stop, until};

fn sltd(number: &str, country: &str) -> Value {
    json!({
        "form": "sltd-entry",
        "source": { "reference": format!("{country}/SLTD/{number}") },
        "document": { "kind": "passport", "number": number, "country": country },
        "status": "stolen",
        "date": "2026-11-20",
    })
}

fn person(family: &str, given: &str) -> Value {
    json!({
        "form": "nominal-entry",
        "source": { "reference": format!("REF/{family}") },
        "purpose": "locate",
        "article_3": "conforms",
        "person": {
            "status": "suspect", "family_name": family, "given_names": given,
            "documents": [{ "kind": "passport", "number": "P 900", "country": "TZ" }],
        },
        "facts": { "text": "Seen with 12 tusks." },
    })
}

async fn add(client: &Client, document: Value) -> Sent {
    try_add(client, document, None).await.unwrap()
}

async fn try_add(client: &Client, document: Value, replaces: Option<&str>) -> Result<Sent, ClientError> {
    let draft = EntryDraft { document, replaces: replaces.map(str::to_owned), exercise: false };
    client.add_entry(&draft, None).await
}

fn number(text: &str) -> FindRequest {
    FindRequest {
        number: Some(text.into()),
        purpose: "border-control".into(),
        officer: "N. 12".into(),
        ..FindRequest::default()
    }
}

fn name(text: &str) -> FindRequest {
    FindRequest { number: None, name: Some(text.into()), ..number("") }
}

async fn find(client: &Client, request: &FindRequest) -> FindAnswer {
    client.find(request).await.unwrap()
}

/// Searches until so many are found.
async fn finds(client: &Client, request: &FindRequest, count: usize) -> FindAnswer {
    until("it is found", || async {
        let answer = client.find(request).await.unwrap();
        (answer.found.len() == count).then_some(answer)
    })
    .await
}

async fn hits(client: &Client, count: usize) -> Vec<HitView> {
    until("the hits are here", || async {
        let hits = client.hits().await.unwrap().hits;
        (hits.len() == count).then_some(hits)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_passport_is_found_at_a_border_and_its_country_is_told() {
    let network = Network::found(&["KE", "TZ", "UG"]);
    let nodes = network.start_all().await;
    let [ke, tz, ug] = &clients(&network)[..] else { panic!("three nodes") };
    let entered = add(ke, sltd("A 1234567", "KE")).await;
    assert!(!entered.sealed && entered.to.is_empty());
    // The own bureau finds it at once, and need not tell itself.
    assert_eq!(find(ke, &number("a1234567")).await.found[0].hit, None);

    let answer = finds(tz, &number("a-123 4567"), 1).await;
    let found = &answer.found[0];
    assert_eq!(
        (found.kind, found.source.as_str(), found.register.as_deref()),
        (FoundKind::Entry, "KE", Some("sltd"))
    );
    assert_eq!((found.id.as_str(), found.subject.as_str()), (entered.id.as_str(), "KE A 1234567"));
    assert!(found.hit.is_some() && answer.warnings.is_empty(), "{answer:?}");
    assert_eq!(answer.as_of.len(), 2);
    let told = &hits(ke, 1).await[0];
    assert_eq!(
        (told.searcher.as_str(), told.source.as_str(), told.entry.as_str()),
        ("TZ", "KE", entered.id.as_str())
    );
    assert_eq!(
        (told.officer.as_str(), told.purpose.as_str(), told.query.as_str()),
        ("N. 12", "border-control", "a-123 4567")
    );
    assert_eq!(hits(tz, 1).await[0].source, "KE");
    // Nobody else can read who searched for what.
    until("the hit is carried", || async { ug.record(&told.id).await.ok() }).await;
    assert_eq!(hits(ug, 0).await, []);

    // Another number, another database, another source, another purpose.
    assert_eq!(find(tz, &number("A1234568")).await.found, []);
    let elsewhere = FindRequest { database: Some("vehicle".into()), ..number("A1234567") };
    assert_eq!(find(tz, &elsewhere).await.found, []);
    let of_uganda = FindRequest { source: Some("UG".into()), ..number("A1234567") };
    assert_eq!(find(tz, &of_uganda).await.found, []);
    let why = FindRequest { purpose: "curiosity".into(), ..number("A1234567") };
    assert!(refused(tz.find(&why).await).message.contains("border-control"));
    let nobody = FindRequest { officer: " ".into(), ..number("A1234567") };
    assert_eq!(refused(tz.find(&nobody).await).code, ProblemCode::BadRequest);
    let both = FindRequest { name: Some("x".into()), ..number("x") };
    assert_eq!(refused(tz.find(&both).await).code, ProblemCode::BadRequest);

    // A new text: the old number is found no more, the new one is.
    try_add(ke, sltd("B 7", "KE"), Some(&entered.id)).await.unwrap();
    finds(tz, &number("B7"), 1).await;
    assert_eq!(find(tz, &number("A1234567")).await.found, []);
    // Withdrawn: no look-up finds it, its text is gone, and only that it was withdrawn is told.
    let problem =
        refused(tz.withdraw_entry(&entered.id, &WithdrawRequest { reason: "recovered".into() }).await);
    assert!(problem.message.contains("entry.source-owns"), "{}", problem.message);
    ke.withdraw_entry(&entered.id, &WithdrawRequest { reason: "recovered".into() }).await.unwrap();
    finds(tz, &number("B7"), 0).await;
    let detail = until("it is erased", || async {
        let detail = tz.entry(&entered.id).await.ok()?;
        (detail.entry.state == RecordState::Erased).then_some(detail)
    })
    .await;
    assert_eq!((detail.document, detail.rendered, detail.entry.subject.as_str()), (None, None, ""));
    assert_eq!(detail.entry.reason.as_deref(), Some("recovered"));
    let listed = |query| async move { tz.entries(&query).await.unwrap().entries };
    assert_eq!(listed(EntryQuery::default()).await, []);
    let all = EntryQuery { all: Some(true), ..EntryQuery::default() };
    assert_eq!(listed(all.clone()).await, [detail.entry]);
    assert_eq!(listed(EntryQuery { source: Some("TZ".into()), ..all }).await, []);
    let nowhere = EntryQuery { source: Some("QQ".into()), ..EntryQuery::default() };
    let problem = refused(tz.entries(&nowhere).await);
    assert!(problem.code == ProblemCode::UnknownMember && problem.advice.contains("KE, TZ"), "{problem:?}");
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_issuer_enters_a_travel_document_and_only_the_source_changes_its_entry() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let [ke, tz] = &clients(&network)[..] else { panic!("two nodes") };
    let problem = refused(try_add(tz, sltd("A1", "KE"), None).await);
    assert_eq!(problem.code, ProblemCode::AgainstRule);
    assert!(problem.message.contains("sltd.issuer"), "{}", problem.message);
    let entered = add(ke, sltd("A1", "KE")).await;
    until("it is there", || async { tz.entry(&entered.id).await.ok() }).await;
    let problem = refused(try_add(tz, sltd("A2", "TZ"), Some(&entered.id)).await);
    assert!(problem.message.contains("entry.source-owns"), "{}", problem.message);
    let problem = refused(try_add(ke, person("DOE", "Jane"), Some(&entered.id)).await);
    assert!(problem.message.contains("entry.database"), "{}", problem.message);
    let unknown = WithdrawRequest { reason: "because".into() };
    assert_eq!(refused(ke.withdraw_entry(&entered.id, &unknown).await).code, ProblemCode::BadDocument);
    let missing = refused(try_add(ke, json!({ "form": "sltd-entry" }), None).await);
    assert_eq!(missing.code, ProblemCode::BadDocument);
    assert!(!missing.details.is_empty());
    // As a message it would be found by nobody.
    let message = ecomesh_api::SendRequest { document: sltd("A3", "KE"), ..support::message("x", &[]) };
    assert_eq!(refused(ke.send(&message, None).await).code, ProblemCode::BadDocument);
    let listing = tz.entries(&EntryQuery::default()).await.unwrap().entries;
    assert_eq!((listing.len(), listing[0].standing), (1, EntryStanding::Active));
    // Entries are looked up, and do not fill the inbox.
    assert_eq!(tz.inbox(&Default::default()).await.unwrap().messages, []);
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_however_the_name_is_spelt_and_by_whom_the_entry_is_for() {
    let network = Network::reviewed(&["KE", "TZ", "UG"], &["TZ"], 1);
    let nodes = network.start_all().await;
    let [ke, tz, ug] = &clients(&network)[..] else { panic!("three nodes") };
    let mut closed = person("Gavrilov", "Ivan");
    closed["source"]["handling"] = json!({ "excluded": ["UG"] });
    let entered = add(ke, closed).await;
    assert_eq!((entered.to.clone(), entered.sealed), (vec!["TZ".to_owned()], true));
    let answer = finds(tz, &name("Gawriloff Ivan"), 1).await;
    // A name only suggests: nobody is told before an officer has looked.
    assert_eq!((answer.found[0].id.as_str(), &answer.found[0].hit), (entered.id.as_str(), &None));
    let hit = HitRequest {
        query: "Gawriloff Ivan".into(),
        purpose: "investigation".into(),
        officer: "N. 12".into(),
        place: Some("Namanga".into()),
        remarks: None,
    };
    tz.report_hit(&entered.id, &hit).await.unwrap();
    assert_eq!(hits(ke, 1).await[0].place.as_deref(), Some("Namanga"));
    assert_eq!(refused(ke.report_hit(&entered.id, &hit).await).code, ProblemCode::OwnMember);
    // The passport of the person leads to it too.
    finds(tz, &number("P900"), 1).await;
    let shown = ke.record(&entered.id).await.unwrap();
    let readers: Vec<_> = shown.sealed.unwrap().readers.into_iter().map(|one| one.member).collect();
    assert_eq!((readers, shown.message.to), (vec!["KE".to_owned(), "TZ".to_owned()], vec!["TZ".to_owned()]));

    // A country that is excluded carries it and finds nothing.
    until("it is carried", || async { ug.record(&entered.id).await.ok() }).await;
    assert_eq!(find(ug, &name("Gavrilov Ivan")).await.found, []);
    assert_eq!(refused(ug.report_hit(&entered.id, &hit).await).code, ProblemCode::NotFound);

    // A request for a notice is found, and said to be no more than that.
    let blue = json!({
        "form": "blue-notice",
        "request": { "reference": "KE/1", "language": "en", "article_3": "conforms" },
        "person": { "status": "suspect", "family_name": "Wanjiru", "given_names": "Grace" },
        "investigation": { "facts": "Seen with 12 tusks." },
        "asked": ["locate"],
    });
    let draft = NoticeDraft {
        document: blue,
        kind: ecomesh_api::CaseKind::Notice,
        to: Vec::new(),
        members: false,
        replaces: None,
        priority: None,
        exercise: false,
        regions: Vec::new(),
        files: Vec::new(),
    };
    ke.notice(&draft, None).await.unwrap();
    let found = &finds(ug, &name("Grace Wanjiru"), 1).await.found[0];
    assert_eq!(
        (found.kind, found.standing),
        (FoundKind::Notice, Some(ecomesh_api::NoticeStanding::Requested))
    );
    stop(nodes).await;
}

/// How many keys of groups Kenya has made: it has written nothing else into that lane.
async fn keys_of(ke: &Client) -> u64 {
    let logs = ke.frontier(&FrontierQuery::default()).await.unwrap().entries;
    let own = logs.iter().filter(|log| log.author == "KE" && log.lane == LaneName::Messages);
    own.map(|log| log.seq + 1).sum()
}

fn closed_to(mut document: Value, countries: &[&str]) -> Value {
    document["source"]["handling"] = json!({ "excluded": countries });
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_to_some_is_read_by_all_others_under_one_key_a_day() {
    let network = Network::found(&["KE", "TZ", "UG", "ZM"]);
    let mut nodes = network.start_all().await;
    let [ke, tz, ug, zm] = &clients(&network)[..] else { panic!("four nodes") };
    // Zambia is away, and opens later what it missed.
    nodes.pop().unwrap().shutdown().await.unwrap();
    let mut places = Vec::new();
    for n in 1..=3 {
        let sent = add(ke, closed_to(sltd(&format!("A{n}"), "KE"), &["UG"])).await;
        assert_eq!((sent.to, sent.sealed), (vec!["TZ".to_owned(), "ZM".to_owned()], true));
        places.push(sent.position);
    }
    assert_eq!(places, ["KE/2/0/0", "KE/2/0/1", "KE/2/0/2"]);
    // The key's record stands before them, once.
    assert_eq!(keys_of(ke).await, 1);
    // Another group has another key.
    let other = add(ke, closed_to(sltd("B1", "KE"), &["UG", "TZ"])).await;
    assert_eq!((keys_of(ke).await, &other.to), (2, &vec!["ZM".to_owned()]));
    until("it is carried", || async { ug.record(&other.id).await.ok() }).await;

    finds(tz, &number("A3"), 1).await;
    assert_eq!(find(tz, &number("B1")).await.found, []);
    nodes.push(network.start(3).await);
    for found in ["A1", "A2", "A3", "B1"] {
        finds(zm, &number(found), 1).await;
    }
    assert_eq!(find(ug, &number("A1")).await.found, []);

    // Keys of groups are not kept: whoever unlocks the node makes another.
    ke.lock().await.unwrap();
    ke.unlock(&UnlockRequest { passphrase: "correct horse".into() }).await.unwrap();
    add(ke, closed_to(sltd("A0", "KE"), &["UG"])).await;
    assert_eq!(keys_of(ke).await, 3);
    // And so does a start; what was read is read all the same.
    nodes.remove(0).shutdown().await.unwrap();
    nodes.insert(0, network.start(0).await);
    let next = add(ke, closed_to(sltd("A4", "KE"), &["UG"])).await;
    assert_eq!(keys_of(ke).await, 4);
    for found in ["A1", "A4"] {
        finds(tz, &number(found), 1).await;
        finds(ke, &number(found), 1).await;
    }
    // A new text is for the same members, and for fewer if it excludes more.
    let fewer = closed_to(sltd("A5", "KE"), &["UG", "TZ"]);
    let fewer = try_add(ke, fewer, Some(&next.id)).await.unwrap();
    assert_eq!(fewer.to, ["ZM"]);
    finds(zm, &number("A5"), 1).await;
    finds(ke, &number("A5"), 1).await;
    let same = try_add(ke, sltd("A6", "KE"), Some(&next.id)).await.unwrap();
    assert_eq!(same.to, ["TZ", "ZM"], "as the first text");
    let nobody = refused(try_add(ke, closed_to(sltd("C1", "KE"), &["UG", "TZ", "ZM"]), None).await);
    assert_eq!(nobody.code, ProblemCode::NoAddressees);

    // A form does not say by itself of what it is a new text.
    let mut form = sltd("A7", "KE");
    form["source"]["replaces"] = next.id.as_str().into();
    let problem = refused(try_add(ke, form, None).await);
    assert_eq!(
        (problem.code, problem.details[0].path.as_str()),
        (ProblemCode::BadDocument, "source.replaces")
    );

    // That one was withdrawn is told to those who could read it, also if they read of it after it was erased.
    ke.withdraw_entry(&other.id, &WithdrawRequest { reason: "recovered".into() }).await.unwrap();
    for client in [tz, ug, zm] {
        until("it is erased", || async {
            (client.record(&other.id).await.ok()?.message.state == RecordState::Erased).then_some(())
        })
        .await;
    }
    stop(nodes).await;
    let nodes = network.start_all().await;
    let all = EntryQuery { all: Some(true), ..EntryQuery::default() };
    let lists = async |client: &Client| {
        let listing = client.entries(&all).await.ok().filter(|listing| listing.unread == 0)?;
        Some(listing.entries.into_iter().any(|entry| entry.id == other.id))
    };
    for (client, expected) in [(ke, true), (zm, true), (tz, false), (ug, false)] {
        let listed = until("everything is read", || lists(client)).await;
        assert_eq!(listed, expected);
    }
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_batch_is_written_anew_for_those_who_read_the_old_one() {
    let network = Network::found(&["KE", "TZ", "UG"]);
    let ke_node = network.start(0).await;
    let others = vec![network.start(1).await, network.start(2).await];
    let [ke, tz, ug] = &clients(&network)[..] else { panic!("three nodes") };
    let old = add(ke, closed_to(sltd_batch("KE", 4), &["UG"])).await;
    assert!(old.sealed);
    finds(tz, &number("A2"), 1).await;
    let reason = WithdrawRequest { reason: "recovered".into() };
    ke.withdraw_entry(&format!("{}.2", old.id), &reason).await.unwrap();
    ke_node.shutdown().await.unwrap();
    let mut config = support::config();
    config.databases.rewrite_after_h = 0;
    let ke_node = network.try_start(0, config).await.unwrap();
    for client in [ke, tz] {
        until("the new one stands alone", || async {
            let found = client.find(&number("A3")).await.ok()?.found;
            (found.len() == 1 && !found[0].id.starts_with(&old.id)).then_some(())
        })
        .await;
        finds(client, &number("A2"), 0).await;
    }
    assert_eq!(find(ug, &number("A3")).await.found, []);
    stop(others).await;
    stop(vec![ke_node]).await;
}

/// Travel documents in one record, numbered `A1`, `A2` and so on.
fn sltd_batch(country: &str, count: usize) -> Value {
    let line = |n: usize| {
        let mut entry = sltd(&format!("A{n}"), country);
        entry["source"] = json!({ "reference": format!("{country}/{n}") });
        entry
    };
    json!({
        "form": "entry-batch",
        "source": { "reference": "list 1" },
        "entries": (1..=count).map(line).collect::<Vec<_>>(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dates_of_the_lines_of_a_batch_are_looked_at() {
    let network = Network::found(&["KE", "TZ"]);
    let node = network.start(0).await;
    let ke = node.client();
    let mut odd = sltd_batch("KE", 5);
    for index in [1, 3] {
        odd["entries"][index]["document"]["issued"] = "2020-01-01".into();
        odd["entries"][index]["document"]["expires"] = "2019-01-01".into();
    }
    let sent = add(&ke, odd.clone()).await;
    let of_lines: Vec<_> = sent.warnings.iter().filter(|warning| warning.path.contains("entries")).collect();
    let [warning] = &of_lines[..] else { panic!("{:?}", sent.warnings) };
    assert_eq!(warning.path, "entries[2].document.expires");
    assert_eq!(warning.message, "it expires before it was issued");
    assert!(warning.advice.contains("another line has it too"), "{warning}");
    // What the form itself is found to lack is told as well.
    assert!(sent.warnings.iter().any(|warning| warning.path == "source.contact"), "{:?}", sent.warnings);

    odd["source"]["valid_until"] = "2020-01-01".into();
    let problem = refused(try_add(&ke, odd, None).await);
    assert_eq!(problem.code, ProblemCode::BadDocument);
    assert_eq!(problem.details[0].path, "source.valid_until");
    stop(vec![node]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_written_anew_without_its_withdrawn_lines_and_the_old_one_erased() {
    let network = Network::found(&["KE", "TZ"]);
    let mut ke_node = network.start(0).await;
    let tz_node = network.start(1).await;
    let [ke, tz] = &clients(&network)[..] else { panic!("two nodes") };
    let old = add(ke, sltd_batch("KE", 6)).await;
    finds(tz, &number("A6"), 1).await;
    for line in [2, 5] {
        let reason = WithdrawRequest { reason: "recovered".into() };
        ke.withdraw_entry(&format!("{}.{line}", old.id), &reason).await.unwrap();
        // It is hidden at once, here and there.
        finds(ke, &number(&format!("A{line}")), 0).await;
        finds(tz, &number(&format!("A{line}")), 0).await;
    }
    // Others that follow within some days share the new batch.
    assert_eq!(finds(ke, &number("A1"), 1).await.found[0].id, format!("{}.1", old.id));

    // Nothing withdrawn comes back when it is written at a start, from what the disk says alone.
    ke_node.shutdown().await.unwrap();
    let mut config = support::config();
    config.databases.rewrite_after_h = 0;
    ke_node = network.try_start(0, config).await.unwrap();
    for client in [ke, tz] {
        until("the old one is erased", || async {
            let state = client.record(&old.id).await.ok()?.message.state;
            (state == RecordState::Erased).then_some(())
        })
        .await;
        for n in [1, 3, 4, 6] {
            let found = finds(client, &number(&format!("A{n}")), 1).await.found;
            assert!(!found[0].id.starts_with(&old.id), "{found:?}");
        }
        for n in [2, 5] {
            assert_eq!(find(client, &number(&format!("A{n}"))).await.found, []);
        }
    }
    let lines = until("the new one alone stands", || async {
        let entries = tz.entries(&EntryQuery::default()).await.unwrap().entries;
        (entries.len() == 1).then(|| entries[0].clone())
    });
    assert_eq!(lines.await.source, "KE");
    // A line of the old one is named no more, and the reader is told how to go on.
    let reason = WithdrawRequest { reason: "recovered".into() };
    let problem = refused(ke.withdraw_entry(&format!("{}.1", old.id), &reason).await);
    assert!(
        problem.code == ProblemCode::NotFound && format!("{problem:?}").contains("by its number"),
        "{problem:?}"
    );
    stop(vec![ke_node, tz_node]).await;
}

/// Where each of these stands among the own entries of a bureau.
async fn known(client: &Client, documents: Vec<Value>) -> Vec<Option<(String, EntryStanding)>> {
    let answer = client.known_entries(&KnownRequest { documents }).await.unwrap();
    assert!(answer.complete);
    answer.entries.into_iter().map(|known| known.map(|known| (known.id, known.standing))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bureau_knows_which_entries_it_has_already() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let [ke, tz] = &clients(&network)[..] else { panic!("two nodes") };
    let active = |id: &str| Some((id.to_owned(), EntryStanding::Active));
    let passport = add(ke, sltd("A 1", "KE")).await.id;
    let exercise = EntryDraft { document: sltd("A 2", "KE"), replaces: None, exercise: true };
    ke.add_entry(&exercise, None).await.unwrap();
    let batch = add(ke, sltd_batch("KE", 20)).await.id;
    let line = |n: usize| sltd_batch("KE", 20)["entries"][n - 1].clone();
    // It says who reports it only once it is entered.
    let mut from = sltd("A 1", "KE");
    from["source"]["from"] = json!("KE");
    let mut other = sltd("A 1", "KE");
    other["status"] = json!("lost");
    let asked =
        vec![sltd("A 1", "KE"), from, other.clone(), sltd("A 2", "KE"), line(7), json!({ "form": "none" })];
    assert_eq!(
        known(ke, asked.clone()).await,
        [active(&passport), active(&passport), None, None, active(&format!("{batch}.7")), None]
    );
    // Another bureau has none of them, whatever it reads: the passport, and the line of the batch with the same number.
    finds(tz, &number("A 1"), 2).await;
    assert_eq!(known(tz, asked).await, vec![None; 6]);

    // Of several texts the one that holds counts.
    try_add(ke, other.clone(), Some(&passport)).await.unwrap();
    let both = KnownRequest { documents: vec![sltd("A 1", "KE"), other] };
    let both = ke.known_entries(&both).await.unwrap().entries.into_iter().flatten();
    let both: Vec<_> = both.map(|known| (known.id, known.standing, known.replaced)).collect();
    let text = |replaced| (passport.clone(), EntryStanding::Active, replaced);
    assert_eq!(both, [text(true), text(false)]);
    let reason = WithdrawRequest { reason: "found".into() };
    ke.withdraw_entry(&format!("{batch}.7"), &reason).await.unwrap();
    let withdrawn = Some((format!("{batch}.7"), EntryStanding::Withdrawn));
    assert_eq!(known(ke, vec![line(7), line(8)]).await, [withdrawn, active(&format!("{batch}.8"))]);
    // One that was entered anew holds.
    let anew = add(ke, line(7)).await.id;
    assert_eq!(known(ke, vec![line(7)]).await, [active(&anew)]);
    // A person is known by its reference.
    let somebody = add(ke, person("Gavrilov", "Ivan")).await.id;
    let reordered = person("Gavrilov", "Iwan");
    assert_eq!(known(ke, vec![person("Gavrilov", "Ivan"), reordered]).await, [active(&somebody), None]);
    let many = KnownRequest { documents: vec![sltd("A 1", "KE"); KNOWN_MAX + 1] };
    assert_eq!(refused(ke.known_entries(&many).await).code, ProblemCode::BadRequest);
    stop(nodes).await;
}

fn seizure(reference: &str, scientific_name: &str) -> Value {
    json!({
        "form": "seizure-entry", "family": "fauna",
        "source": { "reference": reference, "from": "KE" },
        "discovery": { "date": "2014-06-05", "place": { "text": "Mombasa", "country": "KE" } },
        "products": [{ "kind": "wildlife", "scientific_name": scientific_name }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_narrowed_by_kind_date_and_species() {
    let network = Network::found(&["KE"]);
    let nodes = network.start_all().await;
    let ke = &clients(&network)[0];
    add(ke, seizure("KE/1", "Manis temminckii")).await;
    let ivory = add(ke, seizure("KE/2", "Loxodonta africana")).await;
    let mombasa = FindRequest { number: None, text: Some("Mombasa".into()), limit: Some(20), ..number("") };
    finds(ke, &mombasa, 2).await;
    let after_ms = ke.record(&ivory.id).await.unwrap().message.created_at_ms + 1;
    let narrowed = |narrow: &dyn Fn(&mut FindRequest)| {
        let mut request = mombasa.clone();
        narrow(&mut request);
        async move { ke.find(&request).await.map(|answer| answer.found) }
    };
    let found = narrowed(&|request| request.species = Some("loxodonta AFRI".into())).await.unwrap();
    assert_eq!((found.len(), found[0].id.as_str()), (1, ivory.id.as_str()));
    assert_eq!(narrowed(&|request| request.species = Some("panthera".into())).await.unwrap(), []);
    assert_eq!(narrowed(&|request| request.kind = Some(FoundKind::Message)).await.unwrap(), []);
    assert_eq!(narrowed(&|request| request.kind = Some(FoundKind::Entry)).await.unwrap().len(), 2);
    assert_eq!(narrowed(&|request| request.since_ms = Some(after_ms)).await.unwrap().len(), 0);
    assert_eq!(narrowed(&|request| request.until_ms = Some(after_ms)).await.unwrap().len(), 2);
    let reversed = narrowed(&|request| (request.since_ms, request.until_ms) = (Some(2), Some(1))).await;
    assert_eq!(refused(reversed).code, ProblemCode::BadRequest);
    stop(nodes).await;
}
