//! Notices and diffusions between real nodes: a request is no notice before it is reviewed, a verdict reaches everybody,
//! and what breaks a rule is refused before it is written.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use ecomesh_api::{
    CaseKind, Client, Detail, EraseReason, EraseRequest, Event, EventStream, FindRequest, ListingQuery,
    NoticeDetail, NoticeDraft, NoticeQuery, NoticeStanding, NoticeView, Problem, ProblemCode, Received, Sent,
    StepRequest, StuckWhy, UnlockRequest,
};
use serde_json::{Value, json};
use support::{Network, clients, refused, stop, until};

/// A Blue Notice, whose minimum data are few.
fn blue(reference: &str, name: &str) -> Value {
    json!({
        "form": "blue-notice",
        "request": { "reference": reference, "language": "en", "article_3": "conforms" },
        "person": { "status": "suspect", "family_name": name, "given_names": "Jane" },
        "investigation": { "facts": "Seen at the port with 12 tusks." },
        "asked": ["locate"],
    })
}

fn draft(kind: CaseKind, document: Value) -> NoticeDraft {
    NoticeDraft {
        document,
        kind,
        to: Vec::new(),
        members: false,
        replaces: None,
        priority: None,
        exercise: false,
        regions: Vec::new(),
        files: Vec::new(),
    }
}

fn request(document: Value) -> NoticeDraft {
    draft(CaseKind::Notice, document)
}

fn step(step: &str) -> StepRequest {
    StepRequest { step: step.into(), ..StepRequest::default() }
}

/// Waits until a node says of a notice what is asked for.
async fn stands(client: &Client, id: &str, what: impl Fn(&NoticeDetail) -> bool) -> NoticeDetail {
    until("the notice stands so", || async { client.notice_detail(id).await.ok().filter(&what) }).await
}

async fn list(client: &Client, query: &NoticeQuery) -> Vec<NoticeView> {
    client.notices(query).await.unwrap().notices
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_notice_once_two_reviewers_have_approved_it() {
    let network = Network::reviewed(&["KE", "FR", "SG", "TZ"], &["FR", "SG", "TZ"], 2);
    let nodes = network.start_all().await;
    let [ke, fr, sg, tz] = &clients(&network)[..] else { panic!("four nodes") };

    let asked = ke.notice(&request(blue("KE/1", "DOE")), Some("once")).await.unwrap();
    let again = ke.notice(&request(blue("KE/1", "DOE")), Some("once")).await.unwrap();
    assert_eq!((again.repeated, &again.id), (true, &asked.id));
    assert!(!asked.sealed && asked.to.is_empty());

    // Everywhere it is a request, and no list of notices has it.
    let waiting = NoticeQuery { standing: Some(NoticeStanding::Requested), ..NoticeQuery::default() };
    for client in [ke, fr, sg, tz] {
        let detail = stands(client, &asked.id, |detail| detail.rendered.is_some()).await;
        assert_eq!(detail.notice.standing, NoticeStanding::Requested);
        assert!(!detail.notice.in_force && detail.notice.text.is_none());
        assert_eq!(list(client, &NoticeQuery::default()).await, []);
        assert_eq!(list(client, &waiting).await.len(), 1);
        assert!(detail.rendered.unwrap().starts_with("REQUEST FOR A BLUE NOTICE"));
    }

    // Who is no reviewer, the source itself, and a reviewer twice.
    let problem = refused(ke.notice_step(&asked.id, &step("approve")).await);
    assert_eq!(problem.code, ProblemCode::AgainstRule);
    assert!(problem.message.contains("life.review"), "{}", problem.message);
    let first = fr.notice_step(&asked.id, &step("approve")).await.unwrap();
    assert_eq!(
        (first.notice.standing, first.notice.approved_by),
        (NoticeStanding::Requested, vec!["FR".to_owned()])
    );
    let problem = refused(fr.notice_step(&asked.id, &step("approve")).await);
    assert!(problem.message.contains("life.one-vote"), "{}", problem.message);
    stands(sg, &asked.id, |detail| detail.notice.approved_by == ["FR"]).await;
    let second = sg.notice_step(&asked.id, &step("approve")).await.unwrap();
    assert_eq!(second.notice.standing, NoticeStanding::Published);
    for client in [ke, fr, sg, tz] {
        let detail = stands(client, &asked.id, |detail| detail.notice.in_force).await;
        assert_eq!((detail.notice.text.as_deref(), detail.notice.pending), (Some(asked.id.as_str()), None));
        assert_eq!(list(client, &NoticeQuery::default()).await[0].subject, "DOE, Jane");
        let steps: Vec<_> = detail.history.iter().map(|s| (s.member.as_str(), s.step.as_str())).collect();
        assert_eq!(steps, [("KE", "request"), ("FR", "approve"), ("SG", "approve")]);
    }

    // A new text is not shown before it is reviewed itself, and the reviewer must say which text was read.
    let replaces = Some(asked.id.clone());
    let update = NoticeDraft { replaces: replaces.clone(), ..request(blue("KE/1", "ROE")) };
    let updated = ke.notice(&update, None).await.unwrap();
    let detail = stands(tz, &asked.id, |detail| detail.notice.pending.is_some()).await;
    assert_eq!((detail.notice.subject.as_str(), detail.notice.in_force), ("DOE, Jane", true));
    // What is in force is shown, and what waits beside it.
    assert_eq!(detail.rendered_id.as_ref(), Some(&asked.id));
    assert!(detail.rendered.is_some_and(|text| text.contains("DOE")));
    assert!(detail.waiting.is_some_and(|text| text.contains("ROE")));
    let problem = refused(tz.notice_step(&asked.id, &step("approve")).await);
    assert!(problem.message.contains("several texts"), "{}", problem.message);
    let read = StepRequest { text: Some(updated.id.clone()), ..step("approve") };
    tz.notice_step(&asked.id, &read).await.unwrap();
    stands(fr, &asked.id, |detail| detail.notice.approved_by == ["TZ"]).await;
    fr.notice_step(&asked.id, &read).await.unwrap();
    let detail = stands(ke, &asked.id, |detail| detail.notice.pending.is_none()).await;
    assert_eq!(detail.notice.subject, "ROE, Jane");
    // The update is named by the notice, too.
    assert_eq!(ke.notice_detail(&updated.id).await.unwrap().notice.id, asked.id);

    // Only the source cancels; then everybody is told.
    let cancel = StepRequest { reason: Some("found".into()), ..step("cancel") };
    let problem = refused(fr.notice_step(&asked.id, &cancel).await);
    assert!(problem.message.contains("life.source-owns"), "{}", problem.message);
    ke.notice_step(&asked.id, &cancel).await.unwrap();
    let detail = stands(tz, &asked.id, |detail| !detail.notice.in_force).await;
    assert_eq!(
        (detail.notice.standing, detail.notice.reasons),
        (NoticeStanding::Cancelled, vec!["found".to_owned()])
    );
    let problem = refused(ke.notice(&update, None).await);
    assert!(problem.message.contains("life.order"), "{}", problem.message);
    stop(nodes).await;

    // What stands is computed from the logs again.
    let node = network.start(3).await;
    let detail = stands(tz, &asked.id, |detail| detail.history.len() == 7).await;
    assert_eq!(detail.notice.standing, NoticeStanding::Cancelled);
    stop(vec![node]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_waits_is_not_taken_for_the_one_that_was_reviewed() {
    use NoticeStanding::{Published, Replaced, Requested};
    let network = Network::reviewed(&["KE", "FR", "TZ"], &["FR"], 1);
    let nodes = network.start_all().await;
    let [ke, fr, tz] = &clients(&network)[..] else { panic!("three nodes") };
    let first = ke.notice(&request(blue("KE/60", "DOE")), None).await.unwrap().id;
    stands(fr, &first, |detail| detail.rendered.is_some()).await;
    fr.notice_step(&first, &step("approve")).await.unwrap();
    stands(ke, &first, |detail| detail.notice.in_force).await;
    let new_text = NoticeDraft { replaces: Some(first.clone()), ..request(blue("KE/60", "ROE")) };
    let second = ke.notice(&new_text, None).await.unwrap().id;

    let rows = async |client: &Client| -> Vec<_> {
        let rows = client.inbox(&ListingQuery::default()).await.unwrap().messages;
        let rows = rows.into_iter().filter(|row| [&first, &second].contains(&&row.id));
        rows.map(|row| (row.id, row.standing.unwrap())).collect()
    };
    let are = async |expected: [NoticeStanding; 2]| {
        for client in [fr, tz] {
            until("its texts stand so", || async {
                let mut rows = rows(client).await;
                rows.sort_by_key(|(id, _)| *id != first);
                let expected = [(first.clone(), expected[0]), (second.clone(), expected[1])];
                (rows == expected).then_some(())
            })
            .await;
            let row = client.record(&second).await.unwrap().message;
            assert_eq!(row.standing, Some(expected[1]));
        }
    };
    are([Published, Requested]).await;
    let approve = StepRequest { text: Some(second.clone()), ..step("approve") };
    fr.notice_step(&first, &approve).await.unwrap();
    are([Replaced, Published]).await;

    // Somebody else cannot say in a form of what it is a new text, and neither can its source.
    let mut spoof = blue("TZ/1", "MOE");
    spoof["request"]["replaces"] = first.as_str().into();
    for client in [tz, ke] {
        let problem = refused(client.notice(&request(spoof.clone()), None).await);
        assert_eq!(problem.code, ProblemCode::BadDocument);
        assert_eq!(problem.details[0].path, "request.replaces");
    }
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diffusion_is_in_circulation_at_once_and_a_verdict_reaches_all_who_have_it() {
    let network = Network::reviewed(&["KE", "FR", "TZ", "UG"], &["FR"], 1);
    let nodes = network.start_all().await;
    let [ke, fr, tz, ug] = &clients(&network)[..] else { panic!("four nodes") };
    let to_tanzania =
        NoticeDraft { to: vec!["TZ".into()], ..draft(CaseKind::Diffusion, blue("KE/2", "POE")) };
    let sent = ke.notice(&to_tanzania, None).await.unwrap();
    // Who reviews gets a copy; nobody else can read it.
    assert_eq!((sent.to.clone(), sent.sealed), (vec!["FR".to_owned(), "TZ".to_owned()], true));
    let detail = stands(tz, &sent.id, |detail| detail.notice.in_force).await;
    assert_eq!(
        (detail.notice.standing, detail.notice.kind),
        (NoticeStanding::Requested, CaseKind::Diffusion)
    );
    assert_eq!(list(tz, &NoticeQuery::default()).await.len(), 1);
    until("the record is everywhere", || async { ug.record(&sent.id).await.ok() }).await;
    assert_eq!(refused(ug.notice_detail(&sent.id).await).code, ProblemCode::NotFound);

    stands(fr, &sent.id, |detail| detail.notice.in_force).await;
    let refuse = StepRequest { reason: Some("article-3".into()), ..step("refuse") };
    fr.notice_step(&sent.id, &refuse).await.unwrap();
    let detail = stands(tz, &sent.id, |detail| detail.notice.standing == NoticeStanding::Refused).await;
    assert!(!detail.notice.in_force);
    assert_eq!(detail.notice.reasons, ["article-3"]);
    assert_eq!(list(tz, &NoticeQuery::default()).await, []);
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_before_it_is_written() {
    let network = Network::reviewed(&["KE", "CITES", "TZ", "UG"], &["TZ"], 1);
    let nodes = network.start_all().await;
    let [ke, cites, tz, _] = &clients(&network)[..] else { panic!("four nodes") };
    let code = |problem: &Problem| (problem.code, problem.message.clone());

    // Minimum data, each item with its rule.
    let mut poor = blue("KE/3", "X");
    poor.as_object_mut().unwrap().remove("investigation");
    let problem = refused(ke.notice(&request(poor), None).await);
    assert_eq!(problem.code, ProblemCode::BadDocument);
    assert!(problem.details.iter().any(|detail| detail.path.starts_with("investigation")), "{problem:?}");
    // An entity may not ask for this colour, but can tell of it.
    let (kind, message) = code(&refused(cites.notice(&request(blue("C/1", "X")), None).await));
    assert!(kind == ProblemCode::AgainstRule && message.contains("life.requester"), "{message}");
    let told = NoticeDraft { members: true, ..draft(CaseKind::Diffusion, blue("C/1", "X")) };
    let told = cites.notice(&told, None).await.unwrap();
    assert!(stands(ke, &told.id, |detail| detail.notice.in_force).await.notice.to.is_empty());
    // Nobody sends for another, a notice has no addressees, a message is no notice, a notice no message.
    let mut of_others = blue("KE/4", "X");
    of_others["request"]["from"] = "TZ".into();
    assert_eq!(refused(ke.notice(&request(of_others), None).await).code, ProblemCode::BadDocument);
    let addressed = NoticeDraft { to: vec!["TZ".into()], ..request(blue("KE/5", "X")) };
    assert_eq!(refused(ke.notice(&addressed, None).await).code, ProblemCode::BadRequest);
    let message = support::message("no notice", &[]);
    assert_eq!(
        refused(ke.notice(&request(message.document.clone()), None).await).code,
        ProblemCode::BadRequest
    );
    let as_message = ecomesh_api::SendRequest { document: blue("KE/6", "X"), ..message };
    assert_eq!(refused(ke.send(&as_message, None).await).code, ProblemCode::BadDocument);

    // A country that the form excludes does not get it; what nobody could review is refused, and can be sent as a diffusion.
    let closed_to = |country: &str| {
        let mut closed = blue("KE/7", "X");
        closed["request"]["handling"] = json!({ "excluded": [country] });
        closed
    };
    let problem = refused(ke.notice(&request(closed_to("TZ")), None).await);
    assert_eq!(problem.details[0].path, "handling.excluded");
    assert!(problem.message.contains("1 of TZ must approve it, and the form excludes TZ"), "{problem:?}");
    let told = NoticeDraft { members: true, ..draft(CaseKind::Diffusion, closed_to("TZ")) };
    let told = ke.notice(&told, None).await.unwrap();
    let NoticeDetail { notice: told, next, .. } =
        stands(cites, &told.id, |detail| detail.notice.in_force).await;
    assert!(told.stuck_why.is_some() && told.standing == NoticeStanding::Requested, "{told:?}");
    // It is no text that another one would help, and who cannot read it can do nothing about it.
    assert_eq!(told.stuck_why, Some(StuckWhy::NoneCanRead));
    assert!(next.iter().all(|next| next.member == "KE"), "{next:?}");
    let sent = ke.notice(&request(closed_to("UG")), None).await.unwrap();
    assert_eq!((sent.to, sent.sealed), (vec!["CITES".to_owned(), "TZ".to_owned()], true));
    stands(cites, &sent.id, |detail| detail.notice.standing == NoticeStanding::Requested).await;

    // Of a notice only steps that follow from where it stands.
    let asked = ke.notice(&request(blue("KE/8", "X")), None).await.unwrap();
    stands(tz, &asked.id, |detail| detail.rendered.is_some()).await;
    let problem = refused(tz.notice_step(&asked.id, &step("reinstate")).await);
    assert!(problem.message.contains("life.order"), "{}", problem.message);
    let without_reason = refused(tz.notice_step(&asked.id, &step("refuse")).await);
    assert_eq!(without_reason.code, ProblemCode::BadDocument);
    let unknown = StepRequest { reason: Some("because".into()), ..step("refuse") };
    assert_eq!(refused(tz.notice_step(&asked.id, &unknown).await).code, ProblemCode::BadDocument);
    assert_eq!(refused(tz.notice_step(&asked.id, &step("burn")).await).code, ProblemCode::BadDocument);
    let other_colour = json!({
        "form": "green-notice",
        "request": { "reference": "KE/8", "language": "en", "article_3": "conforms" },
        "person": { "status": "convicted", "family_name": "X" },
        "assessment": { "authority": "NPS", "text": "Likely to repeat it.", "convictions": [{ "offence": "poaching" }] },
    });
    let change = NoticeDraft { replaces: Some(asked.id.clone()), ..request(other_colour) };
    let problem = refused(ke.notice(&change, None).await);
    assert!(problem.message.contains("life.purpose"), "{problem:?}");

    // What is erased stands nowhere any more; it ends before, so that all delete their copies.
    let erase = EraseRequest { ids: vec![asked.id.clone()], reason: EraseReason::SentInError };
    let problem = refused(ke.erase(&erase).await);
    assert!(problem.advice.contains("notice cancel"), "{problem:?}");
    let update = NoticeDraft { replaces: Some(asked.id.clone()), ..request(blue("KE/8", "Y")) };
    let updated = ke.notice(&update, None).await.unwrap();
    let cancel = StepRequest { reason: Some("found".into()), ..step("cancel") };
    let cancelled = ke.notice_step(&asked.id, &cancel).await.unwrap();
    let stays = EraseRequest { ids: vec![cancelled.id.clone()], ..erase.clone() };
    assert!(refused(ke.erase(&stays).await).message.contains("is a step"));
    // All its texts go, whichever of them is named.
    let erased = ke.erase(&EraseRequest { ids: vec![updated.id.clone()], ..erase }).await.unwrap();
    let mut ids: Vec<_> = erased.erasures.into_iter().map(|erasure| erasure.id).collect();
    ids.sort();
    let mut both = vec![asked.id.clone(), updated.id];
    both.sort();
    assert_eq!(ids, both);
    until("it is forgotten", || async { tz.notice_detail(&asked.id).await.err() }).await;
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diffusion_to_a_region_goes_to_the_members_that_lie_there() {
    let network = Network::reviewed(&["KE", "TZ", "UG", "CM", "FR", "CITES"], &["FR"], 1);
    let nodes = vec![network.start(0).await, network.start(2).await];
    let (ke, ug) = (nodes[0].client(), nodes[1].client());
    let to_regions = |reference: &str, regions: &[&str]| NoticeDraft {
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
        ..draft(CaseKind::Diffusion, blue(reference, "POE"))
    };
    let asked = async |draft: NoticeDraft| ke.notice_audience(&draft).await.map(|audience| audience.to);

    // The author is left out, who reviews gets a copy; an entity lies nowhere.
    let sent = ke.notice(&to_regions("KE/20", &["Eastern Africa"]), None).await.unwrap();
    assert_eq!((sent.to, sent.sealed), (["FR", "TZ", "UG"].map(String::from).to_vec(), true));
    stands(&ug, &sent.id, |detail| detail.notice.in_force).await;
    assert_eq!(asked(to_regions("KE/21", &["africa"])).await.unwrap(), ["CM", "FR", "TZ", "UG"]);
    // Regions overlap, and stand beside named members.
    let both = NoticeDraft {
        to: vec!["CITES".into(), "TZ".into()],
        ..to_regions("KE/22", &["eastern-africa", "sub-saharan-africa"])
    };
    assert_eq!(asked(both).await.unwrap(), ["CITES", "CM", "FR", "TZ", "UG"]);
    // Whom the form excludes is left out of a region, and cannot be named.
    let mut closed = to_regions("KE/23", &["eastern-africa"]);
    closed.document["request"]["handling"] = json!({ "excluded": ["UG"] });
    assert_eq!(asked(closed.clone()).await.unwrap(), ["FR", "TZ"]);
    let named = NoticeDraft { to: vec!["UG".into()], ..closed.clone() };
    assert_eq!(refused(ke.notice(&named, None).await).code, ProblemCode::BadDocument);

    // An unknown region gets the nearest names, one without members those that have some.
    let problem = refused(ke.notice(&to_regions("KE/24", &["estern-africa"]), None).await);
    assert_eq!(problem.code, ProblemCode::UnknownRegion);
    assert!(problem.advice.contains("did you mean eastern-africa"), "{problem}");
    let problem = refused(ke.notice(&to_regions("KE/25", &["eastern-africa", "pacific"]), None).await);
    assert_eq!(problem.message, "no member of this network lies in oceania");
    let peopled = "africa, europe, sub-saharan-africa, eastern-africa, middle-africa, western-europe";
    assert!(problem.advice.ends_with(peopled), "{problem}");
    closed.document["request"]["handling"] = json!({ "excluded": ["UG", "TZ"] });
    let problem = refused(ke.notice(&closed, None).await);
    assert!(problem.message.contains("excluded by the form"), "{problem}");
    let alone = refused(ug.notice(&to_regions("UG/1", &["southern-africa"]), None).await);
    assert_eq!(alone.code, ProblemCode::UnknownRegion);

    // One of the two; a notice is for all; a new text goes to whom the first one went.
    let all = NoticeDraft { members: true, ..to_regions("KE/26", &["africa"]) };
    assert_eq!(refused(ke.notice(&all, None).await).code, ProblemCode::BadRequest);
    let notice = NoticeDraft { kind: CaseKind::Notice, ..to_regions("KE/27", &["africa"]) };
    assert_eq!(refused(ke.notice(&notice, None).await).code, ProblemCode::BadRequest);
    let anew = NoticeDraft { replaces: Some(sent.id.clone()), ..to_regions("KE/20", &["africa"]) };
    assert_eq!(refused(ke.notice(&anew, None).await).code, ProblemCode::BadRequest);
    let anew = NoticeDraft { regions: Vec::new(), ..anew };
    assert_eq!(ke.notice(&anew, None).await.unwrap().to, ["FR", "TZ", "UG"]);
    let nobody = refused(ke.notice(&to_regions("KE/28", &[]), None).await);
    assert_eq!(nobody.code, ProblemCode::NoAddressees);
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_with_more_members_than_can_be_addressed_is_refused() {
    let countries =
        |region| ecomesh_document::region::countries(&ecomesh_document::region::find(region).unwrap());
    let members: Vec<&str> =
        countries("africa").into_iter().chain(countries("southern-asia")).take(66).collect();
    let network = Network::reviewed(&members, &["DZ"], 1);
    let node = network.start(0).await;
    let draft = NoticeDraft {
        regions: vec!["africa".into(), "asia".into()],
        ..draft(CaseKind::Diffusion, blue("X/1", "POE"))
    };
    let problem = refused(node.client().notice(&draft, None).await);
    assert_eq!(problem.code, ProblemCode::TooManyAddressees);
    assert!(problem.message.contains("65 members") && problem.advice.contains("--members"), "{problem}");
    stop(vec![node]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_node_knows_no_notice_and_knows_all_when_it_is_open_again() {
    let network = Network::reviewed(&["KE", "TZ"], &["TZ"], 1);
    let nodes = network.start_all().await;
    let [ke, tz] = &clients(&network)[..] else { panic!("two nodes") };
    let asked = ke.notice(&request(blue("KE/9", "X")), None).await.unwrap();
    stands(tz, &asked.id, |detail| detail.rendered.is_some()).await;
    tz.lock().await.unwrap();
    assert_eq!(refused(tz.notices(&NoticeQuery::default()).await).code, ProblemCode::Locked);
    let later = ke.notice(&request(blue("KE/10", "Y")), None).await.unwrap();
    until("it is carried", || async { ke.status(&later.id).await.unwrap().is_delivered().then_some(()) })
        .await;
    tz.unlock(&UnlockRequest { passphrase: "correct horse".into() }).await.unwrap();
    for id in [&asked.id, &later.id] {
        let detail = stands(tz, id, |detail| detail.rendered.is_some()).await;
        assert_eq!(detail.notice.standing, NoticeStanding::Requested);
    }
    stop(nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diffusion_to_a_region_goes_without_those_to_whom_nothing_can_be_sealed() {
    let network = Network::reviewed(&["KE", "TZ", "UG", "FR"], &["FR"], 1);
    let nodes = vec![network.start(0).await, network.start(2).await];
    let (ke, ug) = (nodes[0].client(), nodes[1].client());
    let to_region = |reference: &str, region: &str| NoticeDraft {
        regions: vec![region.to_owned()],
        ..draft(CaseKind::Diffusion, blue(reference, "POE"))
    };
    // The form has problems of its own, which are told as well.
    let left_out = |sent: &Sent| -> Vec<Detail> {
        let is_one = |warning: &&Detail| warning.message.starts_with("nothing can be sealed");
        sent.warnings.iter().filter(is_one).cloned().collect()
    };
    network.let_prekeys_end(1, &ke).await;

    // The others get it, and the officer hears who does not, and what to do.
    let sent = ke.notice(&to_region("KE/40", "eastern-africa"), None).await.unwrap();
    assert_eq!((&sent.to[..], sent.sealed), (&["FR".to_owned(), "UG".to_owned()][..], true));
    let [warning] = &left_out(&sent)[..] else { panic!("{:?}", sent.warnings) };
    assert_eq!(warning.message, "nothing can be sealed to TZ now: it is not for them");
    assert!(warning.advice.contains("notice diffuse FILE --to TZ"), "{warning}");
    stands(&ug, &sent.id, |detail| detail.notice.in_force && detail.notice.to == ["FR", "UG"]).await;
    let audience = ke.notice_audience(&to_region("KE/41", "eastern-africa")).await.unwrap();
    assert_eq!(audience.to, ["FR", "UG"], "files go to the same");

    // Whom the officer has named is not left out: it is refused whole.
    let named = NoticeDraft { to: vec!["TZ".into()], ..to_region("KE/42", "eastern-africa") };
    let problem = refused(ke.notice(&named, None).await);
    assert_eq!(problem.code, ProblemCode::NoPrekey);
    let named = NoticeDraft { regions: Vec::new(), to: vec!["TZ".into(), "UG".into()], ..named };
    assert_eq!(refused(ke.notice(&named, None).await).code, ProblemCode::NoPrekey);

    // A reviewer is left out as well; it is told that it cannot review.
    network.let_prekeys_end(3, &ke).await;
    let sent = ke.notice(&to_region("KE/43", "eastern-africa"), None).await.unwrap();
    assert_eq!(sent.to, ["UG"]);
    let [_, warning] = &left_out(&sent)[..] else { panic!("{:?}", sent.warnings) };
    assert!(warning.message.contains("FR") && warning.message.contains("cannot review"), "{warning}");

    // Nobody has named it: it keeps a diffusion from no addressee that somebody has named either.
    let named = NoticeDraft { regions: Vec::new(), to: vec!["UG".into()], ..named };
    let sent = ke.notice(&named, None).await.unwrap();
    assert_eq!(sent.to, ["UG"]);
    let [warning] = &left_out(&sent)[..] else { panic!("{:?}", sent.warnings) };
    assert!(warning.message.contains("FR") && warning.message.contains("cannot review"), "{warning}");

    // Nobody is left: it is not recorded for nobody.
    let mut alone = to_region("KE/44", "eastern-africa");
    alone.document["request"]["handling"] = json!({ "excluded": ["UG"] });
    let problem = refused(ke.notice(&alone, None).await);
    assert_eq!(problem.code, ProblemCode::NoPrekey);
    assert_eq!(problem.message, "nothing can be sealed to any member there now: TZ");
    // But beside somebody who is named it goes.
    let beside = NoticeDraft { to: vec!["UG".into()], ..to_region("KE/45", "europe") };
    let sent = ke.notice(&beside, None).await.unwrap();
    assert_eq!((left_out(&sent).len(), sent.to), (1, vec!["UG".to_owned()]));
    stop(nodes).await;
}

/// What a client hears of the next record that has one of these ids.
async fn heard(events: &mut EventStream, ids: &[&String]) -> (String, bool) {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        match next.unwrap().unwrap() {
            Received::Event(envelope) => {
                if let Event::Stored { id, for_us, .. } = envelope.event
                    && ids.contains(&&id)
                {
                    return (id, for_us);
                }
            }
            Received::End => panic!("the stream ended"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_to_a_country_is_neither_shown_to_it_nor_awaited_from_it() {
    let network = Network::reviewed(&["KE", "TZ", "UG", "ZM"], &["TZ"], 1);
    let mut nodes = network.start_all().await;
    let [ke, tz, ug, zm] = &clients(&network)[..] else { panic!("four nodes") };
    // Zambia is away: it is awaited from there.
    nodes.pop().unwrap().shutdown().await.unwrap();
    let mut events = ug.events(None).await.unwrap();
    let closed = |reference: &str| {
        let mut document = blue(reference, "GAVRILOV");
        document["request"]["handling"] = json!({ "excluded": ["UG"] });
        document
    };
    let notice = ke.notice(&request(closed("KE/50")), None).await.unwrap();
    let diffusion = NoticeDraft { members: true, ..draft(CaseKind::Diffusion, closed("KE/51")) };
    let diffusion = ke.notice(&diffusion, None).await.unwrap();
    let open = ke.notice(&request(blue("KE/52", "DOE")), None).await.unwrap();
    let ids = [&notice.id, &diffusion.id];
    for sent in [&notice, &diffusion] {
        assert_eq!((&sent.to[..], sent.sealed), (&["TZ".to_owned(), "ZM".to_owned()][..], true));
    }

    let outbox = async |member: Option<&str>| {
        let query = ListingQuery { member: member.map(str::to_owned), ..ListingQuery::default() };
        ke.outbox(&query).await.unwrap().messages
    };
    let told = async |id: &String| {
        let status = ke.status(id).await.unwrap();
        let row = outbox(None).await.into_iter().find(|row| row.id == *id).unwrap();
        let counted = row.delivery.unwrap();
        assert_eq!(row.to, ["TZ", "ZM"]);
        assert_eq!(status.recipients.len() as u64, counted.addressees);
        let recipients = status.recipients.into_iter();
        let recipients: Vec<_> = recipients.map(|one| (one.member, one.delivered_at_ms.is_some())).collect();
        (recipients, (counted.delivered, counted.addressees))
    };
    let expected = |zambia: bool| {
        let recipients = vec![("TZ".to_owned(), true), ("ZM".to_owned(), zambia)];
        (recipients, (1 + u64::from(zambia), 2))
    };
    for id in ids {
        // Uganda carries it as well, and that is no delivery.
        until("Uganda carries it", || async {
            ke.status(id).await.unwrap().held_by.iter().any(|member| member == "UG").then_some(())
        })
        .await;
        until("Tanzania has it", || async { (told(id).await == expected(false)).then_some(()) }).await;
    }
    nodes.push(network.start(3).await);
    for id in ids {
        until("Zambia has it", || async { (told(id).await == expected(true)).then_some(()) }).await;
        stands(zm, id, |detail| detail.rendered.is_some()).await;
        assert!(ke.status(id).await.unwrap().is_delivered());
    }
    let sent_to = async |member: &str| -> Vec<_> {
        outbox(Some(member)).await.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(sent_to("UG").await, [open.id.as_str()], "what it may not read was not sent to it");
    assert_eq!(sent_to("TZ").await.len(), 3);

    // Uganda hears of records, and none is for it; no listing, look-up or search shows more than that they are there.
    for _ in ids {
        let (id, for_us) = heard(&mut events, &ids).await;
        assert!(!for_us, "{id}");
    }
    assert_eq!(heard(&mut events, &[&open.id]).await, (open.id.clone(), true));
    stands(ug, &open.id, |detail| detail.rendered.is_some()).await;
    let all = NoticeQuery { all: Some(true), ..NoticeQuery::default() };
    let shown = |listed: Vec<NoticeView>| listed.into_iter().map(|view| view.id).collect::<Vec<_>>();
    assert_eq!(shown(list(ug, &all).await), [open.id.as_str()]);
    assert_eq!(list(tz, &all).await.len(), 3);
    let whole = ListingQuery { all: Some(true), ..ListingQuery::default() };
    let inbox = ug.inbox(&whole).await.unwrap().messages;
    assert_eq!(inbox.iter().map(|row| &row.id).collect::<Vec<_>>(), [&open.id]);
    assert_eq!(tz.inbox(&whole).await.unwrap().messages.len(), 3);
    let search = FindRequest {
        name: Some("Gavrilov".into()),
        purpose: "investigation".into(),
        officer: "N. 12".into(),
        ..FindRequest::default()
    };
    assert_eq!(ug.find(&search).await.unwrap().found, []);
    for id in ids {
        let record = ug.record(id).await.unwrap();
        assert!(record.document.is_none() && record.text.is_none() && record.message.subject.is_none());
        assert_eq!(refused(ug.notice_detail(id).await).code, ProblemCode::NotFound);
    }
    stop(nodes).await;
}
