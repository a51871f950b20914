//! The machine readable zone of travel documents, ICAO Doc 9303, parts 3 to 7.
//!
//! Characters have values (digits their own, letters from 10, the filler `<` 0), weighted 7, 3, 1, 7, …; the sum modulo 10
//! is the check digit. The weights share no factor with 10, so one wrong digit is always noticed; letters whose values
//! differ by 10 or 20 (A, K and U) are not told from each other.

use thiserror::Error;

/// A zone by the size of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Three lines of 30: cards.
    Td1,
    /// Two lines of 36.
    Td2,
    /// Two lines of 44: passports.
    Td3,
    /// A visa of two lines of 44; it has no composite check digit.
    VisaA,
    /// A visa of two lines of 36; it has none either.
    VisaB,
}

/// What is wrong with a zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MrzFault {
    /// It has other lines than any format has.
    #[error("a machine readable zone has three lines of 30 characters, two of 36 or two of 44")]
    Lines,
    /// It has a character that none has.
    #[error("line {line}, place {place}: {found:?} is neither a capital A to Z, a digit nor <")]
    Character {
        /// Line, from 1.
        line: usize,
        /// Place in it, from 1.
        place: usize,
        /// The character.
        found: char,
    },
    /// A check digit does not fit what it covers.
    #[error("line {line}, place {place}: the check digit of the {of} is {found}, it should be {expected}")]
    CheckDigit {
        /// What it covers.
        of: &'static str,
        /// Line, from 1.
        line: usize,
        /// Place in it, from 1.
        place: usize,
        /// What stands there.
        found: char,
        /// What the covered characters give.
        expected: char,
    },
}

/// Checks every check digit of a zone and names all that are wrong.
///
/// # Errors
/// The faults, at least one.
pub fn check(zone: &str) -> Result<Format, Vec<MrzFault>> {
    let lines: Vec<&str> = zone.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let characters = foreign_characters(&lines);
    if !characters.is_empty() {
        return Err(characters);
    }
    let format = format(&lines).ok_or_else(|| vec![MrzFault::Lines])?;
    let faults: Vec<_> = covers(format, &lines).iter().filter_map(|cover| cover.fault(&lines)).collect();
    if faults.is_empty() { Ok(format) } else { Err(faults) }
}

/// The check digit of a text; `None` if it has a character that no zone has.
pub fn check_digit(text: &str) -> Option<char> {
    let mut sum = 0;
    for (byte, weight) in text.bytes().zip([7, 3, 1].into_iter().cycle()) {
        sum = (sum + value(byte)? * weight) % 10;
    }
    char::from_digit(sum, 10)
}

/// Places of a line: line, first, last, all counted from 1.
type Span = (usize, usize, usize);

/// A check digit and what it covers.
struct Cover {
    of: &'static str,
    spans: Vec<Span>,
    digit: (usize, usize),
    /// A field of nothing may have `<` for its check digit.
    may_be_filler: bool,
}

impl Cover {
    fn new(of: &'static str, spans: &[Span], digit: (usize, usize)) -> Self {
        Self { of, spans: spans.to_vec(), digit, may_be_filler: false }
    }

    fn fault(&self, lines: &[&str]) -> Option<MrzFault> {
        let covered: String =
            self.spans.iter().map(|(line, first, last)| &lines[line - 1][first - 1..*last]).collect();
        let (line, place) = self.digit;
        let found = char::from(lines[line - 1].as_bytes()[place - 1]);
        if self.may_be_filler && found == '<' && covered.bytes().all(|byte| byte == b'<') {
            return None;
        }
        let expected = check_digit(&covered)?;
        (found != expected).then_some(MrzFault::CheckDigit { of: self.of, line, place, found, expected })
    }
}

fn foreign_characters(lines: &[&str]) -> Vec<MrzFault> {
    let foreign = |(line, text): (usize, &&str)| {
        let found = text.chars().enumerate().find(|(_, c)| !is_of_zone(*c))?;
        Some(MrzFault::Character { line: line + 1, place: found.0 + 1, found: found.1 })
    };
    lines.iter().enumerate().filter_map(foreign).collect()
}

fn format(lines: &[&str]) -> Option<Format> {
    let lengths: Vec<_> = lines.iter().map(|line| line.len()).collect();
    let is_visa = lines.first().is_some_and(|line| line.starts_with('V'));
    match (&lengths[..], is_visa) {
        ([30, 30, 30], _) => Some(Format::Td1),
        ([36, 36], false) => Some(Format::Td2),
        ([36, 36], true) => Some(Format::VisaB),
        ([44, 44], false) => Some(Format::Td3),
        ([44, 44], true) => Some(Format::VisaA),
        _ => None,
    }
}

fn covers(format: Format, lines: &[&str]) -> Vec<Cover> {
    let (number_line, number_at, optional_at, dates_line, birth_at, expiry_at) = match format {
        Format::Td1 => (1, 6, (16, 30), 2, 1, 9),
        Format::Td2 => (2, 1, (29, 35), 2, 14, 22),
        Format::Td3 | Format::VisaA | Format::VisaB => (2, 1, (0, 0), 2, 14, 22),
    };
    let mut covers = vec![
        number(lines[number_line - 1], number_line, number_at, optional_at),
        Cover::new("date of birth", &[(dates_line, birth_at, birth_at + 5)], (dates_line, birth_at + 6)),
        Cover::new("date of expiry", &[(dates_line, expiry_at, expiry_at + 5)], (dates_line, expiry_at + 6)),
    ];
    if format == Format::Td3 {
        let personal = Cover::new("personal number", &[(2, 29, 42)], (2, 43));
        covers.push(Cover { may_be_filler: true, ..personal });
    }
    let composite: Option<(&[Span], (usize, usize))> = match format {
        Format::Td1 => Some((&[(1, 6, 30), (2, 1, 7), (2, 9, 15), (2, 19, 29)], (2, 30))),
        Format::Td2 => Some((&[(2, 1, 10), (2, 14, 20), (2, 22, 35)], (2, 36))),
        Format::Td3 => Some((&[(2, 1, 10), (2, 14, 20), (2, 22, 43)], (2, 44))),
        Format::VisaA | Format::VisaB => None,
    };
    covers.extend(composite.map(|(spans, digit)| Cover::new("whole (composite)", spans, digit)));
    covers
}

/// Of a number with more than nine characters `<` stands in the place of the check digit; its rest and then the check digit
/// begin the optional data (parts 5 and 6).
fn number(text: &str, line: usize, at: usize, optional: (usize, usize)) -> Cover {
    let short = Cover::new("document number", &[(line, at, at + 8)], (line, at + 9));
    if text.as_bytes()[at + 8] != b'<' || optional.0 == 0 {
        return short;
    }
    let rest = text[optional.0 - 1..optional.1].find('<').unwrap_or(optional.1 - optional.0 + 1);
    if rest < 2 {
        return short;
    }
    let digit = optional.0 + rest - 1;
    Cover::new("document number", &[(line, at, at + 8), (line, optional.0, digit - 1)], (line, digit))
}

fn is_of_zone(character: char) -> bool {
    u8::try_from(character).is_ok_and(|byte| value(byte).is_some())
}

fn value(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A') + 10),
        b'<' => Some(0),
        _ => None,
    }
}
