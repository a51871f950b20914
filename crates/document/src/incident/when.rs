//! The date of an incident, from the columns `date` and `year`.

use crate::date::{CalendarDate, Doubt, PartialDate};
use crate::incident::cells::Cells;
use crate::incident::text;
use crate::tree::Entry;

/// `date` and, if in doubt, `date_reported`.
pub(super) fn date(cells: &mut Cells<'_>) -> Vec<Entry> {
    let day = cells.peek("date").and_then(|cell| CalendarDate::parse(cell).ok());
    let year = cells.peek("year").unwrap_or_default().to_owned();
    let years = years_in(&year);
    let Some(day) = day else { return without_day(cells, &years) };
    if !years.is_empty() && !(years[0]..=years[years.len() - 1]).contains(&day.year()) {
        return contradiction(cells);
    }
    let mut fields = Vec::new();
    // One year that is the date's own is in the date; everything else is kept in the sheet's words.
    if years.len() == 1 && year == day.year().to_string() {
        cells.take("year", "discovery.date");
    } else {
        cells.keep("year", "it is no single year; the date is taken as uncertain");
    }
    let reported = cells.take("date", "discovery.date").unwrap_or_default();
    let doubt = if years.len() > 1 { Doubt::Uncertain } else { doubt_of(day, cells) };
    fields.push(text("date", &PartialDate::at(day, doubt).to_string()));
    if doubt != Doubt::None {
        fields.push(text("date_reported", reported));
    }
    fields
}

/// The first day of a month or a year is often a month or a year in disguise.
fn doubt_of(day: CalendarDate, cells: &mut Cells<'_>) -> Doubt {
    match (day.month(), day.day()) {
        (Some(1), Some(1)) => {
            cells.note("date", "1 January: perhaps only the year is known; the date is marked as uncertain");
            Doubt::Uncertain
        }
        (_, Some(1)) => {
            cells.note(
                "date",
                "first day of a month: perhaps only the month is known; the date is marked as uncertain",
            );
            Doubt::Uncertain
        }
        _ => Doubt::None,
    }
}

/// Without a date there is the year, if it is one.
fn without_day(cells: &mut Cells<'_>, years: &[u16]) -> Vec<Entry> {
    cells.keep("date", "it is no date");
    let single = cells.peek("year").filter(|cell| cell.len() == 4 && years.len() == 1);
    let date = match single {
        Some(year) => {
            cells.take("year", "discovery.date");
            PartialDate::parse(year).unwrap_or(PartialDate::UNKNOWN)
        }
        None => {
            cells.keep("year", "it is no single year");
            PartialDate::UNKNOWN
        }
    };
    vec![text("date", &date.to_string())]
}

/// Date and year exclude each other: which of them is wrong is not for us to say.
fn contradiction(cells: &mut Cells<'_>) -> Vec<Entry> {
    let reported = [cells.peek("date"), cells.peek("year")].map(Option::unwrap_or_default).join("; year: ");
    cells.keep("date", "it contradicts the year; the date is taken as unknown");
    cells.keep("year", "it contradicts the date; the date is taken as unknown");
    vec![text("date", "unknown"), text("date_reported", &format!("date: {reported}"))]
}

/// The years that a cell such as "2015" or "SPLIT 2014-2015" names, ascending.
fn years_in(cell: &str) -> Vec<u16> {
    let mut years: Vec<u16> = cell
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 4)
        .filter_map(|digits| digits.parse().ok())
        .collect();
    years.sort_unstable();
    years
}
