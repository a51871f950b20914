//! Which of the network's names belongs to which of the core's numbers.
//!
//! The core names an exchange by a number and a link by its peer; the network has names of its own, which only it
//! can make. Every list is bounded: what is pushed out had no answer for so long that the network gave it up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ecomesh_net::{InboundId, LinkId, Token};
use ecomesh_protocol::PeerKey;

/// Greetings by others at once: the network takes 16 strangers, and known peers beside them.
const GREETINGS_MAX: usize = 512;
/// Links to one peer that are being greeted by us: the network has at most 4 connections to it.
const LINKS_PER_PEER_MAX: usize = 8;
/// Questions of others: the network lets 256 wait.
const QUESTIONS_MAX: usize = 1024;
/// Push messages: the network lets 1,024 wait, for 2 s.
const PUSHES_MAX: usize = 4096;

/// The lists. Shared by the thread of network events and the core's.
#[derive(Debug, Default)]
pub(crate) struct Correlation {
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    next: u64,
    reached: BTreeMap<PeerKey, VecDeque<LinkId>>,
    answered: BTreeMap<PeerKey, VecDeque<LinkId>>,
    greetings: BTreeMap<u64, LinkId>,
    questions: BTreeMap<u64, InboundId>,
    pushes: BTreeMap<u64, Token>,
}

impl Correlation {
    /// A dial of ours reached a peer.
    pub(crate) fn add_reached(&self, peer: PeerKey, link: LinkId) {
        add_link(&mut self.lock().reached, peer, link);
    }

    /// The link on which to say hello.
    pub(crate) fn reached(&self, peer: PeerKey) -> Option<LinkId> {
        take_link(&mut self.lock().reached, peer)
    }

    /// A peer answered our hello.
    pub(crate) fn add_answered(&self, peer: PeerKey, link: LinkId) {
        add_link(&mut self.lock().answered, peer, link);
    }

    /// The link to admit.
    pub(crate) fn answered(&self, peer: PeerKey) -> Option<LinkId> {
        take_link(&mut self.lock().answered, peer)
    }

    /// A link that was being greeted is gone.
    pub(crate) fn remove_link(&self, peer: PeerKey, link: LinkId) {
        let mut lists = self.lock();
        let Lists { reached, answered, .. } = &mut *lists;
        for list in [reached, answered] {
            if let Some(links) = list.get_mut(&peer) {
                links.retain(|l| *l != link);
                if links.is_empty() {
                    list.remove(&peer);
                }
            }
        }
    }

    /// A peer says hello; gives the exchange's number.
    pub(crate) fn add_greeting(&self, link: LinkId) -> u64 {
        let mut lists = self.lock();
        let number = lists.number();
        add(&mut lists.greetings, number, link, GREETINGS_MAX);
        number
    }

    /// The link on which to answer a hello.
    pub(crate) fn greeting(&self, exchange: u64) -> Option<LinkId> {
        self.lock().greetings.remove(&exchange)
    }

    /// A peer asks; gives the exchange's number.
    pub(crate) fn add_question(&self, inbound: InboundId) -> u64 {
        let mut lists = self.lock();
        let number = lists.number();
        add(&mut lists.questions, number, inbound, QUESTIONS_MAX);
        number
    }

    /// Where to answer a question.
    pub(crate) fn question(&self, exchange: u64) -> Option<InboundId> {
        self.lock().questions.remove(&exchange)
    }

    /// A push message came; gives its number.
    pub(crate) fn add_push(&self, token: Token) -> u64 {
        let mut lists = self.lock();
        let number = lists.number();
        add(&mut lists.pushes, number, token, PUSHES_MAX);
        number
    }

    /// The push message to judge.
    pub(crate) fn push(&self, number: u64) -> Option<Token> {
        self.lock().pushes.remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        // Each list is whole after every single call on it.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Adds an entry; the oldest makes room.
fn add<T>(list: &mut BTreeMap<u64, T>, number: u64, entry: T, max: usize) {
    if list.len() >= max {
        list.pop_first();
    }
    list.insert(number, entry);
}

fn add_link(list: &mut BTreeMap<PeerKey, VecDeque<LinkId>>, peer: PeerKey, link: LinkId) {
    let links = list.entry(peer).or_default();
    if links.len() >= LINKS_PER_PEER_MAX {
        links.pop_front();
    }
    links.push_back(link);
}

/// The core answers in the order in which it was told.
fn take_link(list: &mut BTreeMap<PeerKey, VecDeque<LinkId>>, peer: PeerKey) -> Option<LinkId> {
    let links = list.get_mut(&peer)?;
    let link = links.pop_front();
    if links.is_empty() {
        list.remove(&peer);
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut list = BTreeMap::new();
        for number in 0..10 {
            add(&mut list, number, number, 4);
        }
        assert_eq!(list.keys().copied().collect::<Vec<_>>(), [6, 7, 8, 9]);
    }
}
