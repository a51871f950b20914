//! Check digits: the published example of each standard, what a slip makes of it, and what each standard promises.

use ecomesh_document::check_digits::mrz::{self, Format, MrzFault};
use ecomesh_document::check_digits::{Fault, container, imo_number, mmsi, vin, vin_check_digit};
use proptest::prelude::*;

/// The examples of Doc 9303, parts 4 to 7; the two of Peter John Stevenson have numbers of more than nine characters.
const ZONES: [(Format, &str); 7] = [
    (
        Format::Td3,
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ),
    (
        Format::Td1,
        "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    ),
    (Format::Td2, "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"),
    (
        Format::Td1,
        "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
    ),
    (Format::Td2, "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"),
    (
        Format::VisaA,
        "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
    ),
    (Format::VisaB, "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<"),
];

#[test]
fn published_zones_pass() {
    for (format, zone) in ZONES {
        assert_eq!(mrz::check(zone), Ok(format), "{zone}");
    }
    assert_eq!(mrz::check_digit("520727"), Some('3'), "Doc 9303, part 3");
    assert_eq!(mrz::check_digit("AB2134<<<"), Some('5'), "Doc 9303, part 3");
    assert_eq!(mrz::check_digit("AB2134 "), None);
}

/// An empty personal number has `<` or 0 for its check digit (part 4); one that says something never has `<`.
#[test]
fn a_passport_without_a_personal_number_may_leave_its_check_digit_out() {
    let first = ZONES[0].1.lines().next().expect("a line");
    for second in
        ["L898902C36UTO7408122F1204159<<<<<<<<<<<<<<<8", "L898902C36UTO7408122F1204159<<<<<<<<<<<<<<08"]
    {
        assert_eq!(mrz::check(&format!("{first}\n{second}\n")), Ok(Format::Td3), "{second}");
    }
}

/// What a slip at one place makes of a zone: which check digits are wrong.
#[track_caller]
fn wrong_digits(zone: usize, from: &str, to: &str) -> Vec<String> {
    let zone = ZONES[zone].1;
    assert!(zone.contains(from), "{from}");
    mrz::check(&zone.replacen(from, to, 1)).expect_err("a fault").iter().map(ToString::to_string).collect()
}

#[test]
fn each_wrong_check_digit_of_a_zone_is_named_with_what_it_should_be() {
    let digit = |line, place, of, found, expected| {
        format!("line {line}, place {place}: the check digit of the {of} is {found}, it should be {expected}")
    };
    let whole = "whole (composite)";
    for (zone, from, to, expected) in [
        (
            0,
            "C36UTO",
            "C35UTO",
            vec![digit(2, 10, "document number", '5', '6'), digit(2, 44, whole, '0', '3')],
        ),
        (0, "B<<<<<10", "B<<<<<11", vec![digit(2, 44, whole, '1', '0')]),
        (
            0,
            "B<<<<<10",
            "B<<<<<<0",
            vec![digit(2, 43, "personal number", '<', '1'), digit(2, 44, whole, '0', '9')],
        ),
        (1, "UTO<<<<<<<<<<<6", "UTO<<<<<<<<<<<7", vec![digit(2, 30, whole, '7', '6')]),
        (
            2,
            "1204159<<<<<<<6",
            "1204158<<<<<<<6",
            vec![digit(2, 28, "date of expiry", '8', '9'), digit(2, 36, whole, '6', '5')],
        ),
        (3, "7349<", "7348<", vec![digit(1, 19, "document number", '8', '9'), digit(2, 30, whole, '2', '9')]),
        (4, "7349<", "7348<", vec![digit(2, 32, "document number", '8', '9'), digit(2, 36, whole, '8', '1')]),
        (5, "1C4", "1C3", vec![digit(2, 10, "document number", '3', '4')]),
        (6, "4009078", "4009077", vec![digit(2, 20, "date of birth", '7', '8')]),
    ] {
        assert_eq!(wrong_digits(zone, from, to), expected, "{zone} {from} {to}");
    }
}

#[test]
fn what_is_no_zone_is_told_why() {
    let td3 = ZONES[0].1;
    for bad in
        ["", "P<UTO", &td3[1..], &td3[..td3.len() - 1], &td3.replace('\n', ""), &format!("{td3}\n{td3}")]
    {
        assert_eq!(mrz::check(bad), Err(vec![MrzFault::Lines]), "{bad}");
    }
    for (from, to) in [("ANNA", "ANNa"), ("ANNA", "AN A"), ("ANNA", "ANN\u{410}"), ("L8989", "L8\u{0}89")] {
        let faults = mrz::check(&td3.replace(from, to)).unwrap_err();
        assert!(matches!(faults[..], [MrzFault::Character { .. }]), "{from} {to}: {faults:?}");
    }
}

#[test]
fn published_numbers_pass() {
    // ISO 6346's own example and others in print; 49 CFR 565's and the shortest of all; the IMO's own example.
    for good in ["CSQU3054383", "MSKU0383250", "TOLU4734787", "MSCU1234566"] {
        assert_eq!(container(good), Ok(()), "{good}");
    }
    for good in ["1M8GDM9AXKP042788", "11111111111111111", "1HGCM82633A004352", "5GZCZ43D13S812715"] {
        assert_eq!(vin_check_digit(good), Ok(()), "{good}");
    }
    for good in ["9074729", "6905408", "8814275"] {
        assert_eq!(imo_number(good), Ok(()), "{good}");
    }
    for good in ["211234560", "563012345", "800000001", "982110001"] {
        assert_eq!(mmsi(good), Ok(()), "{good}");
    }
}

#[test]
fn slips_are_named_with_what_it_should_be() {
    let wrong = |place, found, expected| Err(Fault::CheckDigit { place, found, expected });
    assert_eq!(container("CSQU3054384"), wrong(11, '4', '3'));
    assert_eq!(container("CSQU3054483"), wrong(11, '3', '6'));
    assert_eq!(imo_number("9074728"), wrong(7, '8', '9'));
    assert_eq!(vin_check_digit("1M8GDM9A1KP042788"), wrong(9, '1', 'X'));
    assert_eq!(vin_check_digit("1M8GDM9AXKP042789"), wrong(9, 'X', '1'));
    assert_eq!(vin_check_digit("WVWZZZ1JZ3W386752"), wrong(9, 'Z', '9'));
    assert_eq!(
        container("CSQU3054384").unwrap_err().to_string(),
        "the check digit at place 11 is 4, by the rest it should be 3"
    );
}

#[test]
fn other_shapes_are_refused() {
    let shape = |checked: Result<(), Fault>| matches!(checked, Err(Fault::Shape(_)));
    for bad in ["", "CSQX3054383", "CSQU305438", "CSQU30543833", "csqu3054383", "CSQU 305438", "ÀÉQU30543"]
    {
        assert!(shape(container(bad)), "{bad}");
    }
    for bad in ["", "907472", "90747290", "IMO9074729", "９０７４７２９", "907472X"] {
        assert!(shape(imo_number(bad)), "{bad}");
    }
    for bad in ["", "1HG", "1HGCM82633A00435I", "1HGCM82633A00435O", "QHGCM82633A004352", "1hgcm82633a004352"]
    {
        assert!(shape(vin(bad)) && shape(vin_check_digit(bad)), "{bad}");
    }
    for bad in ["", "56301234", "5630123456", "002111234", "111211001", "970012345", "99211001x", "992110010"]
    {
        assert!(shape(mmsi(bad)), "{bad}");
    }
}

/// `text` with another character at a place.
fn changed(text: &str, place: usize, to: char) -> String {
    text.chars().enumerate().map(|(i, c)| if i == place { to } else { c }).collect()
}

fn zone_value(c: char) -> u32 {
    if c == '<' { 0 } else { c.to_digit(36).expect("a character of a zone") }
}

/// Doc 9303 covers all of a passport's second line but nationality and sex: what changes a value modulo 10 is noticed, and
/// so is every digit that is taken for another.
#[test]
fn one_wrong_character_of_a_passport_is_noticed() {
    let zone = ZONES[0].1;
    for place in (0..44).filter(|place| !(10..13).contains(place) && *place != 20) {
        let from = zone.chars().nth(45 + place).expect("in the zone");
        for to in ('0'..='9').chain('A'..='Z').chain(['<']) {
            let noticed = mrz::check(&changed(zone, 45 + place, to)).is_err();
            let is_check_digit = [9, 19, 27, 42, 43].contains(&place);
            let promised =
                if is_check_digit { from != to } else { zone_value(from) % 10 != zone_value(to) % 10 };
            assert_eq!(noticed, promised, "{to} for {from} at {place}");
            assert!(noticed || from == to || !(from.is_ascii_digit() && to.is_ascii_digit()));
        }
    }
}

/// Of a card the composite digit covers all but document type, state, sex, nationality and the name.
#[test]
fn one_wrong_character_of_a_card_is_noticed() {
    let card = ZONES[1].1;
    let second = |places: std::ops::Range<usize>| places.map(|place| 31 + place);
    for place in (5..30).chain(second(0..7)).chain(second(8..15)).chain(second(18..30)) {
        let from = card.chars().nth(place).expect("in the zone");
        for to in ['0', '7', 'G', '<'].into_iter().filter(|to| zone_value(*to) % 10 != zone_value(from) % 10)
        {
            assert!(mrz::check(&changed(card, place, to)).is_err(), "{to} for {from} at {place}");
        }
    }
}

#[test]
fn one_wrong_digit_of_a_card_or_a_vin_is_noticed() {
    let vin_holds = |text: &str| vin_check_digit(text).is_ok();
    let card_holds = |text: &str| mrz::check(text).is_ok();
    let (card, vehicle) = (ZONES[1].1, "1M8GDM9AXKP042788");
    for (text, holds) in [(card, &card_holds as &dyn Fn(&str) -> bool), (vehicle, &vin_holds)] {
        for (place, from) in text.chars().enumerate().filter(|(_, from)| from.is_ascii_digit()) {
            for to in ('0'..='9').filter(|to| *to != from) {
                assert!(!holds(&changed(text, place, to)), "{to} for {from} at {place} of {text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// ISO 6346 promises it of digits, but for serial numbers whose remainder is 10.
    #[test]
    fn one_wrong_digit_of_a_container_is_noticed(serial in 0u32..1_000_000, place in 4usize..11, to in 0u32..10) {
        let remainder = |number: &str| {
            let value = |c: char| if let Some(d) = c.to_digit(10) { d } else { (c as u32 - 55) + (c as u32 - 56) / 10 };
            number.chars().take(10).enumerate().map(|(i, c)| value(c) << i).sum::<u32>() % 11
        };
        let bare = format!("CSQU{serial:06}");
        let whole = format!("{bare}{}", remainder(&bare) % 10);
        prop_assert_eq!(container(&whole), Ok(()));
        let wrong = changed(&whole, place, char::from_digit(to, 10).expect("a digit"));
        prop_assume!(wrong != whole && remainder(&bare) != 10 && remainder(&wrong) != 10);
        prop_assert!(container(&wrong).is_err(), "{} for {}", wrong, whole);
    }

    /// The IMO's scheme promises it for the places of the weights 7 and 3, and for the check digit itself.
    #[test]
    fn one_wrong_digit_of_a_ship_is_noticed_where_it_can_be(bare in 100_000u32..1_000_000, place in 0usize..7, to in 0u32..10) {
        let whole = (0..10).map(|digit| format!("{bare}{digit}")).find(|n| imo_number(n).is_ok()).expect("one of ten");
        let wrong = changed(&whole, place, char::from_digit(to, 10).expect("a digit"));
        prop_assume!(wrong != whole);
        let difference = whole.as_bytes()[place].abs_diff(wrong.as_bytes()[place]);
        let weight = [7u8, 6, 5, 4, 3, 2, 1][place];
        prop_assert_eq!(imo_number(&wrong).is_err(), !(difference * weight).is_multiple_of(10), "{} for {}", wrong, whole);
        prop_assert!(imo_number(&wrong).is_err() || ![0, 4, 6].contains(&place));
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = (mrz::check(&text), mrz::check_digit(&text), container(&text), imo_number(&text), mmsi(&text));
        prop_assert_eq!(vin_check_digit(&text).is_ok() && vin(&text).is_err(), false);
    }
}
