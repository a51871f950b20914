//! How a cell is read as the value of a field, and which values a mapping may state itself.

use crate::date::{PartialDate, UtcTime};
use crate::decimal::Decimal;
use crate::form::FieldKind;
use crate::mapping::dates::{self, DateFormat};
use crate::mapping::lookup::{self, CountryBy};
use crate::mapping::numbers::NumberStyle;
use crate::member::MemberCode;
use crate::report::excerpt;
use crate::text;
use crate::tree::{Node, Value};

/// Why something does not fit, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) reason: String,
    pub(super) advice: String,
}

/// How the cells of a column are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Text,
    Date(Vec<DateFormat>),
    Decimal(NumberStyle),
    Integer(NumberStyle),
    Code,
    Country(CountryBy),
    Time,
    Member,
}

impl Misfit {
    pub(super) fn new(reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { reason: reason.into(), advice: advice.into() }
    }
}

impl Reading {
    /// Reads a cell, which has no blanks around it and is not empty.
    pub(super) fn read(&self, kind: FieldKind, cell: &str) -> Result<Value, Misfit> {
        match (self, kind) {
            (Self::Date(formats), _) => {
                let date = dates::read(cell, formats).map_err(|reason| {
                    Misfit::new(reason, "write the date like the others, or add its format to the mapping")
                })?;
                Ok(Value::Text(date.to_string()))
            }
            (Self::Decimal(style), _) => {
                let number = style.read(cell).map_err(|reason| Misfit::new(reason, NUMBER_ADVICE))?;
                Ok(Value::Text(number.to_string()))
            }
            (Self::Integer(style), FieldKind::Integer { min, max }) => {
                let number = style.read(cell).map_err(|reason| Misfit::new(reason, NUMBER_ADVICE))?;
                integer(&number.to_string(), min, max)
            }
            (Self::Code, FieldKind::Code(table)) => {
                lookup::code(table(), cell).map(|code| Value::Text(code.to_owned()))
            }
            (Self::Country(by), FieldKind::Code(table)) => {
                lookup::country(table(), cell, *by).map(|code| Value::Text(code.to_owned()))
            }
            _ => stated(kind, &Node::new(Value::Text(cell.to_owned()))),
        }
    }
}

const NUMBER_ADVICE: &str = "write the number alone, without words or units, as the mapping states it";

/// A value that a mapping states itself, as the form has it.
///
/// # Errors
/// Why the field cannot hold it.
pub(super) fn stated(kind: FieldKind, node: &Node) -> Result<Value, Misfit> {
    let wrong_type = |wanted: &str| {
        Misfit::new(format!("it is {}, where {wanted} is wanted", node.type_name()), "correct it")
    };
    match (kind, &node.value) {
        (FieldKind::Text { max, multiline }, Value::Text(written)) => {
            let written = written.replace("\r\n", "\n");
            text::check(&written, max, multiline)
                .map_err(|error| Misfit::new(error.to_string(), error.advice()))?;
            Ok(Value::Text(written))
        }
        (FieldKind::Code(table), Value::Text(code)) => match table().find(code) {
            Some(_) => Ok(Value::Text(code.clone())),
            None => Err(Misfit::new(
                format!("{} is not in the list of codes \"{}\"", excerpt(code), table().name),
                table().advice(code),
            )),
        },
        (FieldKind::Decimal, Value::Number(number) | Value::Text(number)) => {
            Decimal::parse(number).map(|decimal| Value::Text(decimal.to_string())).map_err(|error| {
                Misfit::new(error.to_string(), "write the digits, with a point before decimals")
            })
        }
        (FieldKind::Integer { min, max }, Value::Number(number)) => integer(number, min, max),
        (FieldKind::Date, Value::Number(date) | Value::Text(date) | Value::Moment(date)) => {
            PartialDate::parse(date)
                .map(|date| Value::Text(date.to_string()))
                .map_err(|error| Misfit::new(error.to_string(), "write what is known of the date, no more"))
        }
        (FieldKind::Time, Value::Text(time) | Value::Moment(time)) => UtcTime::parse(time)
            .map(|time| Value::Text(time.to_string()))
            .map_err(|error| Misfit::new(error.to_string(), "convert it to UTC, to the second")),
        (FieldKind::Member, Value::Text(member)) => {
            MemberCode::parse(member).map(|member| Value::Text(member.to_string())).map_err(|error| {
                let advice = "write the code of the bureau, \"KE\" or \"IPSG\"";
                Misfit::new(format!("{} {error}", excerpt(member)), advice)
            })
        }
        // Only the commands that give a text its successor know which record that is.
        (FieldKind::Record, _) => Err(wrong_type("nothing: the command fills this field in")),
        (FieldKind::Text { .. }, _) => Err(wrong_type("a text")),
        (FieldKind::Code(_), _) => Err(wrong_type("a code in quotes")),
        (FieldKind::Decimal, _) => Err(wrong_type("a number")),
        (FieldKind::Integer { .. }, _) => Err(wrong_type("a whole number")),
        (FieldKind::Date, _) => Err(wrong_type("a date")),
        (FieldKind::Time, _) => Err(wrong_type("a time")),
        (FieldKind::Member, _) => Err(wrong_type("a member in quotes")),
        (FieldKind::Table(_), _) => Err(wrong_type("the value of a field")),
    }
}

fn integer(digits: &str, min: u32, max: u32) -> Result<Value, Misfit> {
    match digits.parse::<u32>().ok().filter(|number| (min..=max).contains(number)) {
        Some(number) => Ok(Value::Number(number.to_string())),
        None => Err(Misfit::new(
            format!("{} is no whole number from {min} to {max}", excerpt(digits)),
            "write the digits alone",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    const LINE: FieldKind = FieldKind::Text { max: 8, multiline: false };
    const POINT: NumberStyle = NumberStyle { decimal: '.', thousands: None };

    fn read(reading: &Reading, kind: FieldKind, cell: &str) -> Option<String> {
        match reading.read(kind, cell) {
            Ok(Value::Text(value) | Value::Number(value)) => Some(value),
            Ok(other) => panic!("{other:?}"),
            Err(misfit) => {
                assert!(!misfit.reason.is_empty() && !misfit.advice.is_empty(), "{misfit:?}");
                None
            }
        }
    }

    #[test]
    fn every_reading_takes_what_fits_and_nothing_else() {
        let dates = Reading::Date(vec![DateFormat::parse("DD/MM/YYYY").unwrap()]);
        let terms = FieldKind::Code(|| codes::table("term").unwrap());
        let countries = FieldKind::Code(|| codes::table("country").unwrap());
        let count = FieldKind::Integer { min: 1, max: 1_000_000 };
        let cases: [(&Reading, FieldKind, &str, Option<&str>); 22] = [
            (&Reading::Text, LINE, "Nairobi", Some("Nairobi")),
            (&Reading::Text, LINE, "two\nrows", None),
            (&Reading::Text, FieldKind::Text { max: 9, multiline: true }, "two\r\nrows", Some("two\nrows")),
            (&Reading::Text, LINE, "far too long", None),
            (&Reading::Text, LINE, "a\u{202e}b", None),
            (&dates, FieldKind::Date, "05/03/2014", Some("2014-03-05")),
            (&dates, FieldKind::Date, "2014-03-05", None),
            (&Reading::Decimal(POINT), FieldKind::Decimal, "12.90", Some("12.9")),
            (&Reading::Decimal(POINT), FieldKind::Decimal, "12,90", None),
            (&Reading::Integer(POINT), count, "2014", Some("2014")),
            (&Reading::Integer(POINT), count, "0", None),
            (&Reading::Integer(POINT), count, "1.5", None),
            (&Reading::Integer(POINT), count, "-1", None),
            (&Reading::Code, terms, "scales", Some("SCA")),
            (&Reading::Code, terms, "wings", None),
            (&Reading::Country(CountryBy::Either), countries, "KEN", Some("KE")),
            (&Reading::Country(CountryBy::Name), countries, "KEN", None),
            (&Reading::Time, FieldKind::Time, "2026-11-24T09:30:00Z", Some("2026-11-24T09:30:00Z")),
            (&Reading::Time, FieldKind::Time, "2026-11-24 09:30", None),
            (&Reading::Member, FieldKind::Member, "IPSG", Some("IPSG")),
            (&Reading::Member, FieldKind::Member, "Kenya", None),
            (&Reading::Member, FieldKind::Member, "k", None),
        ];
        for (reading, kind, cell, value) in cases {
            assert_eq!(read(reading, kind, cell).as_deref(), value, "{reading:?}: {cell}");
        }
    }

    #[test]
    fn values_of_a_mapping_are_those_of_the_form() {
        let text = |value: &str| Node::new(Value::Text(value.into()));
        let number = |value: &str| Node::new(Value::Number(value.into()));
        let terms = FieldKind::Code(|| codes::table("term").unwrap());
        let count = FieldKind::Integer { min: 1, max: 9 };
        for (kind, node, good) in [
            (LINE, text("a"), true),
            (LINE, number("1"), false),
            (terms, text("SCA"), true),
            (terms, text("scales"), false),
            (FieldKind::Decimal, number("1.5"), true),
            (FieldKind::Decimal, text("x"), false),
            (count, number("3"), true),
            (count, text("3"), false),
            (FieldKind::Date, number("2014"), true),
            (FieldKind::Date, text("05/03/2014"), false),
            (FieldKind::Time, text("2026-11-24T09:30:00Z"), true),
            (FieldKind::Member, text("KE"), true),
            (FieldKind::Member, Node::new(Value::Bool(true)), false),
        ] {
            assert_eq!(stated(kind, &node).is_ok(), good, "{kind:?}: {node:?}");
        }
    }
}
