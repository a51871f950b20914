//! What clients write into the register: honest ones by the rules and by what their own node shows them, members that
//! keep no rule against them.

use ecomesh_document::Document;
use ecomesh_document::notice::life::{Event, Position, Standing, Version, What};
use ecomesh_document::projection::entries::Item;
use ecomesh_document::projection::notices::{Case, CaseKind};
use ecomesh_protocol::Draft;
use ecomesh_record::{Flags, Kind, Lane, MemberId, Priority, RecordId, Retention};

use super::papers;
use super::{Register, code_of};
use crate::rng::Rng;
use crate::world::World;

/// Of a hundred honest steps so many are not looked at before they are written.
const RASH_PERCENT: u8 = 10;
/// So many cases an honest client looks at until it finds one where it has something to do.
const CASES_LOOKED_AT: usize = 5;
/// Of a hundred looks at a case so many think of its end.
const ENDED_PERCENT: u8 = 5;
/// Of a hundred looks at a case that was not returned so many think of a new text.
const NEW_TEXT_PERCENT: u8 = 6;
/// So much likelier than any other step is that of which most reviewers think.
const OPINIONATED: usize = 5;

/// Who writes, when, by the own clock.
struct Writer {
    number: usize,
    member: MemberId,
    now_ms: u64,
}

impl World {
    /// A draft of this node's client for the register; nothing if there is nothing to do.
    pub(crate) fn register_draft(&mut self, number: usize) -> Option<Draft> {
        let node = &self.nodes[number];
        let (is_honest, member, now_ms) = (node.is_honest(), node.member, node.now(self.now).wall.0);
        let writer = Writer { number, member, now_ms };
        let register = &self.nodes[number].register;
        let rng = &mut self.register_rng;
        let paper = if is_honest {
            honest_paper(rng, register, &writer)?
        } else {
            let members = &self.members.ids;
            hostile_paper(rng, register, &writer, members)?
        };
        let draft = draft_of(rng, &paper)?;
        self.closed_or_open(number, &paper, draft)
    }

    /// The other branch of a document that a member shows in two versions.
    pub(crate) fn other_story(&mut self, number: usize, kind: Kind, content: &[u8]) -> Option<Vec<u8>> {
        if !self.keeps_register() {
            return None;
        }
        let document = Document::decode(kind.0, content).ok()?;
        let code = self.nodes[number].member;
        papers::twin(&mut self.register_rng, &document, code.as_str())?.encode().ok()
    }
}

/// A draft to all members, readable by all.
fn draft_of(rng: &mut Rng, paper: &Document) -> Option<Draft> {
    Some(Draft {
        kind: Kind(paper.kind().number),
        priority: Priority::ROUTINE,
        to: Vec::new(),
        retention: Retention(paper.retention()),
        expires_at: None,
        flags: Flags::default(),
        content: paper.encode().ok()?,
        salt: rng.bytes(),
        idempotency: rng.percent(30).then(|| rng.bytes()),
        sealed: None,
    })
}

fn honest_paper(rng: &mut Rng, register: &Register, writer: &Writer) -> Option<Document> {
    match rng.below(20) {
        0 => papers::notice(rng),
        1 => papers::notice(rng).map(Document::into_diffusion),
        2 => papers::vehicle(rng),
        3 => papers::passport(rng, writer.member.as_str()),
        4..=6 => own_entry_changed(rng, register, writer),
        _ => honest_step(rng, register, writer),
    }
}

/// A new text or the withdrawal of an own entry that holds.
fn own_entry_changed(rng: &mut Rng, register: &Register, writer: &Writer) -> Option<Document> {
    let code = code_of(writer.member)?;
    let own = register.entries.items().filter(|item| *item.source() == code);
    let own: Vec<_> = own.filter(|item| item.place().position.when_ms < writer.now_ms).collect();
    let item = *rng.pick(&own)?;
    if rng.percent(40) {
        return papers::withdrawal(rng, item.id());
    }
    let text = if item.database().name == "sltd" {
        papers::passport(rng, writer.member.as_str())
    } else {
        papers::vehicle(rng)
    };
    papers::new_text(text?, item.id())
}

/// A step on something that this node shows, or a new text of it, which by what this node knows has an effect. Whoever
/// answers an event dates the answer after it; while the own clock is behind that, a client lets it be.
fn honest_step(rng: &mut Rng, register: &Register, writer: &Writer) -> Option<Document> {
    let rash = rng.percent(RASH_PERCENT);
    let mut cases: Vec<&Case> = register.notices.cases().collect();
    rng.shuffle(&mut cases);
    let undisputed =
        |case: &Case| case.clone().without(|position| register.is_disputed(position, Lane::MESSAGES));
    let cases = cases.into_iter().map(undisputed).filter(|case| case.last_ms() < writer.now_ms);
    cases.take(CASES_LOOKED_AT).find_map(|case| {
        let mut possible = steps_on(rng, register, &case);
        possible.retain(|paper| rash || has_effect(&case, paper, writer));
        rng.pick(&possible).cloned()
    })
}

/// All that can be done about a case, whoever may do it. What most reviewers think of it is in its id, so that they come to
/// agree on many.
fn steps_on(rng: &mut Rng, register: &Register, case: &Case) -> Vec<Document> {
    let state = case.state(|position| register.is_disputed(position, Lane::MESSAGES));
    let text = case.text(&state).map_or_else(|| case.id(), |text| text.place.id);
    let opinion = if case.id().0[0].is_multiple_of(3) { "refuse" } else { "approve" };
    let ends = rng.percent(ENDED_PERCENT);
    let names = papers::STEPS.into_iter().filter(|name| ends || !matches!(*name, "cancel" | "withdraw"));
    let names = names.chain([opinion; OPINIONATED]);
    let mut papers: Vec<Document> =
        names.filter_map(|name| papers::step(rng, name, case.id(), text)).collect();
    let is_returned = matches!(state.standing_at(0), Standing::Returned(_));
    if is_returned || rng.percent(NEW_TEXT_PERCENT) {
        papers.extend(text_like(rng, case));
    }
    papers
}

/// A new text of a case, of its colour and kind if luck has it.
fn text_like(rng: &mut Rng, case: &Case) -> Option<Document> {
    let text = papers::notice(rng)?;
    let text = if case.kind() == CaseKind::Diffusion { text.into_diffusion() } else { text };
    papers::new_text(text, case.id())
}

fn has_effect(case: &Case, paper: &Document, writer: &Writer) -> bool {
    let what = match paper {
        Document::NoticeStep(step) => step.what(),
        Document::Notice(text) | Document::Diffusion(text) if text.colour() == case.colour() => {
            Some(What::Revised { version: Version([0; 32]) })
        }
        _ => None,
    };
    let (Some(what), Some(who)) = (what, code_of(writer.member)) else { return false };
    // Its place in the log is not known yet, and must only be nobody else's.
    let position = Position { when_ms: writer.now_ms, who, generation: u32::MAX, seq: u64::MAX };
    case.would(Event { position, what }).is_ok()
}

/// What breaks the rules, and now and then what does not: a fork is worth more where something rests on it.
fn hostile_paper(
    rng: &mut Rng,
    register: &Register,
    writer: &Writer,
    members: &[MemberId],
) -> Option<Document> {
    let cases: Vec<RecordId> = register.notices.cases().map(Case::id).collect();
    let entries: Vec<RecordId> = register.entries.items().map(Item::id).collect();
    let nothing = RecordId(rng.bytes());
    let case = rng.pick(&cases).copied();
    let entry = rng.pick(&entries).copied();
    match rng.below(14) {
        0 => papers::passport(rng, members.get((writer.number + 1) % members.len())?.as_str()),
        1 => papers::new_text(papers::notice(rng)?, case?),
        2 => papers::new_text(papers::notice(rng)?.into_diffusion(), case?),
        3 | 4 => {
            let papers = steps_on(rng, register, register.notices.case(case?)?);
            rng.pick(&papers).cloned()
        }
        5 => any_step(rng, case?, nothing),
        6 => any_step(rng, nothing, nothing),
        7 => any_step(rng, entry?, case?),
        8 => papers::withdrawal(rng, entry?),
        9 => papers::withdrawal(rng, case.unwrap_or(nothing)),
        10 => papers::new_text(papers::vehicle(rng)?, entry?),
        11 => papers::new_text(papers::passport(rng, writer.member.as_str())?, entry?),
        _ => honest_paper(rng, register, writer),
    }
}

fn any_step(rng: &mut Rng, on: RecordId, text: RecordId) -> Option<Document> {
    let name = rng.pick(&papers::STEPS).copied()?;
    papers::step(rng, name, on, text)
}
