//! Numbers of ships: IMO (resolution A.1117(30) of the International Maritime Organization) and MMSI (ITU-R M.585).

use super::{Fault, digits};

/// Checks an IMO number: six digits weighted 7 to 2, the last digit of the sum is the seventh.
///
/// The weights 7 and 3 alone share no factor with 10: a wrong first, fifth or last digit is always noticed, another one
/// mostly.
///
/// # Errors
/// [`Fault`].
pub fn imo_number(number: &str) -> Result<(), Fault> {
    let shape = Fault::Shape("an IMO number has seven digits: 9074729");
    let digits = digits(number, 7).ok_or(shape)?;
    let sum: u32 = digits[..6].iter().zip((2..=7).rev()).map(|(d, weight)| d * weight).sum();
    Fault::unless_equal(7, number.as_bytes()[6], sum % 10)
}

/// Checks the shape of a Maritime Mobile Service Identity; it has no check digit. Of the kinds of stations these can be
/// aboard what is stolen: a ship (its country's code begins with 2 to 7), its boats (98), a hand-held radio (8).
///
/// # Errors
/// [`Fault::Shape`].
pub fn mmsi(number: &str) -> Result<(), Fault> {
    digits(number, 9).ok_or(Fault::Shape("an MMSI has nine digits"))?;
    let aboard = matches!(number.as_bytes()[0], b'2'..=b'8') || number.starts_with("98");
    let message = "the MMSI of a ship begins with 2 to 7, of its boats with 98, of a hand-held radio with 8";
    if aboard { Ok(()) } else { Err(Fault::Shape(message)) }
}
