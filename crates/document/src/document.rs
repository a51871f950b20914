//! A document of any kind, and its three forms: TOML for people, JSON for programs, canonical bytes for records.
//!
//! The canonical bytes are compact JSON (RFC 8259) in UTF-8: no white space, the fields in the order of the form,
//! absent fields left out, decimals as texts without superfluous zeros, the fewest escapes. A decoder encodes what it
//! read again and refuses the bytes if they are not the same; so every document has exactly one encoding.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::codes::Code;
use crate::ecomessage::Ecomessage;
use crate::entry::Database;
use crate::file::AttachedFile;
use crate::form::{Field, Form, FormSpec, Mode, Reader};
use crate::limits::CONTENT_BYTES_MAX;
use crate::member::MemberCode;
use crate::message::PlainMessage;
use crate::notice::Colour;
use crate::reading::{self, FromForm, finding};
use crate::render::isolate;
use crate::report::{Finding, Report, Severity, excerpt};
use crate::text::Line;
use crate::tree::{Entry, Node, Value};

/// A kind of document, as a record's header names it.
#[derive(Debug)]
pub struct Kind {
    /// Number in the header, 256 or more: lower ones are control records.
    pub number: u16,
    /// Value of the field `form`, which opens every form.
    pub form: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Retention class that a record of this kind gets unless the sender chooses another: 2 is five years.
    pub retention: u8,
    /// Its fields.
    pub spec: &'static FormSpec,
}

/// The Ecomessage.
pub const ECOMESSAGE: Kind =
    Kind { number: 256, form: "ecomessage", title: "Ecomessage", retention: 2, spec: Ecomessage::SPEC };
/// The plain message.
pub const MESSAGE: Kind =
    Kind { number: 257, form: "message", title: "Message", retention: 2, spec: PlainMessage::SPEC };
/// All kinds, ascending.
pub const KINDS: &[Kind] = &[ECOMESSAGE, MESSAGE];

/// A document of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Kind 256.
    Ecomessage(Box<Ecomessage>),
    /// Kind 257.
    Message(Box<PlainMessage>),
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
        /// The form that the kind asks for.
        form: &'static str,
        /// What is wrong.
        report: Report,
    },
    /// Another encoding of the same document.
    #[error("the content is not in canonical form")]
    NotCanonical,
}

impl Kind {
    /// The kind of a number.
    pub fn from_number(number: u16) -> Option<&'static Self> {
        KINDS.iter().find(|k| k.number == number)
    }

    /// The kind of a form's name.
    pub fn from_form(form: &str) -> Option<&'static Self> {
        KINDS.iter().find(|k| k.form == form)
    }
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
        let kind = Kind::from_number(kind).ok_or(DecodeError::UnknownKind(kind))?;
        if content.len() > CONTENT_BYTES_MAX {
            return Err(DecodeError::TooLong(content.len()));
        }
        let json = serde_json::from_slice(content).map_err(|e| DecodeError::Syntax(e.to_string()))?;
        let node = Node::from_json(&json).map_err(DecodeError::Syntax)?;
        let mut findings = Vec::new();
        let document = match node.get("form").and_then(Node::as_text) {
            Some(form) if form == kind.form => read_as(kind, &node, Mode::Carried, &mut findings),
            _ => {
                findings.push(finding(None, format!("the field \"form\" is not \"{}\"", kind.form)));
                None
            }
        };
        let report = Report::new(findings, None);
        let document =
            document.filter(|_| report.is_ok()).ok_or(DecodeError::Structure { form: kind.form, report })?;
        if document.to_node().to_json().as_bytes() == content {
            Ok(document)
        } else {
            Err(DecodeError::NotCanonical)
        }
    }

    /// The content of a record's body: canonical bytes, at most 1 MiB.
    ///
    /// # Errors
    /// [`EncodeError`] if the document, made or changed by a program, breaks a rule of its form.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let report = self.check();
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

    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        match self {
            Self::Ecomessage(_) => &ECOMESSAGE,
            Self::Message(_) => &MESSAGE,
        }
    }

    /// Its title; where it has none, what it is about.
    pub fn title(&self) -> String {
        match self {
            Self::Ecomessage(m) => {
                m.subject.title.as_ref().map_or_else(|| subject_of(m), ToString::to_string)
            }
            Self::Message(m) => {
                m.title.as_ref().map_or_else(|| first_words(m.text.as_str()), ToString::to_string)
            }
        }
    }

    /// Code of its language: `ar`, `en`, `fr`, `es`.
    pub fn language(&self) -> &str {
        match self {
            Self::Ecomessage(m) => m.language.as_str(),
            Self::Message(m) => m.language.as_str(),
        }
    }

    /// The sender's own reference.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Ecomessage(m) => Some(m.reference.as_str()),
            Self::Message(m) => m.reference.as_ref().map(Line::as_str),
        }
    }

    /// Reference of the message to which it replies.
    pub fn reply_to_reference(&self) -> Option<&str> {
        let reference = match self {
            Self::Ecomessage(m) => &m.reply_to_reference,
            Self::Message(m) => &m.reply_to_reference,
        };
        reference.as_ref().map(Line::as_str)
    }

    /// Sender that the form names.
    pub fn sender(&self) -> Option<&MemberCode> {
        match self {
            Self::Ecomessage(m) => m.from.as_ref(),
            Self::Message(m) => m.from.as_ref(),
        }
    }

    /// Addressees that the form names.
    pub fn addressees(&self) -> &[MemberCode] {
        match self {
            Self::Ecomessage(m) => &m.to,
            Self::Message(m) => &m.to,
        }
    }

    /// Members that the form names for a copy.
    pub fn copies(&self) -> &[MemberCode] {
        match self {
            Self::Ecomessage(m) => &m.copy,
            Self::Message(_) => &[],
        }
    }

    /// Priority that the form names: `flash`, `urgent` or `routine`.
    pub fn priority(&self) -> Option<&str> {
        let priority = match self {
            Self::Ecomessage(m) => &m.priority,
            Self::Message(m) => &m.priority,
        };
        priority.as_ref().map(Code::as_str)
    }

    /// Level of confidentiality: `official-use-only` unless the form names another.
    pub fn confidentiality(&self) -> &str {
        let level = match self {
            Self::Ecomessage(m) => &m.confidentiality,
            Self::Message(m) => &m.confidentiality,
        };
        level.as_ref().map_or("official-use-only", Code::as_str)
    }

    /// Countries that must not get it.
    pub fn excluded(&self) -> impl Iterator<Item = &str> {
        let handling = match self {
            Self::Ecomessage(m) => &m.handling,
            Self::Message(m) => &m.handling,
        };
        handling.iter().flat_map(|h| h.excluded.iter().map(Code::as_str))
    }

    /// Files that go with it.
    pub fn files(&self) -> &[AttachedFile] {
        match self {
            Self::Ecomessage(m) => &m.files,
            Self::Message(m) => &m.files,
        }
    }

    /// The same document with these files.
    #[must_use]
    pub fn with_files(mut self, files: Vec<AttachedFile>) -> Self {
        match &mut self {
            Self::Ecomessage(m) => m.files = files,
            Self::Message(m) => m.files = files,
        }
        self
    }

    /// Writes the sender, addressees and priority into the form with which it is really sent.
    #[must_use]
    pub fn routed(
        mut self,
        from: MemberCode,
        to: Vec<MemberCode>,
        priority: Code<crate::codes::Priority>,
    ) -> Self {
        match &mut self {
            Self::Ecomessage(m) => (m.from, m.to, m.priority) = (Some(from), to, Some(priority)),
            Self::Message(m) => (m.from, m.to, m.priority) = (Some(from), to, Some(priority)),
        }
        self
    }

    /// One line for inboxes: kind, language, reference and title; a right-to-left title is isolated as in [`crate::render`].
    pub fn summary(&self) -> String {
        let reference = self.reference().map(|r| format!("{r}: ")).unwrap_or_default();
        format!("{} [{}] {reference}{}", self.kind().title, self.language(), isolate(&self.title()))
    }
}

impl FromForm for Document {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Self> {
        read(node, findings)
    }

    fn to_node(&self) -> Node {
        let mut entries = vec![Entry::new("form", Value::Text(self.kind().form.to_owned()))];
        entries.extend(match self {
            Self::Ecomessage(m) => m.write_table(),
            Self::Message(m) => m.write_table(),
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
    if let Some(without_record) = named.and_then(|node| no_record_of(node.as_text()?, node.at.clone())) {
        findings.push(without_record);
        return None;
    }
    let kind = named.and_then(Node::as_text).and_then(Kind::from_form);
    if kind.is_none() {
        let forms: Vec<_> = KINDS.iter().map(|k| format!("form = \"{}\"", k.form)).collect();
        let message = match named {
            None => "the form does not say what it is".to_owned(),
            Some(node) => {
                format!("there is no form {}", excerpt(node.as_text().unwrap_or_else(|| node.type_name())))
            }
        };
        let at = named.map_or(Some(0..0), |n| n.at.clone());
        findings.push(Finding {
            severity: Severity::Error,
            at,
            path: "form".into(),
            message,
            advice: format!("begin the file with {}", forms.join(" or ")),
            rule: None,
        });
    }
    // Without its name the form is still checked, as what it looks like, so that all problems are told at once.
    let looks_like = if node.get("text").is_some() { &MESSAGE } else { &ECOMESSAGE };
    read_as(kind.unwrap_or(looks_like), node, Mode::Author, findings)
}

/// A notice or an entry is checked as one; as a document it would be told everything that an Ecomessage needs.
fn no_record_of(form: &str, at: Option<std::ops::Range<usize>>) -> Option<Finding> {
    let notice = Colour::from_form(form).map(|colour| (colour.title.to_owned(), "notices", "notice"));
    let entry = || {
        let database = Database::from_form(form)?;
        Some((format!("an entry of the database {}", database.name), "entries", "db"))
    };
    let (what, records, command) = notice.or_else(entry)?;
    Some(Finding {
        severity: Severity::Error,
        at,
        path: "form".into(),
        message: format!("this is {what}, and this version has no records of {records}"),
        advice: format!(
            "check it with \"ecomesh {command} check\", and send it as a file that goes with a message"
        ),
        rule: None,
    })
}

fn read_as(kind: &Kind, node: &Node, mode: Mode, findings: &mut Vec<Finding>) -> Option<Document> {
    let fields = node.entries().iter().filter(|e| e.key != "form").cloned().collect();
    let table = Node { value: Value::Table(fields), at: node.at.clone() };
    let mut reader = Reader::new(mode, kind.spec);
    let document = match kind.number {
        n if n == ECOMESSAGE.number => Ecomessage::read(&table, &mut reader).map(Document::from),
        n if n == MESSAGE.number => PlainMessage::read(&table, &mut reader).map(Document::from),
        _ => None,
    };
    findings.extend(reader.into_findings());
    document
}

/// What an Ecomessage without a title is about.
fn subject_of(message: &Ecomessage) -> String {
    let family = message.subject.family.entry().map_or(message.subject.family.as_str(), |e| e.label("en"));
    format!("{family}, {}, {}", message.discovery.place.text, message.discovery.date)
}

/// The beginning of a text without a title.
fn first_words(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let mut words: String = line.chars().take(60).collect();
    if words.len() < line.len() {
        words.push('…');
    }
    words
}
