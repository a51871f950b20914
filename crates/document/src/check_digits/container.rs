//! Container numbers, ISO 6346: owner (3 letters), category (U, J or Z), serial number (6 digits), check digit.

use super::Fault;

/// Place of the check digit, counted from 1.
const PLACE: usize = 11;

/// Checks a container number.
///
/// The remainder is taken by 11 and written as one digit, so 10 and 0 look alike: the standard advises against serial
/// numbers whose remainder is 10. Between all others one wrong digit is noticed.
///
/// # Errors
/// [`Fault`].
pub fn container(number: &str) -> Result<(), Fault> {
    let shape =
        Fault::Shape("a container number has three letters, U, J or Z, and seven digits: CSQU3054383");
    let bytes = number.as_bytes();
    if bytes.len() != PLACE || !bytes[..3].iter().all(u8::is_ascii_uppercase) {
        return Err(shape);
    }
    if !matches!(bytes[3], b'U' | b'J' | b'Z') || !bytes[4..].iter().all(u8::is_ascii_digit) {
        return Err(shape);
    }
    let sum: u32 = bytes[..10].iter().enumerate().map(|(i, b)| value(*b) << i).sum();
    Fault::unless_equal(PLACE, bytes[10], sum % 11 % 10)
}

/// Value of a letter or digit: letters count from 10 and leave out multiples of 11.
fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A' => 10,
        b'B'..=b'K' => u32::from(byte - b'B') + 12,
        b'L'..=b'U' => u32::from(byte - b'L') + 23,
        _ => u32::from(byte.saturating_sub(b'V')) + 34,
    }
}
