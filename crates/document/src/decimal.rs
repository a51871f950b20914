//! Decimal numbers kept exactly: an integer and the number of its digits after the point. No floating point anywhere.

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

use crate::limits::{DECIMAL_DIGITS_MAX, DECIMAL_SCALE_MAX};

/// A decimal number of at most 18 digits, at most 9 of them after the point. Canonical: no zeros at the end of the
/// part after the point, no minus zero, so that equal numbers are equal values and equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// Why a text is no decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Not digits with at most one point.
    #[error(
        "it is no decimal number: write digits with a point, as 3900 or 12.9, without separators or units"
    )]
    Malformed,
    /// More digits than can be kept exactly.
    #[error("it has more than {DECIMAL_DIGITS_MAX} digits, or more than {DECIMAL_SCALE_MAX} after the point")]
    TooPrecise,
}

impl Decimal {
    /// `mantissa` divided by ten to the power of `scale`.
    ///
    /// # Errors
    /// [`DecimalError::TooPrecise`] beyond 18 digits or a scale of 9.
    pub fn new(mantissa: i64, scale: u8) -> Result<Self, DecimalError> {
        let (mut mantissa, mut scale) = (mantissa, scale);
        while scale > 0 && mantissa % 10 == 0 {
            (mantissa, scale) = (mantissa / 10, scale - 1);
        }
        let digits_max = DECIMAL_DIGITS_MAX as u32;
        if scale > DECIMAL_SCALE_MAX || mantissa.unsigned_abs() >= 10u64.pow(digits_max) {
            return Err(DecimalError::TooPrecise);
        }
        Ok(Self { mantissa, scale })
    }

    /// Reads `-12.90`. A leading plus, an exponent, separators and special values are refused.
    ///
    /// # Errors
    /// [`DecimalError`].
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(DecimalError::Malformed),
            None => (digits, ""),
        };
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::Malformed);
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if whole.len() + fraction.len() > DECIMAL_DIGITS_MAX || fraction.len() > DECIMAL_SCALE_MAX.into() {
            return Err(DecimalError::TooPrecise);
        }
        let magnitude = [whole, fraction].concat().bytes().fold(0i64, |n, b| n * 10 + i64::from(b - b'0'));
        let scale = u8::try_from(fraction.len()).map_err(|_| DecimalError::TooPrecise)?;
        Self::new(if negative { -magnitude } else { magnitude }, scale)
    }

    /// The integer of which this is `10^-scale` parts.
    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Number of digits after the point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// True below zero.
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// True for a whole number.
    pub fn is_whole(self) -> bool {
        self.scale == 0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let unit = 10u64.pow(self.scale.into());
        let magnitude = self.mantissa.unsigned_abs();
        write!(f, "{sign}{}", magnitude / unit)?;
        if self.scale > 0 {
            write!(f, ".{:0width$}", magnitude % unit, width = usize::from(self.scale))?;
        }
        Ok(())
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // 18 digits times 10^9 fits 128 bits.
        let widen = |d: &Self| i128::from(d.mantissa) * 10i128.pow(u32::from(DECIMAL_SCALE_MAX - d.scale));
        widen(self).cmp(&widen(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_numbers_have_one_form() {
        for (text, shown) in [
            ("12.90", "12.9"),
            ("0012.9", "12.9"),
            ("3900", "3900"),
            ("-0.0", "0"),
            ("0.000000001", "0.000000001"),
            ("999999999999999999", "999999999999999999"),
            ("-3.299586", "-3.299586"),
            ("00000000000000000000000001", "1"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), shown, "{text}");
        }
        assert!(Decimal::parse("2").unwrap() < Decimal::parse("10.5").unwrap());
        assert!(Decimal::parse("-2").unwrap() < Decimal::parse("-1.5").unwrap());
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in
            ["", "-", ".5", "5.", "1e3", "+1", "1_000", "1,5", "inf", "NaN", "1.2.3", " 1", "٣", "--1", "Y"]
        {
            assert_eq!(Decimal::parse(bad), Err(DecimalError::Malformed), "{bad}");
        }
        for bad in ["1000000000000000000", "0.0000000001", "12345678901.12345678"] {
            assert_eq!(Decimal::parse(bad), Err(DecimalError::TooPrecise), "{bad}");
        }
        assert_eq!(Decimal::new(i64::MIN, 0), Err(DecimalError::TooPrecise));
    }

    proptest! {
        #[test]
        fn every_decimal_survives_its_text(mantissa in -999_999_999_999_999_999i64..=999_999_999_999_999_999, scale in 0u8..=9) {
            let decimal = Decimal::new(mantissa, scale).unwrap();
            prop_assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
        }
    }
}
