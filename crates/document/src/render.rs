//! A document as people read it in a terminal: labels, meanings of codes, absent fields left out.
//!
//! Text in a right-to-left script is put between FIRST STRONG ISOLATE (U+2068) and POP DIRECTIONAL ISOLATE (U+2069),
//! line by line, so that it runs its own way and leaves labels and numbers around it in place (Unicode Standard
//! Annex 9). Texts cannot hold such controls themselves, so an isolate always ends where it should.

use std::fmt::Write as _;

use crate::codes::CodeTable;
use crate::customs;
use crate::document::Document;
use crate::file;
use crate::form::{FieldKind, FieldSpec, FormSpec};
use crate::reading::FromForm;
use crate::text;
use crate::tree::{Node, Value};

/// The document in plain text.
pub fn render(document: &Document) -> String {
    render_form(&document.heading(), &document.to_node(), document.form().1, document.language())
}

/// What a document says in words, for a search: the texts of its form without labels, codes, numbers and dates, one a line.
pub fn words(document: &Document) -> String {
    words_of(&document.to_node(), document.form().1)
}

/// The same of the tree of a document.
pub(crate) fn words_of(tree: &Node, spec: &FormSpec) -> String {
    let mut out = String::new();
    collect_words(tree, spec, &mut out);
    out
}

fn collect_words(table: &Node, spec: &FormSpec, out: &mut String) {
    for field in spec.fields.iter().filter(|field| spec.name != file::TABLE || field.name != file::PARTS) {
        let Some(value) = table.get(field.name) else { continue };
        let several = value.items();
        let each = if several.is_empty() { std::slice::from_ref(value) } else { several };
        for one in each {
            match (&one.value, field.kind) {
                (Value::Table(_), FieldKind::Table(inner)) => collect_words(one, inner, out),
                (Value::Text(text), FieldKind::Text { .. }) => {
                    out.push_str(text);
                    out.push('\n');
                }
                _ => {}
            }
        }
    }
}

/// A form in plain text, under its title. `language` is that of the labels of codes; the tables have none in Arabic.
pub(crate) fn render_form(title: &str, node: &Node, spec: &FormSpec, language: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", title.to_uppercase());
    render_table(node, spec, 0, language, &mut out);
    out
}

fn render_table(node: &Node, spec: &FormSpec, depth: usize, language: &str, out: &mut String) {
    for field in spec.fields {
        // Ids of records say nothing to people.
        if spec.name == file::TABLE && field.name == file::PARTS {
            continue;
        }
        let Some(value) = node.get(field.name) else { continue };
        match field.kind {
            FieldKind::Table(inner) => render_inner(value, field, inner, depth, language, out),
            _ => render_value(value, field, depth, language, out),
        }
    }
}

fn render_inner(
    value: &Node,
    field: &FieldSpec,
    spec: &FormSpec,
    depth: usize,
    language: &str,
    out: &mut String,
) {
    let indent = indentation(depth);
    if depth == 0 {
        out.push('\n');
    }
    match &value.value {
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                let number =
                    if items.len() > 1 { format!(" ({} of {})", i + 1, items.len()) } else { String::new() };
                let _ = writeln!(out, "{indent}{}{number}", heading(field, depth));
                render_table(item, spec, depth + 1, language, out);
            }
        }
        _ => {
            let _ = writeln!(out, "{indent}{}", heading(field, depth));
            render_table(value, spec, depth + 1, language, out);
        }
    }
}

fn heading(field: &FieldSpec, depth: usize) -> String {
    if depth == 0 { field.label.to_uppercase() } else { field.label.to_owned() }
}

fn render_value(value: &Node, field: &FieldSpec, depth: usize, language: &str, out: &mut String) {
    let shown = match &value.value {
        Value::List(items) => {
            items.iter().map(|item| show(item, field, language)).collect::<Vec<_>>().join("; ")
        }
        _ => show(value, field, language),
    };
    let indent = indentation(depth);
    let label = format!("{indent}{:<22}", format!("{}:", field.label));
    if shown.contains('\n') {
        let _ = writeln!(out, "{}", label.trim_end());
        for line in shown.lines() {
            let _ = writeln!(out, "{indent}    {}", isolate(line));
        }
    } else {
        let _ = writeln!(out, "{label} {}", isolate(&shown));
    }
}

fn show(node: &Node, field: &FieldSpec, language: &str) -> String {
    match (&node.value, field.kind) {
        (Value::Text(code), FieldKind::Code(table)) => show_code(code, table(), language),
        (Value::Text(code), FieldKind::Text { .. }) if field.name == customs::FIELD => {
            customs::show(code, language)
        }
        (Value::Text(text) | Value::Number(text) | Value::Moment(text), _) => text.clone(),
        _ => String::new(),
    }
}

/// A code and what it means: three-letter codes are kept beside their meaning, words stand for themselves.
fn show_code(code: &str, table: &CodeTable, language: &str) -> String {
    match table.find(code).map(|entry| entry.label(language)) {
        None => format!("{code} (code not known here)"),
        Some(label) if label == code => label.to_owned(),
        Some(label) if code.bytes().any(|b| b.is_ascii_lowercase()) && code.len() > 2 => label.to_owned(),
        Some(label) => format!("{code} ({label})"),
    }
}

/// A line that runs from right to left, between isolates; any other line as it is.
pub(crate) fn isolate(line: &str) -> String {
    if text::is_right_to_left(line) { format!("\u{2068}{line}\u{2069}") } else { line.to_owned() }
}

fn indentation(depth: usize) -> String {
    "  ".repeat(depth)
}
