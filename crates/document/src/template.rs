//! Empty forms with comments: each says what belongs into every field, whether it must be there, and which codes there
//! are. They follow the schema, so they can never lag behind it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::codes::CodeTable;
use crate::document::{ECOMESSAGE, MESSAGE};
use crate::ecomessage::Ecomessage;
use crate::file;
use crate::form::{FieldKind, FieldSpec, FormSpec, Need};
use crate::message::PlainMessage;
use crate::record_ref;

/// A commented form of an Ecomessage. `language` (`ar`, `en`, `fr`, `es`) is filled in, and chooses the language of
/// the codes' labels where the tables have it.
pub fn ecomessage(language: Option<&str>) -> String {
    let heading =
        Heading { title: ECOMESSAGE.title, purpose: None, form: "ecomessage", command: "ecomessage" };
    commented(&heading, Ecomessage::SPEC, language)
}

/// A commented form of a plain message.
pub fn message(language: Option<&str>) -> String {
    let heading = Heading { title: MESSAGE.title, purpose: None, form: "message", command: "ecomessage" };
    commented(&heading, PlainMessage::SPEC, language)
}

/// What stands above the fields of a template.
pub(crate) struct Heading<'t> {
    /// What people call the form.
    pub(crate) title: &'t str,
    /// What it is for, if the title does not say it.
    pub(crate) purpose: Option<&'t str>,
    /// Value of the field `form`.
    pub(crate) form: &'t str,
    /// The command of `ecomesh` that checks it.
    pub(crate) command: &'t str,
}

/// A commented form of any spec. The language of the form, wherever it asks for it, is filled in.
pub(crate) fn commented(heading: &Heading<'_>, spec: &FormSpec, language: Option<&str>) -> String {
    let mut writer = Writer {
        out: String::new(),
        language: language.unwrap_or("en"),
        fill_language: language,
        printed: BTreeSet::new(),
    };
    writer.line(&format!("# {} of ecomesh: a form to fill in.", heading.title));
    if let Some(purpose) = heading.purpose {
        writer.line(&format!("# {purpose}"));
    }
    writer.line("# [M] must be filled in. [R] is recommended. A field that begins with # is left out: delete its # to use it.");
    writer.line("# A table [[in double brackets]] may be repeated, one for each entry.");
    writer.line(&format!(
        "# \"ecomesh {} check FILE\" lists everything that is missing or wrong.",
        heading.command
    ));
    writer.line("");
    writer.line(&format!("form = \"{}\"", heading.form));
    writer.table(spec, "", false);
    writer.out
}

struct Writer<'l> {
    out: String,
    language: &'l str,
    fill_language: Option<&'l str>,
    /// Lists of codes that were printed already.
    printed: BTreeSet<&'static str>,
}

/// Longest list of codes that is printed whole.
const CODES_SHOWN_MAX: usize = 26;

/// Where forms ask for their language: path of the table, name of the field.
const LANGUAGE: [(&str, &str); 3] = [("", "language"), ("request.", "language"), ("source.", "language")];

impl Writer<'_> {
    /// The fields of a table: single values first, since in TOML they must stand before tables.
    fn table(&mut self, spec: &FormSpec, path: &str, left_out: bool) {
        let is_table = |f: &&FieldSpec| matches!(f.kind, FieldKind::Table(_));
        // What sending fills in is nothing to fill in by hand.
        let by_hand = spec.fields.iter().filter(|f| f.name != file::FIELD && f.name != record_ref::REPLACES);
        for field in by_hand.clone().filter(|f| !is_table(f)) {
            self.value(field, path, left_out);
        }
        for field in by_hand.filter(is_table) {
            if let FieldKind::Table(inner) = field.kind {
                self.inner_table(field, inner, path, left_out);
            }
        }
    }

    fn value(&mut self, field: &FieldSpec, path: &str, left_out: bool) {
        self.line("");
        self.describe(field);
        if let FieldKind::Code(table) = field.kind {
            self.codes(table());
        }
        let filled = match self.fill_language {
            Some(language) if LANGUAGE.contains(&(path, field.name)) => language,
            _ => "",
        };
        let is_used = field.need == Need::Required || !filled.is_empty();
        let sign = if left_out || !is_used { "#" } else { "" };
        let value = if field.list_max.is_some() { "[\"\"]".to_owned() } else { format!("\"{filled}\"") };
        self.line(&format!("{sign}{} = {value}", field.name));
    }

    fn inner_table(&mut self, field: &FieldSpec, inner: &FormSpec, path: &str, left_out: bool) {
        let left_out = left_out || field.need != Need::Required;
        let path = format!("{path}{}", field.name);
        self.line("");
        if !path.contains('.') {
            self.line(&format!("# {}", "-".repeat(100)));
        }
        self.describe(field);
        let sign = if left_out { "#" } else { "" };
        let header = if field.list_max.is_some() { format!("[[{path}]]") } else { format!("[{path}]") };
        self.line(&format!("{sign}{header}"));
        self.table(inner, &format!("{path}."), left_out);
    }

    /// Label, mark and words.
    fn describe(&mut self, field: &FieldSpec) {
        let mark = match field.need {
            Need::Required => " [M]",
            Need::Recommended => " [R]",
            Need::Optional => "",
        };
        let words: Vec<_> = field.doc.iter().map(|line| line.trim()).collect();
        self.line(&format!("# {}{mark}: {}", field.label, words.join(" ")));
    }

    fn codes(&mut self, table: &'static CodeTable) {
        let entries = table.entries();
        if !self.printed.insert(table.name) {
            self.line(&format!("#     codes as above (list \"{}\")", table.name));
        } else if entries.len() <= CODES_SHOWN_MAX {
            for entry in entries {
                self.line(&format!("#     {:<16} {}", entry.code(), entry.label(self.language)));
            }
        } else {
            let some: Vec<_> =
                entries[..8].iter().map(|e| format!("{} {}", e.code(), e.label(self.language))).collect();
            self.line(&format!("#     one of {} codes: {}, …", entries.len(), some.join(", ")));
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }
}
