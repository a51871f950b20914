//! Prekeys: what is an announcement, to which one is sealed, and when a private half is destroyed.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod common;

use common::member;
use ecomesh_protocol::prekeys::{
    Announcement, AnnouncementError, DAILY_GRACE_MS, DAILY_MS, Directory, FALLBACK_MS, NoPrekey,
    PREKEY_LIFE_MS_MAX, Use,
};
use ecomesh_protocol::rotation::{
    FALLBACK_EVERY_MS, Fate, GRACE_MS, LINKED_MS_MAX, Life, Standing, fate, is_due, is_over, life_of_new,
    sync_quorum,
};
use ecomesh_record::{Lane, LogId, Position, Time};
use ecomesh_seal::{Prekey, PrekeyId, PrekeySecret};
use proptest::prelude::*;

const DAY: u64 = 24 * 60 * 60 * 1000;
const T: u64 = 20_000 * DAY;

fn public(seed: u8) -> Prekey {
    PrekeySecret::from_seed(&[seed; PrekeySecret::BYTES]).public().clone()
}

fn announcement(purpose: Use, begins: u64, ends: u64, seed: u8) -> Announcement {
    Announcement { purpose, begins_at: Time(begins), ends_at: Time(ends), prekey: public(seed).to_bytes() }
}

fn at(generation: u32, seq: u64) -> Position {
    LogId { author: member("TZ"), lane: Lane::CONTROL, generation }.at(seq)
}

fn chosen(directory: &Directory, now: u64) -> Result<PrekeyId, NoPrekey> {
    directory.choose(member("TZ"), Time(now), |_| false).map(|published| published.id().unwrap())
}

#[test]
fn an_announcement_is_as_the_protocol_says() {
    let good = announcement(Use::DAILY, 1, 0x0102_0304_0506, 7);
    let bytes = good.encode().unwrap();
    // Use, begin and end as varints, then the length of the prekey and the prekey.
    let start = "0101fd0605040302010000fbc004";
    assert_eq!(hex::encode(&bytes[..14]), start);
    assert_eq!(bytes[14..], public(7).to_bytes());
    // 0x0102_0304_0506 ms is longer than a prekey lives.
    assert_eq!(Announcement::decode(&bytes), Err(AnnouncementError::Life));

    let good = announcement(Use(200), T, T + PREKEY_LIFE_MS_MAX, 7);
    let bytes = good.encode().unwrap();
    assert_eq!(Announcement::decode(&bytes), Ok(good), "unknown uses are carried");
}

#[test]
fn what_is_no_announcement_is_refused() {
    let good = announcement(Use::DAILY, T, T + DAILY_MS, 7);
    let bytes = good.encode().unwrap();
    assert!(matches!(Announcement::decode(&bytes[..bytes.len() - 1]), Err(AnnouncementError::Bytes(_))));
    assert!(matches!(
        Announcement::decode(&[bytes.as_slice(), &[0]].concat()),
        Err(AnnouncementError::Bytes(_))
    ));
    let with = |change: fn(&mut Announcement)| {
        let mut bad = announcement(Use::DAILY, T, T + DAILY_MS, 7);
        change(&mut bad);
        Announcement::decode(&bad.encode().unwrap())
    };
    assert_eq!(
        with(|a| a.prekey.truncate(Prekey::BYTES - 1)),
        Err(AnnouncementError::Length(Prekey::BYTES - 1))
    );
    assert_eq!(with(|a| a.prekey.push(0)), Err(AnnouncementError::Length(Prekey::BYTES + 1)));
    assert_eq!(with(|a| a.ends_at = a.begins_at), Err(AnnouncementError::Life));
    assert_eq!(with(|a| a.ends_at = Time(a.begins_at.0 - 1)), Err(AnnouncementError::Life));
    assert_eq!(
        with(|a| a.ends_at = Time(a.begins_at.0 + PREKEY_LIFE_MS_MAX + 1)),
        Err(AnnouncementError::Life)
    );
}

#[test]
fn a_sender_takes_the_newest_daily_prekey_then_a_fallback() {
    let mut directory = Directory::default();
    assert_eq!(chosen(&directory, T), Err(NoPrekey::None(member("TZ"))));
    directory.first(member("TZ"), &[]);
    assert_eq!(chosen(&directory, T), Err(NoPrekey::None(member("TZ"))), "the card has none");
    directory.first(member("TZ"), &public(1).to_bytes());
    assert_eq!(chosen(&directory, T), Ok(public(1).id()));
    assert_eq!(chosen(&directory, T + 400 * DAY), Ok(public(1).id()), "as long as it has published no other");

    directory.insert(at(0, 2), announcement(Use::FALLBACK, T, T + FALLBACK_MS, 2));
    assert_eq!(chosen(&directory, T), Ok(public(2).id()));
    directory.insert(at(0, 3), announcement(Use::DAILY, T, T + DAILY_MS, 3));
    assert_eq!(chosen(&directory, T), Ok(public(3).id()));
    // In any order of arrival the later position wins, whatever the times say.
    directory.insert(at(0, 5), announcement(Use::DAILY, T - DAY, T, 5));
    directory.insert(at(0, 4), announcement(Use::DAILY, T, T + DAILY_MS, 4));
    assert_eq!(chosen(&directory, T), Ok(public(5).id()));
    directory.insert(at(9, 1), announcement(Use::DAILY, T, T + DAILY_MS, 6));
    assert_eq!(chosen(&directory, T), Ok(public(6).id()), "a later generation");

    let over = T + DAILY_MS + DAILY_GRACE_MS;
    assert_eq!(chosen(&directory, over - 1), Ok(public(6).id()));
    assert_eq!(chosen(&directory, over), Ok(public(2).id()));
    assert_eq!(chosen(&directory, T + FALLBACK_MS - 1), Ok(public(2).id()));
    // The first one is not taken again: its private half is destroyed by now.
    assert_eq!(chosen(&directory, T + FALLBACK_MS), Err(NoPrekey::Ended(member("TZ"))));
}

#[test]
fn without_a_fallback_a_daily_one_that_ended_is_the_end() {
    let mut directory = Directory::default();
    directory.insert(at(0, 3), announcement(Use::DAILY, T, T + DAILY_MS, 3));
    assert_eq!(chosen(&directory, T + 3 * DAY), Err(NoPrekey::Ended(member("TZ"))));
    // In its first 25 days a bureau has the fallback of its card and publishes no other.
    directory.first(member("TZ"), &public(1).to_bytes());
    assert_eq!(chosen(&directory, T + DAY), Ok(public(3).id()));
    assert_eq!(chosen(&directory, T + 3 * DAY), Ok(public(1).id()));
    assert_eq!(directory.choose(member("FR"), Time(T), |_| false).unwrap_err(), NoPrekey::None(member("FR")));
}

#[test]
fn what_is_disputed_or_protects_nothing_is_not_taken() {
    let mut directory = Directory::default();
    directory.insert(at(0, 1), announcement(Use::DAILY, T, T + DAILY_MS, 1));
    directory.insert(at(0, 2), announcement(Use::DAILY, T, T + DAILY_MS, 2));
    let disputed = directory.choose(member("TZ"), Time(T), |position| position.seq >= 2);
    assert_eq!(disputed.unwrap().id(), Some(public(1).id()));
    assert!(directory.choose(member("TZ"), Time(T), |_| true).is_err());

    let weak =
        Announcement { prekey: vec![0; Prekey::BYTES], ..announcement(Use::DAILY, T, T + DAILY_MS, 1) };
    directory.insert(at(0, 3), weak);
    assert_eq!(chosen(&directory, T), Ok(public(2).id()), "everybody could open what is sealed to zeros");
    let odd = announcement(Use(77), T, T + DAILY_MS, 9);
    directory.insert(at(0, 4), odd);
    assert_eq!(chosen(&directory, T), Ok(public(2).id()));
}

#[test]
fn the_same_announcement_twice_is_one_and_few_are_kept() {
    let mut directory = Directory::default();
    for seq in (0..10).chain(0..10) {
        directory.insert(at(0, seq), announcement(Use::DAILY, T, T + DAILY_MS, seq as u8));
    }
    let kept: Vec<u64> = directory.of(member("TZ")).map(|one| one.position.unwrap().seq).collect();
    assert_eq!(kept, [6, 7, 8, 9]);
}

fn daily() -> Life {
    life_of_new(Use::DAILY, Time(T))
}

fn standing(now: u64) -> Standing {
    Standing { agreed: Some(Time(now)), synced_with: 2, others: 4, all_opened: true }
}

#[test]
fn a_private_half_lives_until_no_mail_can_need_it() {
    let over = T + DAILY_MS + GRACE_MS;
    assert_eq!(fate(&daily(), &standing(T + DAILY_MS - 1)), Fate::InUse);
    assert_eq!(fate(&daily(), &standing(T + DAILY_MS)), Fate::Grace(Time(over)));
    assert_eq!(fate(&daily(), &standing(over - 1)), Fate::Grace(Time(over)));
    assert_eq!(fate(&daily(), &standing(over)), Fate::Destroy);

    let alone = Standing { synced_with: 1, ..standing(over) };
    assert_eq!(fate(&daily(), &alone), Fate::NotSynced { with: 1, of: 2 });
    let unopened = Standing { all_opened: false, ..standing(over + 100 * DAY) };
    assert_eq!(fate(&daily(), &unopened), Fate::Unopened);
    // One's own clock alone destroys nothing, however far it has run ahead.
    let own_clock_only = Standing { agreed: None, ..standing(T) };
    assert_eq!(fate(&daily(), &own_clock_only), Fate::Grace(Time(over)));
}

#[test]
fn a_bureau_that_was_off_for_long_destroys_nothing_that_its_mail_needs() {
    // Off for 8 days, and for a month: nobody has been met since, nothing is destroyed.
    for days in [8, 30] {
        let back = Standing { synced_with: 0, ..standing(T + days * DAY) };
        assert_eq!(fate(&daily(), &back), Fate::NotSynced { with: 0, of: 2 }, "{days} days");
        let caught_up = Standing { all_opened: false, ..standing(T + days * DAY) };
        assert_eq!(fate(&daily(), &caught_up), Fate::Unopened, "{days} days");
    }
}

#[test]
fn seven_days_with_links_are_the_end() {
    let stuck = Standing { synced_with: 0, all_opened: false, ..standing(T + 20 * DAY) };
    let almost = Life { linked_ms: LINKED_MS_MAX - 1, ..daily() };
    assert_eq!(fate(&almost, &stuck), Fate::NotSynced { with: 0, of: 2 });
    let over = Life { linked_ms: LINKED_MS_MAX, ..daily() };
    assert_eq!(fate(&over, &stuck), Fate::Destroy);
}

/// Found by the simulator: time with links was counted by the own clock where there was no median.
#[test]
fn by_the_own_clock_alone_no_time_with_links_counts() {
    let over = T + DAILY_MS + GRACE_MS;
    assert!(!is_over(&daily(), Some(Time(over - 1))));
    assert!(is_over(&daily(), Some(Time(over))));
    assert!(!is_over(&daily(), None));
}

#[test]
fn a_third_of_the_members_must_have_been_caught_up_with() {
    let expected = [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (6, 3), (195, 66)];
    for (others, quorum) in expected {
        assert_eq!(sync_quorum(others), quorum, "{others} others");
    }
}

#[test]
fn new_prekeys_are_made_in_time() {
    let due = |purpose, lives: &[Life], now: u64| is_due(purpose, lives, Time(now));
    assert!(due(Use::DAILY, &[], T) && due(Use::FALLBACK, &[], T));
    let both = [daily(), life_of_new(Use::FALLBACK, Time(T))];
    assert!(!due(Use::DAILY, &both, T + DAILY_MS - 1));
    assert!(due(Use::DAILY, &both, T + DAILY_MS));
    assert!(!due(Use::FALLBACK, &both, T + FALLBACK_EVERY_MS - 1));
    assert!(due(Use::FALLBACK, &both, T + FALLBACK_EVERY_MS));
    // The clock had run ahead by ten years, and is right again.
    let ahead =
        [life_of_new(Use::DAILY, Time(T + 3650 * DAY)), life_of_new(Use::FALLBACK, Time(T + 3650 * DAY))];
    assert!(due(Use::DAILY, &ahead, T) && due(Use::FALLBACK, &ahead, T));
    // And a clock that goes back by a minute makes none.
    assert!(!due(Use::DAILY, &both, T - 60_000) && !due(Use::FALLBACK, &both, T - 60_000));
}

/// Found by the simulator: as long as what a clock had made that ran ahead was there, which is for years, a new prekey
/// was due at every look, and was published.
#[test]
fn what_a_clock_made_that_ran_ahead_is_replaced_once() {
    for purpose in [Use::DAILY, Use::FALLBACK] {
        let mut lives = vec![life_of_new(purpose, Time(T)), life_of_new(purpose, Time(T + 3650 * DAY))];
        let back = T + 10;
        assert!(is_due(purpose, &lives, Time(back)), "the others seal to the one that lives for years");
        lives.push(life_of_new(purpose, Time(back)));
        assert!(!is_due(purpose, &lives, Time(back + 60_000)), "it has just been made");
        let length = if purpose == Use::DAILY { DAILY_MS } else { FALLBACK_EVERY_MS };
        assert!(is_due(purpose, &lives, Time(back + length)), "and then the next one, in time");

        // A clock that was behind has made one that the others cannot use.
        let mut lives = vec![life_of_new(purpose, Time(T)), life_of_new(purpose, Time(T - 100 * DAY))];
        assert!(is_due(purpose, &lives, Time(back)));
        lives.push(life_of_new(purpose, Time(back)));
        assert!(!is_due(purpose, &lives, Time(back + 60_000)));
    }
}

/// Found by the simulator: a bureau whose clock was behind for a moment published prekeys that had ended. They hid the
/// good ones behind them, and nobody could write to it while it was away.
#[test]
fn what_has_ended_hides_nothing_that_has_not() {
    let mut directory = Directory::default();
    directory.insert(at(0, 1), announcement(Use::FALLBACK, T, T + FALLBACK_MS, 1));
    directory.insert(at(0, 2), announcement(Use::DAILY, T, T + DAILY_MS, 2));
    let behind = T - 100 * DAY;
    directory.insert(at(0, 3), announcement(Use::FALLBACK, behind, behind + FALLBACK_MS, 3));
    directory.insert(at(0, 4), announcement(Use::DAILY, behind, behind + DAILY_MS, 4));
    assert_eq!(chosen(&directory, T), Ok(public(1).id()), "until the next day's");
    assert_eq!(chosen(&directory, T + 8 * DAY), Ok(public(1).id()));
    assert_eq!(chosen(&directory, T + FALLBACK_MS), Err(NoPrekey::Ended(member("TZ"))));
    // Of two that are good the later one counts.
    directory.insert(at(0, 5), announcement(Use::FALLBACK, T - DAY, T - DAY + FALLBACK_MS, 5));
    assert_eq!(chosen(&directory, T + 8 * DAY), Ok(public(5).id()));
}

proptest! {
    // Each case expands dozens of keys.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A bureau that makes prekeys by the rule, at any times at which its node runs, has one to which others seal.
    #[test]
    fn whoever_has_run_can_be_written_to_for_35_days(pauses in proptest::collection::vec(0..30 * DAY, 1..40)) {
        let (mut now, mut seq) = (T, 0);
        let (mut lives, mut directory) = (Vec::new(), Directory::default());
        for pause in pauses {
            now += pause;
            for purpose in [Use::DAILY, Use::FALLBACK] {
                if is_due(purpose, &lives, Time(now)) {
                    let life = life_of_new(purpose, Time(now));
                    let Life { begins_at, ends_at, .. } = life;
                    lives.push(life);
                    let prekey = public(seq as u8 % 8).to_bytes();
                    directory.insert(at(0, seq), Announcement { purpose, begins_at, ends_at, prekey });
                    seq += 1;
                }
            }
            // 60 days of the fallback, of which up to 25 are over when the next one is not due yet.
            for days in [0, 1, 2, 3, 34] {
                prop_assert!(chosen(&directory, now + days * DAY).is_ok(), "{days} days later");
            }
        }
    }
}
