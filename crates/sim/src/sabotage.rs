//! Sabotage: one mechanism of a simulated node is broken on purpose, to see that the check which guards it can fail.
//!
//! Nothing of this is in the product. A check that no sabotage can make fail would prove nothing.

use ecomesh_protocol::Input;

use crate::world::{MS, World};

const SECOND_US: u64 = 1_000 * MS;
/// The second in which something goes wrong once.
const STRIKES_AT_S: u64 = 20;

/// What is broken, at the first node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Store and journal say that writes are durable before they are: a loss of power forgets them (I1).
    AcknowledgeBeforeDurable,
    /// The store forgets one record that it said it has (frontiers cover what is not held).
    ForgetRecord,
    /// The store forgets fork proofs (an equivocation is known everywhere).
    ForgetForks,
    /// The node asks nobody for what it lacks (I8).
    NeverAsk,
    /// An honest peer is blamed (I9).
    BlameHonest,
    /// The core ends for no reason.
    EndForNothing,
    /// A client's answer gets lost within the node.
    LoseAnswer,
    /// The store loses bodies without a word: deliveries are told of what is not held.
    LoseBodies,
    /// The store forgets what was erased (I6).
    ForgetErasures,
    /// The store keeps bodies that it was told to destroy: the others see it in no frontier.
    KeepErased,
    /// The node seals to one member more than the draft names (I7).
    SealToOneMore,
    /// What should be sealed is sent as it is (I7).
    LeaveOpen,
    /// Private halves are destroyed as soon as they have ended (I7).
    DestroyEarly,
    /// Private halves are destroyed before the node has caught up with others (I7).
    DestroyUnsynced,
    /// Private halves are never destroyed (I7).
    NeverDestroy,
    /// A prekey is published whose private half is destroyed (I7).
    ReuseDeadPrekey,
    /// Another node gets the content keys of what the node seals (I7).
    LeakContentKeys,
    /// Content keys are learnt and not kept (I7).
    ForgetContentKeys,
    /// Nobody is told of what cannot be opened (I7).
    NeverTell,
    /// What others cannot open is not sent again (I7).
    NeverResend,
    /// Events of notices and entries are ordered by their arrival (I11).
    OrderByArrival,
    /// Whoever writes of a notice or an entry is taken for its source (I11).
    SourceUnchecked,
    /// One approval is enough (I11).
    PublishUnreviewed,
    /// What was erased is still counted (I11).
    RememberErased,
    /// What comes before the key of its group is never read (I11).
    GiveUpOnGroupKeys,
    /// What is closed to some names a key record that its author has not recorded (I11).
    WriteNoKeyRecord,
    /// The store holds another record than was signed (I4).
    Forge,
    /// Each batch of the core leads to the next at once (I9).
    NeverRest,
}

impl Sabotage {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::AcknowledgeBeforeDurable,
        Self::ForgetRecord,
        Self::ForgetForks,
        Self::NeverAsk,
        Self::BlameHonest,
        Self::EndForNothing,
        Self::LoseAnswer,
        Self::LoseBodies,
        Self::ForgetErasures,
        Self::KeepErased,
        Self::SealToOneMore,
        Self::LeaveOpen,
        Self::DestroyEarly,
        Self::DestroyUnsynced,
        Self::NeverDestroy,
        Self::ReuseDeadPrekey,
        Self::LeakContentKeys,
        Self::ForgetContentKeys,
        Self::NeverTell,
        Self::NeverResend,
        Self::OrderByArrival,
        Self::SourceUnchecked,
        Self::PublishUnreviewed,
        Self::RememberErased,
        Self::GiveUpOnGroupKeys,
        Self::WriteNoKeyRecord,
        Self::Forge,
        Self::NeverRest,
    ];
}

impl World {
    /// Whether a node is the one that is broken in this way.
    pub(crate) fn is_broken(&self, number: usize, how: Sabotage) -> bool {
        number == 0 && self.sabotage == Some(how)
    }

    /// What goes wrong at one moment: called at each beat of a node.
    pub(crate) fn sabotage(&mut self, number: usize) {
        if self.now / SECOND_US != STRIKES_AT_S {
            return;
        }
        if self.is_broken(number, Sabotage::ForgetRecord) {
            self.nodes[number].ledger.forget_next();
        }
        if self.is_broken(number, Sabotage::BlameHonest)
            && let Some(other) = self.nodes[number].open.keys().next().copied()
        {
            let peer = self.members.peers[other];
            self.give(number, Input::Misbehaved { peer, reason: "sabotage of the simulation".into() });
        }
        if self.is_broken(number, Sabotage::EndForNothing) {
            self.nodes[number].fatal = Some("sabotage of the simulation".into());
        }
    }

    /// A broken node's questions go nowhere.
    pub(crate) fn keeps_from_asking(&self, number: usize) -> bool {
        self.is_broken(number, Sabotage::NeverAsk)
    }

    /// A broken node has something to do whenever it is done.
    pub(crate) fn keep_from_resting(&mut self, number: usize) {
        if self.is_broken(number, Sabotage::NeverRest) && self.now / SECOND_US == STRIKES_AT_S {
            let peer = self.members.peers[number];
            self.give(number, Input::AskFailed { peer, request: 0 });
        }
    }

    /// Breaks a store and a disk, when their node starts.
    pub(crate) fn break_home(&mut self, number: usize) {
        if number != 0 {
            return;
        }
        let node = &self.nodes[number];
        match self.sabotage {
            Some(Sabotage::AcknowledgeBeforeDurable) => {
                node.disk.forget_syncs();
                node.ledger.forget_syncs();
            }
            Some(Sabotage::ForgetForks) => node.ledger.forget_forks(),
            Some(Sabotage::LoseBodies) => node.ledger.lose_bodies(),
            Some(Sabotage::ForgetErasures) => node.ledger.forget_erasures(),
            Some(Sabotage::KeepErased) => node.ledger.keep_erased(),
            _ => {}
        }
    }
}
