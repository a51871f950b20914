//! The fold of all events into the state of a notice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::codes::{Code, NoticeCancellation, NoticeMissing, NoticeRefusal, NoticeWithdrawal};
use crate::limits::LIFE_EVENTS_MAX;
use crate::member::MemberCode;
use crate::notice::life::event::{Event, Position, Step, Version, What};
use crate::notice::life::review::Review;
use crate::notice::life::table::{Phase, Row, Who};
use crate::notice::life::{RENEWAL_MS, VALIDITY_MS};
use crate::notice::{Colour, rules};
use crate::rule::Rule;

/// All that is known to have happened to one notice, in whatever order it came.
#[derive(Debug, Clone)]
pub struct Life {
    colour: &'static Colour,
    source: MemberCode,
    review: Arc<Review>,
    /// All events of each author. What does not count today may count once another is erased or disputed.
    events: BTreeMap<MemberCode, BTreeSet<Event>>,
}

/// What the events make of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    standing: Standing,
    /// The last version that was attested.
    attested: Option<Version>,
    /// A version that waits for its attestations.
    pending: Option<Version>,
    expires_ms: Option<u64>,
    ignored: Vec<Ignored>,
    /// For each matter who voted, and whether for it.
    votes: BTreeMap<Matter, BTreeMap<MemberCode, bool>>,
}

/// Where a notice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not asked for.
    Nothing,
    /// Asked for, and under review: shown to nobody as a notice.
    Requested,
    /// Returned as incomplete.
    Returned(Vec<Code<NoticeMissing>>),
    /// Refused. Whoever still wants it makes another request.
    Refused(Code<NoticeRefusal>),
    /// Published.
    Published,
    /// Hidden while doubts are studied.
    Suspended(Code<NoticeRefusal>),
    /// Taken back by its source.
    Cancelled(Code<NoticeCancellation>),
    /// Taken away by the reviewers.
    Withdrawn(Code<NoticeWithdrawal>),
    /// Over, since nobody renewed it.
    Expired,
}

/// An event without effect, and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Which event.
    pub position: Position,
    /// The rule.
    pub rule: &'static Rule,
}

impl Life {
    /// The life of a notice that `source` asks for.
    pub fn new(colour: &'static Colour, source: MemberCode, review: impl Into<Arc<Review>>) -> Self {
        Self { colour, source, review: review.into(), events: BTreeMap::new() }
    }

    /// Takes an event, in any order. The same event twice is one.
    pub fn insert(&mut self, event: Event) {
        self.events.entry(event.position.who.clone()).or_default().insert(event);
    }

    /// The events that count, in their order: of each author the earliest [`LIFE_EVENTS_MAX`] of those that do not stand at
    /// certain places. So a flood of one member hurts that member alone, and what counts does not depend on the order of
    /// arrival, on what was there before it was erased, or on which branch of a forked log a node holds.
    pub fn counted(&self, left_out: impl Fn(&Position) -> bool) -> Vec<&Event> {
        let mut events: Vec<&Event> = Vec::new();
        for own in self.events.values() {
            events.extend(own.iter().filter(|event| !left_out(&event.position)).take(LIFE_EVENTS_MAX));
        }
        events.sort_unstable();
        events
    }

    /// Its colour.
    pub fn colour(&self) -> &'static Colour {
        self.colour
    }

    /// Who asks for it.
    pub fn source(&self) -> &MemberCode {
        &self.source
    }

    /// Forgets an event whose record was erased.
    pub fn remove(&mut self, position: &Position) {
        if let Some(own) = self.events.get_mut(&position.who) {
            own.retain(|event| event.position != *position);
        }
    }

    /// The same life without the events that stand at certain places.
    #[must_use]
    pub fn without(mut self, left_out: impl Fn(&Position) -> bool) -> Self {
        self.events.values_mut().for_each(|own| own.retain(|event| !left_out(&event.position)));
        self
    }

    /// What the events make of the notice.
    pub fn state(&self) -> State {
        self.state_without(|_| false)
    }

    /// What the events make of the notice without those that stand at certain places: what is disputed says nothing.
    pub fn state_without(&self, left_out: impl Fn(&Position) -> bool) -> State {
        self.fold(left_out).state
    }

    pub(super) fn fold(&self, left_out: impl Fn(&Position) -> bool) -> Fold<'_> {
        let mut fold = Fold::new(self);
        let mut last: Option<&Position> = None;
        for event in self.counted(left_out) {
            let verdict =
                if last == Some(&event.position) { Err(&rules::LIFE_ONE_PLACE) } else { fold.apply(event) };
            if let Err(rule) = verdict {
                fold.state.ignored.push(Ignored { position: event.position.clone(), rule });
            }
            last = Some(&event.position);
        }
        fold
    }

    /// On what a reviewer votes who refuses a text.
    pub fn refusal_of(&self, version: Version) -> Matter {
        if self.review.is_of_diffusions() { Matter::Compliance } else { Matter::Version(version) }
    }

    pub(super) fn review(&self) -> &Review {
        &self.review
    }
}

impl State {
    /// Where the notice stands at a time, milliseconds since 1970.
    pub fn standing_at(&self, now_ms: u64) -> Standing {
        if self.is_over(now_ms) { Standing::Expired } else { self.standing.clone() }
    }

    /// The version that is shown as a published notice at a time; `None` if none is.
    pub fn shown_at(&self, now_ms: u64) -> Option<Version> {
        match self.standing_at(now_ms) {
            Standing::Published => self.attested,
            _ => None,
        }
    }

    /// The version that waits for attestations: a request, or an update of what is published.
    pub fn pending(&self) -> Option<Version> {
        self.pending
    }

    /// The version that was attested last, whether it is shown now or not.
    pub fn attested(&self) -> Option<Version> {
        self.attested
    }

    /// When it ends unless it is renewed, milliseconds since 1970; `None` before it is published.
    pub fn expires_ms(&self) -> Option<u64> {
        self.expires_ms
    }

    /// Who has voted on a matter, and whether for it.
    pub fn votes(&self, matter: Matter) -> impl Iterator<Item = (&MemberCode, bool)> {
        self.votes.get(&matter).into_iter().flatten().map(|(who, says)| (who, *says))
    }

    pub(super) fn has_voted(&self, matter: Matter, who: &MemberCode) -> bool {
        self.votes.get(&matter).is_some_and(|votes| votes.contains_key(who))
    }

    /// Events without effect, in the order of their positions.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    fn is_over(&self, now_ms: u64) -> bool {
        let lives = matches!(self.standing, Standing::Published | Standing::Suspended(_));
        lives && self.expires_ms.is_some_and(|end| now_ms >= end)
    }
}

impl Standing {
    /// Where that is in the table; nothing leads on from expiry.
    fn phase(&self) -> Option<Phase> {
        Some(match self {
            Self::Nothing => Phase::Nothing,
            Self::Requested => Phase::Requested,
            Self::Returned(_) => Phase::Returned,
            Self::Refused(_) => Phase::Refused,
            Self::Published => Phase::Published,
            Self::Suspended(_) => Phase::Suspended,
            Self::Cancelled(_) => Phase::Cancelled,
            Self::Withdrawn(_) => Phase::Withdrawn,
            Self::Expired => return None,
        })
    }
}

/// What reviewers vote on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// Whether a version may be published.
    Version(Version),
    /// Whether a diffusion does not comply. It is refused as a whole: its source could put a new text before each refusal.
    Compliance,
    /// Whether the present suspension ends.
    Suspension,
    /// Whether the notice goes.
    Withdrawal,
}

/// The fold: the state so far.
pub(super) struct Fold<'l> {
    life: &'l Life,
    pub(super) state: State,
    until_ms: Option<u64>,
}

type Verdict = Result<(), &'static Rule>;

impl<'l> Fold<'l> {
    fn new(life: &'l Life) -> Self {
        let state = State {
            standing: Standing::Nothing,
            attested: None,
            pending: None,
            expires_ms: None,
            ignored: Vec::new(),
            votes: BTreeMap::new(),
        };
        Self { life, state, until_ms: None }
    }

    fn apply(&mut self, event: &Event) -> Verdict {
        let position = &event.position;
        self.allow(event.what.step(), position)?;
        match &event.what {
            What::Requested { version, until_ms } => {
                self.until_ms = *until_ms;
                self.await_review(*version);
            }
            What::Revised { version } => self.revise(*version, position.when_ms),
            What::Returned { version, missing } => {
                self.is_pending(*version)?;
                self.state.standing = Standing::Returned(missing.clone());
            }
            What::Refused { version, reason } => {
                let matter = self.life.refusal_of(*version);
                if matter != Matter::Compliance {
                    self.is_pending(*version)?;
                }
                if self.vote(matter, &position.who, false)? {
                    (self.state.standing, self.state.pending) = (Standing::Refused(reason.clone()), None);
                }
            }
            What::Attested { version } => {
                if self.state.attested != Some(*version) {
                    self.is_pending(*version)?;
                }
                if self.vote(Matter::Version(*version), &position.who, true)? {
                    self.publish(*version, position.when_ms);
                }
            }
            What::Suspended { reason } => {
                self.state.votes.remove(&Matter::Suspension);
                self.state.standing = Standing::Suspended(reason.clone());
            }
            What::Reinstated => {
                if self.vote(Matter::Suspension, &position.who, true)? {
                    // What was hidden before it was reviewed still is not.
                    let reviewed = self.state.attested.is_some();
                    self.state.standing = if reviewed { Standing::Published } else { Standing::Requested };
                }
            }
            What::Renewed { until_ms, .. } => self.renew(*until_ms, position.when_ms)?,
            What::Cancelled { reason } => {
                (self.state.standing, self.state.pending) = (Standing::Cancelled(reason.clone()), None);
            }
            What::Withdrawn { reason } => {
                if self.vote(Matter::Withdrawal, &position.who, true)? {
                    (self.state.standing, self.state.pending) = (Standing::Withdrawn(reason.clone()), None);
                }
            }
        }
        Ok(())
    }

    /// What the table says: who, then when.
    pub(super) fn allow(&self, step: Step, position: &Position) -> Verdict {
        let row = Row::of(step).ok_or(&rules::LIFE_ORDER)?;
        let Life { colour, source, review, .. } = self.life;
        let who = &position.who;
        let is_source = who == source;
        let fits = if row.who == Who::Source { is_source } else { review.is_reviewer(who) };
        if !fits {
            return Err(row.who.rule());
        }
        // To hide what one has asked for oneself does no harm.
        if row.who == Who::Quorum && is_source && !review.allows_own_review() {
            return Err(&rules::LIFE_OWN_REVIEW);
        }
        if step == Step::Request && !review.is_in_force(colour) {
            return Err(&rules::LIFE_TYPE);
        }
        if step == Step::Request && !review.may_request(who, colour) {
            return Err(&rules::LIFE_REQUESTER);
        }
        if step == Step::Request && !review.takes_part(who, colour) {
            return Err(&rules::LIFE_PILOT);
        }
        if self.state.is_over(position.when_ms) {
            return Err(&rules::LIFE_EXPIRED);
        }
        let phase = self.state.standing.phase().ok_or(&rules::LIFE_EXPIRED)?;
        // A diffusion is in circulation before anybody has reviewed it, and can be hidden at once.
        let hides = matches!(step, Step::Suspend | Step::Withdraw);
        let circulates = matches!(phase, Phase::Requested | Phase::Returned);
        let hidden_early = hides && circulates && review.is_of_diffusions();
        if hidden_early || row.from.contains(&phase) { Ok(()) } else { Err(&rules::LIFE_ORDER) }
    }

    fn await_review(&mut self, version: Version) {
        (self.state.standing, self.state.pending) = (Standing::Requested, Some(version));
    }

    /// A review of another version than the one that waits is none of it.
    fn is_pending(&self, version: Version) -> Verdict {
        if self.state.pending == Some(version) { Ok(()) } else { Err(&rules::LIFE_VERSION) }
    }

    /// Counts a vote; true if as many as the quorum now say the same.
    fn vote(&mut self, matter: Matter, who: &MemberCode, says: bool) -> Result<bool, &'static Rule> {
        let votes = self.state.votes.entry(matter).or_default();
        if votes.contains_key(who) {
            return Err(&rules::LIFE_ONE_VOTE);
        }
        votes.insert(who.clone(), says);
        Ok(votes.values().filter(|said| **said == says).count() >= self.life.review.quorum())
    }

    /// The first time validity begins; later the text alone changes.
    fn publish(&mut self, version: Version, when_ms: u64) {
        self.state.attested = Some(version);
        if self.state.pending == Some(version) {
            self.state.pending = None;
        }
        if self.state.expires_ms.is_none() {
            let longest = when_ms.saturating_add(VALIDITY_MS);
            self.state.expires_ms = Some(self.until_ms.map_or(longest, |until| until.min(longest)));
        }
        if self.state.standing == Standing::Requested {
            self.state.standing = Standing::Published;
        }
    }

    /// A request waits for its review with the new text. What is published stays shown as it is until the new text is
    /// attested; a version that was attested once is shown again at once.
    fn revise(&mut self, version: Version, when_ms: u64) {
        match self.state.standing {
            Standing::Published | Standing::Suspended(_) => self.update(version, when_ms),
            _ => self.await_review(version),
        }
    }

    fn update(&mut self, version: Version, when_ms: u64) {
        let attested = |votes: &BTreeMap<MemberCode, bool>| {
            votes.values().filter(|said| **said).count() >= self.life.review.quorum()
        };
        let known = self.state.votes.get(&Matter::Version(version)).is_some_and(attested);
        self.state.pending = Some(version);
        if known {
            self.publish(version, when_ms);
        }
    }

    fn renew(&mut self, until_ms: u64, when_ms: u64) -> Verdict {
        let end = self.state.expires_ms.ok_or(&rules::LIFE_ORDER)?;
        let in_time = may_renew(end, when_ms);
        let bounded = until_ms > end && until_ms <= end.saturating_add(VALIDITY_MS);
        if !in_time || !bounded {
            return Err(&rules::LIFE_RENEWAL);
        }
        self.state.expires_ms = Some(until_ms);
        Ok(())
    }
}

/// Whether a notice that ends then can be renewed already.
pub(super) fn may_renew(end_ms: u64, when_ms: u64) -> bool {
    when_ms >= end_ms.saturating_sub(RENEWAL_MS)
}
