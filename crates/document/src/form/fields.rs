//! The single values of a field: how each is read from a tree and written to one.

use crate::codes::{Code, CodeList, OpenCode};
use crate::date::{PartialDate, UtcTime};
use crate::decimal::Decimal;
use crate::form::{Field, FieldKind, Form, Mode, Reader};
use crate::limits::{ENTRIES_MAX, MEMBERS_MAX};
use crate::member::MemberCode;
use crate::report::excerpt;
use crate::text::Text;
use crate::tree::{Node, Value};

impl<T: Form> Field for T {
    const KIND: FieldKind = FieldKind::Table(T::SPEC);
    const LIST_MAX: usize = ENTRIES_MAX;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.value {
            Value::Table(_) => T::read_table(node, reader),
            _ => reader.wrong_type(node, "a table", "write its fields in a table of their own"),
        }
    }

    fn write(&self) -> Value {
        Value::Table(self.write_table())
    }
}

impl<const MAX: usize, const MULTILINE: bool> Field for Text<MAX, MULTILINE> {
    const KIND: FieldKind = FieldKind::Text { max: MAX, multiline: MULTILINE };

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.as_text() else {
            return reader.wrong_type(node, "a text", "put it in quotes");
        };
        match Self::new(text) {
            Ok(text) => Some(text),
            Err(error) => {
                reader.error_here(node, error.to_string(), error.advice());
                None
            }
        }
    }

    fn write(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }
}

impl<L: CodeList> Field for Code<L> {
    const KIND: FieldKind = FieldKind::Code(Self::table);

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.as_text() else {
            return reader.wrong_type(node, "a code", "write the code in quotes");
        };
        let code = Self::new(text).ok().filter(|c| reader.mode == Mode::Carried || c.entry().is_some());
        if code.is_none() {
            reader.error_here(
                node,
                format!("{} is not in the list of codes \"{}\"", excerpt(text), L::NAME),
                advice::<L>(text, reader),
            );
        }
        code
    }

    fn write(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }
}

/// What to write instead of a text that is no code of the list. Whoever reads what came from another bureau corrects nothing,
/// so nothing is sought for it: a hostile sender would have every node compare its text with whole tables.
fn advice<L: CodeList>(text: &str, reader: &Reader) -> String {
    match reader.mode {
        Mode::Author => Code::<L>::table().advice(text),
        Mode::Carried => String::new(),
    }
}

impl<L: CodeList> Field for OpenCode<L> {
    const KIND: FieldKind = FieldKind::Code(Code::<L>::table);
    const IS_OPEN: bool = true;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        // What is no code at all is refused as by a closed list, with the same words.
        let Some(code) = node.as_text().and_then(|text| Code::<L>::new(text).ok()) else {
            return Code::read(node, reader).map(Self);
        };
        if code.entry().is_none() {
            reader.warn_here(
                node,
                format!("{} is not in the list of codes \"{}\"", excerpt(code.as_str()), L::NAME),
                advice::<L>(code.as_str(), reader),
            );
        }
        Some(Self(code))
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

impl Field for Decimal {
    const KIND: FieldKind = FieldKind::Decimal;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let (Value::Number(text) | Value::Text(text)) = &node.value else {
            return reader.wrong_type(node, "a number", "write it as 3900 or 12.9");
        };
        match Self::parse(text) {
            Ok(decimal) => Some(decimal),
            Err(error) => {
                reader.error_here(
                    node,
                    format!("{}: {error}", excerpt(text)),
                    "write the digits, with a point before decimals",
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        Value::Text(self.to_string())
    }
}

/// A whole number that counts persons or things: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(u32);

impl Count {
    /// Least and greatest.
    pub const RANGE: std::ops::RangeInclusive<u32> = 1..=1_000_000;

    /// A number within [`Count::RANGE`].
    pub fn new(count: u32) -> Option<Self> {
        Self::RANGE.contains(&count).then_some(Self(count))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Field for Count {
    const KIND: FieldKind = FieldKind::Integer { min: *Self::RANGE.start(), max: *Self::RANGE.end() };

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Number(text) = &node.value else {
            return reader.wrong_type(node, "a whole number", "write it as 3");
        };
        let count = text.parse().ok().and_then(Self::new);
        if count.is_none() {
            let message = format!(
                "{} is no whole number from {} to {}",
                excerpt(text),
                Self::RANGE.start(),
                Self::RANGE.end()
            );
            reader.error_here(node, message, "write it as 3");
        }
        count
    }

    fn write(&self) -> Value {
        Value::Number(self.0.to_string())
    }
}

impl Field for PartialDate {
    const KIND: FieldKind = FieldKind::Date;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let text = match &node.value {
            Value::Text(text) | Value::Moment(text) => text,
            // A bare year is a number in TOML.
            Value::Number(text) => text,
            _ => {
                return reader.wrong_type(
                    node,
                    "a date",
                    "write it in quotes: \"2014-03-05\", \"2014-03\" or \"2014\"",
                );
            }
        };
        match Self::parse(text) {
            Ok(date) => Some(date),
            Err(error) => {
                reader.error_here(
                    node,
                    format!("{}: {error}", excerpt(text)),
                    "write what is known of the date, no more",
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Field for UtcTime {
    const KIND: FieldKind = FieldKind::Time;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let (Value::Text(text) | Value::Moment(text)) = &node.value else {
            return reader.wrong_type(node, "a time", "write it as 2026-11-24T09:30:00Z");
        };
        match Self::parse(text) {
            Ok(time) => Some(time),
            Err(error) => {
                reader.error_here(
                    node,
                    format!("{}: {error}", excerpt(text)),
                    "convert it to UTC, to the second",
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Field for MemberCode {
    const KIND: FieldKind = FieldKind::Member;
    const LIST_MAX: usize = MEMBERS_MAX;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.as_text() else {
            return reader.wrong_type(node, "a member", "write its code in quotes, \"KE\" or \"IPSG\"");
        };
        match Self::parse(text) {
            Ok(member) => Some(member),
            Err(error) => {
                reader.error_here(
                    node,
                    format!("{} {error}", excerpt(text)),
                    "write the code of the bureau, \"KE\" or \"IPSG\"",
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{Country, Term};
    use crate::message::PlainMessage;

    /// The advice of each problem that a text has as a value of `T`.
    fn advices<T: Field>(mode: Mode, text: &str) -> Vec<String> {
        let mut reader = Reader::new(mode, PlainMessage::SPEC);
        let _value = T::read(&Node::new(Value::Text(text.to_owned())), &mut reader);
        reader.into_findings().into_iter().map(|finding| finding.advice).collect()
    }

    #[test]
    fn only_an_author_is_told_which_code_was_meant() {
        assert_eq!(advices::<Code<Term>>(Mode::Author, "sca"), ["did you mean \"SCA\" (scales)?"]);
        assert_eq!(advices::<OpenCode<Country>>(Mode::Author, "KEN"), ["did you mean \"KE\" (Kenya)?"]);
        // A code of a newer table is carried; what is no code at all is refused, without advice.
        assert!(advices::<Code<Term>>(Mode::Carried, "sca").is_empty());
        assert!(advices::<OpenCode<Country>>(Mode::Carried, "KEN").is_empty());
        assert_eq!(advices::<Code<Term>>(Mode::Carried, "no code"), [""]);
        assert_eq!(advices::<OpenCode<Country>>(Mode::Carried, "no code"), [""]);
    }
}
