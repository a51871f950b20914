//! What all documents together come to, in whatever order they come: stories of notices, diffusions and entries, and what
//! hostile members write.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ecomesh_document::codes::Code;
use ecomesh_document::entry::DatabaseEntry;
use ecomesh_document::limits::{LIFE_EVENTS_MAX, WAITING_MAX};
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::Notice;
use ecomesh_document::notice::life::{Event, Position, Review, Standing, VALIDITY_MS, Version, What};
use ecomesh_document::projection::entries::EntryStanding;
use ecomesh_document::projection::notices::{Case, CaseKind};
use ecomesh_document::projection::{Batches, Entries, Notices, Place, Withdrawn};
use ecomesh_document::{Document, RecordRef};
use ecomesh_record::RecordId;
use proptest::prelude::*;
use serde_json::{Value, json};

fn member(code: &str) -> MemberCode {
    MemberCode::parse(code).unwrap()
}

fn id(n: u8) -> RecordId {
    RecordId([n; 32])
}

fn place(n: u8, who: &str) -> Place {
    Place {
        id: id(n),
        position: Position { when_ms: u64::from(n), who: member(who), generation: 1, seq: u64::from(n) },
    }
}

fn document(json: &Value) -> Document {
    // As it comes from another bureau: structure alone.
    if let Ok(notice) = Notice::carried(json) {
        return notice.into();
    }
    match DatabaseEntry::carried(json) {
        Ok(entry) => entry.into(),
        Err(_) => Document::from_json(json).unwrap_or_else(|report| panic!("{report}\n{json}")).0,
    }
}

fn red(reference: &str) -> Document {
    document(
        &json!({ "form": "red-notice", "request": { "reference": reference }, "person": { "status": "charged",
        "family_name": reference } }),
    )
}

fn blue(reference: &str) -> Document {
    document(&json!({ "form": "blue-notice", "request": { "reference": reference } }))
}

fn new_text(document: Document, of: u8) -> Document {
    document.replacing(RecordRef(id(of))).unwrap()
}

fn step(of: u8, step: &str, more: &Value) -> Document {
    let mut json = json!({ "form": "notice-step", "notice": id(of).to_string(), "step": step });
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    document(&json)
}

fn approve(of: u8, text: u8) -> Document {
    step(of, "approve", &json!({ "version": id(text).to_string() }))
}

fn review() -> Review {
    Review::new(["IPSG", "FR", "SG"].map(member), 2).unwrap()
}

fn notices(documents: &[(Place, Document)]) -> Notices {
    let mut notices = Notices::new(review());
    documents.iter().for_each(|(place, document)| notices.take(place, document));
    notices
}

/// A request that is published and changed, one refused, a diffusion that turns out not to comply, and hostile steps.
fn story() -> Vec<(Place, Document)> {
    vec![
        (place(1, "KE"), red("KE/1")),
        (place(2, "FR"), approve(1, 1)),
        (place(3, "SG"), approve(1, 1)),
        (place(4, "KE"), new_text(red("KE/1b"), 1)),
        (place(5, "TZ"), red("TZ/1")),
        (
            place(6, "IPSG"),
            step(5, "refuse", &json!({ "version": id(5).to_string(), "refusal": "article-3" })),
        ),
        (place(7, "FR"), step(5, "refuse", &json!({ "version": id(5).to_string(), "refusal": "article-3" }))),
        (place(8, "CITES"), blue("CITES/1").into_diffusion()),
        (place(9, "SG"), step(8, "refuse", &json!({ "version": id(8).to_string(), "refusal": "facts" }))),
        (place(10, "FR"), step(8, "refuse", &json!({ "version": id(8).to_string(), "refusal": "facts" }))),
        // No reviewer, not the source, another colour, another kind, nothing at all.
        (place(11, "UG"), approve(1, 4)),
        (place(12, "UG"), new_text(red("UG"), 1)),
        (place(13, "KE"), new_text(blue("KE/1c"), 1)),
        (place(14, "KE"), new_text(red("KE/1d").into_diffusion(), 1)),
        (place(15, "UG"), approve(99, 99)),
        // Who may not ask for the colour.
        (place(16, "CITES"), red("CITES/2")),
    ]
}

#[test]
fn each_case_stands_where_the_rules_put_it() {
    let notices = notices(&story());
    assert_eq!((notices.len(), notices.waiting()), (4, 1));
    let now = 1_000;

    let published = notices.case(id(1)).unwrap();
    let state = published.state(|_| false);
    assert_eq!((published.kind(), published.source().as_str()), (CaseKind::Notice, "KE"));
    assert_eq!(state.standing_at(now), Standing::Published);
    // The new text is not reviewed: the old one stays shown.
    assert_eq!(published.shown(&state, now).unwrap().subject, "KE/1");
    assert_eq!(published.text(&state).unwrap().subject, "KE/1b");
    assert_eq!(state.expires_ms(), Some(3 + VALIDITY_MS));
    let broken: Vec<_> =
        published.history(|_| false).into_iter().filter_map(|(_, rule)| rule).map(|r| r.id).collect();
    assert_eq!(broken, ["life.review", "life.source-owns"]);
    let void: Vec<_> = published.void().map(|(at, rule)| (at.seq, rule.id)).collect();
    assert_eq!(void, [(13, "life.purpose"), (14, "life.purpose")]);
    assert_eq!(notices.case_of(id(4)).unwrap().id(), id(1));

    let refused = notices.case(id(5)).unwrap();
    let state = refused.state(|_| false);
    assert_eq!(state.standing_at(now), Standing::Refused(Code::new("article-3").unwrap()));
    assert_eq!(refused.shown(&state, now), None);

    // An entity sends a diffusion of any colour; it is shown until it turns out not to comply.
    let diffusion = notices.case(id(8)).unwrap();
    let state = diffusion.state(|position| position.seq >= 10);
    assert_eq!(state.standing_at(now), Standing::Requested);
    assert_eq!(diffusion.shown(&state, now).unwrap().reference.as_deref(), Some("CITES/1"));
    let state = diffusion.state(|_| false);
    assert_eq!(diffusion.shown(&state, now), None);
    assert_eq!(state.standing_at(now), Standing::Refused(Code::new("facts").unwrap()));

    let not_asked = notices.case(id(16)).unwrap();
    assert_eq!(not_asked.state(|_| false).standing_at(now), Standing::Nothing);
    assert_eq!(not_asked.history(|_| false)[0].1.unwrap().id, "life.requester");
}

/// A new text that its source dates between the verdicts of two reviewers does not undo them, nor does one dated before both.
#[test]
fn no_new_text_saves_a_diffusion_that_does_not_comply() {
    let refuse = |of: u8, text: u8| {
        step(of, "refuse", &json!({ "version": id(text).to_string(), "refusal": "facts" }))
    };
    for when in [2, 4, 6] {
        let mut late = place(9, "CITES");
        late.position.when_ms = when;
        let notices = notices(&[
            (place(1, "CITES"), blue("C/1").into_diffusion()),
            (place(3, "SG"), refuse(1, 1)),
            (place(5, "FR"), refuse(1, 1)),
            (late, new_text(blue("C/1b").into_diffusion(), 1)),
        ]);
        let case = notices.case(id(1)).unwrap();
        let state = case.state(|_| false);
        assert_eq!(state.standing_at(10), Standing::Refused(Code::new("facts").unwrap()), "{when}");
        assert_eq!(case.shown(&state, 10), None);
    }
}

#[test]
fn one_reviewer_hides_a_diffusion_before_it_is_reviewed_and_its_reviewed_text_is_shown() {
    let suspend = step(1, "suspend", &json!({ "refusal": "refugee" }));
    let mut story = vec![(place(1, "KE"), red("KE/1").into_diffusion()), (place(2, "FR"), suspend)];
    let told = |story: &[(Place, Document)]| {
        let notices = notices(story);
        let case = notices.case(id(1)).unwrap();
        let state = case.state(|_| false);
        (state.standing_at(50), case.shown(&state, 50).map(|text| text.subject.clone()))
    };
    assert_eq!(told(&story), (Standing::Suspended(Code::new("refugee").unwrap()), None));
    let reinstate = step(1, "reinstate", &json!({}));
    story.extend([(place(3, "FR"), reinstate.clone()), (place(4, "SG"), reinstate)]);
    assert_eq!(told(&story), (Standing::Requested, Some("KE/1".into())));
    story.extend([(place(5, "FR"), approve(1, 1)), (place(6, "SG"), approve(1, 1))]);
    // An unreviewed text is not shown as reviewed.
    story.push((place(7, "KE"), new_text(red("KE/1b").into_diffusion(), 1)));
    assert_eq!(told(&story), (Standing::Published, Some("KE/1".into())));
}

#[test]
fn without_reviewers_a_request_stays_one() {
    let mut notices = Notices::new(Review::none());
    for (place, document) in story() {
        notices.take(&place, &document);
    }
    let case = notices.case(id(1)).unwrap();
    assert_eq!(case.state(|_| false).standing_at(0), Standing::Requested);
}

#[test]
fn what_is_disputed_says_nothing() {
    let notices = notices(&story());
    let case = notices.case(id(1)).unwrap();
    let state = case.state(|position| position.who == member("SG"));
    assert_eq!(state.standing_at(0), Standing::Requested);
}

#[test]
fn a_step_is_tried_before_it_is_written() {
    let notices = notices(&story());
    let case = notices.case(id(1)).unwrap();
    let event = |who: &str, what| Event {
        position: Position { when_ms: case.last_ms() + 1, who: member(who), generation: 1, seq: 50 },
        what,
    };
    let attested = |n: u8| What::Attested { version: Version([n; 32]) };
    assert_eq!(case.would(event("FR", attested(4))), Ok(()));
    assert_eq!(case.would(event("FR", attested(1))).unwrap_err().id, "life.one-vote");
    assert_eq!(case.would(event("TZ", attested(4))).unwrap_err().id, "life.review");
    assert_eq!(case.would(event("FR", attested(9))).unwrap_err().id, "life.version");
    // It was only tried.
    assert_eq!(case.history(|_| false).len(), 6);
}

#[test]
fn what_is_disputed_is_in_nobodys_way() {
    let notices = notices(&story());
    let disputed = |position: &Position| position.who == member("SG");
    let refusal = |case: &Case| {
        let position = Position { when_ms: 60, who: member("IPSG"), generation: 1, seq: 50 };
        let reason = Code::new("facts").unwrap();
        case.would(Event { position, what: What::Refused { version: Version([1; 32]), reason } })
    };
    // With the second approval it is published, and cannot be refused. Without it, it is a request, and only the text that
    // waits can be: the new one.
    let case = notices.case(id(1)).unwrap().clone();
    assert_eq!(refusal(&case).unwrap_err().id, "life.order");
    let case = case.without(disputed);
    assert_eq!(refusal(&case).unwrap_err().id, "life.version");
    assert_eq!((case.state(|_| false).standing_at(0), case.last_ms()), (Standing::Requested, 4));
    assert_eq!(case.void().count(), 2);
    assert_eq!(case.without(|position| position.seq == 14).void().count(), 1);
}

#[test]
fn a_step_without_effect_keeps_nobody_waiting() {
    let mut notices = notices(&story());
    let last = notices.case(id(1)).unwrap().last_ms();
    // Whoever answers an event dates the answer after it. A stranger's step from the year 2100 is not answered.
    let mut ahead = place(40, "UG");
    ahead.position.when_ms = 4_102_444_800_000;
    notices.take(&ahead, &approve(1, 4));
    let case = notices.case(id(1)).unwrap();
    assert_eq!((case.last_ms(), last), (4, 4));
    assert_eq!(case.history(|_| false).len(), 7);
}

#[test]
fn what_is_erased_was_never_said() {
    let mut all = notices(&story());
    all.forget(id(3));
    let case = all.case(id(1)).unwrap();
    assert_eq!(case.state(|_| false).standing_at(0), Standing::Requested);
    // With its first text the whole case goes, and what speaks of it says nothing.
    all.forget(id(1));
    assert!(all.case(id(1)).is_none() && all.case_of(id(2)).is_none());
    all.forget(id(15));
    assert_eq!(all.waiting(), 0);
}

#[test]
fn a_new_text_that_is_none_is_forgotten_like_any_other() {
    let mut all = notices(&story());
    all.forget(id(13));
    let void: Vec<_> = all.case(id(1)).unwrap().void().map(|(at, _)| at.seq).collect();
    assert_eq!(void, [14]);
    assert!(all.case_of(id(13)).is_none());
    all.forget(id(1));
    assert!(all.case_of(id(14)).is_none());
}

/// Steps of one reviewer on the notice of record 1, each in a record of its own.
fn many_steps(count: u64) -> Vec<(Place, Document)> {
    let step = step(1, "suspend", &json!({ "refusal": "facts" }));
    let at = |n: u64| {
        let mut at = place(1, "SG");
        (at.position.when_ms, at.position.seq) = (1_000 + n, 1_000 + n);
        at.id.0[..8].copy_from_slice(&(n + 1).to_be_bytes());
        at
    };
    (0..count).map(|n| (at(n), step.clone())).collect()
}

#[test]
fn what_is_erased_makes_room_for_what_came_after_it() {
    let many = many_steps(LIFE_EVENTS_MAX as u64 + 1);
    let all: Vec<_> = story().into_iter().chain(many.iter().cloned()).collect();
    let left: Vec<_> = all.iter().filter(|(place, _)| place.id != many[3].0.id).cloned().collect();
    let (mut erased, rebuilt) = (notices(&all), notices(&left));
    let told = |notices: &Notices| format!("{:?}", notices.case(id(1)).unwrap().history(|_| false));
    assert_ne!(told(&erased), told(&rebuilt));
    erased.forget(many[3].0.id);
    assert_eq!(told(&erased), told(&rebuilt));
}

#[test]
fn what_is_disputed_takes_no_room_from_what_is_not() {
    // Two nodes hold two branches of a log, of which one is full; behind it is a generation that all hold alike.
    let branch: Vec<_> = many_steps(LIFE_EVENTS_MAX as u64);
    let mut approval = (place(2, "SG"), approve(1, 1));
    (approval.0.position.generation, approval.0.position.when_ms) = (2, 2_000);
    approval.0.id.0[0] = 77;
    let without: Vec<_> = story().into_iter().filter(|(place, _)| place.author() != &member("SG")).collect();
    let told = |branch: &[(Place, Document)]| {
        let all: Vec<_> = without.iter().chain(branch).chain([&approval]).cloned().collect();
        let notices = notices(&all);
        let disputed = |position: &Position| position.who == member("SG") && position.generation == 1;
        notices.case(id(1)).unwrap().state(disputed)
    };
    assert_eq!(told(&branch), told(&branch[..2]));
    assert_eq!(told(&branch).standing_at(3_000), Standing::Requested);
}

#[test]
fn a_flood_of_what_speaks_of_nothing_is_bounded() {
    let mut notices = Notices::new(review());
    let step = approve(200, 200);
    for n in 0..WAITING_MAX as u64 + 100 {
        let mut at = place(1, "UG");
        at.position.seq = n;
        at.id.0[..8].copy_from_slice(&n.to_be_bytes());
        notices.take(&at, &step);
    }
    assert_eq!(notices.waiting(), WAITING_MAX);
    // Others are not touched by it.
    notices.take(&place(2, "FR"), &step);
    assert_eq!(notices.waiting(), WAITING_MAX + 1);
}

fn sltd(number: &str, country: &str) -> Document {
    document(
        &json!({ "form": "sltd-entry", "source": { "reference": number }, "document": { "number": number, "country": country } }),
    )
}

fn vehicle(plate: &str) -> Document {
    document(
        &json!({ "form": "vehicle-entry", "source": { "reference": plate }, "vehicle": { "plate": plate } }),
    )
}

fn withdrawal(of: u8) -> Document {
    document(&json!({ "form": "entry-withdrawal", "entry": id(of).to_string(), "reason": "recovered" }))
}

fn entry_story() -> Vec<(Place, Document)> {
    vec![
        (place(1, "KE"), sltd("A1", "KE")),
        (place(2, "KE"), new_text(sltd("A2", "KE"), 1)),
        (place(3, "UG"), new_text(sltd("A3", "UG"), 1)),
        (place(4, "UG"), sltd("B1", "KE")),
        (place(5, "FR"), vehicle("AA 1")),
        (place(6, "FR"), new_text(sltd("F1", "FR"), 5)),
        (place(7, "UG"), withdrawal(5)),
        (place(8, "FR"), withdrawal(5)),
        (place(9, "FR"), new_text(vehicle("AA 2"), 5)),
        (place(10, "KE"), new_text(sltd("A4", "UG"), 1)),
        (place(11, "TZ"), withdrawal(99)),
    ]
}

fn batch(numbers: &[(&str, &str)]) -> Document {
    let line = |(number, country): &(&str, &str)| json!({ "form": "sltd-entry", "source": { "reference": number }, "document": { "number": number, "country": country } });
    let lines: Vec<_> = numbers.iter().map(|number| DatabaseEntry::carried(&line(number)).unwrap()).collect();
    ecomesh_document::entry::Batch::new(Default::default(), lines).unwrap().into()
}

fn line_withdrawal(of: u8, line: u32) -> Document {
    document(
        &json!({ "form": "entry-withdrawal", "entry": id(of).to_string(), "line": line, "reason": "recovered" }),
    )
}

fn batch_story() -> Vec<(Place, Document)> {
    vec![
        (place(1, "KE"), batch(&[("A1", "KE"), ("A2", "KE"), ("A3", "UG")])),
        (place(2, "KE"), line_withdrawal(1, 2)),
        (place(3, "UG"), line_withdrawal(1, 1)),
        (place(4, "KE"), line_withdrawal(1, 9)),
        (place(5, "KE"), line_withdrawal(99, 1)),
        // One without a line is of the whole batch.
        (place(6, "UG"), withdrawal(1)),
        (place(7, "KE"), withdrawal(1)),
    ]
}

fn batches(documents: &[(Place, Document)]) -> Batches {
    let mut batches = Batches::default();
    documents.iter().for_each(|(place, document)| batches.take(place, document));
    batches
}

#[test]
fn a_line_of_a_batch_is_withdrawn_by_its_source_alone() {
    let story: Vec<_> = batch_story().into_iter().filter(|(place, _)| place.position.seq < 7).collect();
    let batches = batches(&story);
    let batch = batches.batch_of(id(1)).unwrap();
    let standing = |line| batch.standing(line, 5, |_| false);
    assert_eq!(standing(1), Some(EntryStanding::Active));
    assert_eq!(standing(2), Some(EntryStanding::Withdrawn(Code::new("recovered").unwrap())));
    assert!(matches!(standing(3), Some(EntryStanding::Void(rule)) if rule.id == "sltd.issuer"));
    assert_eq!((standing(0), standing(4)), (None, None));
    assert_eq!(batch.withdrawn(|_| false), ([2].into(), Some(2)));
    // What is disputed says nothing.
    assert_eq!(batch.standing(2, 5, |position| position.seq == 2), Some(EntryStanding::Active));
}

#[test]
fn a_whole_batch_is_withdrawn_and_that_is_known_when_it_is_erased() {
    let recovered = Code::new("recovered").unwrap();
    let mut batches = batches(&batch_story());
    let mut entries = entries(&entry_story());
    let mut withdrawn = Withdrawn::default();
    let batch = batches.batch_of(id(1)).unwrap();
    assert_eq!(batch.standing(1, 5, |_| false), Some(EntryStanding::Withdrawn(recovered.clone())));
    assert!(matches!(batch.standing(3, 5, |_| false), Some(EntryStanding::Void(_))));
    assert_eq!(batch.withdrawn(|_| false), ([1, 2, 3].into(), Some(2)));
    // Both are forgotten, and an entry that was not withdrawn leaves nothing.
    for n in [1, 5] {
        withdrawn.forget(id(n), &Entries::default(), &batches);
        withdrawn.forget(id(n), &entries, &Batches::default());
        batches.forget(id(n));
        entries.forget(id(n));
    }
    let of_batch = withdrawn.of(id(1)).unwrap();
    assert_eq!(
        (of_batch.entry.id, of_batch.withdrawal.id, of_batch.reason.clone()),
        (id(1), id(7), recovered)
    );
    assert_eq!(withdrawn.of(id(5)).map(|gone| gone.withdrawal.id), Some(id(8)));
    assert_eq!(withdrawn.all().count(), 2);
    // The same is known if the erasure comes before the withdrawal. Of others it says nothing.
    let Document::EntryStep(step) = withdrawal(5) else { panic!("a withdrawal") };
    let mut late = Withdrawn::default();
    late.take(&place(5, "KE"), &place(7, "UG"), &step);
    assert_eq!(late.of(id(5)), None);
    late.take(&place(5, "KE"), &place(9, "KE"), &step);
    late.take(&place(5, "KE"), &place(8, "KE"), &step);
    assert_eq!(late.of(id(5)).map(|gone| gone.withdrawal.id), Some(id(8)));
    // A withdrawal that is erased itself was never made.
    late.forget(id(8), &entries, &batches);
    assert_eq!(late.of(id(5)), None);
}

fn entries(documents: &[(Place, Document)]) -> Entries {
    let mut entries = Entries::default();
    documents.iter().for_each(|(place, document)| entries.take(place, document));
    entries
}

#[test]
fn only_the_source_changes_its_entry_and_only_the_issuer_enters_a_document() {
    let entries = entries(&entry_story());
    assert_eq!((entries.len(), entries.waiting()), (3, 1));
    let ignored = |n: u8| -> Vec<(u64, &str)> {
        let state = entries.item(id(n)).unwrap().state(|_| false);
        state.ignored.iter().map(|(place, rule)| (place.position.seq, rule.id)).collect()
    };
    let state = entries.item(id(1)).unwrap().state(|_| false);
    assert_eq!((state.text.unwrap().subject.as_str(), state.standing(0)), ("KE A2", EntryStanding::Active));
    assert_eq!(ignored(1), [(3, "entry.source-owns"), (10, "sltd.issuer")]);

    let state = entries.item(id(4)).unwrap().state(|_| false);
    assert!(state.text.is_none());
    assert!(matches!(state.standing(0), EntryStanding::Void(rule) if rule.id == "sltd.issuer"));

    let state = entries.item(id(5)).unwrap().state(|_| false);
    assert_eq!(state.standing(0), EntryStanding::Withdrawn(Code::new("recovered").unwrap()));
    assert_eq!(ignored(5), [(6, "entry.database"), (7, "entry.source-owns"), (9, "entry.withdrawn")]);
    // Before it was withdrawn.
    let before = entries.item(id(5)).unwrap().state(|position| position.seq >= 8);
    assert_eq!((before.text.unwrap().subject.as_str(), before.standing(0)), ("AA 1", EntryStanding::Active));
}

#[test]
fn an_entry_ends_with_the_last_day_that_its_source_gave_it() {
    let entry = document(
        &json!({ "form": "vehicle-entry", "source": { "reference": "x", "valid_until": "2026-11-30" } }),
    );
    let entries = entries(&[(place(1, "KE"), entry)]);
    let state = entries.item(id(1)).unwrap().state(|_| false);
    assert_eq!(state.standing(1_796_083_199_999), EntryStanding::Active);
    assert_eq!(state.standing(1_796_083_200_000), EntryStanding::Expired);
}

fn any_order<T: Clone + std::fmt::Debug + 'static>(story: &[T]) -> impl Strategy<Value = Vec<T>> {
    // Whatever comes twice is one.
    let twice: Vec<T> = story.iter().chain(story).cloned().collect();
    Just(twice).prop_shuffle()
}

proptest! {
    #[test]
    fn notices_stand_alike_after_any_order(documents in any_order(&story()), erased in prop::option::of(1u8..=16)) {
        let told = |mut notices: Notices| {
            erased.into_iter().for_each(|n| notices.forget(id(n)));
            let cases: Vec<_> = notices
                .cases()
                .map(|case| {
                    let state = case.state(|_| false);
                    let void: Vec<_> = case.void().map(|(at, rule)| (at.clone(), rule.id)).collect();
                    (case.id(), state.clone(), case.shown(&state, 5).cloned(), case.text(&state).cloned(), void)
                })
                .collect();
            format!("{cases:?}")
        };
        prop_assert_eq!(told(notices(&documents)), told(notices(&story())));
    }

    #[test]
    fn batches_stand_alike_after_any_order(documents in any_order(&batch_story()), erased in prop::option::of(1u8..=7)) {
        let told = |mut batches: Batches| {
            erased.into_iter().for_each(|n| batches.forget(id(n)));
            let all: Vec<_> = batches
                .batches()
                .map(|batch| {
                    let lines: Vec<_> = (1..=batch.lines()).map(|line| batch.standing(line, 5, |_| false)).collect();
                    (batch.id(), lines, batch.withdrawn(|_| false))
                })
                .collect();
            format!("{all:?}")
        };
        prop_assert_eq!(told(batches(&documents)), told(batches(&batch_story())));
    }

    #[test]
    fn entries_stand_alike_after_any_order(documents in any_order(&entry_story()), erased in prop::option::of(1u8..=11)) {
        let told = |mut entries: Entries| {
            erased.into_iter().for_each(|n| entries.forget(id(n)));
            let items: Vec<_> = entries
                .items()
                .map(|item| {
                    let state = item.state(|_| false);
                    (item.id(), state.standing(5), state.text.cloned(), format!("{:?}", state.ignored))
                })
                .collect();
            format!("{items:?}")
        };
        prop_assert_eq!(told(entries(&documents)), told(entries(&entry_story())));
    }
}
