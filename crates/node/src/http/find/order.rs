//! Which results are given where there are more than that, and in which order.
//!
//! Anybody can send diffusions that nobody reviewed: as many as there may be, they must not hide what is in force.

use std::collections::HashSet;

use ecomesh_api::{FoundKind, FoundView, NoticeStanding};

use super::{Found, Looked};

/// The best results of a search, of candidates that come the best first.
pub(super) struct Best {
    limit: usize,
    found: Vec<Found>,
    ids: HashSet<String>,
}

impl Best {
    /// None yet, of which `limit` are wanted, 1 at least.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, found: Vec::new(), ids: HashSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Takes a result. An entry or a notice may have several texts, of which the first counts.
    pub(super) fn take(&mut self, one: Found) {
        if self.ids.insert(one.view.id.clone()) {
            self.found.push(one);
        }
    }

    /// Whether nothing with this score, or with less, can be among the results any more: it fits less than the last of them, and
    /// there is more than these.
    pub(super) fn is_complete(&self, score: f32) -> bool {
        let last = self.limit.checked_sub(1).and_then(|last| self.found.get(last));
        self.found.len() > self.limit
            && last.is_some_and(|last| FoundView::percent_of(score) < last.view.percent())
    }

    /// The results, in order.
    pub(super) fn into_looked(self, all: bool) -> Looked {
        let Self { limit, mut found, .. } = self;
        found.sort_by_key(|one| (100_u8.saturating_sub(one.view.percent()), rank(&one.view)));
        let more = found.len() > limit;
        found.truncate(limit);
        Looked { found, more, all }
    }
}

/// What is in force comes first: notices, diffusions that were reviewed, entries. Then what waits for a review, and what
/// only tells of something.
fn rank(view: &FoundView) -> u8 {
    let is_in_force = view.standing == Some(NoticeStanding::Published);
    match view.kind {
        FoundKind::Notice if is_in_force => 0,
        FoundKind::Diffusion if is_in_force => 1,
        FoundKind::Entry => 2,
        FoundKind::Notice | FoundKind::Diffusion => 3,
        FoundKind::Message => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, kind: FoundKind, is_published: bool, score: f32) -> Found {
        let standing = match (kind, is_published) {
            (FoundKind::Entry | FoundKind::Message, _) => None,
            (_, true) => Some(NoticeStanding::Published),
            (_, false) => Some(NoticeStanding::Requested),
        };
        let view = FoundView {
            kind,
            id: id.into(),
            register: None,
            source: "KE".into(),
            subject: String::new(),
            reference: None,
            standing,
            score,
            exercise: false,
            hit: None,
        };
        Found { view, hit: None }
    }

    fn ids(looked: &Looked) -> Vec<&str> {
        looked.found.iter().map(|one| one.view.id.as_str()).collect()
    }

    #[test]
    fn what_is_in_force_comes_before_what_fits_no_better() {
        let mut best = Best::new(3);
        let rows = [
            ("message", FoundKind::Message, false, 0.9),
            ("diffusion", FoundKind::Diffusion, false, 0.899),
            ("request", FoundKind::Notice, false, 0.898),
            ("request", FoundKind::Notice, false, 0.898),
            ("entry", FoundKind::Entry, false, 0.897),
            ("notice", FoundKind::Notice, true, 0.896),
        ];
        for (id, kind, is_published, score) in rows {
            assert!(!best.is_complete(score), "{id}");
            best.take(found(id, kind, is_published, score));
        }
        assert!(best.is_complete(0.894) && !best.is_complete(0.896));
        let looked = best.into_looked(true);
        assert!(looked.more);
        assert_eq!(ids(&looked), ["notice", "entry", "diffusion"]);
    }

    #[test]
    fn what_fits_better_comes_first_and_that_there_is_no_more_is_known() {
        let mut best = Best::new(2);
        best.take(found("diffusion", FoundKind::Diffusion, false, 0.9));
        best.take(found("notice", FoundKind::Notice, true, 0.8));
        assert!(!best.is_complete(0.1), "there may be more");
        let looked = best.into_looked(true);
        assert!(!looked.more);
        assert_eq!(ids(&looked), ["diffusion", "notice"]);
    }
}
