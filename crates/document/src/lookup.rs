//! One spelling for a number, so that it is found however it was written: the **key** of an exact look-up.
//!
//! A key is a pure function of the text, and its own key. Two texts with one key are taken for one number; so a key only
//! drops what no standard gives a meaning to, and changes a letter only where a standard has none other to mean:
//!
//! - case, spaces, hyphens, points, slashes, the filler `<` of machine readable zones, and everything else that is neither
//!   letter nor digit, are dropped, for all kinds;
//! - full-width letters and the decimal digits of other scripts become those of ASCII; a Latin letter and a combining mark
//!   behind it become one letter (`E` and U+0301 are `É`), and keep it: `Ü` is not `U`;
//! - Cyrillic and Greek letters that look like Latin ones become these in numbers that a standard writes in Latin letters
//!   ([`Number::Document`], [`Number::Plate`], [`Number::Vin`], [`Number::Container`]), and stay in serial numbers, which no
//!   standard binds: on a Russian rifle `Н` and `H` are two letters;
//! - the letters O, I and Q become digits, or digits letters, only where the standard forbids what is written: in a VIN
//!   (ISO 3779), at each place of a container number (ISO 6346), in numbers of digits alone. In document numbers (ICAO Doc
//!   9303 has both O and 0), plates and serial numbers they stay.
//! - of references ([`Number::Reference`]) the signs between their parts are kept, as one slash: `2013-6138` is the notice
//!   2013/6138, and no passport 20136138.
//!
//! A key is for finding. What is shown, and compared by an officer before anything is done, is what the source wrote.

/// What a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Number {
    /// A travel or identity document: A to Z and digits (ICAO Doc 9303, part 3).
    Document,
    /// A plate: capital Latin letters and digits, at least beside others (Vienna Convention on Road Traffic 1968, annex 2).
    Plate,
    /// A vehicle (ISO 3779): no I, O and Q.
    Vin,
    /// A container (ISO 6346): four letters, seven digits.
    Container,
    /// A ship: seven digits, often with IMO before them.
    Imo,
    /// A ship's radio: nine digits.
    Mmsi,
    /// A serial number: of a firearm, an engine, a hull, an object. Nothing is known of it.
    Serial,
    /// A reference: of a bureau, a file, a notice. It names what was written, and nothing in the world.
    Reference,
}

impl Number {
    /// All that are numbers of things.
    pub const ALL: [Self; 7] =
        [Self::Document, Self::Plate, Self::Vin, Self::Container, Self::Imo, Self::Mmsi, Self::Serial];

    /// The key under which a number is found. It is empty if nothing of the text counts.
    ///
    /// ```
    /// use ecomesh_document::lookup::Number;
    /// assert_eq!(Number::Plate.key("kaa 123-x"), "KAA123X");
    /// assert_eq!(Number::Vin.key("IM8GDM9AXKPO42788"), "1M8GDM9AXKP042788");
    /// assert_eq!(Number::Reference.key(" nai / 2026-7 "), "NAI/2026/7");
    /// ```
    pub fn key(self, text: &str) -> String {
        let plain = capitals(text);
        match self {
            Self::Reference => reference(text),
            Self::Serial => plain,
            Self::Document | Self::Plate => latin(&plain),
            Self::Vin => latin(&plain).chars().map(to_digit).collect(),
            Self::Container => container(&latin(&plain)),
            Self::Imo => number_of_digits(&latin(&plain), "IMO"),
            Self::Mmsi => number_of_digits(&latin(&plain), "MMSI"),
        }
    }
}

/// The parts between signs that are neither letters nor blanks.
fn reference(text: &str) -> String {
    let is_sign =
        |c: char| !c.is_alphanumeric() && !c.is_whitespace() && !('\u{300}'..='\u{36f}').contains(&c);
    let parts = text.split(is_sign).map(capitals).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

/// Letters and digits alone, in capitals, without full-width forms and digits of other scripts.
fn capitals(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars().map(narrow) {
        if let Some(composed) = plain.chars().last().and_then(|before| compose(before, character)) {
            plain.pop();
            plain.push(composed);
        } else if character.is_alphanumeric() {
            plain.extend(character.to_uppercase().filter(|capital| capital.is_alphanumeric()));
        }
    }
    plain
}

/// A full-width form as its ASCII, a decimal digit of another script as that of ASCII.
fn narrow(character: char) -> char {
    if let full @ '\u{ff01}'..='\u{ff5e}' = character {
        return char::from_u32(full as u32 - 0xfee0).unwrap_or(full);
    }
    let code = character as u32;
    let digit = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|digit| *digit < 10));
    digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(character)
}

/// The zeros of scripts whose digits stand on documents and plates: Arabic, Persian and Urdu, N'Ko, Devanagari, Bengali,
/// Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam, Sinhala, Thai, Lao, Tibetan, Burmese, Khmer, Mongolian.
const ZEROS: [u32; 19] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6,
    0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810,
];

/// The one letter that a capital and a combining mark make, of those that European plates and names have.
fn compose(letter: char, mark: char) -> Option<char> {
    let (letters, composed) = match mark {
        '\u{300}' => ("AEIOU", "ÀÈÌÒÙ"),
        '\u{301}' => ("AEIOUYCNSZ", "ÁÉÍÓÚÝĆŃŚŹ"),
        '\u{302}' => ("AEIOU", "ÂÊÎÔÛ"),
        '\u{303}' => ("ANO", "ÃÑÕ"),
        '\u{308}' => ("AEIOUY", "ÄËÏÖÜŸ"),
        '\u{30a}' => ("AU", "ÅŮ"),
        '\u{30c}' => ("CDENRSTZ", "ČĎĚŇŘŠŤŽ"),
        '\u{327}' => ("CST", "ÇŞŢ"),
        '\u{328}' => ("AE", "ĄĘ"),
        _ => return None,
    };
    letters.chars().zip(composed.chars()).find(|(plain, _)| *plain == letter).map(|(_, composed)| composed)
}

/// Cyrillic and Greek capitals that look like Latin ones. Russian plates (GOST R 50577) and Greek ones have no others, so
/// that they can be read abroad.
fn latin(plain: &str) -> String {
    let (foreign, latin) = ("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX");
    let same = |c: char| foreign.chars().zip(latin.chars()).find(|(f, _)| *f == c).map_or(c, |(_, l)| l);
    plain.chars().map(same).collect()
}

/// Four letters and seven digits, where the length fits: a letter has no digit for a neighbour in ISO 6346.
fn container(plain: &str) -> String {
    if plain.chars().count() != 11 {
        return plain.to_owned();
    }
    plain.chars().enumerate().map(|(place, c)| if place < 4 { to_letter(c) } else { to_digit(c) }).collect()
}

/// Digits alone, and no name of the number before them; what holds more than look-alikes of digits stays as it is.
fn number_of_digits(plain: &str, name: &str) -> String {
    let digits: String = plain.strip_prefix(name).unwrap_or(plain).chars().map(to_digit).collect();
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits } else { plain.to_owned() }
}

fn to_digit(character: char) -> char {
    match character {
        'O' | 'Q' => '0',
        'I' => '1',
        other => other,
    }
}

fn to_letter(character: char) -> char {
    match character {
        '0' => 'O',
        '1' => 'I',
        other => other,
    }
}
