//! Dates as sheets write them: only in the formats that the mapping states, and never where two of them disagree.

use crate::date::{CalendarDate, DateError};

/// How a date is written: `DD/MM/YYYY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateFormat {
    written: String,
    parts: Vec<Part>,
}

/// A part of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `YYYY`: four digits.
    Year,
    /// `MM`: two digits.
    Month,
    /// `M`: one digit or two.
    ShortMonth,
    /// `MMM`: Jan, Feb, … in any case.
    MonthName,
    /// `DD`: two digits.
    Day,
    /// `D`: one digit or two.
    ShortDay,
    /// Anything that is neither letter nor digit.
    Sign(char),
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl DateFormat {
    /// Reads a format.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = parts(text)?;
        let count = |wanted: &[Part]| parts.iter().filter(|part| wanted.contains(part)).count();
        let years = count(&[Part::Year]);
        let months = count(&[Part::Month, Part::ShortMonth, Part::MonthName]);
        let days = count(&[Part::Day, Part::ShortDay]);
        if years != 1 || months > 1 || days > months {
            return Err("a format has a year (YYYY), perhaps a month, and a day only with its month".into());
        }
        let is_short = |part: &Part| matches!(part, Part::ShortMonth | Part::ShortDay);
        let is_sign = |part: &Part| matches!(part, Part::Sign(_));
        if parts.windows(2).any(|pair| is_short(&pair[0]) && !is_sign(&pair[1])) {
            return Err("behind M or D stands a sign: where they end would be a guess otherwise".into());
        }
        Ok(Self { written: text.to_owned(), parts })
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    /// The numbers of a cell that is written like this; `None` of one that is not.
    fn numbers(&self, cell: &str) -> Option<(u16, Option<u8>, Option<u8>)> {
        let (mut year, mut month, mut day) = (0, None, None);
        let mut rest = cell;
        for part in &self.parts {
            match part {
                Part::Year => year = take_digits(&mut rest, 4, 4)?,
                Part::Month => month = Some(take_digits(&mut rest, 2, 2)?),
                Part::ShortMonth => month = Some(take_digits(&mut rest, 1, 2)?),
                Part::MonthName => month = Some(take_name(&mut rest)?),
                Part::Day => day = Some(take_digits(&mut rest, 2, 2)?),
                Part::ShortDay => day = Some(take_digits(&mut rest, 1, 2)?),
                Part::Sign(sign) => rest = rest.strip_prefix(*sign)?,
            }
        }
        let small = |number: Option<u16>| number.map(u8::try_from).transpose().ok();
        rest.is_empty().then_some((year, small(month)?, small(day)?))
    }
}

/// Splits a format into its parts.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| c != first).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(length);
        let part = match run {
            "YYYY" => Part::Year,
            "MM" => Part::Month,
            "M" => Part::ShortMonth,
            "MMM" => Part::MonthName,
            "DD" => Part::Day,
            "D" => Part::ShortDay,
            "YY" => return Err("two digits do not tell the century: the sheet needs YYYY".into()),
            _ if first.is_alphanumeric() => return Err(format!("\"{run}\" is no part of a date")),
            _ => {
                parts.extend(run.chars().skip(1).map(Part::Sign));
                Part::Sign(first)
            }
        };
        parts.push(part);
        rest = behind;
    }
    Ok(parts)
}

/// Takes a number of `least` to `most` digits from the front.
fn take_digits(rest: &mut &str, least: usize, most: usize) -> Option<u16> {
    let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    let (digits, behind) = rest.split_at(length);
    *rest = behind;
    digits.parse().ok()
}

fn take_name(rest: &mut &str) -> Option<u16> {
    let name = rest.get(..3)?.to_ascii_lowercase();
    let number = MONTHS.iter().position(|month| *month == name)? + 1;
    *rest = &rest[3..];
    u16::try_from(number).ok()
}

/// Reads a cell in the one way that the formats leave open. The date has the precision of its format.
///
/// # Errors
/// Why the cell is no date, or two.
pub(super) fn read(cell: &str, formats: &[DateFormat]) -> Result<CalendarDate, String> {
    let written = || formats.iter().map(DateFormat::as_str).collect::<Vec<_>>().join(", ");
    let fitting: Vec<Result<CalendarDate, DateError>> = formats
        .iter()
        .filter_map(|format| format.numbers(cell))
        .map(|(year, month, day)| CalendarDate::new(year, month, day))
        .collect();
    let mut dates = fitting.iter().filter_map(|date| date.ok());
    let Some(date) = dates.next() else {
        return Err(match fitting.iter().find_map(|date| date.err()) {
            Some(error) => error.to_string(),
            None => format!("it is not written as {}", written()),
        });
    };
    match dates.find(|other| *other != date) {
        Some(other) => Err(format!("by the formats {} it could be {date} or {other}", written())),
        None => Ok(date),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(formats: &[&str], cell: &str) -> Result<String, String> {
        let formats: Vec<_> = formats.iter().map(|format| DateFormat::parse(format).unwrap()).collect();
        read(cell, &formats).map(|date| date.to_string())
    }

    #[test]
    fn a_date_has_the_precision_of_its_format() {
        for (format, cell, date) in [
            ("YYYY-MM-DD", "2014-03-05", "2014-03-05"),
            ("DD/MM/YYYY", "05/03/2014", "2014-03-05"),
            ("D/M/YYYY", "5/3/2014", "2014-03-05"),
            ("D.M.YYYY", "15.12.2014", "2014-12-15"),
            ("DD MMM YYYY", "05 MAR 2014", "2014-03-05"),
            ("YYYYMMDD", "20140305", "2014-03-05"),
            ("MM/YYYY", "03/2014", "2014-03"),
            ("YYYY", "2014", "2014"),
        ] {
            assert_eq!(read_as(&[format], cell).as_deref(), Ok(date), "{format}: {cell}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_date() {
        for (format, cell) in [
            ("YYYY-MM-DD", "05/03/2014"),
            ("DD/MM/YYYY", "5/3/2014"),
            ("DD/MM/YYYY", "05/03/14"),
            ("DD/MM/YYYY", "05/03/2014 10:00"),
            ("YYYY", "SPLIT 2014-2015"),
            ("DD MMM YYYY", "05 Mrz 2014"),
            ("DD MMM YYYY", "05 é 2014"),
            ("YYYY", "٢٠١٤"),
            ("YYYY", ""),
        ] {
            assert!(read_as(&[format], cell).unwrap_err().contains("not written as"), "{format}: {cell}");
        }
        assert_eq!(read_as(&["DD/MM/YYYY"], "31/02/2014"), Err(DateError::NoSuchDay.to_string()));
        assert_eq!(read_as(&["YYYY"], "0014"), Err(DateError::YearOutOfRange.to_string()));
    }

    #[test]
    fn two_readings_are_none_and_one_that_is_no_day_does_not_count() {
        let both = ["DD/MM/YYYY", "MM/DD/YYYY"];
        assert!(read_as(&both, "03/04/2014").unwrap_err().contains("2014-04-03 or 2014-03-04"));
        assert_eq!(read_as(&both, "25/12/2014").as_deref(), Ok("2014-12-25"));
        assert_eq!(read_as(&both, "04/04/2014").as_deref(), Ok("2014-04-04"));
    }

    #[test]
    fn formats_that_would_need_a_guess_are_none() {
        for bad in ["", "DD/MM/YY", "DD/YYYY", "MM", "DMYYYY", "YYYY-MM-DD hh", "YYYY YYYY", "YYYY-JJ"] {
            assert!(DateFormat::parse(bad).is_err(), "{bad}");
        }
    }
}
