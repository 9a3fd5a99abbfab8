//! One end of a transport that joins two endpoints, as one type for both roles.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::pki_types::ServerName;

use crate::{
    AcknowledgeError, ClientConfig, ConnectError, Event, InFlight, Listener, Message, MessageId, Negotiated, Packet,
    PathHint, PeerIdentity, SendError, ServerConfig, Session, SessionId,
};

/// One end of a transport that joins two endpoints: a client's [`Session`], or a [`Listener`] with one peer.
///
/// A driver of such a transport is the same for both roles. Where a server has several peers, it needs the listener
/// itself, which tells them apart.
///
/// A server's end speaks with one client. When that client, with the same certificate, begins anew, the session tells
/// [`Event::PeerRestarted`] and [`Event::Established`]; any other client is told that the server is busy, and goes on trying.
#[derive(Debug)]
pub struct Endpoint(Role);

#[derive(Debug)]
enum Role {
    Client(Box<Session>),
    Server(Box<Server>),
}

impl Endpoint {
    /// The client's end; see [`Session::new`].
    ///
    /// # Errors
    /// [`ConnectError`] if rustls cannot begin a handshake.
    pub fn connect(config: &ClientConfig, server: ServerName<'static>, now: Instant) -> Result<Self, ConnectError> {
        Ok(Self(Role::Client(Box::new(Session::new(config, server, now)?))))
    }

    /// The server's end, which waits for a client; see [`Listener::new`].
    ///
    /// # Errors
    /// [`ConnectError`] if the source of randomness fails.
    pub fn accept(config: &ServerConfig, now: Instant) -> Result<Self, ConnectError> {
        Ok(Self(Role::Server(Box::new(Server::new(config, now)?))))
    }

    /// Takes one packet from the transport; see [`Session::handle_packet`].
    pub fn handle_packet(&mut self, packet: impl Into<Packet>, now: Instant) {
        match &mut self.0 {
            Role::Client(session) => session.handle_packet(packet, now),
            Role::Server(server) => server.listener.handle_packet((), packet, now),
        }
    }

    /// Takes note that the deadline of [`poll_timeout`](Self::poll_timeout) has passed. Calling it early or again is
    /// harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.0 {
            Role::Client(session) => session.handle_timeout(now),
            Role::Server(server) => server.listener.handle_timeout(now),
        }
    }

    /// Takes a hint about the transport. Only a client can repair the path, so a server waits for it.
    pub fn handle_path(&mut self, hint: PathHint, now: Instant) {
        match &mut self.0 {
            Role::Client(session) => session.handle_path(hint, now),
            Role::Server(server) => server.handle_path(hint, now),
        }
    }

    /// The next packet to send, if any. May change after every other call that takes `now`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        match &mut self.0 {
            Role::Client(session) => session.poll_transmit(now),
            Role::Server(server) => Some(server.listener.poll_transmit(now)?.packet),
        }
    }

    /// The next event, if any. A message that is returned counts as handed to the application, and is acknowledged
    /// unless [`Delivery::manual_acknowledgement`](crate::Delivery::manual_acknowledgement) is set. May change after
    /// any `handle_*`, `close`, `acknowledge` and `abort`.
    pub fn poll_event(&mut self, now: Instant) -> Option<Event> {
        match &mut self.0 {
            Role::Client(session) => session.poll_event(now),
            Role::Server(server) => server.poll_event(now),
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever. May change after every other call that takes
    /// `now`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.0 {
            Role::Client(session) => session.poll_timeout(),
            Role::Server(server) => server.listener.poll_timeout(),
        }
    }

    /// Sends a message of one part. It is copied. A client may send at once; a server once it is established.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then. [`SendError::Closed`] for a server without a client.
    pub fn send(&mut self, payload: &[u8], now: Instant) -> Result<MessageId, SendError> {
        match &mut self.0 {
            Role::Client(session) => session.send(payload, now),
            Role::Server(server) => server.listener.send(server.open()?, payload, now),
        }
    }

    /// Sends a message of one or more parts. Large parts are shared, not copied, until they are acknowledged.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_parts(&mut self, parts: &[Bytes], now: Instant) -> Result<MessageId, SendError> {
        match &mut self.0 {
            Role::Client(session) => session.send_parts(parts, now),
            Role::Server(server) => server.listener.send_parts(server.open()?, parts, now),
        }
    }

    /// Closes in order; see [`Session::close`]. A server admits no other client then.
    pub fn close(&mut self, now: Instant) {
        match &mut self.0 {
            Role::Client(session) => session.close(now),
            Role::Server(server) => server.close(now),
        }
    }

    /// Gives the session up at once; see [`Session::abort`].
    pub fn abort(&mut self, now: Instant) {
        match &mut self.0 {
            Role::Client(session) => session.abort(now),
            Role::Server(server) => {
                if let Ok(session) = server.open() {
                    server.listener.abort(session, now);
                }
            }
        }
    }

    /// Makes another handshake beside the session, or asks the client for one; see [`Session::renew`].
    pub fn renew(&mut self, now: Instant) {
        match &mut self.0 {
            Role::Client(session) => session.renew(now),
            Role::Server(server) => {
                if let Ok(session) = server.open() {
                    server.listener.renew(session, now);
                }
            }
        }
    }

    /// The application is done with this message, and with all before; see [`Session::acknowledge`].
    ///
    /// # Errors
    /// [`AcknowledgeError`]; nothing changed then.
    pub fn acknowledge(&mut self, message: MessageId, now: Instant) -> Result<(), AcknowledgeError> {
        match &mut self.0 {
            Role::Client(session) => session.acknowledge(message, now),
            Role::Server(server) => {
                let session = server.open().map_err(|_| AcknowledgeError::NotDelivered)?;
                server.listener.acknowledge(session, message, now)
            }
        }
    }

    /// Takes back the messages that were never sent; see [`Session::withdraw_unsent`].
    pub fn withdraw_unsent(&mut self, now: Instant) -> Vec<Message> {
        match &mut self.0 {
            Role::Client(session) => session.withdraw_unsent(now),
            Role::Server(server) => server
                .open()
                .map_or_else(|_| Vec::new(), |session| server.listener.withdraw_unsent(session, now)),
        }
    }

    /// The last message that the peer's application took, if any.
    pub fn acknowledged_through(&self) -> Option<MessageId> {
        match &self.0 {
            Role::Client(session) => session.acknowledged_through(),
            Role::Server(server) => server.listener.acknowledged_through(server.open().ok()?),
        }
    }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self) -> InFlight {
        match &self.0 {
            Role::Client(session) => session.in_flight(),
            Role::Server(server) => server
                .open()
                .map_or_else(|_| InFlight::default(), |id| server.listener.in_flight(id)),
        }
    }

    /// The authenticated peer, while a session is established.
    pub fn peer(&self) -> Option<&Arc<PeerIdentity>> {
        match &self.0 {
            Role::Client(session) => session.peer(),
            Role::Server(server) => server.listener.peer(server.open().ok()?),
        }
    }

    /// What the handshake settled, while a session is established.
    pub fn negotiated(&self) -> Option<Negotiated> {
        match &self.0 {
            Role::Client(session) => session.negotiated(),
            Role::Server(server) => server.listener.negotiated(server.open().ok()?),
        }
    }

    /// Whether the session is over: at a server, the last one. A server that was not closed itself may be open again
    /// when another client comes.
    pub fn is_closed(&self) -> bool {
        match &self.0 {
            Role::Client(session) => session.is_closed(),
            Role::Server(server) => server.phase == Phase::Over,
        }
    }
}

/// A listener whose packets all go the one way there is.
#[derive(Debug)]
struct Server {
    listener: Listener<()>,
    phase: Phase,
}

/// How far the newest session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Open(SessionId),
    Over,
}

impl Server {
    fn new(config: &ServerConfig, now: Instant) -> Result<Self, ConnectError> {
        Ok(Self {
            listener: Listener::of_one(config, now)?,
            phase: Phase::Waiting,
        })
    }

    fn open(&self) -> Result<SessionId, SendError> {
        match self.phase {
            Phase::Open(session) => Ok(session),
            Phase::Waiting | Phase::Over => Err(SendError::Closed),
        }
    }

    fn handle_path(&mut self, hint: PathHint, now: Instant) {
        if let (PathHint::Down, Phase::Open(session)) = (hint, self.phase) {
            self.listener.handle_route_gone(session, now);
        }
    }

    fn poll_event(&mut self, now: Instant) -> Option<Event> {
        let (session, event) = self.listener.poll_event(now)?;
        match &event {
            Event::Established(_) => self.phase = Phase::Open(session),
            Event::Closed(_) if self.phase == Phase::Open(session) => self.phase = Phase::Over,
            _ => {}
        }
        Some(event)
    }

    fn close(&mut self, now: Instant) {
        self.listener.close_all(now);
        if self.phase == Phase::Waiting {
            self.phase = Phase::Over;
        }
    }
}
