//! Delivery, honestly told: a record is delivered to an addressee when that addressee's own signed frontier covers
//! it without a hole. Kept with its evidence, never unsaid.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_record::{Header, MemberId, Position, RecordId, Time};

use crate::verify::VerifiedFrontier;

/// One own record on its way.
#[derive(Debug)]
struct Sent {
    id: RecordId,
    to: Vec<MemberId>,
    delivered: BTreeMap<MemberId, Time>,
}

/// A delivery that has just been proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The record.
    pub id: RecordId,
    /// Its place.
    pub position: Position,
    /// The addressee.
    pub member: MemberId,
}

/// All own documents and who has them.
#[derive(Debug, Default)]
pub struct Deliveries {
    sent: BTreeMap<Position, Sent>,
    pending: BTreeMap<MemberId, BTreeSet<Position>>,
}

impl Deliveries {
    /// Begins to follow an own record. `members` are all others, for records that name nobody.
    pub fn follow(&mut self, header: &Header, id: RecordId, members: &[MemberId]) {
        if header.kind.is_control() {
            return;
        }
        let to = if header.to.is_empty() { members } else { &header.to };
        for member in to {
            self.pending.entry(*member).or_default().insert(header.position());
        }
        let sent = Sent { id, to: to.to_vec(), delivered: BTreeMap::new() };
        self.sent.insert(header.position(), sent);
    }

    /// What a frontier proves that was not proved before. Changes nothing: see [`Deliveries::prove`].
    pub fn proofs(&self, verified: &VerifiedFrontier) -> Vec<Proved> {
        let frontier = verified.frontier();
        let Some(pending) = self.pending.get(&frontier.member) else { return Vec::new() };
        let mut proved = Vec::new();
        for entry in &frontier.entries {
            // A head that is not ours is another branch, or goes on beyond what is here, and proves nothing.
            let own = self.sent.get(&entry.log.at(entry.seq));
            if own.is_none_or(|own| own.id != entry.head) {
                continue;
            }
            for position in pending.range(entry.log.at(0)..=entry.log.at(entry.seq)) {
                let Some(sent) = self.sent.get(position) else { continue };
                if frontier.holes.binary_search(&sent.id).is_err() {
                    proved.push(Proved { id: sent.id, position: *position, member: frontier.member });
                }
            }
        }
        proved
    }

    /// Notes a proved delivery, once its evidence is durable. Returns whether it is news.
    pub fn prove(&mut self, proved: &Proved, at: Time) -> bool {
        let pending = self.pending.get_mut(&proved.member);
        let news = pending.is_some_and(|pending| pending.remove(&proved.position));
        if let Some(sent) = self.sent.get_mut(&proved.position) {
            sent.delivered.entry(proved.member).or_insert(at);
        }
        news
    }

    /// Each addressee of an own record, with the time at which its delivery was proved.
    pub fn of(&self, position: Position) -> Option<Vec<(MemberId, Option<Time>)>> {
        let sent = self.sent.get(&position)?;
        Some(sent.to.iter().map(|member| (*member, sent.delivered.get(member).copied())).collect())
    }

    /// The id of an own document.
    pub fn id_of(&self, position: Position) -> Option<RecordId> {
        self.sent.get(&position).map(|sent| sent.id)
    }

    /// Members to whom something is still on its way.
    pub fn waiting_for(&self) -> impl Iterator<Item = MemberId> {
        self.pending.iter().filter(|(_, open)| !open.is_empty()).map(|(member, _)| *member)
    }
}
