//! Vehicle identification numbers: ISO 3779 for the shape, 49 CFR 565 (North America) for the check digit.

use super::Fault;

/// Place of the check digit, counted from 1.
const PLACE: usize = 9;
/// Weights of the 17 places; the check digit itself has none.
const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
const SHAPE: Fault = Fault::Shape("a VIN has 17 capitals and digits, without I, O and Q");

/// Checks the shape: 17 capitals and digits without I, O and Q.
///
/// # Errors
/// [`Fault::Shape`].
pub fn vin(number: &str) -> Result<(), Fault> {
    let fits = number.len() == 17 && number.bytes().all(|byte| value(byte).is_some());
    if fits { Ok(()) } else { Err(SHAPE) }
}

/// Checks shape and check digit. Makers in other parts of the world put what they like into its place: whether it must
/// hold is said by [`vin_promises_check_digit`].
///
/// Since 11 is a prime and no weight is a multiple of it, one character of another value is always noticed; but letters
/// share the values of digits (A, J and 1).
///
/// # Errors
/// [`Fault`].
pub fn vin_check_digit(number: &str) -> Result<(), Fault> {
    vin(number)?;
    let values = number.bytes().filter_map(value);
    let sum: u32 = values.zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    Fault::unless_equal(PLACE, number.as_bytes()[PLACE - 1], sum % 11)
}

/// True if the number is of North America (its first character is 1 to 5, ISO 3780), where the check digit is law.
pub fn vin_promises_check_digit(number: &str) -> bool {
    matches!(number.as_bytes().first(), Some(b'1'..=b'5'))
}

/// Value of a character; `None` for one that a VIN never has.
fn value(byte: u8) -> Option<u32> {
    Some(match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'H' => u32::from(byte - b'A') + 1,
        b'J'..=b'N' => u32::from(byte - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        b'S'..=b'Z' => u32::from(byte - b'S') + 2,
        _ => return None,
    })
}
