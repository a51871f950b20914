//! I11: all nodes make the same of the same documents, whatever the order in which they came, and nobody shows what
//! was not reviewed or changes what is not his.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_document::Document;
use ecomesh_document::entry::rules::SLTD_ISSUER;
use ecomesh_document::member::MemberCode;
use ecomesh_document::notice::life::{Review, Standing, State, What};
use ecomesh_document::projection::entries::{EntryStanding, Item};
use ecomesh_document::projection::notices::{Case, CaseKind};
use ecomesh_document::projection::{Entries, Notices};
use ecomesh_record::{Lane, RecordId};

use super::{QUORUM, Register, Said, code_of};
use crate::coverage::Mark;
use crate::members::reviewers;
use crate::world::World;

/// So many characters of what is shown are told before and after the place where two nodes part.
const LEAD: usize = 100;
const EXCERPT: usize = 500;

/// What a node shows of each case and entry.
type Shown = BTreeMap<RecordId, String>;

impl World {
    /// Something was said about a case or an entry.
    pub(super) fn check_matter(&mut self, number: usize, about: RecordId) {
        if !self.nodes[number].is_honest() {
            return;
        }
        let now_ms = self.wall().0;
        let register = &self.nodes[number].register;
        let mut marks = Vec::new();
        let mut wrong = None;
        if let Some(case) = register.notices.case(about) {
            wrong = register.wrong_case(case, now_ms);
            marks.extend(register.reached_by_case(case, now_ms));
        }
        if let Some(item) = register.entries.item(about) {
            wrong = wrong.or_else(|| register.wrong_item(item, now_ms));
            marks.extend(register.reached_by_item(item, now_ms));
        }
        marks.into_iter().for_each(|mark| self.coverage.mark(mark));
        if let Some(wrong) = wrong {
            let name = self.name(number);
            self.checks.fail("I11", format!("{name}: {wrong}"));
        }
    }

    /// The same for everything: what is disputed or erased may change anything.
    pub(super) fn check_register(&mut self, number: usize) {
        let all: Vec<RecordId> = self.nodes[number].register.said.keys().copied().collect();
        all.into_iter().for_each(|about| self.check_matter(number, about));
    }

    /// Why the honest nodes, which hold the same, do not make the same of it; `None` if they do.
    pub(crate) fn unlike_registers(&mut self) -> Option<String> {
        if !self.keeps_register() {
            return None;
        }
        let now_ms = self.wall().0;
        let honest: Vec<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].is_honest()).collect();
        let mut earlier: Vec<(usize, Shown)> = Vec::new();
        for number in honest {
            self.forget_expired(number);
            if let Some(wrong) = self.wrongly_read(number) {
                return Some(wrong);
            }
            let shown = self.nodes[number].register.shown(now_ms);
            for (one, like) in &earlier {
                if let Some(unlike) = unlike(&self.part_for(number, like), &self.part_for(*one, &shown)) {
                    return Some(format!("{} and {} differ: {unlike}", self.name(*one), self.name(number)));
                }
            }
            // Where all is open, whoever is like the first is like all.
            if self.closes() || earlier.is_empty() {
                earlier.push((number, shown.clone()));
            }
            let rebuilt = self.rebuilt(number).shown(now_ms);
            if let Some(unlike) = unlike(&shown, &rebuilt) {
                return Some(format!("{} shows another thing after a rebuild: {unlike}", self.name(number)));
            }
        }
        None
    }

    /// What another node may see as well of what one shows.
    fn part_for(&self, other: usize, shown: &Shown) -> Shown {
        let both = shown.iter().filter(|(id, _)| self.may_read(other, **id));
        both.map(|(id, text)| (*id, text.clone())).collect()
    }
}

/// The first thing that is not the same in both.
fn unlike(one: &Shown, other: &Shown) -> Option<String> {
    let ids: BTreeSet<&RecordId> = one.keys().chain(other.keys()).collect();
    let id = ids.into_iter().find(|id| one.get(id) != other.get(id))?;
    let text = |shown: &Shown| shown.get(id).map_or_else(|| "nothing".into(), String::clone);
    let (one, other) = (text(one), text(other));
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count().saturating_sub(LEAD);
    let part = |text: String| text.chars().skip(same).take(EXCERPT).collect::<String>();
    Some(format!("of {id:?}\n  …{}\n  …{}", part(one), part(other)))
}

impl Register {
    fn state_of(&self, case: &Case) -> State {
        case.state(|position| self.is_disputed(position, Lane::MESSAGES))
    }

    /// All that can be seen of it. What begins in a disputed place is a matter of its own log, and may be elsewhere.
    fn shown(&self, now_ms: u64) -> Shown {
        let disputed = |position: &_| self.is_disputed(position, Lane::MESSAGES);
        let cases = self.notices.cases().filter(|case| !disputed(&case.place().position)).map(|case| {
            let state = case.state(disputed);
            let void: Vec<_> = case.void().filter(|(position, _)| !disputed(position)).collect();
            let (shown, text) = (case.shown(&state, now_ms), case.text(&state));
            let told = format!("{state:?}, shown {shown:?}, text {text:?}, void {void:?}");
            (case.id(), format!("{told}, history {:?}", case.history(disputed)))
        });
        let disputed = |position: &_| self.is_disputed(position, Lane::ENTRIES);
        let items = self.entries.items().filter(|item| !disputed(&item.place().position)).map(|item| {
            let state = item.state(disputed);
            (item.id(), format!("{:?}, {:?}, {:?}", state.standing(now_ms), state.text, state.ignored))
        });
        cases.chain(items).collect()
    }

    /// What is shown of a case and must not be.
    fn wrong_case(&self, case: &Case, now_ms: u64) -> Option<String> {
        let state = self.state_of(case);
        let shown = case.shown(&state, now_ms);
        if let Some(text) = shown {
            if text.place.author() != case.source() {
                return Some(format!("{:?} shows a text of {:?}", case.id(), text.place.author()));
            }
            let approvals = self.approvals(case, text.place.id);
            if case.kind() == CaseKind::Notice && approvals < QUORUM {
                return Some(format!("{:?} is shown with {approvals} approvals", case.id()));
            }
        }
        let by_right = self.notices_by_right(case);
        let without = by_right.case(case.id())?;
        let state_without = self.state_of(without);
        if state.standing_at(now_ms) != state_without.standing_at(now_ms)
            || shown != without.shown(&state_without, now_ms)
        {
            return Some(format!("{:?} is what others than its source and reviewers made of it", case.id()));
        }
        None
    }

    /// How many reviewers have approved a text, by what they wrote.
    fn approvals(&self, case: &Case, text: RecordId) -> usize {
        let approves = |(place, document): &&Said| {
            let Document::NoticeStep(step) = document.as_ref() else { return false };
            let approved = matches!(step.what(), Some(What::Attested { version }) if version.0 == text.0);
            approved
                && is_reviewer(place.author())
                && place.author() != case.source()
                && !self.is_disputed(&place.position, Lane::MESSAGES)
        };
        let said = self.said.get(&case.id()).into_iter().flat_map(BTreeMap::values);
        said.filter(approves).map(|(place, _)| place.author()).collect::<BTreeSet<_>>().len()
    }

    /// What a case would be if nobody wrote of it but its source and the reviewers.
    fn notices_by_right(&self, case: &Case) -> Notices {
        let review = Review::new(reviewers().into_iter().filter_map(code_of), QUORUM);
        let mut notices = Notices::new(review.unwrap_or_else(|_| Review::none()));
        for (place, document) in self.said.get(&case.id()).into_iter().flat_map(BTreeMap::values) {
            if place.author() == case.source() || is_reviewer(place.author()) {
                notices.take(place, document);
            }
        }
        notices
    }

    /// What is shown of an entry and must not be.
    fn wrong_item(&self, item: &Item, now_ms: u64) -> Option<String> {
        let mut entries = Entries::default();
        for (place, document) in self.said.get(&item.id()).into_iter().flat_map(BTreeMap::values) {
            if place.author() == item.source() {
                entries.take(place, document);
            }
        }
        let disputed = |position: &_| self.is_disputed(position, Lane::ENTRIES);
        let (state, without) = (item.state(disputed), entries.item(item.id())?.state(disputed));
        let same = state.text == without.text && state.standing(now_ms) == without.standing(now_ms);
        (!same).then(|| format!("{:?} is what others than its source made of it", item.id()))
    }

    fn reached_by_case(&self, case: &Case, now_ms: u64) -> Vec<Mark> {
        let state = self.state_of(case);
        let mut marks = Vec::new();
        match (case.kind(), state.standing_at(now_ms)) {
            (CaseKind::Notice, Standing::Published) => marks.push(Mark::NoticePublished),
            (CaseKind::Notice, Standing::Refused(_)) => marks.push(Mark::NoticeRefused),
            (CaseKind::Diffusion, Standing::Refused(_)) => marks.push(Mark::DiffusionRefused),
            _ => {}
        }
        let history = case.history(|position| self.is_disputed(position, Lane::MESSAGES));
        let effective = history.iter().filter(|(_, rule)| rule.is_none()).map(|(event, _)| &event.what);
        let effective: Vec<&What> = effective.collect();
        let completed = |pair: &[&What]| matches!(pair, [What::Returned { .. }, What::Revised { .. }]);
        if case.kind() == CaseKind::Notice && effective.windows(2).any(completed) {
            marks.push(Mark::NoticeCompleted);
        }
        marks
    }

    fn reached_by_item(&self, item: &Item, now_ms: u64) -> Option<Mark> {
        let state = item.state(|position| self.is_disputed(position, Lane::ENTRIES));
        match state.standing(now_ms) {
            EntryStanding::Withdrawn(_) => Some(Mark::EntryWithdrawn),
            EntryStanding::Void(rule) if *rule == SLTD_ISSUER => Some(Mark::EntryVoid),
            _ => None,
        }
    }
}

fn is_reviewer(code: &MemberCode) -> bool {
    reviewers().into_iter().filter_map(code_of).any(|reviewer| reviewer == *code)
}
