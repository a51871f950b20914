//! Makes and publishes prekeys, and destroys their private halves; the rules are in `ecomesh_protocol::rotation`.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ecomesh_protocol::core::PeerStatus;
use ecomesh_protocol::prekeys::{Announcement, Use};
use ecomesh_protocol::rotation::{Fate, GRACE_MS, Standing, fate, is_due, is_over};
use ecomesh_protocol::{Draft, Roster};
use ecomesh_record::{Kind, Time};
use ecomesh_seal::vault::KeptPrekey;

use super::Mail;
use crate::clock;
use crate::core_thread::CoreHandle;
use crate::vault::{Vault, life};
use crate::views::Views;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// How soon again if something did not succeed, as at a start that first asks the peers for the own history.
const AGAIN: Duration = Duration::from_secs(2);
/// How much time with links may be forgotten by a crash.
const WRITE_EVERY_MS: u64 = 60 * 60 * 1000;

/// What the keeper needs.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) mail: Arc<Mail>,
    pub(crate) views: Arc<RwLock<Views>>,
    pub(crate) core: CoreHandle,
    pub(crate) roster: Roster,
}

/// How things stand for a look at all prekeys.
pub(crate) struct Moment {
    agreed: Option<Time>,
    /// Of each other member, the time of its last word, if all that it says it holds is here.
    caught_up: Vec<Time>,
    others: usize,
    linked: bool,
}

impl Keeper {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        if !self.roster.allows_control(self.roster.epoch(), Kind::PREKEY) {
            tracing::warn!(
                "the charter of this network was made without prekeys: messages cannot be sealed in it"
            );
            return;
        }
        let mut unwritten_ms = 0;
        let mut last = Instant::now();
        loop {
            let passed = u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
            last = Instant::now();
            let looked = self.look(passed, &mut unwritten_ms).await;
            if let Err(error) = &looked {
                tracing::debug!(%error, "prekeys wait");
            }
            // A locked vault makes no prekeys and destroys none; senders have the fallback.
            let rests = looked.is_ok() || self.mail.safe().is_locked();
            tokio::time::sleep(if rests { EVERY } else { AGAIN }).await;
        }
    }

    async fn look(&self, passed_ms: u64, unwritten_ms: &mut u64) -> Result<(), String> {
        let prekeys = {
            let vault = self.mail.vault().map_err(|e| e.to_string())?;
            self.make(&vault, clock::wall())?;
            vault.groups().forget_ended(clock::wall());
            vault.prekeys()
        };
        self.publish(&prekeys).await?;
        let moment = Moment::now(&self.core).await?;
        self.destroy(&moment, passed_ms, unwritten_ms)
    }

    /// Makes what is due.
    fn make(&self, vault: &Vault, now: Time) -> Result<(), String> {
        for purpose in [Use::DAILY, Use::FALLBACK] {
            let lives: Vec<_> = vault.prekeys().iter().map(|kept| life(kept)).collect();
            if is_due(purpose, &lives, now) {
                vault.make_prekey(purpose, now).map_err(|e| e.to_string())?;
                tracing::info!(%purpose, "a new prekey");
            }
        }
        Ok(())
    }

    /// Publishes what the network does not know yet; also what an earlier run made and could not publish.
    async fn publish(&self, prekeys: &[Arc<KeptPrekey>]) -> Result<(), String> {
        for kept in prekeys {
            if is_published(&self.views, kept) || kept.ends_ms <= clock::wall().0 {
                continue;
            }
            let written = self.core.author(announcement(kept)?).await.map_err(|e| e.to_string())?;
            match written {
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// Destroys what is not needed any more, and counts the time with links of what is still there.
    fn destroy(&self, moment: &Moment, passed_ms: u64, unwritten_ms: &mut u64) -> Result<(), String> {
        let vault = self.mail.vault().map_err(|e| e.to_string())?;
        let list = vault.prekeys();
        let gone: Vec<_> = list
            .iter()
            .filter(|kept| moment.fate(&self.mail, kept) == Fate::Destroy)
            .map(|kept| kept.secret.public().id())
            .collect();
        *unwritten_ms += if moment.linked { passed_ms } else { 0 };
        if gone.is_empty() && *unwritten_ms < WRITE_EVERY_MS {
            return Ok(());
        }
        let counted = std::mem::take(unwritten_ms);
        let written = vault.change_prekeys(|list| {
            list.retain(|kept| !gone.contains(&kept.secret.public().id()));
            for kept in list.iter_mut().filter(|kept| moment.is_over(kept)) {
                let linked_ms = kept.linked_ms.saturating_add(counted);
                *kept = Arc::new(kept.with_linked_ms(linked_ms));
            }
        });
        written.map_err(|e| e.to_string())?;
        for id in gone {
            tracing::info!(prekey = %hex::encode(id.0), "a private half was destroyed");
        }
        Ok(())
    }
}

impl Moment {
    /// As the core sees it.
    pub(crate) async fn now(core: &CoreHandle) -> Result<Self, String> {
        let (status, peers) =
            core.query(|core, now| (core.status(now), core.peers(now))).await.map_err(|e| e.to_string())?;
        let own = clock::wall();
        // A clock that runs behind is believed, one that runs ahead is not.
        let agreed =
            status.clock_skew_ms.map(|skew| Time(own.0.saturating_sub(u64::try_from(skew).unwrap_or(0))));
        let caught_up = peers.iter().filter_map(PeerStatus::caught_up_at);
        Ok(Self {
            agreed,
            caught_up: caught_up.collect(),
            others: peers.len(),
            linked: peers.iter().any(|peer| peer.connected),
        })
    }

    /// What is to become of a private half.
    pub(crate) fn fate(&self, mail: &Mail, kept: &KeptPrekey) -> Fate {
        let life = life(kept);
        let over = life.ends_at.after(GRACE_MS);
        let standing = Standing {
            agreed: self.agreed,
            synced_with: self.caught_up.iter().filter(|said| **said >= over).count(),
            others: self.others,
            all_opened: !mail.needs(kept.secret.public().id()),
        };
        fate(&life, &standing)
    }

    fn is_over(&self, kept: &KeptPrekey) -> bool {
        is_over(&life(kept), self.agreed)
    }
}

/// Whether the others can know a prekey.
pub(crate) fn is_published(views: &RwLock<Views>, kept: &KeptPrekey) -> bool {
    views.read().unwrap_or_else(PoisonError::into_inner).prekey_use(kept.secret.public().id()).is_some()
}

fn announcement(kept: &KeptPrekey) -> Result<Draft, String> {
    let life = life(kept);
    let announcement = Announcement {
        purpose: life.purpose,
        begins_at: life.begins_at,
        ends_at: life.ends_at,
        prekey: kept.secret.public().to_bytes(),
    };
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|e| e.to_string())?;
    Ok(Draft::control(Kind::PREKEY, announcement.encode().map_err(|e| e.to_string())?, salt))
}
