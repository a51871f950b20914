//! Numbers with a fixed form: cheap checks that catch slips of the pen. Reports of real cases hold wrong numbers (the
//! smuggler's, or the clerk's), so there a number that fails is worth a warning, never a refusal. Where it is the key by
//! which others look something up a wrong one is an error, and named with what it should be.

mod container;
pub mod mrz;
mod ship;
mod vin;

pub use container::container;
pub use ship::{imo_number, mmsi};
pub use vin::{vin, vin_check_digit, vin_promises_check_digit};

use thiserror::Error;

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// It has another shape than such numbers have.
    #[error("{0}")]
    Shape(&'static str),
    /// Its check digit does not fit the rest; which of them is wrong it cannot tell.
    #[error("the check digit at place {place} is {found}, by the rest it should be {expected}")]
    CheckDigit {
        /// Place of the check digit, counted from 1.
        place: usize,
        /// What stands there.
        found: char,
        /// What the rest gives; X stands for ten.
        expected: char,
    },
}

impl Fault {
    /// The fault if another character stands in the place of a check digit.
    fn unless_equal(place: usize, found: u8, value: u32) -> Result<(), Self> {
        let (found, expected) = (char::from(found), char::from_digit(value, 10).unwrap_or('X'));
        if found == expected { Ok(()) } else { Err(Self::CheckDigit { place, found, expected }) }
    }
}

/// CAS registry number: up to ten digits in three groups; the last is the weighted sum of the others modulo 10.
pub fn is_cas_number(number: &str) -> bool {
    let groups: Vec<&str> = number.split('-').collect();
    let [first, second, check] = groups[..] else { return false };
    if !(2..=7).contains(&first.len()) || second.len() != 2 || check.len() != 1 {
        return false;
    }
    let joined = [first, second].concat();
    let (Some(all), Some(check)) = (digits(&joined, joined.len()), digits(check, 1)) else { return false };
    let sum: u32 = all.iter().rev().zip(1..).map(|(d, weight)| d * weight).sum();
    sum % 10 == check[0]
}

/// UN number of dangerous goods: four digits.
pub fn is_un_number(number: &str) -> bool {
    digits(number, 4).is_some()
}

/// Code of the Harmonized System or a national tariff: 2 to 10 digits, points allowed.
pub fn is_hs_code(code: &str) -> bool {
    let plain = code.replace('.', "");
    (2..=10).contains(&plain.len()) && digits(&plain, plain.len()).is_some()
}

/// Code of the Basel Convention: Y and 1 or 2 digits, or A or B and four digits.
pub fn is_basel_code(code: &str) -> bool {
    let Some(rest) = code.get(1..) else { return false };
    match code.as_bytes()[0] {
        b'Y' => digits(rest, 1).is_some() || digits(rest, 2).is_some(),
        b'A' | b'B' => digits(rest, 4).is_some(),
        _ => false,
    }
}

/// Code of the European List of Waste: six digits, often in pairs, with an asterisk if hazardous.
pub fn is_ewc_code(code: &str) -> bool {
    digits(&code.trim_end_matches('*').replace(' ', ""), 6).is_some()
}

fn digits(text: &str, length: usize) -> Option<Vec<u32>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    digits.filter(|d| d.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_and_slips_fail() {
        // Dichlorodifluoromethane; water.
        type Check = fn(&str) -> bool;
        let cases: [(Check, &[&str], &[&str]); 5] = [
            (is_cas_number, &["75-71-8", "7732-18-5"], &["75-71-9", "75718", "75-71-", "x-71-8"]),
            (is_un_number, &["1028"], &["UN1028", "102"]),
            (is_hs_code, &["050710", "0507.10"], &["5", "05071x", "12345678901"]),
            (is_basel_code, &["Y46", "A1180", "B3011"], &["C1234", "A118", "Y", "", "é"]),
            (is_ewc_code, &["20 01 36", "160213*"], &["2001", "20 01 3x"]),
        ];
        for (check, good, bad) in cases {
            good.iter().for_each(|text| assert!(check(text), "{text}"));
            bad.iter().for_each(|text| assert!(!check(text), "{text}"));
        }
    }
}
