//! Sealed mail, as `ecomesh-node` does it: drafts are sealed before the core sees them, prekeys are made, published and
//! destroyed, content keys are learnt as soon as mail is here, and what cannot be opened is told and sent again.
//!
//! Rules, envelope, announcements and receipts are those of the product. What is played is the vault (`mail.rs`), and the
//! officer, who sends again whatever somebody says he cannot open.

use ecomesh_protocol::author::header_to_seal;
use ecomesh_protocol::core::PeerStatus;
use ecomesh_protocol::io::SealedTo;
use ecomesh_protocol::prekeys::{NoPrekey, Published, Use};
use ecomesh_protocol::receipt::{Outcome, RECEIPT_ENTRIES_MAX, Reason, Receipt, ReceiptEntry};
use ecomesh_protocol::rotation::{Fate, GRACE_MS, Standing, fate, is_due, is_over};
use ecomesh_protocol::{Draft, Ledger};
use ecomesh_record::{Kind, MemberId, Position, Record, RecordId, Time};
use ecomesh_seal::{Prekey, PrekeyId, Sealed, envelope};
use sha2::{Digest, Sha256};

use crate::coverage::Mark;
use crate::mail::{Closed, Complaint, Desk, Errand, Half};
use crate::members::first_half;
use crate::sabotage::Sabotage;
use crate::secrecy::{Letter, document};
use crate::world::{Event, MS, World};

/// How often a node looks: a real one does it once a minute, and days pass faster here.
const EVERY_US: u64 = 250 * MS;

/// How things stand for a look at all private halves.
struct Moment {
    agreed: Option<Time>,
    /// Of each other member, the time of its last word, if all that it says it holds is here.
    caught_up: Vec<Time>,
    others: usize,
    linked: bool,
}

impl Moment {
    fn fate(&self, half: &Half, desk: &Desk) -> Fate {
        let over = half.life.ends_at.after(GRACE_MS);
        let standing = Standing {
            agreed: self.agreed,
            synced_with: self.caught_up.iter().filter(|said| **said >= over).count(),
            others: self.others,
            all_opened: !desk.needs(half.id()),
        };
        fate(&half.life, &standing)
    }
}

/// Vaults and desks.
impl World {
    /// Whether drafts are sealed.
    pub(crate) fn seals(&self) -> bool {
        self.scenario.load.seal_permille > 0
    }

    /// Every home has the private half of the prekey on its card.
    pub(crate) fn found_vaults(&mut self) {
        if self.seals() || self.closes() {
            self.nodes.iter_mut().for_each(|node| node.vault.keep_half(first_half(node.number)));
        }
    }

    /// A process has begun: it reads what is in its store.
    pub(crate) fn open_desk(&mut self, number: usize) {
        self.came_back(number);
        if !self.seals() {
            return;
        }
        let mut desk = Desk::of_charter(&self.members.roster);
        let node = &self.nodes[number];
        for position in node.ledger.places().into_keys() {
            if let Ok(Some(record)) = node.ledger.record(position) {
                desk.read(&record, node.member, &self.members.roster, &node.vault);
            }
        }
        self.nodes[number].desk = desk;
        let boot = self.nodes[number].boot;
        let phase = self.seal_rng.below(EVERY_US);
        self.after(phase, Event::Mail { node: number, boot });
    }

    /// A record is durable at a node, or has its body now.
    pub(crate) fn read_mail(&mut self, number: usize, record: &Record) {
        if self.seals() {
            let node = &mut self.nodes[number];
            node.desk.read(record, node.member, &self.members.roster, &node.vault);
        }
    }

    /// A body that was missing came: that of a control record is news.
    pub(crate) fn body_came(&mut self, number: usize, position: Position) {
        if let Ok(Some(record)) = self.nodes[number].ledger.record(position) {
            self.read_mail(number, &record);
        }
    }

    /// The vault is lost.
    pub(crate) fn lose_vault(&mut self, number: usize) {
        if self.seals() {
            self.coverage.mark(Mark::VaultLost);
            self.tell(&format!("{} loses its vault", self.name(number)));
            self.book.lose_vault(number, &self.nodes[number].vault);
            self.nodes[number].vault = Default::default();
        }
    }

    /// A node looks at its mail and at its prekeys.
    pub(crate) fn look_at_mail(&mut self, number: usize, boot: u32) {
        if self.nodes[number].core.is_none() {
            return;
        }
        self.after(EVERY_US, Event::Mail { node: number, boot });
        // As in a node: the core is asked between two commits, when all effects of the last one have happened.
        if self.nodes[number].committing.is_some() {
            return;
        }
        self.open_mail(number);
        self.make_prekeys(number);
        self.publish_prekeys(number);
        // As in a node: nothing is destroyed while something is being published, which may wait for the end of a recovery.
        if !self.nodes[number].desk.is_announcing() {
            self.destroy_halves(number);
        }
        self.send_again(number);
        self.check_disk(number);
    }

    /// A draft of the node itself was answered.
    pub(crate) fn errand_done(&mut self, number: usize, errand: &Errand, written: Option<RecordId>) {
        self.nodes[number].desk.underway.remove(errand);
        if let Errand::Group(of) = errand {
            self.key_answered(number, of, written);
        }
        if let (Errand::Resend(complaint), Some(id)) = (errand, written) {
            self.coverage.mark(Mark::SentAgain);
            self.clients[number].sent_again.insert(*complaint, id);
        }
    }

    fn do_errand(&mut self, number: usize, errand: Errand, draft: Draft) {
        if self.has_room(number) && self.nodes[number].desk.underway.insert(errand.clone()) {
            self.submit_errand(number, errand, draft);
        }
    }
}

/// Sealing.
impl World {
    /// The prekey to which a node seals now.
    fn chosen(&self, number: usize, member: MemberId, now: Time) -> Result<&Published, NoPrekey> {
        let node = &self.nodes[number];
        let forks = node.ledger.proofs();
        let is_disputed = |place: Position| forks.get(&place.log).is_some_and(|from| place.seq >= *from);
        node.desk.directory.choose(member, now, is_disputed)
    }

    /// Seals an open draft at a node, and keeps its content key. `None` if somebody has no prekey, and then it waits.
    pub(crate) fn seal(&mut self, number: usize, open: &Draft) -> Option<Draft> {
        if self.is_broken(number, Sabotage::LeaveOpen) {
            return Some(open.clone());
        }
        let node = &self.nodes[number];
        let (author, now) = (node.member, node.now(self.now).wall);
        let intended = open.to.iter().copied().collect();
        let mut open = open.clone();
        if self.is_broken(number, Sabotage::SealToOneMore) {
            let more = self.members.ids.iter().find(|id| **id != author && !open.to.contains(id));
            open.to.extend(more.copied());
        }
        let header = header_to_seal(author, &open, now);
        let mut prekeys: Vec<Prekey> = Vec::new();
        let mut lower_secrecy = false;
        for member in &header.to {
            let chosen = self.chosen(number, *member, now);
            let prekey = chosen.as_ref().ok().and_then(|chosen| chosen.prekey().cloned());
            let Some(prekey) = prekey else {
                // By a wrong clock all may have ended.
                if self.nodes[number].clock_ms != 0 {
                    return None;
                }
                let why = chosen.err().map_or_else(|| "a weak prekey".into(), |why| why.to_string());
                let name = self.name(number);
                self.checks.fail("I7", format!("{name} cannot write to {member}: {why}"));
                return None;
            };
            let has_daily =
                self.nodes[number].desk.directory.of(*member).any(|one| one.purpose == Use::DAILY);
            lower_secrecy |= has_daily && chosen.is_ok_and(|chosen| chosen.purpose == Use::FALLBACK);
            prekeys.push(prekey);
        }
        if lower_secrecy {
            self.coverage.mark(Mark::FallbackUsed);
        }
        let seed = self.seal_rng.bytes();
        let network = self.members.roster.network();
        let Sealed { header, content, key } =
            envelope::seal(network, header, &open.content, &prekeys, &seed).ok()?;
        let commitment = *header.audience.key_commitment()?;
        self.nodes[number].vault.keep(commitment, key.clone());
        if self.is_broken(number, Sabotage::LeakContentKeys)
            && let Some(spy) = self.nodes.iter_mut().rev().find(|node| !header.to.contains(&node.member))
        {
            spy.vault.keep(commitment, key.clone());
        }
        let letter = Letter::new(number, intended, &open.content, key);
        self.book.sealed(number, commitment, letter);
        self.coverage.mark(Mark::Sealed);
        let sealed = SealedTo {
            audience: header.audience,
            created_at: header.created_at,
            expires_at: header.expires_at,
        };
        Some(Draft { to: header.to, content, sealed: Some(sealed), ..open })
    }

    /// Sends again what others have said that they cannot open. An officer does this, who may have the text from the
    /// bureau's own files where the vault has lost it.
    fn send_again(&mut self, number: usize) {
        if self.is_broken(number, Sabotage::NeverResend) {
            return;
        }
        self.leave_to_others(number);
        let complaints: Vec<Complaint> = self.nodes[number].desk.complaints.iter().copied().collect();
        for complaint in complaints {
            if self.is_sent_again(number, &complaint) {
                continue;
            }
            if let Some(open) = self.draft_again(number, &complaint)
                && self.has_room(number)
                && !self.nodes[number].desk.underway.contains(&Errand::Resend(complaint))
                && let Some(draft) = self.seal(number, &open)
            {
                self.do_errand(number, Errand::Resend(complaint), draft);
            }
        }
    }

    /// Strikes out what was said of other members' messages.
    fn leave_to_others(&mut self, number: usize) {
        let own = self.nodes[number].member;
        let mut complaints = std::mem::take(&mut self.nodes[number].desk.complaints);
        complaints.retain(|one| self.shared(one.about).is_none_or(|record| record.header().author == own));
        self.nodes[number].desk.complaints = complaints;
    }

    /// Whether the client knows that it has sent a message again, and that this was not lost with a home since.
    fn is_sent_again(&self, number: usize, complaint: &Complaint) -> bool {
        let sent = self.clients[number].sent_again.get(complaint);
        sent.is_some_and(|id| !self.checks.is_lost(*id))
    }

    fn draft_again(&mut self, number: usize, complaint: &Complaint) -> Option<Draft> {
        let node = &self.nodes[number];
        let position = node.ledger.find(complaint.about).ok()??;
        let record = node.ledger.record(position).ok()??;
        let letter = self.book.letter(record.header().audience.key_commitment()?)?;
        let content = document(&letter.salt, letter.length);
        match node.vault.open(self.members.roster.network(), node.member, &record) {
            Ok(opened) if opened != content => {
                let name = self.name(number);
                self.checks.fail("I7", format!("what {name} wrote at {position} opens to something else"));
                return None;
            }
            _ => {}
        }
        // The same request until it is answered, so that a crash makes no second one.
        let digest = |purpose: &[u8]| -> [u8; 32] {
            let hash = Sha256::new().chain_update(purpose).chain_update(complaint.about.0);
            hash.chain_update(complaint.by.as_str()).chain_update(complaint.said_in.0).finalize().into()
        };
        let header = record.header();
        let (kind, priority, retention, flags) =
            (header.kind, header.priority, header.retention, header.flags);
        let to = vec![complaint.by];
        let (salt, idempotency) = (digest(b"salt"), Some(digest(b"key")));
        Some(Draft {
            kind,
            priority,
            to,
            retention,
            expires_at: None,
            flags,
            content,
            salt,
            idempotency,
            sealed: None,
        })
    }
}

/// Opening.
impl World {
    /// Learns the content key of what has come, and tells of what cannot be opened.
    fn open_mail(&mut self, number: usize) {
        let network = self.members.roster.network();
        let waiting: Vec<Position> = self.nodes[number].desk.unopened.keys().copied().collect();
        let mut closed: Vec<ReceiptEntry> = Vec::new();
        for position in waiting {
            let node = &self.nodes[number];
            let Ok(Some(record)) = node.ledger.record(position) else { continue };
            let reason = match node.vault.content_key(network, node.member, &record) {
                Ok(key) => {
                    if let Some(commitment) = record.header().audience.key_commitment()
                        && !self.is_broken(number, Sabotage::ForgetContentKeys)
                    {
                        self.nodes[number].vault.keep(*commitment, key);
                    }
                    self.nodes[number].desk.unopened.remove(&position);
                    self.opened(number, &record);
                    continue;
                }
                Err(Closed::NoBody) if !node.ledger.is_excused(position) => continue,
                Err(Closed::NoBody | Closed::ToOthers | Closed::KeyLost) => {
                    self.nodes[number].desk.unopened.remove(&position);
                    continue;
                }
                Err(Closed::PrekeyGone) => Reason::PREKEY_GONE,
                Err(Closed::Wrong(_)) => Reason::DOES_NOT_OPEN,
            };
            if node.desk.said.contains(&record.id()) {
                self.nodes[number].desk.unopened.remove(&position);
            } else if !node.desk.is_telling(record.id()) {
                self.check_closed(number, &record, reason);
                closed.push(ReceiptEntry { id: record.id(), outcome: Outcome::CANNOT_OPEN, reason });
            }
        }
        if !self.is_broken(number, Sabotage::NeverTell) {
            closed.chunks(RECEIPT_ENTRIES_MAX).for_each(|part| self.tell_closed(number, part));
        }
    }

    fn tell_closed(&mut self, number: usize, entries: &[ReceiptEntry]) {
        let receipt = Receipt::new(entries.iter().copied());
        let Some(content) = receipt.ok().and_then(|receipt| receipt.encode().ok()) else { return };
        let draft = Draft::control(Kind::RECEIPT, content, self.seal_rng.bytes());
        self.coverage.mark(Mark::CannotOpen);
        self.do_errand(number, Errand::Tell(entries.iter().map(|entry| entry.id).collect()), draft);
    }
}

/// Prekeys.
impl World {
    /// Makes what is due.
    fn make_prekeys(&mut self, number: usize) {
        for purpose in [Use::DAILY, Use::FALLBACK] {
            let node = &self.nodes[number];
            let now = node.now(self.now).wall;
            if is_due(purpose, &node.vault.lives(), now) {
                let is_first = node.vault.lives().iter().all(|life| life.purpose != purpose);
                let mark = if purpose == Use::DAILY { Mark::DailyRenewed } else { Mark::FallbackRenewed };
                if !is_first {
                    self.coverage.mark(mark);
                }
                let seed = self.seal_rng.bytes();
                self.nodes[number].vault.make(purpose, now, &seed);
                self.made_prekey(number);
            }
        }
    }

    /// Publishes what the network does not know yet; also what an earlier process made and could not publish.
    fn publish_prekeys(&mut self, number: usize) {
        let node = &self.nodes[number];
        let now = node.now(self.now).wall;
        let is_news = |half: &&Half| !node.desk.published.contains(&half.id()) && half.life.ends_at > now;
        // The one on the card is in the charter.
        let first = first_half(number).id();
        let halves = node.vault.halves().iter().filter(is_news).filter(|half| half.id() != first);
        let mut news: Vec<_> = halves.map(|half| (half.id(), half.announcement())).collect();
        if self.is_broken(number, Sabotage::ReuseDeadPrekey)
            && let Some(dead) = self.book.some_dead(number)
        {
            news.iter_mut().for_each(|(_, announcement)| announcement.prekey.clone_from(dead));
        }
        for (id, announcement) in news {
            let errand = Errand::Announce(id);
            if self.nodes[number].desk.underway.contains(&errand) {
                continue;
            }
            let Ok(content) = announcement.encode() else { continue };
            let draft = Draft::control(Kind::PREKEY, content, self.seal_rng.bytes());
            self.do_errand(number, errand, draft);
        }
    }

    fn moment(&self, number: usize) -> Option<Moment> {
        let node = &self.nodes[number];
        let now = node.now(self.now);
        let core = node.core.as_ref()?;
        let peers = core.peers(now);
        let skew = core.status(now).clock_skew_ms;
        let caught_up = peers.iter().filter_map(PeerStatus::caught_up_at);
        Some(Moment {
            // A clock that runs behind is believed, one that runs ahead is not.
            agreed: skew.map(|skew| Time(now.wall.0.saturating_sub(u64::try_from(skew).unwrap_or(0)))),
            caught_up: caught_up.collect(),
            others: peers.len(),
            linked: peers.iter().any(|peer| peer.connected),
        })
    }

    /// Destroys what is not needed any more, and counts the time with links of what is still there.
    fn destroy_halves(&mut self, number: usize) {
        let right = self.wall().0;
        let Some(mut moment) = self.moment(number) else { return };
        if self.is_broken(number, Sabotage::DestroyUnsynced) {
            moment.caught_up = vec![Time(u64::MAX); moment.others];
        }
        let never = self.is_broken(number, Sabotage::NeverDestroy);
        let early = self.is_broken(number, Sabotage::DestroyEarly);
        let node = &mut self.nodes[number];
        let passed = node.desk.looked_at.replace(right).map_or(0, |last| right.saturating_sub(last));
        let is_gone = |half: &&Half| match moment.fate(half, &node.desk) {
            Fate::Destroy => !never,
            Fate::Grace(_) => early,
            _ => false,
        };
        let gone: Vec<PrekeyId> = node.vault.halves().iter().filter(is_gone).map(Half::id).collect();
        let linked = if moment.linked { passed } else { 0 };
        node.vault.count_linked(linked, |life| is_over(life, moment.agreed));
        if !gone.is_empty() {
            let halves = node.vault.take(&gone);
            halves.iter().for_each(|half| self.destroyed(number, half));
        }
    }
}
