//! Rows of a real incident sheet as Ecomessages.
//!
//! The sheet is that of a non-governmental agency (the Environmental Investigation Agency's pangolin incidents): 29
//! columns of text, written by hand over years, and dirty as such sheets are. The rule is: **nothing is guessed and
//! nothing is lost**. A cell goes into a field only if its meaning is certain; otherwise it is kept word for word,
//! with the reason, among the `reported` entries of the message. "Y" for a weight is "seized, weight unknown". Names
//! of countries are looked up in a table and nowhere else. A row whose cells stand in wrong columns is refused.

mod amounts;
mod cells;
pub(crate) mod names;
mod route;
mod when;

use std::collections::BTreeMap;

use crate::ecomessage::Ecomessage;
use crate::form::{Field, Mode, Reader};
use crate::report::{Report, Severity, excerpt};
use crate::tree::{Entry, Node, Value};
use cells::Cells;

/// The columns of the sheet, by their headings.
pub const COLUMNS: [&str; 29] = [
    "taxon",
    "incident_type",
    "location",
    "lat",
    "lon",
    "country",
    "incident_name",
    "major",
    "year",
    "date",
    "transit_type",
    "moc",
    "moc_description",
    "origin",
    "origin_conf",
    "via",
    "via_conf",
    "outbound",
    "outbound_conf",
    "destination",
    "destination_conf",
    "carcass_n",
    "live_n",
    "whole_n",
    "reported_kg",
    "estimated_kg",
    "scales_kg",
    "estimated_n",
    "outcome",
];

/// An Ecomessage made of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedIncident {
    /// The message; it passes [`crate::Document::check`] without errors.
    pub ecomessage: Ecomessage,
    /// What was not taken as it stood, and why.
    pub notes: Vec<Note>,
    /// For each cell that is not blank: its column and the path of the field that holds what it says. Cells that fit
    /// no field are under `reported[n]`.
    pub cells: Vec<(&'static str, String)>,
}

/// A cell that was not taken as it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Heading of the column.
    pub column: &'static str,
    /// The cell.
    pub reported: String,
    /// Why it was kept aside or what was done with it.
    pub reason: &'static str,
}

/// Why a row is no Ecomessage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}, {}: {reason}", excerpt(.reported))]
pub struct RowProblem {
    /// Heading of the column; empty if it is the whole row.
    pub column: String,
    /// The cell.
    pub reported: String,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

/// Maps a row to an Ecomessage. `number` counts the rows of the sheet and becomes part of the reference.
///
/// # Errors
/// Everything that stops the row from becoming a message.
pub fn map_row(row: &BTreeMap<String, String>, number: u32) -> Result<MappedIncident, Vec<RowProblem>> {
    let problems = refuse(row);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut cells = Cells::new(row);
    let form = map_cells(&mut cells, number);
    let (reported, notes, places) = cells.finish();
    let node = Node::new(Value::Table([form, reported].concat()));
    let mut reader = Reader::new(Mode::Author, Ecomessage::SPEC);
    let message = Ecomessage::read(&node, &mut reader);
    let report = Report::new(reader.into_findings(), None);
    match message {
        Some(ecomessage) if report.is_ok() => Ok(MappedIncident { ecomessage, notes, cells: places }),
        _ => Err(row_problems(&report)),
    }
}

/// Rows that must not be mapped at all: foreign columns, and cells that stand in the wrong column.
fn refuse(row: &BTreeMap<String, String>) -> Vec<RowProblem> {
    let cell = |column: &str| row.get(column).map_or("", |c| c.trim());
    let problem = |column: &str, reason: &str| RowProblem {
        column: column.to_owned(),
        reported: cell(column).to_owned(),
        reason: reason.to_owned(),
    };
    let mut problems: Vec<_> = row
        .keys()
        .filter(|column| !COLUMNS.contains(&column.as_str()) && !cell(column).is_empty())
        .map(|column| problem(column, "the sheet has no such column; rename or delete it"))
        .collect();
    for (place, mark) in route::COLUMNS {
        if !matches!(cell(mark), "" | "C" | "UC") {
            problems.push(problem(
                mark,
                "neither C nor UC: the row seems shifted; put its cells under their headings",
            ));
        }
        if matches!(cell(place), "C" | "UC") {
            problems.push(problem(
                place,
                "a mark in the place of a name: the row seems shifted; put its cells under their headings",
            ));
        }
    }
    for column in ["taxon", "location"] {
        if cell(column).is_empty() {
            problems.push(problem(column, "an Ecomessage needs it; fill it in"));
        }
    }
    if !cell("taxon").is_empty() && names::taxon(cell("taxon")).is_none() {
        problems.push(problem(
            "taxon",
            "the name is not in the table of taxa; add it there with its scientific name",
        ));
    }
    problems
}

fn map_cells(cells: &mut Cells<'_>, number: u32) -> Vec<Entry> {
    let legal = map_legal(cells);
    let mut form = vec![
        text("reference", &format!("EIA-PANGOLIN-{number:04}")),
        text("language", "en"),
        map_subject(cells),
        table("legal", legal),
        map_discovery(cells),
        amounts::products(cells),
    ];
    form.extend(route::itinerary(cells));
    form.extend(map_transport(cells));
    form.extend(map_modus(cells));
    form.push(table(
        "agency",
        vec![
            text("name", "Environmental Investigation Agency"),
            text("kind", "other"),
            text("unit", "incident sheet compiled from public sources"),
        ],
    ));
    if let Some(outcome) = cells.take("outcome", "additional.text") {
        form.push(table("additional", vec![text("text", outcome)]));
    }
    cells.keep("major", "the sheet's own mark for large seizures");
    form
}

fn map_subject(cells: &mut Cells<'_>) -> Entry {
    let mut subject = vec![text("family", "fauna")];
    if let Some(name) = cells.take("incident_name", "subject.title") {
        // Line breaks within a heading are layout; the words stay.
        subject.push(text("title", &name.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    table("subject", subject)
}

/// The sheet has no offence; what it calls the incident stands in its place.
fn map_legal(cells: &mut Cells<'_>) -> Vec<Entry> {
    let kind = cells.take("incident_type", "legal.offence").unwrap_or("not stated");
    let mut legal =
        vec![text("offence", &format!("not stated by the sheet; it lists the incident as: {kind}"))];
    if kind.split('/').any(|part| part.trim() == "Trial") {
        legal.push(text("case_status", "trial"));
    }
    legal
}

fn map_discovery(cells: &mut Cells<'_>) -> Entry {
    let mut place = vec![text("text", cells.take("location", "discovery.place.text").unwrap_or_default())];
    place.extend(names::country_fields(cells.take("country", "discovery.place.country").unwrap_or_default()));
    place.extend(map_position(cells));
    let mut discovery = when::date(cells);
    discovery.push(table("place", place));
    table("discovery", discovery)
}

/// Latitude and longitude: both, or both kept as reported.
fn map_position(cells: &mut Cells<'_>) -> Vec<Entry> {
    let number = |column: &str, bound: i64| {
        let value = crate::decimal::Decimal::parse(cells.peek(column)?).ok()?;
        let limit = crate::decimal::Decimal::new(bound, 0).ok()?;
        let least = crate::decimal::Decimal::new(-bound, 0).ok()?;
        (least <= value && value <= limit).then(|| value.to_string())
    };
    let (Some(latitude), Some(longitude)) = (number("lat", 90), number("lon", 180)) else {
        cells.keep("lat", "latitude and longitude are not both numbers");
        cells.keep("lon", "latitude and longitude are not both numbers");
        return Vec::new();
    };
    cells.take("lat", "discovery.place.latitude");
    cells.take("lon", "discovery.place.longitude");
    vec![text("latitude", &latitude), text("longitude", &longitude), text("precision", "unknown")]
}

fn map_transport(cells: &mut Cells<'_>) -> Option<Entry> {
    let reported = cells.take("transit_type", "transports[1].mode")?;
    let mode = names::transport_mode(reported);
    let mut transport = vec![text("mode", mode.unwrap_or("other"))];
    if mode.is_none() {
        cells.note("transit_type", "it is no means of transport; kept in mode_reported");
        transport.push(text("mode_reported", reported));
    }
    Some(list("transports", vec![transport]))
}

fn map_modus(cells: &mut Cells<'_>) -> Option<Entry> {
    let mut modus = Vec::new();
    if let Some(way) = cells.peek("moc") {
        match names::concealment(way) {
            Some(code) => {
                cells.take("moc", "modus_operandi.concealment");
                modus.push(Entry::new(
                    "concealment",
                    Value::List(vec![Node::new(Value::Text(code.to_owned()))]),
                ));
            }
            None => {
                cells.take("moc", "modus_operandi.concealment_text");
                cells.note("moc", "no way of concealment of the table; kept in words");
                modus.push(text("concealment_text", way));
            }
        }
    }
    if let Some(words) = cells.take("moc_description", "modus_operandi.description") {
        modus.push(text("description", words));
    }
    (!modus.is_empty()).then(|| table("modus_operandi", modus))
}

fn row_problems(report: &Report) -> Vec<RowProblem> {
    let problem = |p: &crate::report::Problem| RowProblem {
        column: p.path.clone(),
        reported: String::new(),
        reason: format!("{}; {}", p.message, p.advice),
    };
    report.problems().iter().filter(|p| p.severity == Severity::Error).map(problem).collect()
}

fn text(key: &str, value: &str) -> Entry {
    Entry::new(key, Value::Text(value.to_owned()))
}

fn table(key: &str, entries: Vec<Entry>) -> Entry {
    Entry::new(key, Value::Table(entries))
}

fn list(key: &str, tables: Vec<Vec<Entry>>) -> Entry {
    Entry::new(key, Value::List(tables.into_iter().map(|t| Node::new(Value::Table(t))).collect()))
}
