//! The shell's task: the one place where commands become calls of libp2p and its events become ours.

mod gossip;
mod greeting;
mod sync;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::gossipsub::MessageId;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{ConnectionError, ConnectionId, DialError, SwarmEvent};
use libp2p::{PeerId, Swarm, ping};
use tokio::time::MissedTickBehavior;

use crate::behaviour::{Behaviour, BehaviourEvent, MeshEvent, Topics};
use crate::counters::Tally;
use crate::event::{DialFailure, DownReason, Event, Events, HelloFailure, LinkId, Misbehaviour};
use crate::explore::{Explorer, Turn};
use crate::gated::GatedEvent;
use crate::handle::{Command, Commands, NetHandle};
use crate::links::{Dial, Link, Links, Origin, Stage};
use crate::outbox::Outbox;
use crate::redial::Redialer;
use crate::verdicts::Verdicts;
use crate::{Config, PeerKey};

use self::sync::Requests;

/// How often deadlines are looked at: a tenth of the shortest wait that people notice.
const TICK: Duration = Duration::from_millis(50);

/// State of the task. All of it is bounded: links by the connection limits, dials by `max_dials`, the rest by
/// bounds of its own.
pub(crate) struct Shell {
    config: Config,
    local: PeerKey,
    topics: Topics,
    swarm: Swarm<Behaviour>,
    commands: Commands,
    outbox: Outbox,
    tally: Arc<Tally>,
    links: Links,
    /// Dials under way.
    dials: HashMap<ConnectionId, Dial>,
    redialer: Redialer,
    explorer: Explorer,
    verdicts: Verdicts<(MessageId, PeerId)>,
    requests: Requests,
}

impl Shell {
    pub(crate) fn new(
        config: Config,
        local: PeerKey,
        topics: Topics,
        swarm: Swarm<Behaviour>,
    ) -> (Self, NetHandle, Events) {
        let tally = Arc::new(Tally::default());
        let (handle, commands) = NetHandle::new(&config, local, tally.clone());
        let (outbox, events) = Outbox::new(config.event_queue, config.queue_bytes, tally.clone());
        let share = jitter() as f64 / u64::MAX as f64;
        let shell = Self {
            local,
            topics,
            swarm,
            commands,
            outbox,
            tally,
            links: Links::default(),
            dials: HashMap::new(),
            redialer: Redialer::new(config.redial_min, config.redial_max),
            explorer: Explorer::new(config.explore_every, config.seek_every, share, Instant::now()),
            verdicts: Verdicts::new(config.verdict_timeout, config.max_verdicts),
            requests: Requests::default(),
            config,
        };
        (shell, handle, events)
    }

    /// Runs until the node shuts it down or drops its ends of the queues.
    pub(crate) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown) | None => break,
                    Some(command) => self.on_command(command),
                },
                open = self.outbox.room(), if self.outbox.has_backlog() => {
                    if !open {
                        break;
                    }
                    self.outbox.flush();
                }
                () = self.outbox.closed() => break,
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
            self.redial(Instant::now());
        }
        // The port must be free when the node sees the end of its events.
        drop(self.swarm);
        drop(self.outbox);
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Dial { tag, addr } => self.dial(Dial { tag, addr, listed: false }),
            Command::SetAddresses(addresses) => self.redialer.set(addresses, Instant::now(), jitter),
            Command::Seek(tags) => self.explorer.seek(tags),
            Command::Know(peers) => {
                self.swarm.behaviour_mut().gate.set_known(peers.iter().map(PeerKey::peer_id));
            }
            Command::Hello { link, bytes } => self.say_hello(link.0, &bytes),
            Command::HelloReply { link, bytes, admit } => self.reply_hello(link.0, bytes, admit),
            Command::Admit { link } => self.admit(link.0),
            Command::Close { link } => self.close(link.0, DownReason::Closed, HelloFailure::Closed),
            Command::Publish { topic, bytes } => self.publish(topic, bytes),
            Command::Verdict { token, verdict } => self.verdict(token, verdict),
            Command::Request { peer, request_id, bytes } => self.request(peer, request_id, bytes),
            Command::Respond { inbound, bytes } => self.respond(inbound, bytes),
            Command::Disconnect { peer } => self.close_all(&peer),
            Command::Reset { peer } => self.reset(peer),
            Command::Forget { peer } => {
                self.swarm.behaviour_mut().gate.forget(&peer.peer_id());
                self.close_all(&peer);
            }
            Command::Block { peer, time } => {
                self.swarm.behaviour_mut().gate.block(peer.peer_id(), time, Instant::now());
                self.close_all(&peer);
            }
            Command::Shutdown => {}
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                self.outbox.send(Event::Listening { addr: address.to_string() });
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                self.on_established(connection_id, peer_id, Instant::now());
            }
            SwarmEvent::ConnectionClosed { connection_id, cause, .. } => self.on_closed(connection_id, cause),
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_dial_error(connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                self.tally.inbound_refused.one();
                tracing::debug!(%send_back_addr, %error, "inbound connection refused");
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listener error"),
            SwarmEvent::ListenerClosed { reason, .. } => tracing::error!(?reason, "listener closed"),
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Hello(event) => self.on_hello_event(event),
            BehaviourEvent::Mesh(GatedEvent::Opened(id)) => self.on_opened(id),
            BehaviourEvent::Mesh(GatedEvent::Inner(MeshEvent::Gossip(event))) => {
                self.on_strict_event(event);
            }
            BehaviourEvent::Mesh(GatedEvent::Inner(MeshEvent::Sync(event))) => self.on_sync_event(event),
            BehaviourEvent::Mesh(GatedEvent::Inner(MeshEvent::Ping(event))) => self.on_ping(&event),
            BehaviourEvent::Memory(never) | BehaviourEvent::Limits(never) | BehaviourEvent::Gate(never) => {
                match never {}
            }
        }
    }

    fn on_tick(&mut self, now: Instant) {
        for id in self.links.overdue(self.config.hello_timeout, now) {
            self.close(id, DownReason::Closed, HelloFailure::Timeout);
        }
        // The ping behaviour closes nothing. It also keeps the first failure to itself, and on a dead path the
        // second one is not a timeout of a ping but of the negotiation of a new stream. So pings that come back
        // are what counts here, and not what the behaviour calls a failure.
        for id in self.links.silent(self.config.ping_interval + self.config.ping_timeout, now) {
            self.tally.ping_timeouts.one();
            self.close(id, DownReason::PingTimeout, HelloFailure::Timeout);
        }
        self.expire_verdicts(now);
        let copies = self.swarm.behaviour_mut().mesh.inner().gossip.take_copies();
        self.tally.gossip_copies.add(copies);
        self.explore(now);
    }

    /// Dials what is due, while there are links to make.
    fn redial(&mut self, now: Instant) {
        while self.dials.len() + self.links.greeting_count() < self.config.max_dials
            && self.links.open_count() < self.config.target_links
            && let Some((tag, addr)) = self.redialer.next(now)
        {
            self.dial(Dial { tag, addr, listed: true });
        }
    }

    /// Beyond the links that the node wants: one more now and then, and one less if that makes too many.
    fn explore(&mut self, now: Instant) {
        if self.links.open_count() < self.config.target_links {
            return;
        }
        let next = match self.explorer.turn(now) {
            Some(Turn::Anybody) => self.redialer.next_any(now, jitter()),
            Some(Turn::Sought(tags)) => self.redialer.next_of(tags, now, jitter()),
            None => return,
        };
        let most = self.config.target_links + self.config.spare_links;
        if self.links.open_count() > most {
            let closable = self.links.dialed_before(self.config.settle_time, now);
            let drawn = jitter() % closable.len().max(1) as u64;
            if let Some(id) = usize::try_from(drawn).ok().and_then(|drawn| closable.get(drawn)) {
                self.close(*id, DownReason::Surplus, HelloFailure::Closed);
            }
        }
        if let Some((tag, addr)) = next {
            self.dial(Dial { tag, addr, listed: true });
        }
    }

    fn dial(&mut self, dial: Dial) {
        self.tally.dials.one();
        // A port of its own: two nodes that dial each other from their listening ports would collide.
        let opts = DialOpts::unknown_peer_id().address(dial.addr.clone()).allocate_new_port().build();
        let id = opts.connection_id();
        self.dials.insert(id, dial);
        if let Err(error) = self.swarm.dial(opts) {
            self.on_dial_error(id, &error);
        }
    }

    fn on_dial_error(&mut self, id: ConnectionId, error: &DialError) {
        let Some(dial) = self.dials.remove(&id) else { return };
        self.tally.dials_failed.one();
        let own = match error {
            DialError::LocalPeerId { .. } => true,
            // What remains of the addresses without our own listening ones is nothing.
            DialError::NoAddresses => true,
            _ => false,
        };
        if own && dial.listed {
            self.redialer.own(&dial.addr);
        } else if dial.listed {
            self.redialer.failed(&dial.addr, Instant::now(), jitter());
        }
        let reason = match error {
            _ if own => DialFailure::Own,
            DialError::Denied { cause } => DialFailure::Refused(chain(cause)),
            other => DialFailure::Unreachable(chain(other)),
        };
        self.outbox.send(Event::DialFailed { tag: dial.tag, addr: dial.addr.to_string(), reason });
    }

    fn on_established(&mut self, id: ConnectionId, peer: PeerId, now: Instant) {
        let Some(key) = PeerKey::from_peer_id(&peer) else {
            // The gate refuses such peers before this.
            self.swarm.close_connection(id);
            return;
        };
        let (origin, stage) = match self.dials.remove(&id) {
            Some(dial) => (Origin::Dialed(dial), Stage::Silent),
            None => (Origin::Accepted, Stage::Listening),
        };
        let link = Link { peer, key, origin, stage, since: now, alive: now };
        let tag = link.tag();
        self.links.insert(id, link);
        let Some(tag) = tag else { return };
        if self.links.open_with(&key).is_some() {
            self.close(id, DownReason::Closed, HelloFailure::AlreadyLinked);
        } else {
            self.outbox.send(Event::HelloNeeded { link: LinkId(id), peer: key, tag });
        }
    }

    fn on_closed(&mut self, id: ConnectionId, cause: Option<ConnectionError>) {
        let cause = cause.map_or_else(|| "closed".to_owned(), |cause| chain(&cause));
        self.settle(id, DownReason::Lost(cause.clone()), HelloFailure::Lost(cause));
    }

    fn on_ping(&mut self, event: &ping::Event) {
        if event.result.is_ok()
            && let Some(link) = self.links.get_mut(event.connection)
        {
            link.alive = Instant::now();
        }
    }

    fn reset(&mut self, peer: PeerKey) {
        if let Some(id) = self.links.open_with(&peer) {
            self.tally.links_replaced.one();
            self.close(id, DownReason::Closed, HelloFailure::Closed);
        }
        self.redialer.hurry(peer, Instant::now());
    }

    fn close_all(&mut self, peer: &PeerKey) {
        for id in self.links.with(peer) {
            self.close(id, DownReason::Closed, HelloFailure::Closed);
        }
    }

    /// Ends a connection now, whatever the kernel thinks of it.
    fn close(&mut self, id: ConnectionId, down: DownReason, hello: HelloFailure) {
        // The inner behaviours first: their last events are about a link that the node still knows.
        self.swarm.behaviour_mut().mesh.evict(id);
        self.settle(id, down, hello);
    }

    /// Tells everyone that a connection is gone; once.
    fn settle(&mut self, id: ConnectionId, down: DownReason, hello: HelloFailure) {
        let Some(link) = self.links.remove(id) else { return };
        let (now, key) = (Instant::now(), link.key);
        if matches!(link.stage, Stage::Up) {
            self.tally.links_down.one();
            self.fail_requests(&key);
            self.outbox.send(Event::LinkDown { peer: key, reason: down });
        } else {
            self.tally.hellos_failed.add(u64::from(hello != HelloFailure::AlreadyLinked));
            // Of a refusal the node has heard already.
            if let Origin::Dialed(dial) = &link.origin
                && !matches!(link.stage, Stage::Refused)
            {
                self.outbox.send(Event::HelloFailed {
                    link: LinkId(id),
                    peer: key,
                    tag: dial.tag,
                    reason: hello,
                });
            }
        }
        if link.stage.is_open() && self.links.open_with(&key).is_none() {
            self.redialer.down(key, now, jitter());
        }
        if let Some(addr) = link.listed().filter(|_| !matches!(link.stage, Stage::Up)) {
            match self.links.open_with(&key) {
                Some(_) => self.redialer.linked(addr, key),
                None => self.redialer.failed(addr, now, jitter()),
            }
        }
    }

    /// Something of an inner protocol came from this peer: it lives, and its end of the link is open.
    fn heard_from(&mut self, peer: &PeerKey) {
        let Some(id) = self.links.open_with(peer) else { return };
        if let Some(link) = self.links.get_mut(id) {
            link.alive = Instant::now();
        }
        self.complete(id);
    }

    fn misbehaved(&mut self, peer: PeerKey, what: Misbehaviour) {
        self.tally.misbehaved.one();
        self.outbox.offer(Event::Misbehaved { peer, what });
    }
}

/// An error and its causes in one line, without the peer's own words.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}

/// Spreads redials. If the system has no randomness, they are merely less spread.
fn jitter() -> u64 {
    getrandom::u64().unwrap_or(0)
}
