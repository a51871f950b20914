//! Which notices and diffusions there are, and where each stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use ecomesh_record::RecordId;

use super::Place;
use super::waiting::Waiting;
use crate::Document;
use crate::date::PartialDate;
use crate::member::MemberCode;
use crate::notice::life::{
    Event, Ignored, Life, Matter, Position, Review, Standing, State, Step, Version, What,
};
use crate::notice::{Colour, Notice, rules};
use crate::rule::Rule;
use crate::text::Line;

/// Whether a notice is asked for, or a diffusion was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseKind {
    /// A notice: shown once enough reviewers have attested it.
    Notice,
    /// A diffusion: shown at once, and reviewed afterwards.
    Diffusion,
}

/// All notices and diffusions of a network.
#[derive(Debug, Clone)]
pub struct Notices {
    review: Arc<Review>,
    diffusions: Arc<Review>,
    cases: BTreeMap<RecordId, Case>,
    waiting: Waiting<Part>,
    /// The case to which each record belongs.
    belongs: BTreeMap<RecordId, RecordId>,
}

/// A notice or a diffusion, and all that was done about it.
#[derive(Debug, Clone)]
pub struct Case {
    place: Place,
    kind: CaseKind,
    life: Life,
    texts: BTreeMap<Version, Text>,
    steps: BTreeMap<RecordId, Position>,
    /// New texts that are none.
    void: BTreeMap<Place, &'static Rule>,
}

/// A text of a notice or diffusion: what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its record.
    pub place: Place,
    /// Who or what it is about.
    pub subject: String,
    /// The source's reference.
    pub reference: Option<String>,
}

/// What a document adds to a case.
#[derive(Debug, Clone)]
enum Part {
    Text { kind: CaseKind, colour: &'static Colour, text: Text },
    Step(What),
}

impl Notices {
    /// None yet, in a network that reviews like this.
    pub fn new(review: Review) -> Self {
        let diffusions = Arc::new(review.clone().for_diffusions());
        Self {
            review: Arc::new(review),
            diffusions,
            cases: BTreeMap::new(),
            waiting: Waiting::default(),
            belongs: BTreeMap::new(),
        }
    }

    /// Takes a document. Whatever is no notice, no diffusion and no step is passed over; the same record twice is one.
    pub fn take(&mut self, place: &Place, document: &Document) {
        match document {
            Document::Notice(notice) => self.text(place, CaseKind::Notice, notice),
            Document::Diffusion(notice) => self.text(place, CaseKind::Diffusion, notice),
            Document::NoticeStep(step) => {
                if let Some(what) = step.what() {
                    self.part(place, step.notice.0, Part::Step(what));
                }
            }
            _ => {}
        }
    }

    /// Forgets what a record said: it was erased. Without its first text a case is none.
    pub fn forget(&mut self, id: RecordId) {
        self.waiting.forget(id);
        let Some(case_id) = self.belongs.remove(&id) else { return };
        if case_id == id {
            if let Some(case) = self.cases.remove(&id) {
                case.records().for_each(|record| {
                    self.belongs.remove(&record);
                });
            }
        } else if let Some(case) = self.cases.get_mut(&case_id) {
            case.forget(id);
        }
    }

    /// A case by the record of its first text.
    pub fn case(&self, id: RecordId) -> Option<&Case> {
        self.cases.get(&id)
    }

    /// The case to which a record belongs: the request itself, a later text, a step.
    pub fn case_of(&self, record: RecordId) -> Option<&Case> {
        self.cases.get(self.belongs.get(&record)?)
    }

    /// All cases, by the ids of their first texts.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// How many documents wait for the notice of which they speak.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn text(&mut self, place: &Place, kind: CaseKind, notice: &Notice) {
        let request = notice.request();
        let text = Text {
            place: place.clone(),
            subject: notice.subject(),
            reference: request.and_then(|r| r.reference.as_ref()).map(|r| Line::as_str(r).to_owned()),
        };
        let (colour, part) = (notice.colour(), |text| Part::Text { kind, colour: notice.colour(), text });
        match request.and_then(|request| request.replaces) {
            Some(replaced) => self.part(place, replaced.0, part(text)),
            None => {
                let until_ms = request.and_then(|r| r.valid_until).and_then(PartialDate::end_ms);
                self.open(place, kind, colour, text, until_ms);
            }
        }
    }

    /// The first text of a case.
    fn open(
        &mut self,
        place: &Place,
        kind: CaseKind,
        colour: &'static Colour,
        text: Text,
        until_ms: Option<u64>,
    ) {
        if self.cases.contains_key(&place.id) {
            return;
        }
        let review = match kind {
            CaseKind::Notice => &self.review,
            CaseKind::Diffusion => &self.diffusions,
        };
        let mut life = Life::new(colour, place.author().clone(), review.clone());
        let version = version_of(place.id);
        life.insert(Event { position: place.position.clone(), what: What::Requested { version, until_ms } });
        let mut case = Case {
            place: place.clone(),
            kind,
            life,
            texts: BTreeMap::from([(version, text)]),
            steps: BTreeMap::new(),
            void: BTreeMap::new(),
        };
        self.belongs.insert(place.id, place.id);
        for (place, part) in self.waiting.release(place.id) {
            self.belongs.insert(place.id, case.place.id);
            case.add(&place, part);
        }
        self.cases.insert(case.place.id, case);
    }

    fn part(&mut self, place: &Place, target: RecordId, part: Part) {
        match self.cases.get_mut(&target) {
            Some(case) => {
                self.belongs.insert(place.id, target);
                case.add(place, part);
            }
            None => self.waiting.hold(target, place.clone(), part),
        }
    }
}

impl Case {
    /// The record of its first text, by which people name it.
    pub fn id(&self) -> RecordId {
        self.place.id
    }

    /// That record's place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Notice or diffusion.
    pub fn kind(&self) -> CaseKind {
        self.kind
    }

    /// Its colour.
    pub fn colour(&self) -> &'static Colour {
        self.life.colour()
    }

    /// Who asked for it, or sent it.
    pub fn source(&self) -> &MemberCode {
        self.life.source()
    }

    /// Where it stands, without what stands at certain places of logs: what is disputed says nothing.
    pub fn state(&self, left_out: impl Fn(&Position) -> bool) -> State {
        self.life.state_without(left_out)
    }

    /// The text that is shown at a time: of a notice the one that was attested, of a diffusion that too, or the newest one as
    /// long as none is reviewed.
    pub fn shown(&self, state: &State, now_ms: u64) -> Option<&Text> {
        let version = match self.kind {
            CaseKind::Notice => state.shown_at(now_ms),
            CaseKind::Diffusion => match state.standing_at(now_ms) {
                // Until it is reviewed its newest text is in circulation; afterwards a new one waits as that of a notice does,
                // so that nothing unreviewed is shown as reviewed.
                Standing::Requested | Standing::Returned(_) => state.pending(),
                Standing::Published => state.attested(),
                _ => None,
            },
        };
        self.texts.get(&version?)
    }

    /// The text that is spoken of, whether it is shown or not: the one that waits for a review, else the one that was
    /// attested, else the first.
    pub fn text(&self, state: &State) -> Option<&Text> {
        let version =
            state.pending().or_else(|| state.attested()).unwrap_or_else(|| version_of(self.place.id));
        self.texts.get(&version)
    }

    /// A text by its record.
    pub fn text_of(&self, record: RecordId) -> Option<&Text> {
        self.texts.get(&version_of(record))
    }

    /// All that was done about it, by time, each with the rule that it breaks if it has no effect.
    pub fn history(&self, left_out: impl Fn(&Position) -> bool) -> Vec<(&Event, Option<&'static Rule>)> {
        let state = self.life.state_without(&left_out);
        let ignored: BTreeMap<&Position, &'static Rule> =
            state.ignored().iter().map(|Ignored { position, rule }| (position, *rule)).collect();
        let events = self.life.counted(&left_out).into_iter();
        events.map(|event| (event, ignored.get(&event.position).copied())).collect()
    }

    /// New texts that have no effect, and why.
    pub fn void(&self) -> impl Iterator<Item = (&Position, &'static Rule)> {
        self.void.iter().map(|(place, rule)| (&place.position, *rule))
    }

    /// The same case without what stands at certain places of logs: what is disputed is neither answered nor shown, nor in the
    /// way of a step.
    #[must_use]
    pub fn without(mut self, left_out: impl Fn(&Position) -> bool) -> Self {
        self.void.retain(|place, _| !left_out(&place.position));
        Self { life: self.life.without(left_out), ..self }
    }

    /// The reviewers that have not decided yet on the text that waits, and may: [`Life::awaited`].
    pub fn awaited(&self, state: &State) -> Vec<&MemberCode> {
        self.life.awaited(state)
    }

    /// The steps that a member could take at a time. Ask a case [without](Self::without) what is disputed.
    pub fn open_steps(&self, who: &MemberCode, when_ms: u64) -> Vec<Step> {
        self.life.open_steps(who, when_ms)
    }

    /// On what a reviewer votes who refuses a text.
    pub fn refusal_of(&self, version: Version) -> Matter {
        self.life.refusal_of(version)
    }

    /// When the last event is dated that has an effect. A step must be dated after the one that it answers; nobody answers
    /// what has none, which somebody who has no say here could date years ahead.
    /// Ask a case [without](Self::without) what is disputed.
    pub fn last_ms(&self) -> u64 {
        let effective = self.history(|_| false).into_iter().filter(|(_, rule)| rule.is_none());
        effective.map(|(event, _)| event.position.when_ms).max().unwrap_or(self.place.position.when_ms)
    }

    /// Whether a step would have an effect. Ask a case [without](Self::without) what is disputed.
    ///
    /// # Errors
    /// The rule that it would break.
    pub fn would(&self, event: Event) -> Result<(), &'static Rule> {
        let mut life = self.life.clone();
        let position = event.position.clone();
        life.insert(event);
        let ignored = life.state();
        let broken = ignored.ignored().iter().find(|ignored| ignored.position == position);
        broken.map_or(Ok(()), |ignored| Err(ignored.rule))
    }

    /// The records of which it is made.
    pub fn records(&self) -> impl Iterator<Item = RecordId> {
        let void = self.void.keys().map(|place| place.id);
        self.texts.values().map(|text| text.place.id).chain(self.steps.keys().copied()).chain(void)
    }

    fn add(&mut self, place: &Place, part: Part) {
        let position = place.position.clone();
        let what = match part {
            Part::Step(what) => {
                self.steps.insert(place.id, position.clone());
                what
            }
            Part::Text { kind, colour, text } => {
                if (kind, colour) != (self.kind, self.life.colour()) {
                    self.void.insert(place.clone(), &rules::LIFE_PURPOSE);
                    return;
                }
                let version = version_of(place.id);
                // A text of somebody else is evidence and no text: the life refuses the event.
                if place.author() == self.source() {
                    self.texts.insert(version, text);
                } else {
                    self.steps.insert(place.id, position.clone());
                }
                What::Revised { version }
            }
        };
        self.life.insert(Event { position, what });
    }

    fn forget(&mut self, id: RecordId) {
        self.void.retain(|place, _| place.id != id);
        let text = self.texts.remove(&version_of(id)).map(|text| text.place.position);
        if let Some(position) = text.or_else(|| self.steps.remove(&id)) {
            self.life.remove(&position);
        }
    }
}

fn version_of(record: RecordId) -> Version {
    Version(*record.as_bytes())
}
