//! Anti-entropy: what to ask which peer for, and when. Delivery is guaranteed here; gossip only makes it fast.
//!
//! Each peer with a full link has at most one *flight*: a question on its way. When it is free, it is asked for the
//! first of: a frontier exchange that is due, the next slice of a large body, a header that finds where two logs
//! part, a page of a log (lane 0 first, round robin over authors), bodies for holes. What a log lacks is asked from
//! one peer at a time; a peer that has nothing to give for it is left alone for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ecomesh_record::{ForkProof, Lane, LogId, MemberId, Position, RecordId};

use crate::frontiers::Frontiers;
use crate::io::PeerKey;
use crate::limits::{
    BODIES_WANTED_MAX, EXCHANGE_MS_MAX, EXCHANGE_MS_MIN, PAGE_BYTES_MAX, PAGE_BYTES_MIN, PAGE_FAST_MS,
    PAGE_SLOW_MS, REQUEST_MS_MAX, SLICE_BYTES_MAX,
};
use crate::replica::Replica;
use crate::rng::Rng;
use crate::verify::Verified;
use crate::wire::ask;

/// Gossip gets this long to bring a new record before it is pulled, in milliseconds.
const GRACE_MS: u64 = 200;
/// A log that is further behind than this is pulled without waiting.
const GRACE_RECORDS: u64 = 64;
/// A peer that had nothing to give for a log is not asked for it again before this, in milliseconds.
const NOTHING_MS: u64 = 2_000;
/// A peer that does not answer about frontiers is asked again after this, in milliseconds.
const QUIET_MS: u64 = 500;
/// Most large bodies that are put together from one peer.
const ASSEMBLIES_PER_PEER: usize = 4;
/// Most large bodies that are being put together at once (16 MiB).
const ASSEMBLIES_MAX: usize = 16;

/// What a question on its way wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A frontier.
    Exchange,
    /// Records of a log.
    Page(LogId, u64),
    /// A part of a large body.
    Slice(RecordId),
    /// Bodies for holes.
    Bodies(Vec<RecordId>),
    /// The header at a position of a log that parts.
    Header(Position),
    /// Takes our newest frontier.
    Notify,
}

#[derive(Debug)]
struct Flight {
    request: u64,
    want: Want,
    sent: u64,
}

#[derive(Debug)]
struct Peer {
    member: MemberId,
    flight: Option<Flight>,
    notify: Option<Flight>,
    exchange_due: bool,
    /// A notification was left out: the next one is complete.
    missed: bool,
    /// Number of the last fork proof that it has been told, and of the last in the notification on its way.
    forks_told: u64,
    forks_sent: u64,
    page_bytes: u32,
    /// Logs and holes for which it had nothing to give, until when.
    nothing: BTreeMap<LogId, u64>,
    no_bodies_until: u64,
    /// The last hole for which it was asked.
    last_hole: Option<RecordId>,
    /// It did not answer about frontiers: it is left alone with them until then.
    quiet_until: u64,
}

/// A large body that comes in slices.
#[derive(Debug)]
struct Assembly {
    record: Arc<Verified>,
    bytes: Vec<u8>,
    source: PeerKey,
}

/// A large body that is complete.
#[derive(Debug)]
pub struct Assembled {
    /// The record, still without it.
    pub record: Arc<Verified>,
    /// The encoded body.
    pub body: Vec<u8>,
}

/// A search for the lowest position at which two branches differ.
#[derive(Clone, Copy, Debug)]
struct Bisection {
    peer: PeerKey,
    /// Below this they are the same.
    low: u64,
    /// Here they differ, or are thought to.
    high: u64,
    next: u64,
}

/// What is asked, of whom, and what is on its way.
#[derive(Debug)]
pub struct Sync {
    peers: BTreeMap<PeerKey, Peer>,
    next_request: u64,
    behind_since: BTreeMap<LogId, u64>,
    cursors: BTreeMap<Lane, MemberId>,
    assemblies: BTreeMap<RecordId, Assembly>,
    bisections: BTreeMap<LogId, Bisection>,
    exchange_ms: u64,
    exchange_at: u64,
    rng: Rng,
}

/// What the choice of the next question depends on.
pub struct View<'a> {
    /// The logs that are here.
    pub replica: &'a Replica,
    /// What the others hold.
    pub frontiers: &'a Frontiers,
    /// Authors whose lanes 1 to 3 are not pulled.
    pub over_budget: &'a BTreeSet<MemberId>,
    /// The monotonic clock.
    pub mono: u64,
    /// Whether there is room for more than control records; for control records; for nothing.
    pub lanes: u8,
}

/// A question to send.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// An exchange: the caller adds its digest and from whom it waits.
    Exchange,
    /// Ready bytes.
    Frame(Vec<u8>),
}

impl Sync {
    /// No peers yet.
    pub fn new(seed: u64) -> Self {
        Self {
            peers: BTreeMap::new(),
            next_request: 1,
            behind_since: BTreeMap::new(),
            cursors: BTreeMap::new(),
            assemblies: BTreeMap::new(),
            bisections: BTreeMap::new(),
            exchange_ms: EXCHANGE_MS_MIN,
            exchange_at: 0,
            rng: Rng::new(seed),
        }
    }

    /// A full link to a peer stands: it is asked what it holds at once.
    pub fn link_up(&mut self, peer: PeerKey, member: MemberId) {
        let new = Peer {
            member,
            flight: None,
            notify: None,
            exchange_due: true,
            missed: true,
            forks_told: 0,
            forks_sent: 0,
            page_bytes: PAGE_BYTES_MIN,
            nothing: BTreeMap::new(),
            no_bodies_until: 0,
            last_hole: None,
            quiet_until: 0,
        };
        self.peers.insert(peer, new);
    }

    /// The link is gone, and so is what was on its way.
    pub fn link_down(&mut self, peer: PeerKey) {
        self.peers.remove(&peer);
        self.assemblies.retain(|_, assembly| assembly.source != peer);
        self.bisections.retain(|_, bisection| bisection.peer != peer);
    }

    /// Peers with a full link, and whose nodes they are.
    pub fn links(&self) -> impl Iterator<Item = (PeerKey, MemberId)> {
        self.peers.iter().map(|(key, peer)| (*key, peer.member))
    }

    /// Whether there is a full link to this peer.
    pub fn is_linked(&self, peer: PeerKey) -> bool {
        self.peers.contains_key(&peer)
    }

    /// Something changed: exchanges come close together again.
    pub fn changed(&mut self, mono: u64) {
        if self.exchange_ms > EXCHANGE_MS_MIN {
            self.exchange_ms = EXCHANGE_MS_MIN;
            self.exchange_at = self.exchange_at.min(mono + EXCHANGE_MS_MIN);
        }
    }

    /// Makes a full exchange with one random peer due, at the right times.
    pub fn tick(&mut self, mono: u64) -> Vec<(PeerKey, u64)> {
        if mono >= self.exchange_at {
            self.exchange_at = mono + self.exchange_ms;
            self.exchange_ms = (self.exchange_ms * 2).min(EXCHANGE_MS_MAX);
            let count = self.peers.len() as u64;
            if count > 0 {
                let chosen = self.rng.below(count) as usize;
                if let Some(peer) = self.peers.values_mut().nth(chosen) {
                    peer.exchange_due = true;
                }
            }
        }
        self.expired(mono)
    }

    /// Questions that have had no answer for too long.
    fn expired(&self, mono: u64) -> Vec<(PeerKey, u64)> {
        let flights = |peer: &Peer| {
            let both = peer.flight.iter().chain(&peer.notify);
            both.filter(|f| mono > f.sent + REQUEST_MS_MAX).map(|f| f.request).collect::<Vec<_>>()
        };
        self.peers.iter().flat_map(|(key, peer)| flights(peer).into_iter().map(|r| (*key, r))).collect()
    }

    /// When [`Sync::tick`] wants to be called next, on the monotonic clock.
    pub fn next_tick(&self, mono: u64) -> u64 {
        let busy = !self.behind_since.is_empty() && !self.peers.is_empty();
        let quiet = self.peers.values().filter(|p| (p.exchange_due || p.missed) && p.quiet_until > mono);
        let again = quiet.map(|peer| peer.quiet_until).min().unwrap_or(u64::MAX);
        let soon = if busy { mono + GRACE_MS / 2 } else { u64::MAX };
        self.exchange_at.min(again).min(soon)
    }

    /// Asks for an exchange with a peer as soon as it is free.
    pub fn want_exchange(&mut self, peer: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.exchange_due = true;
        }
    }

    /// A record is here whose body is too large to travel along: its slices are asked of this peer.
    pub fn want_body(&mut self, source: PeerKey, record: Arc<Verified>) {
        let id = record.record().id();
        let of_source = self.assemblies.values().filter(|assembly| assembly.source == source).count();
        let room = self.assemblies.len() < ASSEMBLIES_MAX
            && of_source < ASSEMBLIES_PER_PEER
            && self.peers.contains_key(&source);
        if room && !self.assemblies.contains_key(&id) {
            self.assemblies.insert(id, Assembly { record, bytes: Vec::new(), source });
        }
    }

    /// A peer's log parts from ours at or below `seq`: find where.
    pub fn want_bisection(&mut self, peer: PeerKey, log: LogId, seq: u64) {
        let linked = self.peers.contains_key(&peer);
        if linked && !self.bisections.contains_key(&log) {
            self.bisections.insert(log, Bisection { peer, low: 0, high: seq, next: seq });
        }
    }

    /// What came to the question about a header: do the branches differ there? Goes on with the search.
    pub fn bisected(&mut self, position: Position, proof: Option<&ForkProof>, found: bool) {
        let Some(bisection) = self.bisections.get_mut(&position.log) else { return };
        match (found, proof) {
            (false, _) => {
                self.bisections.remove(&position.log);
                return;
            }
            (true, Some(_)) => bisection.high = position.seq,
            (true, None) => bisection.low = position.seq + 1,
        }
        if bisection.low >= bisection.high {
            self.bisections.remove(&position.log);
        } else {
            bisection.next = bisection.low + (bisection.high - bisection.low) / 2;
        }
    }

    /// What to ask this peer now; the question counts as sent.
    pub fn next(&mut self, key: PeerKey, view: &View<'_>) -> Option<(u64, Ask)> {
        if self.peers.get(&key)?.flight.is_some() {
            return None;
        }
        let want = self.choose(key, view)?;
        let ask = match &want {
            Want::Exchange => Ask::Exchange,
            Want::Page(log, from) => Ask::Frame(ask::page(*log, *from, self.peers.get(&key)?.page_bytes)),
            Want::Slice(id) => {
                let have = u32::try_from(self.assemblies.get(id)?.bytes.len()).ok()?;
                Ask::Frame(ask::slice(*id, have, SLICE_BYTES_MAX))
            }
            Want::Bodies(ids) => Ask::Frame(ask::bodies(ids)),
            Want::Header(position) => Ask::Frame(ask::header(*position)),
            Want::Notify => return None,
        };
        let request = self.number();
        let peer = self.peers.get_mut(&key)?;
        peer.exchange_due &= want != Want::Exchange;
        peer.flight = Some(Flight { request, want, sent: view.mono });
        Some((request, ask))
    }

    fn choose(&mut self, key: PeerKey, view: &View<'_>) -> Option<Want> {
        let peer = self.peers.get(&key)?;
        if peer.exchange_due && view.mono >= peer.quiet_until {
            return Some(Want::Exchange);
        }
        if let Some((id, _)) = self.assemblies.iter().find(|(_, a)| a.source == key) {
            return Some(Want::Slice(*id));
        }
        if let Some((log, bisection)) = self.bisections.iter().find(|(_, b)| b.peer == key) {
            return Some(Want::Header(log.at(bisection.next)));
        }
        self.choose_page(key, view).or_else(|| self.choose_holes(key, view))
    }

    /// The next page: the most urgent lane of which this peer holds more, round robin over authors.
    fn choose_page(&mut self, key: PeerKey, view: &View<'_>) -> Option<Want> {
        let known = view.frontiers.of(self.peers.get(&key)?.member)?;
        let pulled = self.pulled_elsewhere(key);
        let mut candidates: BTreeMap<Lane, Vec<(LogId, u64)>> = BTreeMap::new();
        for entry in known.entries() {
            let log = entry.log;
            let next = view.replica.staged_end(log).next;
            if entry.seq < next {
                continue;
            }
            let since = *self.behind_since.entry(log).or_insert(view.mono);
            let patient = entry.seq - next < GRACE_RECORDS && view.mono < since + GRACE_MS;
            let allowed = log.lane.number() < view.lanes
                && (log.lane == Lane::CONTROL || !view.over_budget.contains(&log.author));
            let blocked = view.replica.disputed_from(log).is_some_and(|from| next >= from)
                || self.peers.get(&key)?.nothing.get(&log).is_some_and(|until| view.mono < *until)
                || self.assemblies.values().any(|a| a.record.record().position().log == log);
            if allowed && !blocked && !patient && !pulled.contains(&log) {
                candidates.entry(log.lane).or_default().push((log, next));
            }
        }
        let (lane, logs) = candidates.into_iter().next()?;
        let after = self.cursors.get(&lane).copied();
        let chosen =
            logs.iter().find(|(log, _)| after.is_none_or(|m| log.author > m)).or_else(|| logs.first())?;
        self.cursors.insert(lane, chosen.0.author);
        Some(Want::Page(chosen.0, chosen.1))
    }

    /// Bodies for holes, a part at a time, round and round: holes that nobody can fill must not hide the others.
    fn choose_holes(&mut self, key: PeerKey, view: &View<'_>) -> Option<Want> {
        let peer = self.peers.get(&key)?;
        if view.mono < peer.no_bodies_until {
            return None;
        }
        let known = view.frontiers.of(peer.member)?;
        let asked: BTreeSet<RecordId> = self.peers.values().flat_map(Peer::bodies_on_the_way).collect();
        let holes = view.replica.holes().into_iter().filter(|id| !known.lacks(*id) && !asked.contains(id));
        let (before, behind): (Vec<_>, Vec<_>) =
            holes.partition(|id| peer.last_hole.is_some_and(|last| *id <= last));
        let mut ids: Vec<RecordId> = behind.into_iter().chain(before).take(BODIES_WANTED_MAX).collect();
        let last = *ids.last()?;
        ids.sort_unstable();
        self.peers.get_mut(&key)?.last_hole = Some(last);
        Some(Want::Bodies(ids))
    }

    fn pulled_elsewhere(&self, key: PeerKey) -> BTreeSet<LogId> {
        let others = self.peers.iter().filter(|(other, _)| **other != key);
        let page = |(_, peer): (_, &Peer)| match &peer.flight {
            Some(Flight { want: Want::Page(log, _), .. }) => Some(*log),
            _ => None,
        };
        others.filter_map(page).collect()
    }

    /// The notification that this peer may get now: `Some(true)` if it must be complete. It counts as sent only by
    /// [`Sync::notified`].
    pub fn may_notify(&mut self, key: PeerKey, mono: u64) -> Option<bool> {
        let peer = self.peers.get_mut(&key)?;
        if peer.notify.is_some() || mono < peer.quiet_until {
            peer.missed = true;
            return None;
        }
        Some(std::mem::take(&mut peer.missed))
    }

    /// Peers that missed a notification, or have not been told all fork proofs up to this number, and could take one
    /// now.
    pub fn late(&self, newest_fork: u64, mono: u64) -> Vec<PeerKey> {
        let late = |(key, peer): (&PeerKey, &Peer)| {
            let owed = peer.missed || peer.forks_told < newest_fork;
            (owed && peer.notify.is_none() && mono >= peer.quiet_until).then_some(*key)
        };
        self.peers.iter().filter_map(late).collect()
    }

    /// The number of the last fork proof that this peer has been told.
    pub fn forks_told(&self, key: PeerKey) -> u64 {
        self.peers.get(&key).map_or(0, |peer| peer.forks_told)
    }

    /// A notification goes out, with the fork proofs up to this number; returns its own.
    pub fn notified(&mut self, key: PeerKey, forks_to: u64, mono: u64) -> u64 {
        let request = self.number();
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.notify = Some(Flight { request, want: Want::Notify, sent: mono });
            peer.forks_sent = forks_to;
        }
        request
    }

    /// The peer has taken its notification.
    pub fn notification_taken(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.forks_told = peer.forks_sent;
        }
    }

    /// An answer came, or none will: what was wanted. `took_ms` paces the pages.
    pub fn landed(&mut self, key: PeerKey, request: u64, mono: u64, answered: bool) -> Option<Want> {
        let peer = self.peers.get_mut(&key)?;
        if peer.notify.as_ref().is_some_and(|flight| flight.request == request) {
            let flight = peer.notify.take()?;
            // A link that is gone, or full, fails at once: without a pause it would be told again at once, for ever.
            if !answered {
                self.left_empty(key, &flight.want, mono);
            }
            return Some(flight.want);
        }
        let flight = peer.flight.take_if(|flight| flight.request == request)?;
        if matches!(flight.want, Want::Page(..) | Want::Slice(_)) {
            peer.pace(if answered { mono.saturating_sub(flight.sent) } else { u64::MAX });
        }
        if !answered {
            self.left_empty(key, &flight.want, mono);
        }
        Some(flight.want)
    }

    /// A peer had nothing to give: leave it alone with this for a while.
    pub fn left_empty(&mut self, key: PeerKey, want: &Want, mono: u64) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        match want {
            Want::Page(log, _) => drop(peer.nothing.insert(*log, mono + NOTHING_MS)),
            Want::Slice(id) => {
                if let Some(assembly) = self.assemblies.remove(id) {
                    peer.nothing.insert(assembly.record.record().position().log, mono + NOTHING_MS);
                }
            }
            Want::Bodies(_) => peer.no_bodies_until = mono + NOTHING_MS,
            Want::Header(position) => drop(self.bisections.remove(&position.log)),
            Want::Exchange => {
                peer.exchange_due = true;
                peer.quiet_until = mono + QUIET_MS;
            }
            Want::Notify => {
                peer.missed = true;
                peer.quiet_until = mono + QUIET_MS;
            }
        }
    }

    /// A slice of a large body came. Returns record and body once it is complete, `None` while more is to come.
    ///
    /// # Errors
    /// What is wrong: its sender is to blame.
    pub fn assembled(
        &mut self,
        id: RecordId,
        offset: u32,
        total: u32,
        bytes: &[u8],
    ) -> Result<Option<Assembled>, &'static str> {
        let Some(assembly) = self.assemblies.get_mut(&id) else { return Ok(None) };
        let length = assembly.record.record().header().body_len as usize + 32;
        let continues = offset as usize == assembly.bytes.len() && total as usize == length;
        if !continues || bytes.is_empty() || assembly.bytes.len() + bytes.len() > length {
            self.assemblies.remove(&id);
            return Err("a slice that does not continue the body");
        }
        assembly.bytes.extend_from_slice(bytes);
        if assembly.bytes.len() < length {
            return Ok(None);
        }
        Ok(self.assemblies.remove(&id).map(|a| Assembled { record: a.record, body: a.bytes }))
    }

    /// Whether a large body of this log is being put together.
    pub fn is_assembling(&self, log: LogId) -> bool {
        self.assemblies.values().any(|assembly| assembly.record.record().position().log == log)
    }

    /// Forgets since when logs are behind that no longer are.
    pub fn caught_up(&mut self, replica: &Replica, frontiers: &Frontiers) {
        self.behind_since.retain(|log, _| {
            let next = replica.staged_end(*log).next;
            frontiers.iter().any(|(_, known)| known.seq(*log).is_some_and(|seq| seq >= next))
        });
    }

    /// Pulls a log without waiting for gossip: a gap was seen.
    pub fn hurry(&mut self, log: LogId) {
        self.behind_since.insert(log, 0);
    }

    fn number(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request
    }
}

impl Peer {
    /// Pages double while they come fast and halve when they come slowly.
    fn pace(&mut self, took_ms: u64) {
        if took_ms < PAGE_FAST_MS {
            self.page_bytes = (self.page_bytes * 2).min(PAGE_BYTES_MAX);
        } else if took_ms > PAGE_SLOW_MS {
            self.page_bytes = (self.page_bytes / 2).max(PAGE_BYTES_MIN);
        }
    }

    fn bodies_on_the_way(&self) -> Vec<RecordId> {
        match &self.flight {
            Some(Flight { want: Want::Bodies(ids), .. }) => ids.clone(),
            _ => Vec::new(),
        }
    }
}
