//! Dates that cannot be, as seen at a time: what happened in the future, what expires before it is issued, what should be valid
//! until a day that is past.
//!
//! The time is an argument. Only what is written *now* is looked at so: a document that is carried is what it was when it was
//! sent. All but a validity that is over are warnings, since clocks and sources err.

use crate::Document;
use crate::date::{CalendarDate, Doubt, PartialDate};
use crate::entry::{Database, Retention};
use crate::items::{number, text};
use crate::notice::Colour;
use crate::notice::life::VALIDITY_MS;
use crate::notice::rules;
use crate::reading::FromForm;
use crate::report::{Finding, Report, Severity};
use crate::rule::Rule;
use crate::tree::{Node, Value};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// In a leap year the models of the next year are sold so long before it begins.
const YEAR_MS: u64 = 366 * DAY_MS;

/// Fields that tell when something happened.
const HAPPENED: [&str; 9] = [
    "birth_date",
    "date",
    "death_date",
    "facts_date",
    "found_date",
    "issued",
    "reference_date",
    "reported_date",
    "date_time",
];

/// A table that tells what is planned as well as what happened.
const PLANNED: &str = "itinerary";

/// Problems of a form in TOML that depend on the time. What is no TOML has none.
pub fn check(text: &str, now_ms: u64) -> Report {
    let (node, syntax) = Node::from_toml(text);
    let findings = if syntax.is_empty() { look(&node, now_ms) } else { Vec::new() };
    Report::new(findings, Some(text))
}

impl Document {
    /// Problems that depend on the time, milliseconds since 1970: those of [`check`](fn@check).
    pub fn check_dates(&self, now_ms: u64) -> Report {
        Report::new(look(&self.to_node(), now_ms), None)
    }
}

/// What is found in the tree of a form.
pub(crate) fn look(form: &Node, now_ms: u64) -> Vec<Finding> {
    let mut look = Look { now_ms, findings: Vec::new() };
    look.table(form, "");
    look.validity(form);
    look.findings
}

struct Look {
    now_ms: u64,
    findings: Vec<Finding>,
}

impl Look {
    fn table(&mut self, table: &Node, path: &str) {
        for entry in table.entries() {
            let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            match &entry.node.value {
                Value::Table(_) if entry.key != PLANNED => self.table(&entry.node, &path),
                Value::List(items) => {
                    for (i, item) in
                        items.iter().enumerate().filter(|(_, item)| matches!(item.value, Value::Table(_)))
                    {
                        self.table(item, &format!("{path}[{}]", i + 1));
                    }
                }
                // Of a warrant; how long the form itself is valid is looked at below.
                _ if entry.key == "valid_until" && path.contains(']') => self.over(&entry.node, &path),
                _ if HAPPENED.contains(&entry.key.as_str()) => self.happened(&entry.node, &path),
                _ => {}
            }
        }
        self.issue(table, path);
        self.model_year(table, path);
    }

    /// Whoever is ahead of UTC writes the date of tomorrow.
    fn happened(&mut self, node: &Node, path: &str) {
        if first_ms(node).is_some_and(|first| first > self.now_ms + DAY_MS) {
            self.warn(node, path, "it lies in the future", "compare it with the source");
        }
    }

    fn over(&mut self, node: &Node, path: &str) {
        if last_ms(node).is_some_and(|end| end <= self.now_ms) {
            self.warn(node, path, "that day is past", "give a decision that is still valid");
        }
    }

    fn issue(&mut self, table: &Node, path: &str) {
        let (Some(issued), Some(expires)) = (table.get("issued"), table.get("expires")) else { return };
        let is_backwards = span(issued).zip(span(expires)).is_some_and(|((issued, _), (_, expires))| {
            PartialDate::between(issued, expires, Doubt::None).is_err()
        });
        if is_backwards {
            let message = "it expires before it was issued";
            self.warn(expires, &below(path, "expires"), message, "compare both dates with the source");
        }
    }

    fn model_year(&mut self, table: &Node, path: &str) {
        let Some(node) = table.get("year") else { return };
        let begins = number(table, "year").and_then(|year| {
            CalendarDate::new(u16::try_from(year).ok()?, None, None).ok().map(CalendarDate::begin_ms)
        });
        if begins.is_some_and(|begins| begins > self.now_ms + YEAR_MS) {
            self.warn(node, &below(path, "year"), "it is later than next year", "compare it with the source");
        }
    }

    /// Until when the form itself is to be valid or kept.
    fn validity(&mut self, form: &Node) {
        for part in ["request", "source"] {
            let Some(table) = form.get(part) else { continue };
            let Some(node) = table.get("valid_until") else { continue };
            let (path, Some(end)) = (format!("{part}.valid_until"), last_ms(node)) else { continue };
            let lasts_five_years = text(form, "form").is_some_and(is_kept_five_years);
            let rule = if part == "request" { &rules::ENTRY_RETENTION } else { Retention::FiveYears.rule() };
            if end <= self.now_ms {
                self.push(
                    Severity::Error,
                    node,
                    &path,
                    "that day is past",
                    "choose a later one, or delete the line",
                    None,
                );
            } else if lasts_five_years && end > self.now_ms + VALIDITY_MS && table.get("date_time").is_none()
            {
                let advice =
                    "choose an earlier end, or delete the line; it can be renewed later, with a reason";
                let message = "it is more than five years from now, and counts as five years";
                self.push(Severity::Warning, node, &path, message, advice, Some(rule));
            }
        }
    }

    fn warn(&mut self, node: &Node, path: &str, message: &str, advice: &str) {
        self.push(Severity::Warning, node, path, message, advice, None);
    }

    fn push(
        &mut self,
        severity: Severity,
        node: &Node,
        path: &str,
        message: &str,
        advice: &str,
        rule: Option<&'static Rule>,
    ) {
        self.findings.push(Finding {
            severity,
            at: node.at.clone(),
            path: path.to_owned(),
            message: message.to_owned(),
            advice: advice.to_owned(),
            rule,
        });
    }
}

fn is_kept_five_years(form: &str) -> bool {
    Colour::from_form(form).is_some()
        || Database::from_form(form).is_some_and(|database| database.retention == Retention::FiveYears)
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn span(node: &Node) -> Option<(CalendarDate, CalendarDate)> {
    let (Value::Text(written) | Value::Moment(written)) = &node.value else { return None };
    // Of a time the date is enough.
    let date = if written.contains('T') { written.get(..10)? } else { written };
    PartialDate::parse(date).ok()?.span()
}

/// When the first day of it begins, milliseconds since 1970.
fn first_ms(node: &Node) -> Option<u64> {
    span(node).map(|(first, _)| first.begin_ms())
}

/// When the last day of it ends.
fn last_ms(node: &Node) -> Option<u64> {
    span(node).map(|(_, last)| last.end_ms())
}
