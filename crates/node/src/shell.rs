//! The shell around the core: the one function that turns its outputs into effects, and the one that turns the
//! network's events into its inputs.
//!
//! Both are meant to be boring. Every effect is a call that returns at once; what does not fit into the network's
//! queue is dropped and counted there, since anti-entropy repairs it. Answers to clients and events are never
//! dropped: they go to receivers that exist, or to nobody.

mod correlation;
mod net_events;
mod said;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use ecomesh_net::{NetHandle, SendError, Verdict};
use ecomesh_protocol::judge::Void;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::{Input, KeyRing, Output, PeerKey, PushVerdict, Roster, judge};
use ecomesh_record::{Lane, MemberId, Position, Record, RecordId, Time};
use ecomesh_store::LedgerReader;

use crate::board::Board;
use crate::clock;
use crate::core_thread::Tickets;
use crate::events::Hub;
use crate::metrics::Metrics;
use crate::sealing::Mail;
use crate::views::Views;

pub(crate) use correlation::Correlation;
pub(crate) use net_events::NetEvents;

/// Everything that the core's outputs act upon.
pub(crate) struct Effects {
    pub(crate) net: NetHandle,
    pub(crate) correlation: Arc<Correlation>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) ring: Arc<ArcSwap<KeyRing>>,
    pub(crate) views: Arc<RwLock<Views>>,
    pub(crate) board: Arc<Board>,
    pub(crate) mail: Arc<Mail>,
    pub(crate) reader: LedgerReader,
    pub(crate) roster: Roster,
    pub(crate) hub: Arc<Hub>,
    pub(crate) metrics: Arc<Metrics>,
    /// The numbers that name the members at the network.
    pub(crate) tags: BTreeMap<MemberId, u64>,
    pub(crate) fatal: Option<String>,
}

impl Effects {
    /// Lets one output happen. A question that cannot even be sent comes back as an input.
    pub(crate) fn apply(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::SayHello { peer, bytes } => {
                if let Some(link) = self.correlation.reached(peer) {
                    sent("hello", self.net.hello(link, bytes));
                }
            }
            Output::HelloReply { exchange, peer, bytes, admit } => {
                tracing::debug!(%peer, member = ?admit, "hello answered");
                if let Some(link) = self.correlation.greeting(exchange) {
                    sent("hello reply", self.net.hello_reply(link, bytes, admit.is_some()));
                }
            }
            Output::Admit { peer, member } => {
                tracing::debug!(%peer, %member, "admitted");
                if let Some(link) = self.correlation.answered(peer) {
                    sent("admission", self.net.admit(link));
                }
            }
            Output::Reset { peer } => sent("reset", self.net.reset(to_net(peer))),
            Output::Forget { peer } => sent("forget", self.net.forget(to_net(peer))),
            Output::Seek { members } => {
                let tags = members.iter().filter_map(|member| self.tags.get(member).copied()).collect();
                sent("seek", self.net.seek(tags));
            }
            Output::Block { peer, millis, reason } => {
                tracing::warn!(%peer, millis, %reason, "a peer is cut off");
                self.metrics.blames.inc();
                sent("block", self.net.block(to_net(peer), Duration::from_millis(millis)));
            }
            Output::Publish { topic, bytes } => sent("push", self.net.publish(topic, bytes)),
            Output::Verdict { token, verdict } => {
                if let Some(token) = self.correlation.push(token) {
                    sent("verdict", self.net.verdict(token, to_net_verdict(verdict)));
                }
            }
            Output::Ask { peer, request, bytes } => {
                if let Err(error) = self.net.request(to_net(peer), request, bytes) {
                    sent("question", Err(error));
                    return Some(Input::AskFailed { peer, request });
                }
            }
            Output::Respond { exchange, bytes } => {
                if let Some(inbound) = self.correlation.question(exchange) {
                    sent("answer", self.net.respond(inbound, bytes));
                }
            }
            Output::Authored { ticket, result } => self.tickets.authored(ticket, result),
            Output::Imported { ticket, result } => self.tickets.imported(ticket, result),
            Output::Stored { record, verdict, first_seen } => {
                self.stored(record.record(), verdict, first_seen);
            }
            Output::Erased { record, seen_at } => {
                tracing::debug!(id = %record.record().id().short(), "an erasure");
                self.views_mut(|views| views.erased(record.record(), seen_at));
                for id in said::erased(record.record(), self) {
                    self.board.forget(id);
                }
                self.tell(said::erasure(record.record(), self));
            }
            Output::Destroyed { position } => self.destroyed(position),
            Output::Filled { position } => {
                tracing::debug!(%position, "a missing body came");
                if position.log.lane == Lane::CONTROL {
                    self.control_record_filled(position);
                } else {
                    self.mail.body_came();
                    self.board.body_came();
                }
            }
            Output::Delivered { id, position, member, at } => {
                self.delivered(id, position, member, at);
            }
            Output::Keys(ring) => self.ring.store(ring),
            Output::Forked(proof) => {
                let position = proof.position();
                tracing::warn!(log = %position.log, seq = position.seq, "a log has forked");
                self.views_mut(|views| views.forked(proof));
                self.hub
                    .publish(ecomesh_api::Event::Forked { log: position.log.to_string(), seq: position.seq });
            }
            Output::Alarm(alarm) => {
                tracing::warn!("{alarm}");
                self.metrics.alarms.inc();
                self.hub.publish(ecomesh_api::Event::Alarm { message: alarm.to_string() });
            }
            Output::Fatal(reason) => {
                tracing::error!(%reason, "the node cannot go on");
                self.fatal.get_or_insert(reason);
            }
        }
        None
    }

    fn stored(&self, record: &Record, verdict: Result<(), Void>, first_seen: Time) {
        tracing::debug!(id = %record.id().short(), position = %record.position(), "stored");
        self.metrics.stored.inc();
        self.mail.arrived(record, verdict);
        self.board.arrived(record, verdict);
        let mut event = self.views_mut(|views| views.stored(record, verdict, first_seen));
        // Its header is addressed to all, and only the mail knows who is of the group.
        if let ecomesh_api::Event::Stored { for_us, .. } = &mut event {
            *for_us &= !self.mail.is_closed_to(record.header(), self.mail.own());
        }
        self.hub.publish(event);
        self.tell(said::events(record, verdict, self));
    }

    fn delivered(&self, id: RecordId, position: Position, member: MemberId, at: Time) {
        tracing::debug!(id = %id.short(), %position, %member, "delivered");
        self.metrics.delivered.inc();
        let (id, member) = (id.to_string(), member.to_string());
        self.hub.publish(ecomesh_api::Event::Delivered { id, member, at_ms: at.0 });
    }

    /// What opens a body goes with it, and what the projections hold of it.
    fn destroyed(&self, position: Position) {
        match self.reader.header(position) {
            Ok(Some((record, _))) => {
                tracing::debug!(id = %record.id().short(), "a body was destroyed");
                self.metrics.destroyed.inc();
                self.mail.destroyed(record.header());
                self.board.forget(record.id());
            }
            Ok(None) => {}
            // The next start looks at all that is destroyed.
            Err(error) => tracing::warn!(%position, %error, "a record cannot be read"),
        }
    }

    /// A control record says something to the views only once its body is here.
    fn control_record_filled(&self, position: Position) {
        match self.reader.record(position) {
            Ok(Some(record)) => {
                let verdict = judge(&self.roster, &record);
                self.views_mut(|views| views.control_record(&record, verdict));
                self.tell(said::events(&record, verdict, self));
            }
            Ok(None) => {}
            // Whoever reads it next meets the same and tells it.
            Err(error) => tracing::warn!(%position, %error, "a body that came cannot be read"),
        }
    }

    fn tell(&self, events: Vec<ecomesh_api::Event>) {
        events.into_iter().for_each(|event| self.hub.publish(event));
    }

    /// Why the process must end, if it must.
    pub(crate) fn take_fatal(&mut self) -> Option<String> {
        self.fatal.take()
    }

    fn views_mut<T>(&self, change: impl FnOnce(&mut Views) -> T) -> T {
        // A view that a panic left half changed is wrong in one entry at most, and is rebuilt at the next start.
        change(&mut self.views.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl said::Known for Effects {
    fn record(&self, id: RecordId) -> Option<Record> {
        // Whoever reads it next meets the same error and tells it.
        let position = self.reader.find(id).ok().flatten()?;
        self.reader.header(position).ok().flatten().map(|(record, _)| record)
    }

    fn is_erased(&self, record: &Record) -> bool {
        let term = Term::of(record);
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        views.lives().life(&term, clock::wall()) == Life::Erased
    }
}

/// The network's transport key of a peer.
pub(crate) fn to_net(peer: PeerKey) -> ecomesh_net::PeerKey {
    ecomesh_net::PeerKey(peer.0)
}

/// The core's transport key of a peer.
pub(crate) fn from_net(peer: ecomesh_net::PeerKey) -> PeerKey {
    PeerKey(peer.0)
}

fn to_net_verdict(verdict: PushVerdict) -> Verdict {
    match verdict {
        PushVerdict::Accept => Verdict::Accept,
        PushVerdict::Reject => Verdict::Reject,
        PushVerdict::Ignore => Verdict::Ignore,
    }
}

/// A full queue is counted by the network; a frame that is too long is a mistake of ours.
fn sent(what: &str, result: Result<(), SendError>) {
    match result {
        Ok(()) | Err(SendError::Stopped) => {}
        Err(SendError::Full) => tracing::debug!(what, "dropped: the network's queue is full"),
        Err(error) => tracing::error!(what, %error, "not sent"),
    }
}
