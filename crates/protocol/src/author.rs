//! Writing own records: which generation, which place, and whether this node may write at all.
//!
//! A clean restart goes on where the journal ends. In every other case (a restore, a moved home, a damaged or
//! missing journal, a peer that shows an own record which is not here) the node never continues the old generation:
//! it asks its peers for its own history for a while, and opens the next. Generation numbers rise and need not be
//! dense: the next one is at least the number of seconds since 2025, so that two restores of one backup, both
//! without any peer, still open different generations and never fork a log.

use std::collections::{BTreeMap, VecDeque};

use ecomesh_record::limits::{ADDRESSEES_MAX, CONTENT_BYTES_MAX};
use ecomesh_record::{
    Audience, Body, Flags, Header, Kind, Lane, LogId, MemberId, NetworkId, Position, Priority, Record,
    RecordId, Retention, Time, tags,
};
use sha2::{Digest, Sha256};

use crate::control::{LogOpen, OpenMode};
use crate::io::{AuthorError, Draft, Now, Recorded, SealedTo};
use crate::journal::Entry;
use crate::judge::{Void, judge, judge_document};
use crate::ledger::LogHead;
use crate::replica::End;
use crate::roster::Roster;

/// Most drafts that wait for the next commit, or for the end of a recovery.
pub const DRAFTS_MAX: usize = 4096;
/// Most bytes of content in them.
pub const DRAFT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// 2025-01-01 in seconds since 1970: generation numbers count from here.
const GENERATION_EPOCH_S: u64 = 1_735_689_600;
/// For how long an idempotency key is remembered at least, in milliseconds: 7 days by the clocks.
pub const IDEMPOTENCY_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// And so long while the node runs, in milliseconds, whatever the clocks do: an hour.
const IDEMPOTENCY_RUN_MS: u64 = 60 * 60 * 1000;

/// Whether the node may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on in this generation.
    Open(u32),
    /// It asks its peers for its own history until this moment of the monotonic clock.
    Recovering(u64),
}

/// What an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The record.
    pub recorded: Recorded,
    /// Fingerprint of what was asked, to tell a retry from a mistake.
    pub draft: [u8; 32],
}

/// The author's side of a node.
#[derive(Debug)]
pub struct Author {
    network: NetworkId,
    member: MemberId,
    standing: Standing,
    ends: BTreeMap<Lane, End>,
    waiting: VecDeque<(u64, Box<Draft>)>,
    waiting_bytes: usize,
    /// What each key stands for, and since when on the monotonic clock this process knows it.
    remembered: BTreeMap<[u8; 32], (Remembered, u64)>,
}

/// A draft that became a record, before it is journaled.
#[derive(Clone, Debug)]
pub struct Written {
    /// The client's ticket; `None` for the node's own control records.
    pub ticket: Option<u64>,
    /// The journal's entry.
    pub entry: Entry,
}

/// What became of the waiting drafts.
#[derive(Debug, Default)]
pub struct Batch {
    /// New records, in their order.
    pub written: Vec<Written>,
    /// Drafts that need no record, or get none.
    pub answers: Vec<(u64, Result<Recorded, AuthorError>)>,
}

impl Author {
    /// A node that may write in `generation`, or must recover first.
    pub fn new(network: NetworkId, member: MemberId, standing: Standing) -> Self {
        Self {
            network,
            member,
            standing,
            ends: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            remembered: BTreeMap::new(),
        }
    }

    /// Whether the node may write.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Sets where a lane of the current generation ends, by the journal.
    pub fn resume(&mut self, lane: Lane, end: End) {
        self.ends.insert(lane, end);
    }

    /// The node can no longer be sure of its own history.
    pub fn recover(&mut self, until: u64) {
        if matches!(self.standing, Standing::Open(_)) {
            self.standing = Standing::Recovering(until);
            self.ends.clear();
        }
    }

    /// The recovery takes longer: it is tried again at this moment of the monotonic clock.
    pub fn wait_until(&mut self, until: u64) {
        if matches!(self.standing, Standing::Recovering(_)) {
            self.standing = Standing::Recovering(until);
        }
    }

    /// Remembers from this moment of the monotonic clock what an idempotency key stands for.
    pub fn remember(&mut self, key: [u8; 32], remembered: Remembered, mono: u64) {
        self.remembered.insert(key, (remembered, mono));
    }

    /// Forgets keys older than 7 days by this time, and known to this process for an hour; returns them.
    pub fn forget_old(&mut self, wall: Time, mono: u64) -> Vec<[u8; 32]> {
        let is_old = |(remembered, since): &(Remembered, u64)| {
            wall.since(remembered.recorded.created_at) > IDEMPOTENCY_MS
                && mono.saturating_sub(*since) > IDEMPOTENCY_RUN_MS
        };
        let keys: Vec<[u8; 32]> =
            self.remembered.iter().filter(|(_, known)| is_old(known)).map(|(key, _)| *key).collect();
        for key in &keys {
            self.remembered.remove(key);
        }
        keys
    }

    /// Takes a draft. `Ok(Some)` answers at once, for a retry; `Ok(None)` means that it waits for the next commit.
    ///
    /// # Errors
    /// [`AuthorError`]; nothing was kept.
    pub fn submit(
        &mut self,
        roster: &Roster,
        ticket: u64,
        mut draft: Box<Draft>,
        now: Now,
    ) -> Result<Option<Recorded>, AuthorError> {
        self.check(roster, &mut draft, now)?;
        if let Some(answer) = self.repeated(&draft) {
            return answer.map(Some);
        }
        let bytes = self.waiting_bytes + draft.content.len();
        if self.waiting.len() >= DRAFTS_MAX || bytes > DRAFT_BYTES_MAX {
            return Err(AuthorError::Busy);
        }
        self.waiting_bytes = bytes;
        self.waiting.push_back((ticket, draft));
        Ok(None)
    }

    /// Every rule that the network would hold against the record, before it is written.
    fn check(&self, roster: &Roster, draft: &mut Draft, now: Now) -> Result<(), AuthorError> {
        draft.to.sort_unstable();
        draft.to.dedup();
        check_addressees(roster, self.member, &draft.to)?;
        if draft.content.len() > CONTENT_BYTES_MAX {
            return Err(AuthorError::TooLong(draft.content.len()));
        }
        if draft.kind == Kind::LOG_OPEN {
            return Err(Void::LogOpen.into());
        }
        if draft.sealed.as_ref().is_some_and(|sealed| !fits(&sealed.audience, draft.kind, &draft.to)) {
            return Err(Void::Audience.into());
        }
        let log = LogId { author: self.member, lane: lane_of(draft.kind), generation: 0 };
        if draft.kind.is_control() {
            // Its body is judged as well; control records are short.
            return Ok(judge(roster, &self.write(draft, log, &END_ZERO, now)?.record)?);
        }
        Ok(judge_document(roster, &self.draft_header(draft, log, &END_ZERO, now))?)
    }

    /// Forgets what stands for this record; returns the idempotency keys.
    pub fn forget_record(&mut self, id: RecordId) -> Vec<[u8; 32]> {
        let of = self.remembered.iter().filter(|(_, (remembered, _))| remembered.recorded.id == id);
        let keys: Vec<[u8; 32]> = of.map(|(key, _)| *key).collect();
        for key in &keys {
            self.remembered.remove(key);
        }
        keys
    }

    /// Whether no draft waits.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Makes records of the waiting drafts, at most `count`, in the order in which they came. A draft whose
    /// idempotency key has a record by now is answered with that; one whose key is in this very batch waits for
    /// its commit.
    ///
    /// `pending` tells of keys whose record is journaled and not yet stored: their retries wait too.
    pub fn write_waiting(
        &mut self,
        roster: &Roster,
        count: usize,
        pending: impl Fn(&[u8; 32]) -> bool,
        now: Now,
    ) -> Batch {
        let mut batch = Batch::default();
        let Standing::Open(generation) = self.standing else { return batch };
        while batch.written.len() < count {
            let Some((ticket, draft)) = self.waiting.pop_front() else { break };
            if let Some(answer) = self.repeated(&draft) {
                self.waiting_bytes -= draft.content.len();
                batch.answers.push((ticket, answer));
                continue;
            }
            let same_key = |w: &Written| draft.idempotency == Some(w.entry.idempotency);
            if batch.written.iter().any(same_key) || draft.idempotency.as_ref().is_some_and(&pending) {
                self.waiting.push_front((ticket, draft));
                break;
            }
            self.waiting_bytes -= draft.content.len();
            let log = LogId { author: self.member, lane: lane_of(draft.kind), generation };
            let end = self.ends.get(&log.lane).copied().unwrap_or(END_ZERO);
            // Time has passed since the draft was checked: it may have expired while it waited.
            let written = self.write(&draft, log, &end, now);
            match written.and_then(|entry| Ok(judge(roster, &entry.record).map(|()| entry)?)) {
                Ok(entry) => {
                    self.advance(&entry);
                    batch.written.push(Written { ticket: Some(ticket), entry });
                }
                Err(error) => batch.answers.push((ticket, Err(error))),
            }
        }
        batch
    }

    /// The answer to a retry.
    fn repeated(&self, draft: &Draft) -> Option<Result<Recorded, AuthorError>> {
        let (known, _) = self.remembered.get(&draft.idempotency?)?;
        if known.draft != fingerprint(draft) {
            return Some(Err(AuthorError::IdempotencyKeyReused));
        }
        Some(Ok(Recorded { repeated: true, ..known.recorded }))
    }

    /// Takes back what could not be journaled: its places are free again.
    pub fn take_back(&mut self, written: &[Written]) {
        for one in written.iter().rev() {
            let header = one.entry.record.header();
            self.ends.insert(header.lane, End { next: header.seq, head: header.prev });
        }
    }

    /// All waiting drafts, or those of documents only, for an answer that they cannot be recorded.
    pub fn give_up_waiting(&mut self, documents_only: bool) -> Vec<u64> {
        let given_up = |draft: &Draft| !documents_only || !draft.kind.is_control();
        let (lost, kept): (VecDeque<_>, _) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, draft)| given_up(draft));
        self.waiting = kept;
        self.waiting_bytes = self.waiting.iter().map(|(_, draft)| draft.content.len()).sum();
        lost.into_iter().map(|(ticket, _)| ticket).collect()
    }

    /// Opens the next generation: above `highest`, and above all that an earlier restore can have opened.
    pub fn open_generation(
        &mut self,
        highest: Option<u32>,
        heads: Vec<LogHead>,
        salt: [u8; 32],
        now: Now,
    ) -> Option<Written> {
        let by_clock = generation_by_clock(now.wall);
        let generation = match highest {
            Some(highest) => highest.checked_add(1)?.max(by_clock),
            None => by_clock,
        };
        // Every generation after a restore has the key of generation 0, until rotation comes.
        let open = LogOpen { mode: OpenMode::RESTORE, base: 0, heads };
        let log = LogId { author: self.member, lane: Lane::CONTROL, generation };
        let entry = self.write_control(log, Kind::LOG_OPEN, open.encode().ok()?, salt, now)?;
        self.standing = Standing::Open(generation);
        self.ends.clear();
        self.advance(&entry);
        Some(Written { ticket: None, entry })
    }

    fn advance(&mut self, entry: &Entry) {
        let header = entry.record.header();
        self.ends.insert(header.lane, End { next: header.seq + 1, head: entry.record.id() });
    }

    fn write(&self, draft: &Draft, log: LogId, end: &End, now: Now) -> Result<Entry, AuthorError> {
        let length = draft.content.len();
        let body = Body::new(draft.salt, draft.content.clone()).map_err(|_| AuthorError::TooLong(length))?;
        let header = committing_to(&body, self.network, self.draft_header(draft, log, end, now));
        let record = Record::sign_with(self.network, header, Some(body), |_| [0; 64])
            .map_err(|_| AuthorError::TooManyAddressees(draft.to.len()))?;
        Ok(Entry { record, idempotency: draft.idempotency.unwrap_or([0; 32]), closed: false })
    }

    /// The header of a draft at this place, without the commitment to its body.
    fn draft_header(&self, draft: &Draft, log: LogId, end: &End, now: Now) -> Header {
        let header = header_of(draft, log, end, now.wall);
        match &draft.sealed {
            None => header,
            Some(SealedTo { audience, created_at, expires_at }) => Header {
                created_at: *created_at,
                expires_at: *expires_at,
                audience: audience.clone(),
                ..header
            },
        }
    }

    fn write_control(
        &self,
        log: LogId,
        kind: Kind,
        content: Vec<u8>,
        salt: [u8; 32],
        now: Now,
    ) -> Option<Entry> {
        let body = Body::new(salt, content).ok()?;
        let header = Header {
            kind,
            priority: Priority::URGENT,
            retention: Retention::CONTROL,
            ..self.header(log, &END_ZERO, now)
        };
        let header = committing_to(&body, self.network, header);
        let record = Record::sign_with(self.network, header, Some(body), |_| [0; 64]).ok()?;
        Some(Entry { record, idempotency: [0; 32], closed: false })
    }

    fn header(&self, log: LogId, end: &End, now: Now) -> Header {
        empty_header(log, end, now.wall)
    }
}

/// Whether `author` can write to these members, each named once.
///
/// # Errors
/// [`AuthorError::ToItself`], [`AuthorError::UnknownAddressee`], [`AuthorError::TooManyAddressees`].
pub fn check_addressees(roster: &Roster, author: MemberId, to: &[MemberId]) -> Result<(), AuthorError> {
    if to.contains(&author) {
        return Err(AuthorError::ToItself(author));
    }
    if let Some(stranger) = to.iter().find(|member| !roster.contains(**member)) {
        return Err(AuthorError::UnknownAddressee(*stranger));
    }
    if to.len() > ADDRESSEES_MAX {
        return Err(AuthorError::TooManyAddressees(to.len()));
    }
    Ok(())
}

fn empty_header(log: LogId, end: &End, created_at: Time) -> Header {
    Header {
        author: log.author,
        lane: log.lane,
        generation: log.generation,
        seq: end.next,
        prev: end.head,
        created_at,
        expires_at: Time(0),
        roster_epoch: 0,
        priority: Priority::ROUTINE,
        kind: Kind::MESSAGE,
        retention: Retention::YEARS_5,
        flags: Default::default(),
        to: Vec::new(),
        audience: Audience::Open,
        body_commit: [0; 32],
        body_len: 0,
        ext: Vec::new(),
    }
}

/// What a draft says, at this place and time. The body expires as late as its class allows, if the draft does not say.
fn header_of(draft: &Draft, log: LogId, end: &End, now: Time) -> Header {
    let latest = draft.retention.days().map(|days| now.after(u64::from(days) * 24 * 60 * 60 * 1000));
    Header {
        expires_at: draft.expires_at.or(latest).unwrap_or(Time(0)),
        priority: draft.priority,
        kind: draft.kind,
        retention: draft.retention,
        flags: draft.flags,
        to: draft.to.clone(),
        ..empty_header(log, end, now)
    }
}

/// The header to which the body of a draft can be sealed ([`ecomesh_seal::envelope::seal`]) before its record has a
/// place. What comes out goes back into the draft, as [`SealedTo`].
pub fn header_to_seal(author: MemberId, draft: &Draft, now: Time) -> Header {
    let log = LogId { author, lane: lane_of(draft.kind), generation: 0 };
    let mut to = draft.to.clone();
    to.sort_unstable();
    to.dedup();
    Header { to, ..header_of(draft, log, &END_ZERO, now) }
}

fn committing_to(body: &Body, network: NetworkId, header: Header) -> Header {
    Header {
        body_commit: body.commitment(network),
        body_len: u32::try_from(body.content().len()).unwrap_or(u32::MAX),
        ..header
    }
}

/// Seconds since 2025, at least 1.
fn generation_by_clock(wall: Time) -> u32 {
    let seconds = (wall.0 / 1000).saturating_sub(GENERATION_EPOCH_S);
    u32::try_from(seconds).unwrap_or(u32::MAX - 1).max(1)
}

/// The highest generation that another member's word is believed for: a year ahead of the clock. Else one lie would
/// use up all numbers.
pub fn generation_bound(wall: Time) -> u32 {
    generation_by_clock(wall).saturating_add(365 * 24 * 60 * 60)
}

const END_ZERO: End = End { next: 0, head: RecordId::ZERO };

/// Whether it is an audience that sealing gives to a body for these members. Nobody could decode a header with more prekeys or
/// fewer, and what is sealed to a group names nobody.
fn fits(audience: &Audience, kind: Kind, to: &[MemberId]) -> bool {
    match audience {
        Audience::Sealed { prekeys, .. } => prekeys.len() == to.len(),
        Audience::Group { .. } => to.is_empty(),
        // The key of a group is wrapped, and bound to its header, in a body that is open.
        Audience::Open => kind == Kind::GROUP_KEY,
        Audience::Unknown { .. } => false,
    }
}

/// The lane into which an honest author writes records of a kind. Control records have a lane of their own, and so have
/// database entries and parts of attachments: nothing urgent waits behind them.
pub fn lane_of(kind: Kind) -> Lane {
    match kind {
        Kind::PART | Kind::ENTRY_BATCH => Lane::BULK,
        Kind::ENTRY | Kind::ENTRY_STEP => Lane::ENTRIES,
        kind if kind.is_control() => Lane::CONTROL,
        _ => Lane::MESSAGES,
    }
}

/// What makes two drafts the same request: all that a client says, without expiry and key. Of a sealed draft the salt
/// stands for the content.
fn fingerprint(draft: &Draft) -> [u8; 32] {
    let said = said(draft.sealed.is_some(), &draft.salt, &draft.content);
    same_request(draft.kind, draft.priority, draft.retention, draft.flags, &draft.to, said)
}

/// The same, of a record that was made from a draft.
pub fn fingerprint_of(record: &Record) -> [u8; 32] {
    let h = record.header();
    let is_sealed = h.audience.is_closed();
    let said = record.body().map_or(&[] as &[u8], |body| said(is_sealed, body.salt(), body.content()));
    same_request(h.kind, h.priority, h.retention, h.flags, &h.to, said)
}

fn said<'a>(is_sealed: bool, salt: &'a [u8; 32], content: &'a [u8]) -> &'a [u8] {
    if is_sealed { salt } else { content }
}

fn same_request(
    kind: Kind,
    priority: Priority,
    retention: Retention,
    flags: Flags,
    to: &[MemberId],
    said: &[u8],
) -> [u8; 32] {
    let mut hash = Sha256::new()
        .chain_update(tags::IDEMPOTENCY)
        .chain_update(kind.0.to_be_bytes())
        .chain_update([priority.0, retention.0])
        .chain_update(flags.0.to_be_bytes())
        .chain_update((to.len() as u64).to_be_bytes());
    to.iter().for_each(|member| hash.update(member.as_bytes()));
    hash.update(Sha256::digest(said));
    hash.finalize().into()
}

/// Name under which the ledger keeps an idempotency key.
pub fn idempotency_name(key: &[u8; 32]) -> String {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{IDEMPOTENCY_PREFIX}{digits}")
}

/// Prefix of the names of idempotency keys in the ledger.
pub const IDEMPOTENCY_PREFIX: &str = "idempotency/";

/// What the ledger keeps for an idempotency key: position key, time, record id, fingerprint.
pub fn encode_remembered(remembered: &Remembered) -> Vec<u8> {
    let recorded = &remembered.recorded;
    [
        recorded.position.key().as_slice(),
        &recorded.created_at.0.to_be_bytes(),
        recorded.id.as_bytes(),
        &remembered.draft,
    ]
    .concat()
}

/// Reads what [`encode_remembered`] wrote.
pub fn decode_remembered(bytes: &[u8]) -> Option<Remembered> {
    let (position, rest) = bytes.split_at_checked(Position::KEY_BYTES)?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (id, draft) = rest.split_first_chunk::<32>()?;
    let recorded = Recorded {
        id: RecordId(*id),
        position: Position::from_key(position)?,
        created_at: Time(u64::from_be_bytes(*time)),
        repeated: false,
    };
    Some(Remembered { recorded, draft: draft.try_into().ok()? })
}
