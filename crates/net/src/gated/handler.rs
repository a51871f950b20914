//! The handler of one gated connection: an empty shell until the inner handler is put into it.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll};

use either::Either;
use libp2p::core::upgrade::DeniedUpgrade;

use libp2p::swarm::handler::{
    ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound, ListenUpgradeError, SendWrapper,
};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol};

/// Orders to the handler of a connection.
pub(crate) enum ToHandler<H: ConnectionHandler> {
    /// Accept the streams of this inner handler; hold back those that it wants to start.
    Open(Box<H>),
    /// Let it start streams.
    Release,
    /// For the inner handler.
    Inner(H::FromBehaviour),
}

impl<H: ConnectionHandler> fmt::Debug for ToHandler<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(_) => f.write_str("Open"),
            Self::Release => f.write_str("Release"),
            Self::Inner(event) => f.debug_tuple("Inner").field(event).finish(),
        }
    }
}

/// Notes from the handler of a connection.
#[derive(Debug)]
pub(crate) enum FromHandler<E> {
    /// From now on the inner protocols are accepted.
    Opened,
    /// From the inner handler.
    Inner(E),
}

/// Refuses all streams until it is opened.
pub(crate) struct GatedHandler<H: ConnectionHandler> {
    inner: Option<Box<H>>,
    tell_opened: bool,
    released: bool,
    /// Streams that the inner handler asked for before the release: one per inner protocol.
    held: VecDeque<SubstreamProtocol<H::OutboundProtocol, H::OutboundOpenInfo>>,
}

impl<H: ConnectionHandler> GatedHandler<H> {
    pub(super) fn shut() -> Self {
        Self { inner: None, tell_opened: false, released: false, held: VecDeque::new() }
    }
}

type InboundProtocol<H> =
    Either<SendWrapper<<H as ConnectionHandler>::InboundProtocol>, SendWrapper<DeniedUpgrade>>;
type InboundInfo<H> = Either<<H as ConnectionHandler>::InboundOpenInfo, ()>;

impl<H: ConnectionHandler> ConnectionHandler for GatedHandler<H> {
    type FromBehaviour = ToHandler<H>;
    type ToBehaviour = FromHandler<H::ToBehaviour>;
    type InboundProtocol = InboundProtocol<H>;
    type OutboundProtocol = H::OutboundProtocol;
    type InboundOpenInfo = InboundInfo<H>;
    type OutboundOpenInfo = H::OutboundOpenInfo;

    /// Asked anew for each inbound stream, which is what makes opening possible.
    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol, Self::InboundOpenInfo> {
        match &self.inner {
            Some(inner) => inner
                .listen_protocol()
                .map_upgrade(|upgrade| Either::Left(SendWrapper(upgrade)))
                .map_info(Either::Left),
            None => SubstreamProtocol::new(Either::Right(SendWrapper(DeniedUpgrade)), Either::Right(())),
        }
    }

    /// An admitted link stays, however quiet; a stranger's ends when idle.
    fn connection_keep_alive(&self) -> bool {
        self.inner.is_some()
    }

    fn on_behaviour_event(&mut self, order: ToHandler<H>) {
        match order {
            ToHandler::Open(inner) => {
                self.inner = Some(inner);
                self.tell_opened = true;
            }
            ToHandler::Release => self.released = true,
            ToHandler::Inner(event) => {
                if let Some(inner) = &mut self.inner {
                    inner.on_behaviour_event(event);
                }
            }
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<H::OutboundProtocol, H::OutboundOpenInfo, Self::ToBehaviour>> {
        if std::mem::take(&mut self.tell_opened) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(FromHandler::Opened));
        }
        let Some(inner) = &mut self.inner else { return Poll::Pending };
        if self.released
            && let Some(protocol) = self.held.pop_front()
        {
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        loop {
            match inner.poll(cx) {
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
                    if !self.released =>
                {
                    self.held.push_back(protocol);
                }
                Poll::Ready(event) => return Poll::Ready(event.map_custom(FromHandler::Inner)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::ToBehaviour>> {
        match &mut self.inner {
            Some(inner) => inner.poll_close(cx).map(|event| event.map(FromHandler::Inner)),
            None => Poll::Ready(None),
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<
            '_,
            Self::InboundProtocol,
            H::OutboundProtocol,
            Self::InboundOpenInfo,
            H::OutboundOpenInfo,
        >,
    ) {
        let Some(inner) = &mut self.inner else { return };
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, info }) => {
                // A stream that was negotiated while the gate was shut has no protocol: it cannot get here.
                if let (futures::future::Either::Left(protocol), Either::Left(info)) = (protocol, info) {
                    let event = FullyNegotiatedInbound { protocol, info };
                    inner.on_connection_event(ConnectionEvent::FullyNegotiatedInbound(event));
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                let event = FullyNegotiatedOutbound { protocol, info };
                inner.on_connection_event(ConnectionEvent::FullyNegotiatedOutbound(event));
            }
            ConnectionEvent::DialUpgradeError(error) => {
                let event = libp2p::swarm::handler::DialUpgradeError { info: error.info, error: error.error };
                inner.on_connection_event(ConnectionEvent::DialUpgradeError(event));
            }
            ConnectionEvent::ListenUpgradeError(ListenUpgradeError { info, error }) => {
                // A stream that began while the gate was shut and failed when it was open is not the inner's.
                if let (Either::Left(info), Either::Left(error)) = (info, error) {
                    let event = ListenUpgradeError { info, error };
                    inner.on_connection_event(ConnectionEvent::ListenUpgradeError(event));
                }
            }
            ConnectionEvent::AddressChange(change) => {
                inner.on_connection_event(ConnectionEvent::AddressChange(change));
            }
            ConnectionEvent::LocalProtocolsChange(change) => {
                inner.on_connection_event(ConnectionEvent::LocalProtocolsChange(change));
            }
            ConnectionEvent::RemoteProtocolsChange(change) => {
                inner.on_connection_event(ConnectionEvent::RemoteProtocolsChange(change));
            }
            _ => {}
        }
    }
}
