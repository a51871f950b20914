//! Numbers as sheets write them: with a decimal comma or point, and with separators of thousands where the mapping says so.

use crate::decimal::Decimal;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberStyle {
    /// Before the decimals: `.` or `,`.
    pub(super) decimal: char,
    /// Between the thousands, if there is something: `,`, `.`, `'` or a blank.
    pub(super) thousands: Option<char>,
}

impl NumberStyle {
    /// Reads a cell.
    ///
    /// # Errors
    /// Why it is no number.
    pub(super) fn read(self, cell: &str) -> Result<Decimal, String> {
        let (whole, fraction) = match cell.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (cell, None),
        };
        let whole = self.without_thousands(whole)?;
        let plain = match fraction {
            // The decimals have no separators, and another point is none.
            Some(fraction) if fraction.bytes().all(|b| b.is_ascii_digit()) => format!("{whole}.{fraction}"),
            Some(_) => return Err(self.expected()),
            None => whole,
        };
        let is_plain = plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'));
        if !is_plain {
            return Err(self.expected());
        }
        Decimal::parse(&plain).map_err(|error| match error {
            crate::decimal::DecimalError::Malformed => self.expected(),
            error @ crate::decimal::DecimalError::TooPrecise => error.to_string(),
        })
    }

    /// The digits before the decimals. Separators stand before every three digits, or nowhere.
    fn without_thousands(self, whole: &str) -> Result<String, String> {
        let is_separator = |c: char| match self.thousands {
            // Spreadsheets put no-break spaces between thousands.
            Some(' ') => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
            Some(separator) => c == separator,
            None => false,
        };
        // A point that separates nothing would pass as a decimal one further on.
        if whole.contains('.') && !is_separator('.') {
            return Err(self.expected());
        }
        let groups: Vec<&str> = whole.split(is_separator).collect();
        let Some((first, rest)) = groups.split_first() else { return Err(self.expected()) };
        let in_threes = rest.iter().all(|group| group.len() == 3)
            && (rest.is_empty() || (1..=3).contains(&first.trim_start_matches('-').len()));
        if in_threes { Ok(groups.concat()) } else { Err(self.expected()) }
    }

    fn expected(self) -> String {
        let example = match self.thousands {
            Some(separator) => format!("1{separator}234{}5", self.decimal),
            None => format!("1234{}5", self.decimal),
        };
        format!("it is no number written as {example}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(decimal: char, thousands: Option<char>, cell: &str) -> Option<String> {
        NumberStyle { decimal, thousands }.read(cell).ok().map(|number| number.to_string())
    }

    #[test]
    fn each_style_reads_its_own_numbers() {
        for (decimal, thousands, cell, number) in [
            ('.', None, "1234.50", "1234.5"),
            (',', None, "1234,50", "1234.5"),
            (',', Some('.'), "1.234,50", "1234.5"),
            (',', Some('.'), "1.234.567", "1234567"),
            (',', Some('.'), "12", "12"),
            ('.', Some(','), "1,234.5", "1234.5"),
            (',', Some(' '), "1\u{202f}234,5", "1234.5"),
            ('.', Some('\''), "-1'234", "-1234"),
        ] {
            assert_eq!(read(decimal, thousands, cell).as_deref(), Some(number), "{cell}");
        }
    }

    #[test]
    fn numbers_of_another_style_are_none() {
        for (decimal, thousands, cell) in [
            ('.', None, "1,234"),
            (',', None, "1.234"),
            (',', Some('.'), "1.23"),
            (',', Some('.'), "1.2345"),
            (',', Some('.'), "1234.567"),
            (',', Some('.'), "1,234.5"),
            ('.', Some(','), "1.234,5"),
            ('.', Some(','), ",234"),
            ('.', None, "12 kg"),
            ('.', None, "about 12"),
            ('.', None, "Y"),
            ('.', None, "12."),
            ('.', None, ".5"),
            ('.', None, "1e3"),
            ('.', None, "+1"),
            ('.', None, "٣"),
            ('.', None, "1.2.3"),
            ('.', None, ""),
        ] {
            assert_eq!(read(decimal, thousands, cell), None, "{cell}");
        }
    }
}
