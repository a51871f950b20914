//! What a document says of itself, whichever kind it is: title, language, reference, sender, for whom it is not.

use super::{
    DIFFUSION, Document, ECOMESSAGE, ENTRY, ENTRY_BATCH, ENTRY_STEP, HIT, Kind, MESSAGE, NOTICE, NOTICE_STEP,
};
use crate::codes::{Code, Priority};
use crate::date::PartialDate;
use crate::ecomessage::{Ecomessage, Handling};
use crate::entry::{DatabaseEntry, Retention};
use crate::file::AttachedFile;
use crate::form::FormSpec;
use crate::member::MemberCode;
use crate::notice::Notice;
use crate::record_ref::RecordRef;
use crate::render::isolate;
use crate::text::Line;

impl Document {
    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        match self {
            Self::Ecomessage(_) => &ECOMESSAGE,
            Self::Message(_) => &MESSAGE,
            Self::Notice(_) => &NOTICE,
            Self::Diffusion(_) => &DIFFUSION,
            Self::NoticeStep(_) => &NOTICE_STEP,
            Self::Entry(_) => &ENTRY,
            Self::EntryStep(_) => &ENTRY_STEP,
            Self::Hit(_) => &HIT,
            Self::Batch(_) => &ENTRY_BATCH,
        }
    }

    /// Name and fields of its form.
    pub fn form(&self) -> (&'static str, &'static FormSpec) {
        match self {
            Self::Ecomessage(_) => ("ecomessage", Ecomessage::SPEC),
            Self::Message(_) => ("message", crate::message::PlainMessage::SPEC),
            Self::Notice(notice) | Self::Diffusion(notice) => (notice.colour().form, notice.colour().spec),
            Self::NoticeStep(_) => ("notice-step", crate::notice::NoticeStep::SPEC),
            Self::Entry(entry) => (entry.database().form, entry.database().spec),
            Self::EntryStep(_) => ("entry-withdrawal", crate::entry::EntryStep::SPEC),
            Self::Hit(_) => ("hit", crate::hit::Hit::SPEC),
            Self::Batch(_) => ("entry-batch", crate::entry::batch::SPEC),
        }
    }

    /// What stands above it when it is printed. An unreviewed notice is never called one: its record is a request.
    pub fn heading(&self) -> String {
        match self {
            Self::Notice(notice) => {
                let title = notice.colour().title;
                let article = if title.starts_with(['O', 'I']) { "an" } else { "a" };
                format!("Request for {article} {title}")
            }
            Self::Diffusion(notice) => format!("Diffusion ({})", notice.colour().name),
            Self::Entry(entry) => entry.database().title.to_owned(),
            Self::Batch(batch) => format!("Batch of {} entries of {}", batch.lines(), batch.database().name),
            _ => self.kind().title.to_owned(),
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
            Self::Notice(notice) | Self::Diffusion(notice) => {
                format!("{}: {}", self.heading(), notice.subject())
            }
            Self::NoticeStep(step) => format!("{} ({})", step.summary(), step.notice.0.short()),
            Self::Entry(entry) => format!("{}: {}", self.heading(), entry.subject()),
            Self::Batch(_) => self.heading(),
            Self::EntryStep(step) => format!("{} ({})", step.reason.as_str(), step.entry.0.short()),
            Self::Hit(hit) => match &hit.reference {
                Some(reference) => format!("Hit on {reference}"),
                None => format!("Hit on {}", hit.entry.0.short()),
            },
        }
    }

    /// Code of its language: `ar`, `en`, `fr`, `es`; English where it does not say.
    pub fn language(&self) -> &str {
        match self {
            Self::Ecomessage(m) => m.language.as_str(),
            Self::Message(m) => m.language.as_str(),
            Self::Notice(notice) | Self::Diffusion(notice) => notice.language(),
            Self::Entry(entry) => entry.language(),
            Self::Batch(batch) => batch.source().language.as_ref().map_or("en", Code::as_str),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => "en",
        }
    }

    /// The sender's own reference.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Ecomessage(m) => Some(m.reference.as_str()),
            Self::Message(m) => m.reference.as_ref().map(Line::as_str),
            Self::Notice(n) | Self::Diffusion(n) => n.request()?.reference.as_ref().map(Line::as_str),
            Self::Entry(entry) => entry.source()?.reference.as_ref().map(Line::as_str),
            Self::Batch(batch) => batch.source().reference.as_ref().map(Line::as_str),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => None,
        }
    }

    /// The names of what it tells was seized: scientific and common ones, and as the source wrote them. Where a family is named,
    /// that is its scientific name, and only what was reported may say of which animal.
    pub fn species(&self) -> impl Iterator<Item = &str> {
        let products = match self {
            Self::Ecomessage(m) => m.products.as_slice(),
            Self::Entry(DatabaseEntry::Seizure(entry)) => entry.products.as_slice(),
            _ => &[],
        };
        products
            .iter()
            .flat_map(|product| [&product.scientific_name, &product.common_name, &product.reported])
            .flatten()
            .map(Line::as_str)
    }

    /// Reference of the message to which it replies.
    pub fn reply_to_reference(&self) -> Option<&str> {
        let reference = match self {
            Self::Ecomessage(m) => &m.reply_to_reference,
            Self::Message(m) => &m.reply_to_reference,
            _ => return None,
        };
        reference.as_ref().map(Line::as_str)
    }

    /// Sender that the form names.
    pub fn sender(&self) -> Option<&MemberCode> {
        match self {
            Self::Ecomessage(m) => m.from.as_ref(),
            Self::Message(m) => m.from.as_ref(),
            Self::Notice(notice) | Self::Diffusion(notice) => notice.request()?.from.as_ref(),
            Self::Entry(entry) => entry.source()?.from.as_ref(),
            Self::Batch(batch) => batch.source().from.as_ref(),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => None,
        }
    }

    /// Addressees that the form names.
    pub fn addressees(&self) -> &[MemberCode] {
        match self {
            Self::Ecomessage(m) => &m.to,
            Self::Message(m) => &m.to,
            _ => &[],
        }
    }

    /// Members that the form names for a copy.
    pub fn copies(&self) -> &[MemberCode] {
        match self {
            Self::Ecomessage(m) => &m.copy,
            _ => &[],
        }
    }

    /// Priority that the form names: `flash`, `urgent` or `routine`.
    pub fn priority(&self) -> Option<&str> {
        let priority = match self {
            Self::Ecomessage(m) => &m.priority,
            Self::Message(m) => &m.priority,
            _ => return None,
        };
        priority.as_ref().map(Code::as_str)
    }

    /// Level of confidentiality: `official-use-only` unless the form names another.
    pub fn confidentiality(&self) -> &str {
        let level = match self {
            Self::Ecomessage(m) => m.confidentiality.as_ref(),
            Self::Message(m) => m.confidentiality.as_ref(),
            Self::Notice(n) | Self::Diffusion(n) => n.request().and_then(|r| r.confidentiality.as_ref()),
            Self::Entry(entry) => entry.source().and_then(|source| source.confidentiality.as_ref()),
            Self::Batch(batch) => batch.source().confidentiality.as_ref(),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => None,
        };
        level.map_or("official-use-only", Code::as_str)
    }

    /// Countries that must not get it.
    pub fn excluded(&self) -> impl Iterator<Item = &str> {
        self.handling().into_iter().flat_map(|h| h.excluded.iter().map(Code::as_str))
    }

    fn handling(&self) -> Option<&Handling> {
        match self {
            Self::Ecomessage(m) => m.handling.as_ref(),
            Self::Message(m) => m.handling.as_ref(),
            Self::Notice(notice) | Self::Diffusion(notice) => notice.request()?.handling.as_ref(),
            Self::Entry(entry) => entry.source()?.handling.as_ref(),
            Self::Batch(batch) => batch.source().handling.as_ref(),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => None,
        }
    }

    /// Last day for which its source wants it kept or valid, if it says so.
    pub fn valid_until(&self) -> Option<PartialDate> {
        match self {
            Self::Notice(notice) | Self::Diffusion(notice) => notice.request()?.valid_until,
            Self::Entry(entry) => entry.source()?.valid_until,
            Self::Batch(batch) => batch.source().valid_until,
            _ => None,
        }
    }

    /// The record of which this is a new text.
    pub fn replaces(&self) -> Option<RecordRef> {
        match self {
            Self::Notice(notice) | Self::Diffusion(notice) => notice.request()?.replaces,
            Self::Entry(entry) => entry.source()?.replaces,
            _ => None,
        }
    }

    /// Retention class that its record gets: that of its kind; entries are kept as their database says, or shorter if
    /// their source wants that.
    pub fn retention(&self) -> u8 {
        /// Thirty years: until it is recovered, or withdrawn.
        const LONG: u8 = 5;
        let (database, source) = match self {
            Self::Entry(entry) => (entry.database(), entry.source()),
            Self::Batch(batch) => (batch.database(), Some(batch.source())),
            _ => return self.kind().retention,
        };
        let five_years = Retention::FiveYears.code();
        let asked = source.and_then(|source| source.retention.as_ref());
        let code = asked.map_or_else(|| database.retention.code(), Code::as_str);
        if code == five_years { self.kind().retention } else { LONG }
    }

    /// Files that go with it.
    pub fn files(&self) -> &[AttachedFile] {
        match self {
            Self::Ecomessage(m) => &m.files,
            Self::Message(m) => &m.files,
            Self::Notice(notice) | Self::Diffusion(notice) => {
                notice.request().map_or(&[], |request| &request.files)
            }
            _ => &[],
        }
    }

    /// The same document with these files. Forms that have no files stay as they are.
    #[must_use]
    pub fn with_files(mut self, files: Vec<AttachedFile>) -> Self {
        match &mut self {
            Self::Ecomessage(m) => m.files = files,
            Self::Message(m) => m.files = files,
            Self::Notice(notice) | Self::Diffusion(notice) => {
                if let Some(request) = notice.request_mut() {
                    request.files = files;
                }
            }
            _ => {}
        }
        self
    }

    /// Writes the sender, addressees and priority into the form with which it is really sent. Notices and entries name
    /// their sender alone.
    #[must_use]
    pub fn routed(mut self, from: MemberCode, to: Vec<MemberCode>, priority: Code<Priority>) -> Self {
        match &mut self {
            Self::Ecomessage(m) => (m.from, m.to, m.priority) = (Some(from), to, Some(priority)),
            Self::Message(m) => (m.from, m.to, m.priority) = (Some(from), to, Some(priority)),
            Self::Notice(notice) | Self::Diffusion(notice) => {
                if let Some(request) = notice.request_mut() {
                    request.from = Some(from);
                }
            }
            Self::Entry(entry) => {
                if let Some(source) = entry.source_mut() {
                    source.from = Some(from);
                }
            }
            Self::Batch(batch) => batch.source_mut().from = Some(from),
            Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => {}
        }
        self
    }

    /// The same document as a new text of what stands in a record; `None` for what can have no new text.
    #[must_use]
    pub fn replacing(mut self, record: RecordRef) -> Option<Self> {
        match &mut self {
            Self::Notice(notice) | Self::Diffusion(notice) => {
                notice.request_mut()?.replaces = Some(record);
            }
            Self::Entry(entry) => entry.source_mut()?.replaces = Some(record),
            _ => return None,
        }
        Some(self)
    }

    /// One line for inboxes: kind, language, reference and title; a right-to-left title is isolated as in [`crate::render()`].
    pub fn summary(&self) -> String {
        let reference = self.reference().map(|r| format!("{r}: ")).unwrap_or_default();
        format!("{} [{}] {reference}{}", self.kind().title, self.language(), isolate(&self.title()))
    }
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

impl From<Notice> for Document {
    /// A request; [`Document::into_diffusion`] makes a diffusion of it.
    fn from(notice: Notice) -> Self {
        Self::Notice(notice)
    }
}

impl From<DatabaseEntry> for Document {
    fn from(entry: DatabaseEntry) -> Self {
        Self::Entry(entry)
    }
}
