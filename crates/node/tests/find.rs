//! Searches between real nodes: what is in force is not hidden by what nobody reviewed, that there is more is said, and nobody
//! is told of a hit on what is not.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use ecomesh_api::{
    CaseKind, Client, EntryDraft, FindAnswer, FindRequest, FoundKind, NoticeDraft, NoticeStanding,
    ProblemCode, SendRequest, StepRequest,
};
use serde_json::{Value, json};
use support::{Network, clients, refused, stop, until};

fn search() -> FindRequest {
    FindRequest { purpose: "investigation".into(), officer: "N. 12".into(), ..FindRequest::default() }
}

fn name(text: &str) -> FindRequest {
    FindRequest { name: Some(text.into()), ..search() }
}

fn words(text: &str) -> FindRequest {
    FindRequest { text: Some(text.into()), ..search() }
}

/// Searches until the answer is as expected.
async fn finds(client: &Client, request: &FindRequest, what: impl Fn(&FindAnswer) -> bool) -> FindAnswer {
    until("it is found", || async {
        let answer = client.find(request).await.unwrap();
        what(&answer).then_some(answer)
    })
    .await
}

fn blue(kind: CaseKind, n: usize) -> NoticeDraft {
    NoticeDraft {
        document: json!({
            "form": "blue-notice",
            "request": { "reference": format!("KE/{n}"), "language": "en", "article_3": "conforms" },
            "person": { "status": "suspect", "family_name": "GONDWE", "given_names": "Peter" },
            "investigation": { "facts": "Seen at the port with 12 tusks." },
            "asked": ["locate"],
        }),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_published_notice_is_not_lost_behind_what_nobody_reviewed() {
    let network = Network::reviewed(&["KE", "FR"], &["FR"], 1);
    let nodes = network.start_all().await;
    let [ke, fr] = &clients(&network)[..] else { panic!("two nodes") };
    ke.notice(&blue(CaseKind::Notice, 0), None).await.unwrap();
    for n in 1..=11 {
        until("it can be sealed", || async { ke.notice(&blue(CaseKind::Diffusion, n), None).await.ok() })
            .await;
    }
    let published = ke.notice(&blue(CaseKind::Notice, 12), None).await.unwrap().id;
    until("the request is read", || async { fr.notice_detail(&published).await.ok()?.rendered }).await;
    let approve = StepRequest { step: "approve".into(), ..StepRequest::default() };
    fr.notice_step(&published, &approve).await.unwrap();

    let is_in_force = |answer: &FindAnswer| {
        answer.found.iter().any(|found| found.standing == Some(NoticeStanding::Published))
    };
    let answer = finds(ke, &name("Peter Gondwe"), is_in_force).await;
    assert_eq!((answer.found.len(), answer.more), (10, true));
    let best = &answer.found[0];
    assert_eq!((best.id.as_str(), best.percent(), best.kind), (published.as_str(), 100, FoundKind::Notice));
    let all = ke.find(&FindRequest { limit: Some(13), ..name("Peter Gondwe") }).await.unwrap();
    assert_eq!((all.found.len(), all.more), (13, false));
    // What fits less than is asked for is neither told nor more.
    let well = FindRequest { fits: Some(95), ..name("Petra Gondwana") };
    let answer = ke.find(&well).await.unwrap();
    assert_eq!((answer.found.as_slice(), answer.more), (&[][..], false));
    stop(nodes).await;
}

fn firearm(n: usize) -> Value {
    json!({
        "form": "firearm-entry",
        "source": { "reference": format!("KE/FA/{n}") },
        "firearm": { "kind": "rifle", "make": "Example", "calibre": "7.62", "serial_number": "EX 7" },
        "loss": { "kind": "stolen", "date": "2026-01-20", "place": { "text": "Nairobi", "country": "KE" } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_have_a_number_are_told_and_nothing_that_is_cut_off() {
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let [ke, tz] = &clients(&network)[..] else { panic!("two nodes") };
    for n in 0..12 {
        let draft = EntryDraft { document: firearm(n), replaces: None, exercise: false };
        ke.add_entry(&draft, None).await.unwrap();
    }
    let number = FindRequest { number: Some("EX7".into()), ..search() };
    // The own bureau tells nobody.
    finds(ke, &number, |answer| answer.found.len() == 12).await;
    let few = FindRequest { limit: Some(2), ..number.clone() };
    until("all are there", || async {
        let listing = tz.entries(&ecomesh_api::EntryQuery::default()).await.unwrap();
        (listing.entries.len() == 12 && listing.unread == 0).then_some(())
    })
    .await;
    let answer = tz.find(&few).await.unwrap();
    assert_eq!((answer.found.len(), answer.more), (2, true));
    assert!(answer.found.iter().all(|found| found.hit.is_some()));
    assert_eq!(tz.hits().await.unwrap().hits.len(), 2);
    let answer = tz.find(&number).await.unwrap();
    assert_eq!((answer.found.len(), answer.more), (12, false));
    assert!(answer.found.iter().all(|found| found.hit.is_some()));
    stop(nodes).await;
}

fn ecomessage() -> Value {
    json!({
        "form": "ecomessage", "reference": "KE/1", "language": "en",
        "subject": { "family": "fauna", "title": "Scales at Mombasa" },
        "legal": { "offence": "trafficking", "case_status": "investigation" },
        "discovery": { "date": "2026-06-05", "place": { "text": "Mombasa", "country": "KE" } },
        "products": [
            { "kind": "wildlife", "scientific_name": "Manidae", "rank": "family", "reported": "Pangolin" },
        ],
        "persons": [{ "role": "suspect", "family_name": "KOVALENKO", "given_names": "Olha" }],
        "companies": [{ "role": "importer", "name": "Acme Shipping Ltd" }],
        "agency": { "name": "KWS", "country": "KE" },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ecomessage_is_found_by_whom_it_names_and_by_what_was_reported() {
    let network = Network::found(&["KE"]);
    let nodes = network.start_all().await;
    let ke = &clients(&network)[0];
    let sent =
        SendRequest { document: ecomessage(), to: Vec::new(), members: true, ..support::message("x", &[]) };
    let id = ke.send(&sent, None).await.unwrap().id;
    for asked in ["Kowalenko, Olga", "ACME Shipping"] {
        let answer = finds(ke, &name(asked), |answer| !answer.found.is_empty()).await;
        let found = &answer.found[0];
        assert_eq!((found.kind, found.id.as_str()), (FoundKind::Message, id.as_str()));
        assert_eq!((found.subject.as_str(), found.hit.as_ref()), ("Scales at Mombasa", None));
    }
    let of_species = |species: &str| FindRequest { species: Some(species.into()), ..words("scales") };
    finds(ke, &words("scales"), |answer| answer.found.len() == 1).await;
    for (species, count) in [("pangolins", 1), ("manid", 1), ("manidae", 1), ("elephant", 0)] {
        assert_eq!(ke.find(&of_species(species)).await.unwrap().found.len(), count, "{species}");
    }
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_can_find_nothing_is_refused_with_advice() {
    let network = Network::found(&["KE"]);
    let nodes = network.start_all().await;
    let ke = &clients(&network)[0];
    let colour = |kind| FindRequest { colour: Some("red".into()), kind: Some(kind), ..words("ivory") };
    let database = |kind| FindRequest { database: Some("sltd".into()), kind: Some(kind), ..words("ivory") };
    let species = FindRequest { species: Some("manis".into()), ..words("ivory") };
    for (request, advice) in [
        (colour(FoundKind::Entry), "--colour"),
        (colour(FoundKind::Message), "--colour"),
        (FindRequest { database: Some("sltd".into()), kind: None, ..colour(FoundKind::Entry) }, "--colour"),
        (database(FoundKind::Notice), "--database"),
        (database(FoundKind::Diffusion), "--database"),
        (database(FoundKind::Message), "--database"),
        (FindRequest { kind: Some(FoundKind::Notice), ..species.clone() }, "--species"),
        (FindRequest { colour: Some("red".into()), ..species.clone() }, "--species"),
        (FindRequest { database: Some("sltd".into()), ..species }, "--species"),
        (FindRequest { since_ms: Some(2), until_ms: Some(2), ..words("ivory") }, "--since"),
        (FindRequest { fits: Some(90), ..words("ivory") }, "--fits"),
        (words("the of"), "quoted phrase"),
    ] {
        let problem = refused(ke.find(&request).await);
        assert_eq!(problem.code, ProblemCode::BadRequest, "{problem:?}");
        assert!(problem.advice.contains(advice), "{problem:?}");
    }
    for request in [colour(FoundKind::Notice), database(FoundKind::Entry), words("\"the of\"")] {
        assert_eq!(ke.find(&request).await.unwrap().found, []);
    }
    stop(nodes).await;
}
