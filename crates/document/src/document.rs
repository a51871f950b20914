//! A document of any kind, and its three forms: TOML for people, JSON for programs, canonical bytes for records.
//!
//! The canonical bytes are compact JSON (RFC 8259) in UTF-8: no white space, the fields in the order of the form,
//! absent fields left out, decimals as texts without superfluous zeros, the fewest escapes. A decoder encodes what it
//! read again and refuses the bytes if they are not the same; so every document has exactly one encoding.

mod about;
mod kind;
mod names;
mod numbers;
mod read;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::ecomessage::Ecomessage;
use crate::entry::{Batch, DatabaseEntry, EntryStep};
use crate::form::{Field, Form, FormSpec, Mode, Reader};
use crate::hit::Hit;
use crate::kinds::{self, OfKind};
use crate::limits::CONTENT_BYTES_MAX;
use crate::message::PlainMessage;
use crate::notice::{Notice, NoticeStep};
use crate::reading::{self, FromForm, finding};
use crate::report::{Finding, Report, Severity, excerpt};
use crate::tree::{self, Entry, Node, Value};

pub use kind::{
    DIFFUSION, ECOMESSAGE, ENTRY, ENTRY_BATCH, ENTRY_STEP, Forms, HIT, KINDS, Kind, MESSAGE, NOTICE,
    NOTICE_STEP,
};
pub use read::ReadDocument;

/// A document of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Kind 256.
    Ecomessage(Box<Ecomessage>),
    /// Kind 257.
    Message(Box<PlainMessage>),
    /// Kind 259: the text of a notice that a bureau asks for.
    Notice(Notice),
    /// Kind 260: the text of a diffusion.
    Diffusion(Notice),
    /// Kind 261.
    NoticeStep(Box<NoticeStep>),
    /// Kind 262.
    Entry(DatabaseEntry),
    /// Kind 263.
    EntryStep(Box<EntryStep>),
    /// Kind 264.
    Hit(Box<Hit>),
    /// Kind 265.
    Batch(Box<Batch>),
}

/// Why a document has no bytes. The author must act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// It breaks a rule of its form.
    #[error("the document cannot be sent; correct it first:\n{0}")]
    Invalid(Report),
    /// More than 1 MiB.
    #[error(
        "the document has {0} bytes where at most {CONTENT_BYTES_MAX} are allowed; shorten it, or send parts of it as attachments"
    )]
    TooLong(usize),
}

/// Why bytes are no document. The sender's fault, or a kind that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A newer kind.
    #[error("documents of kind {0} are not known to this version; update it to read them")]
    UnknownKind(u16),
    /// More than 1 MiB.
    #[error("{0} bytes where at most {CONTENT_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// No JSON in UTF-8.
    #[error("the content is no JSON: {0}")]
    Syntax(String),
    /// JSON, but not of this form.
    #[error("the content is no {form}:\n{report}")]
    Structure {
        /// What the kind asks for.
        form: &'static str,
        /// What is wrong.
        report: Report,
    },
    /// Another encoding of the same document.
    #[error("the content is not in canonical form")]
    NotCanonical,
}

impl Document {
    /// Reads a form in TOML; the report holds the warnings.
    ///
    /// # Errors
    /// The report, with at least one error, if the form cannot be sent.
    pub fn from_toml(text: &str) -> Result<(Self, Report), Report> {
        reading::from_toml(text)
    }

    /// Reads a form in JSON; the report holds the warnings.
    ///
    /// # Errors
    /// As [`Document::from_toml`]; problems have a path, but no line.
    pub fn from_json(json: &serde_json::Value) -> Result<(Self, Report), Report> {
        reading::from_json(json)
    }

    /// Reads the content of a record's body.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(kind: u16, content: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self::decode_with_tree(kind, content)?.0)
    }

    /// The same, with the tree in which it was written.
    fn decode_with_tree(kind: u16, content: &[u8]) -> Result<(Self, Node), DecodeError> {
        let kind = Kind::from_number(kind).ok_or(DecodeError::UnknownKind(kind))?;
        if content.len() > CONTENT_BYTES_MAX {
            return Err(DecodeError::TooLong(content.len()));
        }
        let node = tree::json::parse(content).map_err(DecodeError::Syntax)?;
        let mut findings = Vec::new();
        let document = match node.get("form").and_then(Node::as_text) {
            Some(form) if kind.has_form(form) => read_as(kind, &node, Mode::Carried, &mut findings),
            _ => {
                let forms: Vec<_> = kind.all_forms().iter().map(|(name, _)| format!("\"{name}\"")).collect();
                findings.push(finding(None, format!("the field \"form\" is not {}", forms.join(" or "))));
                None
            }
        };
        let report = Report::new(findings, None);
        let document =
            document.filter(|_| report.is_ok()).ok_or(DecodeError::Structure { form: kind.title, report })?;
        if document.to_node().is_json(content) {
            Ok((document, node))
        } else {
            Err(DecodeError::NotCanonical)
        }
    }

    /// The content of a record's body: canonical bytes, at most 1 MiB.
    ///
    /// # Errors
    /// [`EncodeError`] if the document, made or changed by a program, breaks a rule of its form.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.content(self.check())
    }

    /// The content of a record's body, for what stood in a record of this bureau before, such as a batch without some of its
    /// lines: the rules for authors, and codes that have left the lists since, do not count.
    ///
    /// # Errors
    /// [`EncodeError`] if the structure is not that of its form.
    pub fn encode_again(&self) -> Result<Vec<u8>, EncodeError> {
        let mut findings = Vec::new();
        read_as(self.kind(), &self.to_node(), Mode::Carried, &mut findings);
        self.content(Report::new(findings, None))
    }

    /// Canonical bytes, if the report allows them.
    fn content(&self, report: Report) -> Result<Vec<u8>, EncodeError> {
        if !report.is_ok() {
            return Err(EncodeError::Invalid(report));
        }
        let content = self.to_node().to_json().into_bytes();
        if content.len() > CONTENT_BYTES_MAX { Err(EncodeError::TooLong(content.len())) } else { Ok(content) }
    }

    /// Checks a document as its author's form is checked, codes and rules included. For one that came from another
    /// bureau, the report says what this version would not have sent.
    pub fn check(&self) -> Report {
        let mut findings = Vec::new();
        read(&self.to_node(), &mut findings);
        Report::new(findings, None)
    }

    /// The form in TOML. Reading it gives the same document.
    pub fn to_toml(&self) -> String {
        self.to_node().to_toml()
    }

    /// The form in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.to_node().to_json()).expect("the writer of canonical bytes writes JSON")
    }

    /// A diffusion of the same text; anything else stays as it is.
    #[must_use]
    pub fn into_diffusion(self) -> Self {
        match self {
            Self::Notice(notice) => Self::Diffusion(notice),
            other => other,
        }
    }
}

impl FromForm for Document {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Self> {
        read(node, findings)
    }

    fn to_node(&self) -> Node {
        let mut entries = vec![Entry::new("form", Value::Text(self.form().0.to_owned()))];
        entries.extend(match self {
            Self::Ecomessage(m) => m.write_table(),
            Self::Message(m) => m.write_table(),
            Self::Notice(notice) | Self::Diffusion(notice) => notice.write_fields(),
            Self::NoticeStep(step) => step.write_table(),
            Self::Entry(entry) => entry.write_fields(),
            Self::EntryStep(step) => step.write_table(),
            Self::Hit(hit) => hit.write_table(),
            Self::Batch(batch) => batch.write(),
        });
        Node::new(Value::Table(entries))
    }
}

impl From<Ecomessage> for Document {
    fn from(message: Ecomessage) -> Self {
        Self::Ecomessage(Box::new(message))
    }
}

impl From<PlainMessage> for Document {
    fn from(message: PlainMessage) -> Self {
        Self::Message(Box::new(message))
    }
}

impl From<NoticeStep> for Document {
    fn from(step: NoticeStep) -> Self {
        Self::NoticeStep(Box::new(step))
    }
}

impl From<EntryStep> for Document {
    fn from(step: EntryStep) -> Self {
        Self::EntryStep(Box::new(step))
    }
}

impl From<Hit> for Document {
    fn from(hit: Hit) -> Self {
        Self::Hit(Box::new(hit))
    }
}

impl From<Batch> for Document {
    fn from(batch: Batch) -> Self {
        Self::Batch(Box::new(batch))
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&json).map(|(document, _)| document).map_err(serde::de::Error::custom)
    }
}

/// Checks a form in TOML and lists every problem at once.
pub fn check(text: &str) -> Report {
    match Document::from_toml(text) {
        Ok((_, report)) | Err(report) => report,
    }
}

/// Reads a form that names its kind.
fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Document> {
    let named = node.get("form");
    let kind = named.and_then(Node::as_text).and_then(Kind::from_form);
    if kind.is_none() {
        findings.push(no_such_form(named));
    }
    // Without its name the form is still checked, as what it looks like, so that all problems are told at once.
    let looks_like = if node.get("text").is_some() { &MESSAGE } else { &ECOMESSAGE };
    read_as(kind.unwrap_or(looks_like), node, Mode::Author, findings)
}

fn no_such_form(named: Option<&Node>) -> Finding {
    let message = match named {
        None => "the form does not say what it is".to_owned(),
        Some(node) => {
            format!("there is no form {}", excerpt(node.as_text().unwrap_or_else(|| node.type_name())))
        }
    };
    Finding {
        severity: Severity::Error,
        at: named.map_or(Some(0..0), |node| node.at.clone()),
        path: "form".into(),
        message,
        advice: "begin the file with form = \"ecomessage\" or form = \"message\"; `ecomesh notice new` and `ecomesh db new` \
                 begin notices and entries"
            .into(),
        rule: None,
    }
}

fn read_as(kind: &Kind, node: &Node, mode: Mode, findings: &mut Vec<Finding>) -> Option<Document> {
    match kind.forms {
        Forms::Notices => {
            let notice = kinds::read(node, mode, findings);
            let is_diffusion = *kind == DIFFUSION;
            notice.map(|n| if is_diffusion { Document::Diffusion(n) } else { Document::Notice(n) })
        }
        Forms::Entries => kinds::read(node, mode, findings).map(Document::Entry),
        Forms::One { .. } if *kind == ENTRY_BATCH => Batch::read(node, mode, findings).map(Document::from),
        Forms::One { spec, .. } => read_one(kind, spec, node, mode, findings),
    }
}

fn read_one(
    kind: &Kind,
    spec: &'static FormSpec,
    node: &Node,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> Option<Document> {
    let fields = node.entries().iter().filter(|e| e.key != "form").cloned().collect();
    let table = Node { value: Value::Table(fields), at: node.at.clone() };
    let mut reader = Reader::new(mode, spec);
    let document = match kind.number {
        n if n == ECOMESSAGE.number => Ecomessage::read(&table, &mut reader).map(Document::from),
        n if n == MESSAGE.number => PlainMessage::read(&table, &mut reader).map(Document::from),
        n if n == NOTICE_STEP.number => NoticeStep::read(&table, &mut reader).map(Document::from),
        n if n == ENTRY_STEP.number => EntryStep::read(&table, &mut reader).map(Document::from),
        n if n == HIT.number => Hit::read(&table, &mut reader).map(Document::from),
        _ => None,
    };
    findings.extend(reader.into_findings());
    document
}
