//! Entries of databases: entering, withdrawing, listing; searching; and hits.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::message::{RecordState, Sent};
use crate::notice::NoticeStanding;
use crate::problem::Detail;

/// An entry to add, or a new text of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryDraft {
    /// The form, as JSON: `{"form": "sltd-entry", …}`.
    pub document: serde_json::Value,
    /// The entry to which this is a new text: its id, or at least 6 digits of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// An exercise, not a real case.
    #[serde(default)]
    pub exercise: bool,
}

/// Asks which entries this bureau has already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownRequest {
    /// Forms of entries, as JSON, at most 1,000.
    pub documents: Vec<serde_json::Value>,
}

/// Which entries this bureau has already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownAnswer {
    /// For each form, in their order, an own entry that says the same. Absent of what was never entered, was destroyed, or has
    /// neither a number nor a reference by which it could be found.
    pub entries: Vec<Option<KnownView>>,
    /// Whether all own entries were looked at: a node that was just started reads them first. If not, ask again.
    pub complete: bool,
}

/// An own entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownView {
    /// How it is named.
    pub id: String,
    /// Where it stands: it holds, or it is withdrawn or expired.
    pub standing: EntryStanding,
    /// Whether it has another text now, and the form is one that it had before.
    #[serde(default)]
    pub replaced: bool,
}

/// Withdraws an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// Why, by code: `recovered`, `found`, `error`, …
    pub reason: String,
}

/// The answer to a withdrawal, given once the record is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WithdrawnView {
    /// The record of the withdrawal.
    #[serde(flatten)]
    pub sent: Sent,
    /// From when on what the entry said is destroyed here; other nodes destroy it as long after they have heard of it. Of a
    /// line of a batch: once what is left of the batch is written anew. Absent where the charter has no erasures: then it
    /// stays hidden until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroyed_from_ms: Option<u64>,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryStanding {
    /// It holds.
    Active,
    /// Its source has withdrawn it.
    Withdrawn,
    /// Its last day is over.
    Expired,
    /// It was never one: its author may not enter it.
    Void,
}

/// An entry in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// The record of its first text, by which it is named.
    pub id: String,
    /// Its database, as `sltd`; empty of what was withdrawn and is erased.
    pub database: String,
    /// Who entered it.
    pub source: String,
    /// Where it stands.
    pub standing: EntryStanding,
    /// Code of the reason for which it was withdrawn, or the rule because of which it is none.
    pub reason: Option<String>,
    /// When its source withdrew it, by that member's clock. What it said is not told any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at_ms: Option<u64>,
    /// What it is of, in one line; empty of what was withdrawn.
    pub subject: String,
    /// The source's reference.
    pub reference: Option<String>,
    /// When it was entered, by its author's clock.
    pub entered_at_ms: u64,
    /// End of its last day, if its source named one.
    pub until_ms: Option<u64>,
    /// The record of the text that holds.
    pub text: Option<String>,
    /// For whom it is; empty means all members.
    pub to: Vec<String>,
    /// An exercise, not a real case.
    pub exercise: bool,
    /// How the record of its text stands.
    pub state: RecordState,
}

/// All that is known of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryDetail {
    /// Where it stands.
    pub entry: EntryView,
    /// The text that holds, or held last, as people read it.
    pub rendered: Option<String>,
    /// The same as JSON; absent of a batch, whose lines are listed by themselves.
    pub document: Option<serde_json::Value>,
    /// Why it is not shown.
    pub unreadable: Option<String>,
    /// What the rules find missing or wrong in it.
    pub problems: Vec<Detail>,
    /// What was written about it and has no effect: by whom, and the rule that it breaks.
    pub ignored: Vec<IgnoredView>,
}

/// A record without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IgnoredView {
    /// The record.
    pub id: String,
    /// Who wrote it.
    pub member: String,
    /// The rule that it breaks.
    pub rule: String,
}

/// Which entries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntryQuery {
    /// Only of this database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Only of this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Also what is withdrawn, expired or void.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// Entries of the page, 1 to 500; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Who looks, for the access log: a page that names persons whom other countries have entered goes into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
    /// Why, by a code of `search-purpose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// A page of entries, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryListing {
    /// The entries.
    pub entries: Vec<EntryView>,
    /// Ask with this as `cursor` for what is older; absent at the end.
    pub next: Option<String>,
    /// Records that are here and not taken into account yet.
    pub unread: u64,
}

/// Which lines of a batch to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LineQuery {
    /// Lines behind this one; from the first if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Lines of the page, 1 to 500; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of the lines of a batch, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineListing {
    /// The lines.
    pub lines: Vec<LineView>,
    /// How many the batch has.
    pub count: u32,
    /// Ask with this as `after` for more; absent at the end.
    pub next: Option<u32>,
}

/// A line of a batch: an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    /// Its name: the id of the batch, a full stop and the line.
    pub id: String,
    /// Where it stands.
    pub standing: EntryStanding,
    /// As of an entry.
    pub reason: Option<String>,
    /// As of an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at_ms: Option<u64>,
    /// What it is of; empty of what was withdrawn.
    pub subject: String,
    /// The source's reference.
    pub reference: Option<String>,
}

/// A search. Exactly one of `number`, `name` and `text` is asked for. Every search goes into the access log of this bureau.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindRequest {
    /// A number, exactly: of a document, plate, vehicle, ship, container, or a serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// A name of a person or a company, however it is spelt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Words of a text, or a "phrase".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it is searched, by code: `border-control`, `investigation`, …
    pub purpose: String,
    /// Who searches: name or number of the officer.
    pub officer: String,
    /// Where, if that is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Only what this member wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only entries of this database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Only notices and diffusions of this colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Only this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FoundKind>,
    /// Only what is dated at this time or later, by its author's clock, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Only what is dated before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Only what names this species among its products: words that begin those of its scientific or common name, or of what
    /// was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub species: Option<String>,
    /// Only what fits a name so well, in per cent, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits: Option<u8>,
    /// At most so many, 1 to 100. If absent, 100 of a number, so that each source of an entry is told, and 10 of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What a search found, and how current the data are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindAnswer {
    /// The best first; of those that fit alike, what is in force before what is not reviewed.
    pub found: Vec<FoundView>,
    /// Whether there are more than these. Nobody was told of a hit on one that is not listed: ask with a higher `limit`, or
    /// narrow the search.
    #[serde(default)]
    pub more: bool,
    /// How current what this node has of each other member is. Nothing found means nothing as of then.
    pub as_of: Vec<AsOfView>,
    /// Records that are here and not taken into account yet.
    pub unread: u64,
    /// Sources that could not be told of a hit, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What a found document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// An entry of a database.
    Entry,
    /// A notice, or a request for one.
    Notice,
    /// A diffusion.
    Diffusion,
    /// An Ecomessage or a plain message.
    Message,
}

/// A document that a search found. It is a reason to ask its source, and no proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundView {
    /// What it is.
    pub kind: FoundKind,
    /// By which it is named: of an entry or notice the record of its first text.
    pub id: String,
    /// Database or colour.
    pub register: Option<String>,
    /// Who wrote it.
    pub source: String,
    /// What it is of, in one line.
    pub subject: String,
    /// The source's reference.
    pub reference: Option<String>,
    /// Of a notice or diffusion where it stands; what is only requested is no notice.
    pub standing: Option<NoticeStanding>,
    /// Of 0 to 1: how well it fits. A number fits or does not.
    pub score: f32,
    /// An exercise, not a real case.
    #[serde(default)]
    pub exercise: bool,
    /// The record by which its source was told of this hit.
    pub hit: Option<String>,
}

impl Eq for FoundView {}

impl FoundView {
    /// How well it fits in whole per cent, as people are told and as results are sorted.
    pub fn percent(&self) -> u8 {
        Self::percent_of(self.score)
    }

    /// A score in whole per cent.
    pub fn percent_of(score: f32) -> u8 {
        (score * 100.0).round() as u8
    }
}

/// How current what this node has of a member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AsOfView {
    /// The member.
    pub member: String,
    /// When that member's node last said what it holds, or a minute ago if there is a live link with it and nothing is missing;
    /// absent if it has not said so since this node started.
    pub at_ms: Option<u64>,
    /// Records that it has and this node lacks.
    pub missing: u64,
}

/// Who looks at an entry, and why: for the access log, into which it goes if the entry is another country's and about a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ViewerQuery {
    /// Who looks, as the bureau names its officers; at most 128 bytes are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
    /// Why, by a code of `search-purpose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Tells the source of an entry, a notice or a diffusion that it was found: after a search by name, when an officer has looked at the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HitRequest {
    /// What was searched for.
    pub query: String,
    /// Why it was searched, by code.
    pub purpose: String,
    /// Who searched.
    pub officer: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remarks: Option<String>,
}

/// A hit: one that another country had on something of this bureau, or the other way about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HitView {
    /// The record that tells of it.
    pub id: String,
    /// Who searched.
    pub searcher: String,
    /// Whose entry, notice or diffusion was found.
    pub source: String,
    /// What was found.
    #[serde(default = "entry_kind")]
    pub kind: FoundKind,
    /// The entry, notice or diffusion.
    pub entry: String,
    /// Its reference.
    pub reference: Option<String>,
    /// When it was found.
    pub found_at: String,
    /// Why it was searched, by code.
    pub purpose: String,
    /// The officer.
    pub officer: String,
    /// Where.
    pub place: Option<String>,
    /// What was searched for.
    pub query: String,
    /// What else was said.
    pub remarks: Option<String>,
    /// An exercise, not a real case.
    #[serde(default)]
    pub exercise: bool,
    /// When this node first saw the record.
    pub first_seen_ms: u64,
}

/// Nodes that know hits on entries only do not say what was found.
fn entry_kind() -> FoundKind {
    FoundKind::Entry
}

/// Hits on entries, notices and diffusions of this bureau, and those that it had on those of others, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HitListing {
    /// The hits.
    pub hits: Vec<HitView>,
    /// How many more there are, which are older.
    #[serde(default)]
    pub older: u64,
}
