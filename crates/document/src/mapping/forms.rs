//! The forms that a mapping can make: documents, notices and entries of databases under one roof.

use serde_json::Value;

use crate::dates;
use crate::document::Document;
use crate::ecomessage::Ecomessage;
use crate::entry::{Database, DatabaseEntry, database};
use crate::form::{FormSpec, nearest};
use crate::limits::CONTENT_BYTES_MAX;
use crate::message::PlainMessage;
use crate::notice::{Colour, Notice, colour};
use crate::reading::{FromForm, finding};
use crate::report::{Finding, Report};
use crate::tree::{self, Entry, Node};

/// A form that was made of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappedForm {
    /// An Ecomessage or a message.
    Document(Document),
    /// A notice.
    Notice(Notice),
    /// An entry of a database.
    Entry(DatabaseEntry),
}

/// A form by its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum FormName {
    /// A form that people write and that is neither notice nor entry.
    Document(&'static str, &'static FormSpec),
    Notice(&'static Colour),
    Entry(&'static Database),
}

impl MappedForm {
    /// Value of its field `form`: "sltd-entry".
    pub fn name(&self) -> &'static str {
        match self {
            Self::Document(document) => document.form().0,
            Self::Notice(notice) => notice.colour().form,
            Self::Entry(entry) => entry.database().form,
        }
    }

    /// The form in TOML. Reading it gives the same.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Document(document) => document.to_toml(),
            Self::Notice(notice) => notice.to_toml(),
            Self::Entry(entry) => entry.to_toml(),
        }
    }

    /// The form in JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Document(document) => document.to_json(),
            Self::Notice(notice) => notice.to_json(),
            Self::Entry(entry) => entry.to_json(),
        }
    }

    /// Problems of its dates as of a time, milliseconds since 1970: those that a node looks for before it takes the form. Of
    /// messages it looks for none.
    pub fn check_dates(&self, now_ms: u64) -> Report {
        let findings = match self {
            Self::Document(_) => Vec::new(),
            Self::Notice(_) | Self::Entry(_) => dates::look(&self.to_node(), now_ms),
        };
        Report::new(findings, None)
    }

    fn to_node(&self) -> Node {
        match self {
            Self::Document(document) => document.to_node(),
            Self::Notice(notice) => notice.to_node(),
            Self::Entry(entry) => entry.to_node(),
        }
    }
}

impl FormName {
    /// All forms: documents, notices, entries.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let documents = [("ecomessage", Ecomessage::SPEC), ("message", PlainMessage::SPEC)];
        let documents = documents.into_iter().map(|(name, spec)| Self::Document(name, spec));
        let notices = colour::ALL.iter().copied().map(Self::Notice);
        documents.chain(notices).chain(database::ALL.iter().copied().map(Self::Entry))
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::all().find(|form| form.name() == name)
    }

    /// The form that was probably meant.
    pub(super) fn nearest(unknown: &str) -> Option<&'static str> {
        nearest(Self::all().map(Self::name), unknown)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Document(name, _) => name,
            Self::Notice(colour) => colour.form,
            Self::Entry(database) => database.form,
        }
    }

    pub(super) fn spec(self) -> &'static FormSpec {
        match self {
            Self::Document(_, spec) => spec,
            Self::Notice(colour) => colour.spec,
            Self::Entry(database) => database.spec,
        }
    }

    /// Reads the fields of such a form as those of its author, rules included, and looks at its dates as of a time.
    pub(super) fn read(
        self,
        fields: Vec<Entry>,
        now_ms: u64,
        findings: &mut Vec<Finding>,
    ) -> Option<MappedForm> {
        let form = Entry::new("form", tree::Value::Text(self.name().to_owned()));
        let fields = Node::new(tree::Value::Table([vec![form], fields].concat()));
        let form = match self {
            Self::Document(..) => Document::read(&fields, findings).map(MappedForm::Document),
            Self::Notice(_) => Notice::read(&fields, findings).map(MappedForm::Notice),
            Self::Entry(_) => DatabaseEntry::read(&fields, findings).map(MappedForm::Entry),
        };
        // What is no form yet has dates all the same, and every problem of a row is told at once.
        let tree = form.as_ref().map_or(fields, MappedForm::to_node);
        // As a node, which looks at no dates of messages.
        if !matches!(self, Self::Document(..)) {
            findings.extend(dates::look(&tree, now_ms));
        }
        let form = form?;
        let length = tree.to_json().len();
        if length > CONTENT_BYTES_MAX {
            let message =
                format!("the form has {length} bytes where at most {CONTENT_BYTES_MAX} are allowed");
            findings.push(finding(None, message));
            return None;
        }
        Some(form)
    }
}
