//! Numbers by which an entry is found, checked as they will be looked up.

use crate::form::Reader;
use crate::items::{number, text};
use crate::lookup::Number;
use crate::rule::Rule;
use crate::tree::Node;

/// What to do about a number that a standard does not allow.
pub(super) const CORRECT_IT: &str = "correct it; if it really bears that number, move it into reported";

/// The key of the number under a path; `None` if there is none.
pub(super) fn key(form: &Node, path: &str, number: Number) -> Option<String> {
    text(form, path).filter(|text| !text.trim().is_empty()).map(|text| number.key(text))
}

/// Reports as an error that the text under a path holds neither letter nor digit: nothing could be found by it.
pub(super) fn ask_findable(form: &Node, reader: &mut Reader, path: &str, kind: Number, rule: &'static Rule) {
    if key(form, path, kind).is_some_and(|key| key.is_empty()) {
        let message = "it has neither a letter nor a digit, so nothing would be found by it";
        reader.by(Some(rule)).error(form, path, message, "write the number, or leave the line out");
    }
}

/// Warns of a year in which nothing of the sort was made.
pub(super) fn compare_year(form: &Node, reader: &mut Reader, path: &str, first: u32) {
    if number(form, path).is_some_and(|year| !(first..=2199).contains(&year)) {
        reader.warn(form, path, format!("it is no year from {first} on"), "write four digits: 2014");
    }
}
