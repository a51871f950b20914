//! Numbers by which an entry is found, checked as they will be looked up.

use crate::form::Reader;
use crate::items::{ask_one, entries, number, text};
use crate::lookup::Number;
use crate::rule::Rule;
use crate::tree::Node;

/// What to do about a number that a standard does not allow.
pub(super) const CORRECT_IT: &str = "correct it; if it really bears that number, move it into reported";

/// The key of the number under a path; `None` if there is none, or nothing could be found by it.
pub(super) fn key(form: &Node, path: &str, number: Number) -> Option<String> {
    text(form, path).map(|text| number.key(text)).filter(|key| !key.is_empty())
}

/// Asks for one number at least. Each that is there, in a list too, must have a letter or a digit: nothing could be found
/// by it otherwise.
pub(super) fn ask_number(
    form: &Node,
    reader: &mut Reader,
    numbers: &[(&'static str, Number)],
    rule: &'static Rule,
) {
    let paths: Vec<&'static str> = numbers.iter().map(|(path, _)| *path).collect();
    ask_one(form, reader, &paths, rule, "a number by which it can be found");
    for (path, kind) in numbers {
        ask_findable(form, reader, path, *kind, rule);
    }
}

/// Reports as an error that the text under a path, or one of its list, holds neither letter nor digit.
pub(super) fn ask_findable(form: &Node, reader: &mut Reader, path: &str, kind: Number, rule: &'static Rule) {
    let listed = entries(form, path).iter().filter_map(Node::as_text);
    let mut written = text(form, path).into_iter().chain(listed.filter(|text| !text.trim().is_empty()));
    if written.any(|text| kind.key(text).is_empty()) {
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
