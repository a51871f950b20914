//! Keys of exact look-ups: a table of spellings, and what holds for all texts.

use ecomesh_document::check_digits::{container, imo_number, mmsi, vin};
use ecomesh_document::lookup::Number;
use proptest::prelude::*;

/// Kind, the key, and spellings of it.
const SAME: [(Number, &str, &[&str]); 15] = [
    (
        Number::Document,
        "L898902C3",
        &["L898902C3", "l 898902 c3", "L898902C<3", "L-898902-C3", "Ｌ８９８９０２Ｃ３"],
    ),
    (Number::Document, "D23145890734", &["D23145890<734", "D 23145890 734"]),
    // Arabic, Persian, Bengali, Thai digits.
    (Number::Document, "A0123456789", &["A٠١٢٣٤٥٦٧٨٩", "A۰۱۲۳۴۵۶۷۸۹", "A০১২৩৪৫৬৭৮৯", "a๐๑๒๓๔๕๖๗๘๙"]),
    // The letters О, С and Х of the middle one are Cyrillic.
    (Number::Document, "COX12", &["COX12", "\u{421}\u{41e}\u{425}12"]),
    (Number::Plate, "KAA123X", &["KAA 123X", "kaa-123.x", " KAA\u{a0}123\u{2011}X "]),
    (Number::Plate, "A123BC77", &["A123BC 77", "\u{410}123\u{412}\u{421}77", "\u{430}123\u{432}\u{441}77"]),
    (Number::Plate, "ÜAB12", &["ÜAB 12", "üab12", "u\u{308}ab12", "U\u{308}-AB 12"]),
    (Number::Plate, "گ12345", &["گ ۱۲ ۳۴۵", "گ12-345"]),
    (Number::Vin, "1M8GDM9AXKP042788", &["1M8GDM9AXKP042788", "im8gdm9axkpo42788", "1M8-GDM9AX-KPQ42788"]),
    (Number::Container, "CSQU3054383", &["CSQU 305438-3", "csqu 3O5438 3", "CSQU/305438/3"]),
    (Number::Container, "IOLO4734787", &["10L04734787", "IOLO 473478 7"]),
    (Number::Imo, "9074729", &["9074729", "IMO 9074729", "imo9O74729", "I.M.O. 9074729"]),
    (Number::Mmsi, "563012345", &["563012345", "MMSI 563 012 345"]),
    (Number::Serial, "AB12O0", &["ab-12 O0", "AB 12/O0"]),
    (Number::Serial, "ЖН1234", &["ЖН 1234", "жн-1234"]),
];

#[test]
fn spellings_of_one_number_have_one_key() {
    for (number, key, spellings) in SAME {
        for spelling in spellings {
            assert_eq!(number.key(spelling), key, "{number:?} {spelling}");
        }
    }
}

#[test]
fn what_a_standard_tells_apart_stays_apart() {
    for (number, one, other) in [
        (Number::Document, "O123", "0123"),
        (Number::Document, "I23", "123"),
        (Number::Plate, "B-ÜR 1", "B-UR 1"),
        (Number::Plate, "KAA 001", "KAA OO1"),
        (Number::Plate, "\u{416}12", "X12"),
        (Number::Serial, "\u{41d}12", "H12"),
        (Number::Serial, "S1", "51"),
        (Number::Vin, "1M8GDM9AXKP042788", "1M8GDM9AXKP04278B"),
        (Number::Container, "CSQU3054383", "CSQU305438"),
        (Number::Imo, "907472B", "9074728"),
    ] {
        assert_ne!(number.key(one), number.key(other), "{number:?} {one} {other}");
    }
    for number in Number::ALL {
        for nothing in ["", " - / ", "<<<", "\u{200f}\u{301}"] {
            assert_eq!(number.key(nothing), "", "{number:?} {nothing:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_is_its_own_key_and_has_letters_and_digits_alone(text in "\\PC{0,24}|[A-Za-z0-9 <ÄäßŉıİǰА-яΑ-ωΰ٠-٩๐-๙\u{300}-\u{330}-]{0,24}") {
        for number in Number::ALL {
            let key = number.key(&text);
            prop_assert_eq!(number.key(&key), key.clone(), "{:?}", number);
            prop_assert!(key.chars().all(char::is_alphanumeric), "{:?} {:?}", number, key);
        }
    }

    #[test]
    fn case_and_separators_never_matter(text in "[A-Z0-9]{1,20}", separator in "[ ./<-]", place in 0usize..20) {
        let place = place.min(text.len());
        let written = [&text[..place], separator.as_str(), &text[place..]].concat().to_lowercase();
        for number in Number::ALL {
            prop_assert_eq!(number.key(&written), number.key(&text), "{:?} {}", number, written);
        }
    }

    /// A number that is well formed is its own key: nothing is changed that a standard allows.
    #[test]
    fn what_is_well_formed_stays(document in "[A-Z0-9]{1,15}", vehicle in "[A-HJ-NPR-Z0-9]{17}", owner in "[A-Z]{3}[UJZ]",
        digits in "[0-9]{7}", radio in "[2-7][0-9]{8}")
    {
        prop_assert_eq!(Number::Document.key(&document), document);
        prop_assert!(vin(&vehicle).is_ok());
        prop_assert_eq!(Number::Vin.key(&vehicle), vehicle);
        let whole = owner + &digits;
        prop_assert_eq!(Number::Container.key(&whole), whole.clone());
        prop_assert!(!matches!(container(&whole), Err(ecomesh_document::check_digits::Fault::Shape(_))));
        prop_assert!(!matches!(imo_number(&digits), Err(ecomesh_document::check_digits::Fault::Shape(_))));
        prop_assert_eq!(Number::Imo.key(&digits), digits);
        prop_assert!(mmsi(&radio).is_ok());
        prop_assert_eq!(Number::Mmsi.key(&radio), radio);
    }
}
