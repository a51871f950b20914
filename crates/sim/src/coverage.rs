//! What a set of runs must have reached, so that the generator cannot quietly stop reaching a case.

use std::collections::BTreeMap;

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Something that a run reached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mark { $($(#[$doc])* $name,)* }

        impl Mark {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it is, in words.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

marks! {
    /// A fork proof on an honest node.
    ForkSeen => "a fork was proved",
    /// A hostile member showed two branches to two halves.
    Equivocated => "a member equivocated",
    /// The header question of a bisection was answered.
    Bisected => "the place where two logs part was searched",
    /// A page brought records.
    PagePulled => "a page was pulled",
    /// Parked records continued after their gap was filled.
    GapFilled => "a record that came early waited for its predecessors",
    /// A question failed with its link and was asked again.
    AskFailed => "a question failed",
    /// A page question failed, and a page of the same log came later.
    PageResumed => "a pull went on after a broken link",
    /// A large body came in slices.
    SlicesAssembled => "a large body came in slices",
    /// A client took a message back.
    Erased => "a message was erased",
    /// A body was destroyed because it was erased.
    Destroyed => "an erased body was destroyed",
    /// Whoever asked for an erased body was shown the erasure.
    ErasureShown => "an erasure was shown to who asked for a body",
    /// A body that was missing came.
    HoleFilled => "a missing body was filled",
    /// A node was crashed.
    Killed => "a process was killed",
    /// Power was lost.
    PowerLost => "power was lost",
    /// Power was lost in the middle of a commit.
    CrashInCommit => "power was lost within a commit",
    /// A crash left a torn tail.
    TornTail => "a crash left a torn journal",
    /// A second crash while the node started.
    CrashInStart => "power was lost while a node started",
    /// A generation was opened.
    GenerationOpened => "a generation was opened",
    /// A client's retry got the record of its first try.
    RetryAnswered => "a retry got the same record",
    /// A draft was refused for want of room.
    RefusedFull => "a draft was refused for want of room",
    /// A full node got room again.
    SpaceAgain => "a full node got room again",
    /// A disk operation failed with an error.
    DiskFailed => "a disk operation failed",
    /// A failed sync ended a node.
    SyncFailed => "a failed sync ended a node",
    /// A store was lost.
    StoreLost => "a store was lost",
    /// A journal was lost or damaged.
    JournalLost => "a journal was lost or damaged",
    /// Evidence was lost or damaged.
    EvidenceLost => "the evidence was lost or damaged",
    /// A push was lost on its way.
    PushLost => "a push was lost",
    /// A push came a second time.
    PushDoubled => "a push came twice",
    /// A push overtook another.
    PushOvertook => "a push overtook another",
    /// A full queue dropped a push.
    PushDropped => "a full queue dropped a push",
    /// A duplicate was met in gossip.
    DuplicateIgnored => "gossip ignored a duplicate",
    /// An IWANT brought a message.
    WantServed => "a message came by IWANT",
    /// An IDONTWANT kept a message back.
    DontWantKept => "an IDONTWANT kept a message back",
    /// Verdicts came in another order than their messages.
    VerdictOutOfOrder => "verdicts came out of order",
    /// Two nodes were cut off from each other.
    Partitioned => "a partition",
    /// One direction was cut.
    OneWay => "a one-way partition",
    /// A link was cut and healed quickly, several times.
    Flapped => "a flapping link",
    /// A link was clogged.
    Clogged => "a clogged link",
    /// A silent link was closed by its missing pings.
    PingTimeout => "a link ended for want of pings",
    /// A restarted peer's half-open link was reset.
    HalfOpenReset => "a half-open link was reset",
    /// A node was stopped for a while.
    Paused => "a node was paused",
    /// A wall clock jumped.
    ClockJumped => "a clock jumped",
    /// A node told that its clock is off.
    ClockAlarm => "a clock alarm",
    /// A hostile peer was blamed.
    HostileBlamed => "a hostile peer was cut off",
    /// A peer answered that something is unavailable.
    Unavailable => "a peer had nothing to give",
    /// Pushes beyond the quota were left to the pull.
    Deferred => "pushes beyond a quota were left to the pull",
    /// A draft waited while its node recovered.
    WroteWhileRecovering => "a draft waited for the end of a recovery",
    /// A document was sealed to named members.
    Sealed => "a document was sealed",
    /// An addressee learnt its content key.
    Opened => "a sealed record was opened",
    /// An addressee had no prekey of the day.
    FallbackUsed => "a document was sealed to a fallback, for want of a prekey of the day",
    /// A bureau made its next prekey of the day.
    DailyRenewed => "a daily prekey followed another",
    /// A bureau made its next fallback.
    FallbackRenewed => "a fallback prekey followed another",
    /// The private half of a daily prekey was destroyed by the rules.
    DailyDestroyed => "a daily prekey was destroyed",
    /// The private half of a fallback was destroyed by the rules.
    FallbackDestroyed => "a fallback prekey was destroyed",
    /// A vault was lost.
    VaultLost => "a vault was lost",
    /// A member was away for more than a week.
    AwayWeek => "a member was away for more than a week",
    /// A member was away for a month.
    AwayMonth => "a member was away for a month",
    /// Somebody who was away for a month opened what was written meanwhile.
    MonthRead => "mail of a month was read by who was away",
    /// An addressee said by receipt that it cannot open something.
    CannotOpen => "a receipt said that something cannot be opened",
    /// Mail came when the prekey that it was sealed to was destroyed.
    CameTooLate => "mail came after its prekey was destroyed",
    /// An author sent a document again.
    SentAgain => "a document was sent again",
    /// What was sent again was opened.
    ReadAgain => "what was sent again was opened",
    /// Nobody has the content key of a record any more.
    ClosedForEver => "a record stays closed for ever",
    /// A request for a notice was published.
    NoticePublished => "a notice was published",
    /// A request for a notice was refused.
    NoticeRefused => "a notice was refused",
    /// A request for a notice was returned, and its source gave it a new text.
    NoticeCompleted => "a returned notice was completed",
    /// The reviewers found that a diffusion does not comply.
    DiffusionRefused => "a diffusion was found not to comply",
    /// An entry was withdrawn.
    EntryWithdrawn => "an entry was withdrawn",
    /// Somebody entered a travel document that he did not issue.
    EntryVoid => "a travel document was entered by who did not issue it",
    /// What was said about a notice came before the notice.
    StepBeforeNotice => "a step came before its notice",
    /// A member of a group read what is closed to others.
    ClosedRead => "what is closed to some was read by another",
    /// What is closed to some came before the record with the key of its group.
    KeyAwaited => "something waited for the key of its group",
    /// A delivery was proved.
    Delivered => "a delivery was proved",
}

/// How often each mark was reached.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<Mark, u64>);

impl Coverage {
    /// Notes that something was reached.
    pub(crate) fn mark(&mut self, mark: Mark) {
        *self.0.entry(mark).or_default() += 1;
    }

    /// Whether it was reached.
    pub fn has(&self, mark: Mark) -> bool {
        self.0.contains_key(&mark)
    }

    /// Takes in what another run reached.
    pub fn merge(&mut self, other: &Self) {
        for (mark, count) in &other.0 {
            *self.0.entry(*mark).or_default() += count;
        }
    }

    /// What was never reached.
    pub fn missing(&self) -> Vec<Mark> {
        Mark::ALL.iter().copied().filter(|mark| !self.has(*mark)).collect()
    }

    /// What was reached, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (Mark, u64)> {
        self.0.iter().map(|(mark, count)| (*mark, *count))
    }
}
