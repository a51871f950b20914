//! Dates as cases give them: a day, a month, a year, an interval, with doubt, or not known at all.
//!
//! Written as in ISO 8601 with the qualifiers of ISO 8601-2 (EDTF): `2006-05`, `2014-03-05`, `2014-11/2015-02`,
//! `2001-01-01?` (uncertain), `2006~` (approximate), `2006%` (both), and `unknown`. The precision of a date is the
//! form in which it is written, so nobody reads 1 January into a year.

use std::fmt;

use thiserror::Error;

use crate::limits::YEARS;

/// A day, a month or a year of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CalendarDate {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

/// What is known of a date.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PartialDate {
    span: Option<(CalendarDate, CalendarDate)>,
    doubt: Doubt,
}

/// How far a date may be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Doubt {
    /// As written.
    #[default]
    None,
    /// `?`: the source itself is doubtful.
    Uncertain,
    /// `~`: near that date.
    Approximate,
    /// `%`: both.
    Both,
}

/// How exact a date is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Precision {
    /// One day.
    Day,
    /// One month.
    Month,
    /// One year.
    Year,
    /// Some time between two dates.
    Interval,
    /// Not known.
    Unknown,
}

/// Why a text is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DateError {
    /// None of the forms.
    #[error(
        "it is no date: write 2014, 2014-03, 2014-03-05, 2014-11/2015-02 or unknown, with ? or ~ behind it if in doubt"
    )]
    Malformed,
    /// No such month or day.
    #[error("there is no such day in the calendar")]
    NoSuchDay,
    /// Outside of [`YEARS`].
    #[error("the year is not between {} and {}", YEARS.start(), YEARS.end())]
    YearOutOfRange,
    /// An interval that ends before it begins.
    #[error("the interval ends before it begins")]
    Backwards,
    /// No date and time in UTC.
    #[error("it is no time in UTC: write 2026-11-24T09:30:00Z")]
    NotUtc,
}

impl CalendarDate {
    /// A year, a month of it, a day of that.
    ///
    /// # Errors
    /// [`DateError`] if the calendar has no such day, or a day is given without a month.
    pub fn new(year: u16, month: Option<u8>, day: Option<u8>) -> Result<Self, DateError> {
        if !YEARS.contains(&year) {
            return Err(DateError::YearOutOfRange);
        }
        let valid = match (month, day) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(m), None) => (1..=12).contains(&m),
            (Some(m), Some(d)) => (1..=12).contains(&m) && (1..=days_of(year, m)).contains(&d),
        };
        if valid { Ok(Self { year, month, day }) } else { Err(DateError::NoSuchDay) }
    }

    /// The end of it in UTC, in milliseconds since 1970: of the day, of the month's last day, of the year's last day.
    /// Dates before 1970 end at 0.
    pub fn end_ms(self) -> u64 {
        let month = self.month.unwrap_or(12);
        let day = self.day.unwrap_or_else(|| days_of(self.year, month));
        u64::try_from(days_since_1970(self.year, month, day) + 1).unwrap_or(0) * DAY_MS
    }

    /// The begin of it in UTC, in milliseconds since 1970: of the day, of the month's or the year's first day. Dates before 1970
    /// begin at 0.
    pub fn begin_ms(self) -> u64 {
        let (year, month, day) = self.first_day();
        u64::try_from(days_since_1970(year, month, day)).unwrap_or(0) * DAY_MS
    }

    /// Reads `2014`, `2014-03` or `2014-03-05`.
    ///
    /// # Errors
    /// [`DateError`].
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let mut parts = text.split('-');
        let year = number(parts.next(), 4)?.ok_or(DateError::Malformed)?;
        let month = number(parts.next(), 2)?;
        let day = number(parts.next(), 2)?;
        if parts.next().is_some() {
            return Err(DateError::Malformed);
        }
        let small = |n: Option<u16>| n.map(|n| u8::try_from(n).map_err(|_| DateError::Malformed)).transpose();
        Self::new(year, small(month)?, small(day)?)
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, if known.
    pub fn month(self) -> Option<u8> {
        self.month
    }

    /// The day, if known.
    pub fn day(self) -> Option<u8> {
        self.day
    }

    fn first_day(self) -> (u16, u8, u8) {
        (self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }

    fn last_day(self) -> (u16, u8, u8) {
        let month = self.month.unwrap_or(12);
        (self.year, month, self.day.unwrap_or_else(|| days_of(self.year, month)))
    }
}

impl PartialDate {
    /// A date that nobody knows.
    pub const UNKNOWN: Self = Self { span: None, doubt: Doubt::None };

    /// One day, month or year.
    pub fn at(date: CalendarDate, doubt: Doubt) -> Self {
        Self { span: Some((date, date)), doubt }
    }

    /// Some time between two dates, both included.
    ///
    /// # Errors
    /// [`DateError::Backwards`].
    pub fn between(from: CalendarDate, to: CalendarDate, doubt: Doubt) -> Result<Self, DateError> {
        if from.first_day() > to.last_day() {
            return Err(DateError::Backwards);
        }
        Ok(Self { span: Some((from, to)), doubt })
    }

    /// Reads any of the forms.
    ///
    /// # Errors
    /// [`DateError`].
    pub fn parse(text: &str) -> Result<Self, DateError> {
        if text == "unknown" {
            return Ok(Self::UNKNOWN);
        }
        let (body, doubt) = match text.as_bytes().last() {
            Some(b'?') => (&text[..text.len() - 1], Doubt::Uncertain),
            Some(b'~') => (&text[..text.len() - 1], Doubt::Approximate),
            Some(b'%') => (&text[..text.len() - 1], Doubt::Both),
            _ => (text, Doubt::None),
        };
        match body.split_once('/') {
            None => Ok(Self::at(CalendarDate::parse(body)?, doubt)),
            Some((from, to)) if from == to => Err(DateError::Malformed),
            Some((from, to)) => Self::between(CalendarDate::parse(from)?, CalendarDate::parse(to)?, doubt),
        }
    }

    /// First and last date, equal unless it is an interval; `None` if unknown.
    pub fn span(self) -> Option<(CalendarDate, CalendarDate)> {
        self.span
    }

    /// The end of it in UTC, in milliseconds since 1970; `None` if it is unknown.
    pub fn end_ms(self) -> Option<u64> {
        self.span.map(|(_, last)| last.end_ms())
    }

    /// How far it may be trusted.
    pub fn doubt(self) -> Doubt {
        self.doubt
    }

    /// How exact it is.
    pub fn precision(self) -> Precision {
        match self.span {
            None => Precision::Unknown,
            Some((from, to)) if from != to => Precision::Interval,
            Some((CalendarDate { month: None, .. }, _)) => Precision::Year,
            Some((CalendarDate { day: None, .. }, _)) => Precision::Month,
            Some(_) => Precision::Day,
        }
    }
}

/// A moment in UTC, to the second: `2026-11-24T09:30:00Z` (RFC 3339).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UtcTime {
    date: (u16, u8, u8),
    time: (u8, u8, u8),
}

impl UtcTime {
    /// Reads `2026-11-24T09:30:00Z`; a blank may stand for the T.
    ///
    /// # Errors
    /// [`DateError`].
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let rest = text.strip_suffix('Z').ok_or(DateError::NotUtc)?;
        let (date, time) = rest.split_once(['T', ' ']).ok_or(DateError::NotUtc)?;
        let date = CalendarDate::parse(date)?;
        let (Some(month), Some(day)) = (date.month, date.day) else { return Err(DateError::NotUtc) };
        let mut parts = time.split(':');
        let mut next = |max: u16| match number(parts.next(), 2) {
            Ok(Some(n)) if n <= max => u8::try_from(n).map_err(|_| DateError::NotUtc),
            _ => Err(DateError::NotUtc),
        };
        let time = (next(23)?, next(59)?, next(59)?);
        if parts.next().is_some() {
            return Err(DateError::NotUtc);
        }
        Ok(Self { date: (date.year, month, day), time })
    }
}

impl fmt::Display for CalendarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span {
            None => return f.write_str("unknown"),
            Some((from, to)) if from == to => write!(f, "{from}")?,
            Some((from, to)) => write!(f, "{from}/{to}")?,
        }
        f.write_str(match self.doubt {
            Doubt::None => "",
            Doubt::Uncertain => "?",
            Doubt::Approximate => "~",
            Doubt::Both => "%",
        })
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (h, m, s)) = (self.date, self.time);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
    }
}

/// Reads exactly `width` digits; `None` if there is nothing.
fn number(text: Option<&str>, width: usize) -> Result<Option<u16>, DateError> {
    match text {
        None => Ok(None),
        Some(t) if t.len() == width && t.bytes().all(|b| b.is_ascii_digit()) => {
            t.parse().map(Some).map_err(|_| DateError::Malformed)
        }
        Some(_) => Err(DateError::Malformed),
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Days from 1 January 1970 in the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_since_1970(year: u16, month: u8, day: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(400) || (year.is_multiple_of(4) && !year.is_multiple_of(100)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_keeps_its_precision_and_its_text() {
        for (text, precision) in [
            ("2006", Precision::Year),
            ("2006-05", Precision::Month),
            ("2019-04-03", Precision::Day),
            ("2014-11/2015-02", Precision::Interval),
            ("2012-02-29~", Precision::Day),
            ("2001-01-01?", Precision::Day),
            ("2006%", Precision::Year),
            ("2014/2015-01-01", Precision::Interval),
            ("unknown", Precision::Unknown),
        ] {
            let date = PartialDate::parse(text).unwrap();
            assert_eq!(date.precision(), precision, "{text}");
            assert_eq!(date.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_date_says_why() {
        use DateError::*;
        for (text, error) in [
            ("", Malformed),
            ("SPLIT 2014-2015", Malformed),
            ("14-03-05", Malformed),
            ("2014-3", Malformed),
            ("2014/2014", Malformed),
            ("2014-02-30", NoSuchDay),
            ("1900-02-29", NoSuchDay),
            ("2014-13", NoSuchDay),
            ("1066", YearOutOfRange),
            ("2015/2014", Backwards),
        ] {
            assert_eq!(PartialDate::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_date_ends_with_its_last_day() {
        for (text, ms) in [
            ("1970-01-01", 86_400_000),
            ("1969-12-31", 0),
            ("1900", 0),
            // `date -u -d 2026-12-01 +%s`, and so on.
            ("2026-11-30", 1_796_083_200_000),
            ("2026-11", 1_796_083_200_000),
            ("2028-02", 1_835_481_600_000),
            ("2099", 4_102_444_800_000),
        ] {
            assert_eq!(CalendarDate::parse(text).unwrap().end_ms(), ms, "{text}");
        }
    }

    #[test]
    fn times_are_utc_to_the_second() {
        assert_eq!(UtcTime::parse("2026-11-24 09:30:00Z").unwrap().to_string(), "2026-11-24T09:30:00Z");
        for bad in
            ["2026-11-24T09:30:00+01:00", "2026-11-24T24:00:00Z", "2026-11T09:30:00Z", "2026-11-24", "Z"]
        {
            assert!(UtcTime::parse(bad).is_err(), "{bad}");
        }
    }
}
