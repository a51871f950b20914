//! The life of notices: stories, the table of who may do what, and that the order of arrival means nothing.

use std::collections::BTreeSet;

use ecomesh_document::codes::{Code, CodeList};
use ecomesh_document::limits::LIFE_EVENTS_MAX;
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::colour::{self, Party};
use ecomesh_document::notice::life::{
    Event, Life, Matter, Phase, Position, RENEWAL_MS, Review, ReviewError, Standing, State, Step, TABLE,
    VALIDITY_MS, Version, What, Who,
};
use ecomesh_document::notice::{Colour, rules};
use ecomesh_document::rule::Rule;
use ecomesh_document::text::Line;
use proptest::prelude::*;

fn member(code: &str) -> MemberCode {
    MemberCode::parse(code).expect("a code of the test")
}

fn code<L: CodeList>(letters: &str) -> Code<L> {
    Code::new(letters).expect("a code of the test")
}

fn version(n: u8) -> Version {
    Version([n; 32])
}

/// Three reviewers, of whom two must agree.
fn review() -> Review {
    Review::new(["IPSG", "FR", "SG"].map(member), 2).expect("a quorum that can be reached")
}

fn event(when_ms: u64, who: &str, seq: u64, what: What) -> Event {
    Event { position: Position { when_ms, who: member(who), generation: 0, seq }, what }
}

/// The state after a story: each step is dated by its place in it.
fn story(colour: &'static Colour, source: &str, steps: Vec<(&str, What)>) -> State {
    let mut life = Life::new(colour, member(source), review());
    for (when, (who, what)) in (1u64..).zip(steps) {
        life.insert(event(when, who, when, what));
    }
    life.state()
}

fn red(steps: Vec<(&str, What)>) -> State {
    story(&colour::RED, "KE", steps)
}

fn asked(n: u8) -> What {
    What::Requested { version: version(n), until_ms: None }
}

fn attested(n: u8) -> What {
    What::Attested { version: version(n) }
}

fn revised(n: u8) -> What {
    What::Revised { version: version(n) }
}

fn returned(n: u8) -> What {
    What::Returned { version: version(n), missing: vec![code("warrant")] }
}

fn refused(n: u8) -> What {
    What::Refused { version: version(n), reason: code("article-3") }
}

fn suspended() -> What {
    What::Suspended { reason: code("refugee") }
}

fn cancelled() -> What {
    What::Cancelled { reason: code("arrested") }
}

fn withdrawn() -> What {
    What::Withdrawn { reason: code("not-compliant") }
}

fn renewed(until_ms: u64) -> What {
    What::Renewed { until_ms, reason: Line::new("still wanted").expect("a line") }
}

/// A request that two reviewers attested.
fn published() -> Vec<(&'static str, What)> {
    vec![("KE", asked(1)), ("FR", attested(1)), ("SG", attested(1))]
}

fn after_publication(more: Vec<(&'static str, What)>) -> State {
    red([published(), more].concat())
}

fn broken(state: &State) -> Vec<&'static str> {
    state.ignored().iter().map(|ignored| ignored.rule.id).collect()
}

const NOW: u64 = 1_000;

#[test]
fn two_of_three_reviewers_publish() {
    let one = red(vec![("KE", asked(1)), ("FR", attested(1))]);
    assert_eq!((one.standing_at(NOW), one.shown_at(NOW)), (Standing::Requested, None));
    assert_eq!(one.pending(), Some(version(1)));
    let two = red(published());
    assert_eq!((two.standing_at(NOW), two.shown_at(NOW)), (Standing::Published, Some(version(1))));
    assert_eq!((two.pending(), two.expires_ms()), (None, Some(3 + VALIDITY_MS)));
    // The third comes late, and changes nothing.
    let three = after_publication(vec![("IPSG", attested(1))]);
    assert_eq!((three.standing_at(NOW), broken(&three)), (Standing::Published, vec![]));
}

#[test]
fn nobody_publishes_alone_or_what_he_asked_for_or_what_he_is_not_asked_to_review() {
    let twice = red(vec![("KE", asked(1)), ("FR", attested(1)), ("FR", attested(1))]);
    assert_eq!((twice.shown_at(NOW), broken(&twice)), (None, vec!["life.one-vote"]));
    let own = story(&colour::RED, "FR", vec![("FR", asked(1)), ("FR", attested(1)), ("SG", attested(1))]);
    assert_eq!((own.shown_at(NOW), broken(&own)), (None, vec!["life.own-review"]));
    let foreign = red(vec![("KE", asked(1)), ("TZ", attested(1)), ("KE", attested(1))]);
    assert_eq!((foreign.shown_at(NOW), broken(&foreign)), (None, vec!["life.review", "life.review"]));
}

#[test]
fn a_lone_secretariat_may_be_allowed_to_review_its_own_warnings() {
    let alone = Review::new([member("IPSG")], 1).unwrap();
    for (review, shown) in [(alone.clone(), None), (alone.with_own_review(), Some(version(1)))] {
        let mut life = Life::new(&colour::ORANGE, member("IPSG"), review);
        life.insert(event(1, "IPSG", 1, asked(1)));
        life.insert(event(2, "IPSG", 2, attested(1)));
        assert_eq!(life.state().shown_at(NOW), shown);
    }
}

#[test]
fn a_returned_request_is_completed_and_an_attestation_holds_for_its_version_alone() {
    let steps = vec![("KE", asked(1)), ("FR", attested(1)), ("SG", returned(1))];
    let state = red(steps.clone());
    assert!(
        matches!(state.standing_at(NOW), Standing::Returned(missing) if missing[0].as_str() == "warrant")
    );
    let state = red([steps, vec![("KE", revised(2)), ("IPSG", attested(1)), ("SG", attested(2))]].concat());
    assert_eq!((state.shown_at(NOW), broken(&state)), (None, vec!["life.version"]));
    assert_eq!(state.pending(), Some(version(2)));
}

#[test]
fn a_refusal_takes_as_many_as_a_publication_and_is_the_end() {
    let one = red(vec![("KE", asked(1)), ("FR", refused(1))]);
    assert_eq!(one.standing_at(NOW), Standing::Requested);
    let changed = red(vec![("KE", asked(1)), ("FR", refused(1)), ("FR", attested(1))]);
    assert_eq!(broken(&changed), ["life.one-vote"]);
    let two = red(vec![
        ("KE", asked(1)),
        ("FR", refused(1)),
        ("SG", refused(1)),
        ("KE", revised(2)),
        ("IPSG", attested(1)),
    ]);
    assert!(matches!(two.standing_at(NOW), Standing::Refused(reason) if reason.as_str() == "article-3"));
    assert_eq!(broken(&two), ["life.order", "life.order"]);
}

#[test]
fn an_update_is_shown_when_it_is_reviewed_and_not_before() {
    let update = vec![("KE", revised(2)), ("FR", attested(2))];
    let state = after_publication(update.clone());
    assert_eq!((state.shown_at(NOW), state.pending()), (Some(version(1)), Some(version(2))));
    let state = after_publication([update, vec![("SG", attested(2))]].concat());
    assert_eq!((state.shown_at(NOW), state.pending()), (Some(version(2)), None));
    // Back to what was reviewed before.
    let back = after_publication(vec![
        ("KE", revised(2)),
        ("FR", attested(2)),
        ("SG", attested(2)),
        ("KE", revised(1)),
    ]);
    assert_eq!((back.shown_at(NOW), back.pending()), (Some(version(1)), None));
    let foreign = after_publication(vec![("TZ", revised(2))]);
    assert_eq!((foreign.pending(), broken(&foreign)), (None, vec!["life.source-owns"]));
}

#[test]
fn one_reviewer_hides_and_two_show_again() {
    let hidden = after_publication(vec![("IPSG", suspended()), ("FR", What::Reinstated)]);
    assert!(matches!(hidden.standing_at(NOW), Standing::Suspended(_)));
    assert_eq!(hidden.shown_at(NOW), None);
    let again =
        after_publication(vec![("IPSG", suspended()), ("FR", What::Reinstated), ("SG", What::Reinstated)]);
    assert_eq!(again.shown_at(NOW), Some(version(1)));
    // The second suspension is a matter of its own: the votes on the first neither end it nor bind those who cast them.
    let twice = vec![
        ("IPSG", suspended()),
        ("FR", What::Reinstated),
        ("SG", What::Reinstated),
        ("IPSG", suspended()),
        ("FR", What::Reinstated),
    ];
    assert_eq!(after_publication(twice.clone()).shown_at(NOW), None);
    let ended = after_publication([twice, vec![("SG", What::Reinstated)]].concat());
    assert_eq!((ended.shown_at(NOW), broken(&ended)), (Some(version(1)), vec![]));
}

#[test]
fn the_source_cancels_and_the_reviewers_withdraw() {
    let gone = after_publication(vec![("KE", cancelled()), ("KE", revised(2)), ("FR", attested(1))]);
    assert!(matches!(gone.standing_at(NOW), Standing::Cancelled(reason) if reason.as_str() == "arrested"));
    assert_eq!((gone.shown_at(NOW), broken(&gone)), (None, vec!["life.order", "life.order"]));
    let early = red(vec![("KE", asked(1)), ("KE", cancelled()), ("FR", attested(1))]);
    assert!(matches!(early.standing_at(NOW), Standing::Cancelled(_)) && early.pending().is_none());
    let one = after_publication(vec![("FR", withdrawn())]);
    assert_eq!(one.shown_at(NOW), Some(version(1)));
    let two = after_publication(vec![("FR", withdrawn()), ("SG", withdrawn())]);
    assert!(matches!(two.standing_at(NOW), Standing::Withdrawn(_)));
    let source = after_publication(vec![("KE", withdrawn()), ("FR", cancelled())]);
    assert_eq!(broken(&source), ["life.review", "life.source-owns"]);
}

#[test]
fn a_notice_ends_unless_it_is_renewed_with_a_reason_in_time() {
    let end = 3 + VALIDITY_MS;
    let life = |more: &[Event]| {
        let mut life = Life::new(&colour::RED, member("KE"), review());
        for (when, (who, what)) in (1u64..).zip(published()) {
            life.insert(event(when, who, when, what));
        }
        more.iter().cloned().for_each(|event| life.insert(event));
        life.state()
    };
    let state = life(&[]);
    assert_eq!(state.shown_at(end - 1), Some(version(1)));
    assert_eq!((state.standing_at(end), state.shown_at(end)), (Standing::Expired, None));
    let renewal = |when, until| life(&[event(when, "KE", 9, renewed(until))]);
    let state = renewal(end - RENEWAL_MS, end + VALIDITY_MS);
    assert_eq!((state.expires_ms(), broken(&state)), (Some(end + VALIDITY_MS), vec![]));
    assert_eq!(broken(&renewal(end - RENEWAL_MS - 1, end + 1)), ["life.renewal"], "too early");
    assert_eq!(broken(&renewal(end - 1, end + VALIDITY_MS + 1)), ["life.renewal"], "for too long");
    assert_eq!(broken(&renewal(end - 1, end)), ["life.renewal"], "for nothing");
    assert_eq!(broken(&renewal(end, end + 1)), ["life.expired"], "too late");
    assert_eq!(broken(&life(&[event(end, "KE", 9, cancelled())])), ["life.expired"]);
    // The source may want less than five years, and gets no more.
    for (until, end) in [(500, 500), (u64::MAX, 3 + VALIDITY_MS)] {
        let mut life = Life::new(&colour::RED, member("KE"), review());
        life.insert(event(1, "KE", 1, What::Requested { version: version(1), until_ms: Some(until) }));
        life.insert(event(2, "FR", 2, attested(1)));
        life.insert(event(3, "SG", 3, attested(1)));
        assert_eq!(life.state().expires_ms(), Some(end));
        assert_eq!(life.state().standing_at(end), Standing::Expired);
    }
}

#[test]
fn each_colour_is_asked_for_by_some() {
    let request = |colour: &'static Colour, source: &str, review: Review| {
        let mut life = Life::new(colour, member(source), review);
        life.insert(event(1, source, 1, asked(1)));
        broken(&life.state()).first().copied()
    };
    assert_eq!(request(&colour::RED, "KE", review()), None);
    assert_eq!(request(&colour::RED, "ICC", review()), None);
    assert_eq!(request(&colour::RED, "IPSG", review()), Some("life.requester"));
    assert_eq!(request(&colour::RED, "IRMCT", review()), Some("life.requester"));
    let told = review().with_party(member("IRMCT"), Party::Tribunal);
    assert_eq!(request(&colour::RED, "IRMCT", told), None);
    assert_eq!(request(&colour::UN, "KE", review()), Some("life.requester"));
    let told = review().with_party(member("UNSC"), Party::SecurityCouncil);
    assert_eq!(request(&colour::UN, "UNSC", told), None);
    assert_eq!(request(&colour::SILVER, "IT", review()), Some("life.pilot"));
    assert_eq!(request(&colour::SILVER, "IT", review().with_participants([member("IT")])), None);
    assert_eq!(broken(&red(vec![("TZ", asked(1))])), ["life.source-owns"]);
    assert_eq!(broken(&red(vec![("KE", asked(1)), ("KE", asked(2))])), ["life.order"]);
}

#[test]
fn a_review_needs_a_quorum_that_can_be_reached() {
    assert_eq!(Review::new([member("FR")], 0), Err(ReviewError::NoQuorum));
    let few = ReviewError::TooFewReviewers { quorum: 2, reviewers: 1 };
    assert_eq!(Review::new(["FR", "FR"].map(member), 2), Err(few));
    assert_eq!(review().quorum(), 2);
}

/// The table against its words: every step has one row, only reviewers decide, nothing leads out of an end.
#[test]
fn the_table_is_whole() {
    let steps: BTreeSet<_> = TABLE.iter().map(|row| row.step).collect();
    assert_eq!((steps.len(), TABLE.len()), (10, 10));
    for row in TABLE {
        assert!(!row.from.is_empty(), "{:?}", row.step);
        for end in [Phase::Refused, Phase::Cancelled, Phase::Withdrawn] {
            assert!(!row.from.contains(&end), "{:?} leads on from {end:?}", row.step);
        }
    }
    let by = |who| TABLE.iter().filter(|row| row.who == who).map(|row| row.step).collect::<Vec<_>>();
    assert_eq!(by(Who::Source), [Step::Request, Step::Revise, Step::Renew, Step::Cancel]);
    assert_eq!(by(Who::Reviewer), [Step::Return, Step::Suspend]);
    assert_eq!(by(Who::Quorum), [Step::Refuse, Step::Attest, Step::Reinstate, Step::Withdraw]);
}

#[test]
fn two_events_at_one_place_are_told() {
    let mut life = Life::new(&colour::RED, member("KE"), review());
    life.insert(event(1, "KE", 1, asked(1)));
    life.insert(event(1, "KE", 1, asked(1)));
    assert_eq!(broken(&life.state()), Vec::<&str>::new());
    life.insert(event(1, "KE", 1, asked(2)));
    assert_eq!(broken(&life.state()), ["life.one-place"]);
}

#[test]
fn a_flood_of_one_member_leaves_the_others_alone() {
    let mut life = Life::new(&colour::RED, member("KE"), review());
    for n in 0..LIFE_EVENTS_MAX as u64 + 50 {
        life.insert(event(0, "TZ", n, suspended()));
    }
    for (when, (who, what)) in (1u64..).zip(published()) {
        life.insert(event(when, who, when, what));
    }
    let state = life.state();
    assert_eq!((state.shown_at(NOW), state.ignored().len()), (Some(version(1)), LIFE_EVENTS_MAX));
    assert!(state.ignored().iter().all(|ignored| ignored.rule == &rules::LIFE_REVIEW));
}

#[test]
fn what_is_kept_of_a_flood_does_not_depend_on_its_order() {
    let flood: Vec<_> = (0..LIFE_EVENTS_MAX as u64 + 50).map(|n| event(n, "KE", n, asked(1))).collect();
    let backwards: Vec<_> = flood.iter().rev().cloned().collect();
    assert_eq!(state_of(&flood), state_of(&backwards));
    let ignored: Vec<_> = state_of(&flood).ignored().iter().map(|ignored| ignored.position.when_ms).collect();
    assert_eq!(ignored, (1..LIFE_EVENTS_MAX as u64).collect::<Vec<_>>(), "the earliest are kept");
}

fn any_what() -> impl Strategy<Value = What> {
    let n = 1u8..4;
    prop_oneof![
        3 => n.clone().prop_map(asked),
        1 => n.clone().prop_map(returned),
        1 => n.clone().prop_map(refused),
        8 => n.clone().prop_map(attested),
        4 => n.prop_map(revised),
        1 => Just(suspended()),
        2 => Just(What::Reinstated),
        1 => (0..VALIDITY_MS).prop_map(renewed),
        1 => Just(cancelled()),
        1 => Just(withdrawn()),
    ]
}

fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let who = prop::sample::select(vec!["KE", "KE", "KE", "FR", "SG", "IPSG", "TZ"]);
    let one = (0u64..40, who, 0u64..3, any_what());
    prop::collection::vec(one.prop_map(|(when, who, seq, what)| event(when, who, seq, what)), 0..60)
}

/// The events in another order of arrival, and some of them twice.
fn any_two_arrivals() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    any_events().prop_flat_map(|events| {
        let again = prop::collection::vec(any::<prop::sample::Index>(), 0..5);
        (Just(events.clone()), Just(events).prop_shuffle(), again).prop_map(|(first, mut second, again)| {
            if !second.is_empty() {
                again.iter().for_each(|index| second.push(index.get(&first).clone()));
            }
            (first, second)
        })
    })
}

fn state_of(events: &[Event]) -> State {
    let mut life = Life::new(&colour::RED, member("KE"), review());
    events.iter().cloned().for_each(|event| life.insert(event));
    life.state()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_means_nothing((first, second) in any_two_arrivals()) {
        prop_assert_eq!(state_of(&first), state_of(&second));
    }

    #[test]
    fn what_is_shown_was_attested_by_two_reviewers_who_did_not_ask_for_it(events in any_events(), now in 0u64..60) {
        let state = state_of(&events);
        if let Some(shown) = state.shown_at(now) {
            let who: BTreeSet<_> = events
                .iter()
                .filter(|event| event.what == What::Attested { version: shown })
                .map(|event| event.position.who.as_str())
                .filter(|who| ["IPSG", "FR", "SG"].contains(who))
                .collect();
            prop_assert!(who.len() >= 2, "{who:?}");
        }
    }

    #[test]
    fn an_event_without_effect_changes_nothing(events in any_events()) {
        let state = state_of(&events);
        let ignored: Vec<&Rule> = state.ignored().iter().map(|ignored| ignored.rule).collect();
        prop_assert!(ignored.iter().all(|rule| rules::ALL.contains(rule)));
        // Without them the standing is the same. Where two events are at one place, which of them was meant is not told.
        if !ignored.contains(&&rules::LIFE_ONE_PLACE) {
            let with_effect: Vec<_> = events
                .iter()
                .filter(|event| state.ignored().iter().all(|ignored| ignored.position != event.position))
                .cloned()
                .collect();
            let again = state_of(&with_effect);
            prop_assert_eq!(again.standing_at(60), state.standing_at(60));
            prop_assert_eq!((again.shown_at(60), again.pending()), (state.shown_at(60), state.pending()));
            prop_assert!(again.ignored().is_empty());
        }
    }
}

/// The properties above say nothing if the events they draw hardly ever publish anything.
#[test]
fn the_drawn_events_reach_every_standing() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..2_000 {
        let events = any_events().new_tree(&mut runner).unwrap().current();
        let standing = state_of(&events).standing_at(60);
        reached.insert(format!("{standing:?}").split('(').next().unwrap_or_default().to_owned());
    }
    let all =
        ["Cancelled", "Nothing", "Published", "Refused", "Requested", "Returned", "Suspended", "Withdrawn"];
    assert_eq!(reached.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn who_is_awaited_and_what_can_follow_are_told_by_the_same_rules() {
    let mut life = Life::new(&colour::RED, member("KE"), review());
    let awaited =
        |life: &Life| life.awaited(&life.state()).into_iter().map(ToString::to_string).collect::<Vec<_>>();
    let steps = |life: &Life, who: &str| life.open_steps(&member(who), 100);
    assert_eq!(awaited(&life), Vec::<String>::new());
    life.insert(event(1, "KE", 1, asked(1)));
    assert_eq!(awaited(&life), ["FR", "IPSG", "SG"]);
    assert_eq!(steps(&life, "KE"), [Step::Revise, Step::Cancel]);
    assert_eq!(steps(&life, "FR"), [Step::Attest, Step::Return, Step::Refuse]);
    assert_eq!(steps(&life, "TZ"), []);
    // Each decides once on a text: of three two are left, and then one, who alone cannot make a quorum of two.
    life.insert(event(2, "FR", 2, refused(1)));
    assert_eq!(
        (awaited(&life), steps(&life, "FR")),
        (vec!["IPSG".to_owned(), "SG".to_owned()], vec![Step::Return])
    );
    assert_eq!(life.state().votes(Matter::Version(version(1))).collect::<Vec<_>>(), [(&member("FR"), false)]);
    life.insert(event(3, "SG", 3, attested(1)));
    assert_eq!(awaited(&life), ["IPSG"]);
    // A new text is read anew by all.
    life.insert(event(4, "KE", 4, revised(2)));
    assert_eq!(awaited(&life), ["FR", "IPSG", "SG"]);
    life.insert(event(5, "FR", 5, attested(2)));
    life.insert(event(6, "SG", 6, attested(2)));
    assert_eq!(awaited(&life), Vec::<String>::new());
    assert_eq!(steps(&life, "FR"), [Step::Suspend, Step::Withdraw]);
    // In its last months it can be renewed.
    let end = life.state().expires_ms().expect("an end");
    assert!(
        life.open_steps(&member("KE"), end - 1).contains(&Step::Renew)
            && !steps(&life, "KE").contains(&Step::Renew)
    );
    assert_eq!(life.open_steps(&member("KE"), end), []);
    // Nobody reviews his own request.
    let mut own = Life::new(&colour::RED, member("FR"), review());
    own.insert(event(1, "FR", 1, asked(1)));
    assert_eq!(awaited(&own), ["IPSG", "SG"]);
    assert_eq!(steps(&own, "FR"), [Step::Return, Step::Revise, Step::Cancel]);
}
