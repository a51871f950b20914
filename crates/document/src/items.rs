//! Questions that the rules ask of a form, and the way in which they name what is missing.

use crate::form::Reader;
use crate::rule::Rule;
use crate::tree::{Node, Value};

/// The node under a path of keys, as `person.documents`.
pub(crate) fn at<'n>(form: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.').try_fold(form, |node, key| node.get(key))
}

/// The text under a path; a blank one is none.
pub(crate) fn text<'n>(form: &'n Node, path: &str) -> Option<&'n str> {
    at(form, path).and_then(Node::as_text).filter(|text| !text.trim().is_empty())
}

/// The whole number under a path.
pub(crate) fn number(form: &Node, path: &str) -> Option<u32> {
    match &at(form, path)?.value {
        Value::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// The entries of a list under a path.
pub(crate) fn entries<'n>(form: &'n Node, path: &str) -> &'n [Node] {
    at(form, path).map(Node::items).unwrap_or_default()
}

/// True if something stands under a path: no blank, no empty list, no table of nothing.
pub(crate) fn filled(form: &Node, path: &str) -> bool {
    at(form, path).is_some_and(says_something)
}

fn says_something(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => !text.trim().is_empty(),
        Value::List(items) => items.iter().any(says_something),
        Value::Table(entries) => entries.iter().any(|entry| says_something(&entry.node)),
        Value::Number(_) | Value::Bool(_) | Value::Moment(_) => true,
    }
}

/// Reports an item that a rule asks for, if it is not there.
pub(crate) fn ask(form: &Node, reader: &mut Reader, path: &str, rule: &'static Rule, item: &str) {
    if !filled(form, path) {
        missing(form, reader, path, rule, item, format!("fill in {path}"));
    }
}

/// Reports an item that a rule asks for.
pub(crate) fn missing(
    form: &Node,
    reader: &mut Reader,
    path: &str,
    rule: &'static Rule,
    item: &str,
    advice: String,
) {
    reader.by(Some(rule)).error(form, path, format!("missing: {item}"), advice);
}

/// Reports that none of several items is there, of which a rule asks for one.
pub(crate) fn ask_one(form: &Node, reader: &mut Reader, paths: &[&str], rule: &'static Rule, items: &str) {
    if let [first, ..] = paths
        && !paths.iter().any(|path| filled(form, path))
    {
        let advice = format!("fill in one of {}", paths.join(", "));
        missing(form, reader, first, rule, items, advice);
    }
}

/// Reports that a text is none of those that a rule allows.
pub(crate) fn ask_among(form: &Node, reader: &mut Reader, path: &str, allowed: &[&str], rule: &'static Rule) {
    if let Some(found) = text(form, path).filter(|found| !found.trim().is_empty() && !allowed.contains(found))
    {
        let message = format!("{} does not fit this notice", crate::report::excerpt(found));
        reader.by(Some(rule)).error(form, path, message, format!("choose one of {}", allowed.join(", ")));
    }
}
