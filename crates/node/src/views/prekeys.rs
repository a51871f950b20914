//! Prekeys that members have published: to which one is sealed, and what the id in a header names.

use ecomesh_protocol::Roster;
use ecomesh_protocol::prekeys::{Announcement, Directory, Use};
use ecomesh_record::{MemberId, Position, Time};
use ecomesh_seal::{Prekey, PrekeyId};
use ecomesh_store::Runs;

pub(crate) use ecomesh_protocol::prekeys::NoPrekey;

/// All that is known of prekeys. Of the newest ones the key; of all of them, 16 bytes each, id and use.
#[derive(Debug, Default)]
pub(crate) struct Prekeys {
    newest: Directory,
    uses: Runs<(u64, u8)>,
}

/// A prekey to which can be sealed.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) prekey: Prekey,
    pub(crate) purpose: Use,
    /// Begin and end; absent for the one of the charter.
    pub(crate) life: Option<(Time, Time)>,
    pub(crate) position: Option<Position>,
}

impl Prekeys {
    /// Takes the first fallbacks of all members.
    pub(crate) fn of_charter(roster: &Roster) -> Self {
        let mut prekeys = Self::default();
        for member in roster.members() {
            prekeys.newest.first(member.member, &member.fallback_prekey);
            if let Ok(prekey) = Prekey::admit(&member.fallback_prekey) {
                prekeys.uses.insert((first_bytes(prekey.id()), Use::FALLBACK.0));
            }
        }
        prekeys
    }

    /// Takes an announcement that is by the rules.
    pub(crate) fn insert(&mut self, position: Position, announcement: Announcement) {
        if let Some(id) = PrekeyId::of_bytes(&announcement.prekey) {
            self.uses.insert((first_bytes(id), announcement.purpose.0));
        }
        self.newest.insert(position, announcement);
    }

    /// The prekey to which is sealed at this time.
    pub(crate) fn choose(
        &self,
        member: MemberId,
        now: Time,
        is_disputed: impl Fn(Position) -> bool,
    ) -> Result<Chosen, NoPrekey> {
        let published = self.newest.choose(member, now, is_disputed)?;
        let prekey = published.prekey().ok_or(NoPrekey::None(member))?.clone();
        let life = published.position.map(|_| (published.begins_at, published.ends_at));
        Ok(Chosen { prekey, purpose: published.purpose, life, position: published.position })
    }

    /// What the prekey with this id was published for; nothing if none is known.
    pub(crate) fn purpose(&self, id: PrekeyId) -> Option<Use> {
        let first = first_bytes(id);
        self.uses.between((first, 0), (first, u8::MAX)).next().map(|(_, purpose)| Use(purpose))
    }
}

fn first_bytes(id: PrekeyId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
