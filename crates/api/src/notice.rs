//! Notices and diffusions: asking for them, steps in their lives, and where they stand.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::file::{FileRequest, FileView};
use crate::message::{Priority, RecordState};
use crate::problem::Detail;

/// Whether it is asked for, or sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// A notice: published once enough reviewers have approved it.
    Notice,
    /// A diffusion: in circulation at once, reviewed afterwards.
    Diffusion,
}

/// A notice to ask for, or a diffusion to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeDraft {
    /// The form, as JSON: `{"form": "red-notice", …}`.
    pub document: serde_json::Value,
    /// Which of the two.
    pub kind: CaseKind,
    /// Of a diffusion: for whom it is; reviewers get a copy. A notice is for all members but those that its form excludes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Of a diffusion: for all members that lie in these regions, but the sender and those that the form excludes; beside those
    /// in `to`. Regions of UN M49, as `eastern-africa`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Of a diffusion: for all members.
    #[serde(default)]
    pub members: bool,
    /// The notice or diffusion to which this is a new text: its id, or at least 6 digits of it. It goes to whom that went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// How urgent; routine if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// An exercise, not a real case.
    #[serde(default)]
    pub exercise: bool,
    /// Files that go with it; their parts are recorded before, for whom [`NoticeAudience`] tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRequest>,
}

/// For whom a draft would be, and for how long, so that parts of its files can be recorded before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeAudience {
    /// To whom it would go; empty means all members.
    pub to: Vec<String>,
    /// Whether it would be sealed; else the nodes of all members can read it.
    pub sealed: bool,
    /// Whether it would be sealed to a group, since its form excludes some: then its parts are, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub group: bool,
    /// When it would expire, if its source wants less than its class allows: its parts must not expire later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
}

/// A step in the life of a notice or diffusion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRequest {
    /// `approve`, `return`, `refuse`, `suspend`, `reinstate`, `renew`, `cancel`, `withdraw`.
    pub step: String,
    /// Of a review: the record of the text that was read; may be left out while there is one text alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why, by code; of a renewal in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a returned request lacks, by codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Of a renewal: the new last day, as `2031-11-28`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A step that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepSent {
    /// The record of the step.
    pub id: String,
    /// Where the notice stands now.
    pub notice: NoticeView,
}

/// Where a notice or a diffusion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeStanding {
    /// It never was one: its author may not ask for it.
    Void,
    /// A notice: asked for, and not reviewed yet. A diffusion: in circulation, not reviewed yet.
    Requested,
    /// The reviewers ask for more.
    Returned,
    /// The reviewers refuse it; of a diffusion they find that it does not comply with the rules.
    Refused,
    /// A notice: published. A diffusion: in circulation and reviewed.
    Published,
    /// Hidden while doubts are studied.
    Suspended,
    /// Taken back by its source.
    Cancelled,
    /// Taken away by the reviewers.
    Withdrawn,
    /// Over, since nobody renewed it.
    Expired,
    /// Only of one of its texts: another text holds.
    Replaced,
}

/// A notice or a diffusion in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// The record of its first text, by which it is named.
    pub id: String,
    /// Notice or diffusion.
    pub kind: CaseKind,
    /// Its colour, as `red`.
    pub colour: String,
    /// Who asked for it, or sent it.
    pub source: String,
    /// Where it stands.
    pub standing: NoticeStanding,
    /// Codes of the reason: why it was refused, suspended, cancelled, withdrawn, or what it lacks.
    pub reasons: Vec<String>,
    /// Whether it is shown as a notice, or is in circulation as a diffusion.
    pub in_force: bool,
    /// Who or what it is about: by the text in force, else by the text that waits.
    pub subject: String,
    /// The source's reference.
    pub reference: Option<String>,
    /// When it was asked for or sent, by its author's clock.
    pub requested_at_ms: u64,
    /// When it ends unless it is renewed; absent until it is published.
    pub ends_at_ms: Option<u64>,
    /// The record of the text in force.
    pub text: Option<String>,
    /// The record of the text that waits for a review.
    pub pending: Option<String>,
    /// Who has approved the text that waits.
    pub approved_by: Vec<String>,
    /// How many reviewers must.
    pub quorum: u64,
    /// Votes of reviewers on what is not decided yet, but approvals.
    #[serde(default)]
    pub votes: Vec<VotesView>,
    /// Why the text that waits will never be approved, if too few reviewers are left who could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck_why: Option<StuckWhy>,
    /// For whom it is; empty means all members.
    pub to: Vec<String>,
    /// An exercise, not a real case.
    pub exercise: bool,
    /// How the record of its text stands.
    pub state: RecordState,
}

/// Why the text that waits will never be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StuckWhy {
    /// The charter names no reviewers.
    NoReviewers,
    /// Its source is a reviewer that may not review its own, and too few others are reviewers.
    OwnReview,
    /// It is closed to all who could review it.
    NoneCanRead,
    /// It is closed to so many reviewers that the others are too few.
    TooFewCanRead,
    /// Each reviewer decides once on a text, and too few are left: a new text would be reviewed by all of them anew.
    Decided,
}

/// Votes of reviewers for a step that is taken once as many as the quorum agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VotesView {
    /// The step: `refuse`, `reinstate`, `withdraw`.
    pub step: String,
    /// Who has voted for it.
    pub by: Vec<String>,
}

/// A reviewer whose decision is awaited, and whether it can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AwaitedView {
    /// The reviewer.
    pub member: String,
    /// Whether it is this bureau, or its node is linked with this one.
    pub linked: bool,
    /// When its node was last heard of, if ever.
    pub heard_at_ms: Option<u64>,
}

/// What a member could do about a notice now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextView {
    /// The source, or a reviewer.
    pub member: String,
    /// Steps, as in [`StepRequest`]; also `text`.
    pub steps: Vec<String>,
}

/// All that is known of a notice or a diffusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeDetail {
    /// Where it stands.
    pub notice: NoticeView,
    /// The text as people read it: the one in force, else the one that waits for a review.
    pub rendered: Option<String>,
    /// The same as JSON.
    pub document: Option<serde_json::Value>,
    /// The record of that text.
    pub rendered_id: Option<String>,
    /// The text that waits for a review, if another one is in force.
    #[serde(default)]
    pub waiting: Option<String>,
    /// The files that go with the text that waits.
    #[serde(default)]
    pub waiting_files: Vec<FileView>,
    /// The files that go with the text that is rendered.
    #[serde(default)]
    pub files: Vec<FileView>,
    /// Why it is not shown.
    pub unreadable: Option<String>,
    /// What the rules find missing or wrong in it.
    pub problems: Vec<Detail>,
    /// All that was done about it, by time.
    pub history: Vec<StepView>,
    /// The reviewers that have not decided yet on the text that waits, and can read it.
    #[serde(default)]
    pub awaits: Vec<AwaitedView>,
    /// What can follow: the steps that the source and the reviewers could take now.
    #[serde(default)]
    pub next: Vec<NextView>,
}

/// Something that was done about a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// By its author's clock.
    pub at_ms: u64,
    /// Who.
    pub member: String,
    /// What, as in [`StepRequest`]; also `request` and `text`.
    pub step: String,
    /// Codes of its reason.
    pub reasons: Vec<String>,
    /// The record of the text that was given or read.
    pub text: Option<String>,
    /// The rule that it breaks, if it has no effect.
    pub void: Option<String>,
}

/// Which notices and diffusions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoticeQuery {
    /// Only of this colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Only of this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only notices, or only diffusions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<CaseKind>,
    /// Only those that stand so. Without this, those in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<NoticeStanding>,
    /// All of them, wherever they stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// Entries of the page, 1 to 500; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of notices, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeListing {
    /// The notices and diffusions.
    pub notices: Vec<NoticeView>,
    /// Ask with this as `cursor` for what is older; absent at the end.
    pub next: Option<String>,
    /// Who reviews requests in this network.
    pub reviewers: Vec<String>,
    /// How many of them must agree.
    pub quorum: u64,
    /// Records that are here and not taken into account yet.
    pub unread: u64,
}
