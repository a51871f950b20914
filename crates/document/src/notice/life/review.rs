//! Who reviews, how many must agree, and who may ask for what.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::member::MemberCode;
use crate::notice::Colour;
use crate::notice::colour::Party;

/// The configuration of reviews. Later it will come from the network's roster; here it is an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    reviewers: BTreeSet<MemberCode>,
    quorum: usize,
    own_review: bool,
    any_requester: bool,
    parties: BTreeMap<MemberCode, Party>,
    /// The pilots in which each member takes part, by colour.
    participants: BTreeMap<String, BTreeSet<MemberCode>>,
    /// The types of notice in force; all that this version knows, if nothing is said.
    types: Option<BTreeSet<String>>,
}

/// Why a configuration cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReviewError {
    /// Nobody would have to agree, so that anything would be published.
    #[error("a quorum of none publishes what nobody has read; ask for at least one")]
    NoQuorum,
    /// Nothing could ever be published.
    #[error("{quorum} of {reviewers} reviewers can never agree; lower the quorum or name more reviewers")]
    TooFewReviewers {
        /// How many must agree.
        quorum: usize,
        /// How many there are.
        reviewers: usize,
    },
}

impl Review {
    /// `quorum` of these reviewers must agree. Nobody reviews requests of his own, and no country takes part in pilots.
    ///
    /// # Errors
    /// [`ReviewError`] if nothing or anything could be published.
    pub fn new(reviewers: impl IntoIterator<Item = MemberCode>, quorum: usize) -> Result<Self, ReviewError> {
        let reviewers: BTreeSet<_> = reviewers.into_iter().collect();
        if quorum == 0 {
            return Err(ReviewError::NoQuorum);
        }
        if quorum > reviewers.len() {
            return Err(ReviewError::TooFewReviewers { quorum, reviewers: reviewers.len() });
        }
        Ok(Self { reviewers, quorum, ..Self::none() })
    }

    /// Lets reviewers review requests of their own: needed where the General Secretariat is the only reviewer and asks
    /// for an Orange or Purple Notice itself.
    #[must_use]
    pub fn with_own_review(mut self) -> Self {
        self.own_review = true;
        self
    }

    /// Says what an entity is, where its code alone does not.
    #[must_use]
    pub fn with_party(mut self, member: MemberCode, party: Party) -> Self {
        self.parties.insert(member, party);
        self
    }

    /// Names the members that take part in every pilot.
    #[must_use]
    pub fn with_participants(mut self, members: impl IntoIterator<Item = MemberCode>) -> Self {
        for member in members {
            let pilots = crate::notice::colour::ALL.iter().filter(|colour| colour.pilot);
            self = self.with_participant(&member, pilots.map(|colour| colour.name));
        }
        self
    }

    /// Says in which pilots a member takes part, by the names of their colours.
    #[must_use]
    pub fn with_participant<'n>(
        mut self,
        member: &MemberCode,
        pilots: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        for colour in pilots {
            self.participants.entry(colour.to_owned()).or_default().insert(member.clone());
        }
        self
    }

    /// Names the types of notice in force, by their colours.
    #[must_use]
    pub fn with_types<'n>(mut self, types: impl IntoIterator<Item = &'n str>) -> Self {
        self.types = Some(types.into_iter().map(str::to_owned).collect());
        self
    }

    /// A network without reviewers: whatever is asked for stays asked for.
    pub fn none() -> Self {
        Self {
            reviewers: BTreeSet::new(),
            quorum: 1,
            own_review: false,
            any_requester: false,
            parties: BTreeMap::new(),
            participants: BTreeMap::new(),
            types: None,
        }
    }

    /// The same for diffusions: a bureau or an entity sends them by itself, whichever the colour, and they are reviewed
    /// afterwards.
    #[must_use]
    pub fn for_diffusions(mut self) -> Self {
        self.any_requester = true;
        self
    }

    /// Who reviews.
    pub fn reviewers(&self) -> impl Iterator<Item = &MemberCode> {
        self.reviewers.iter()
    }

    /// How many reviewers must agree.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// Whether a member reviews.
    pub fn is_reviewer(&self, member: &MemberCode) -> bool {
        self.reviewers.contains(member)
    }

    pub(super) fn allows_own_review(&self) -> bool {
        self.own_review
    }

    pub(super) fn may_request(&self, member: &MemberCode, colour: &Colour) -> bool {
        if self.any_requester {
            return true;
        }
        let party = self.parties.get(member).copied().or_else(|| Party::of(member));
        party.is_some_and(|party| colour.requesters.contains(&party))
    }

    pub(super) fn takes_part(&self, member: &MemberCode, colour: &Colour) -> bool {
        !colour.pilot || self.participants.get(colour.name).is_some_and(|members| members.contains(member))
    }

    /// Whether these are the reviews of diffusions.
    pub(super) fn is_of_diffusions(&self) -> bool {
        self.any_requester
    }

    pub(super) fn is_in_force(&self, colour: &Colour) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(colour.name))
    }
}
