//! A server's sessions.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::{ConfigError, Event, InFlight, MessageId, Negotiated, Packet, PeerIdentity, SendError, ServerConfig, SessionStats};

/// Names one session of a [`Listener`]; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

/// A packet to send, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit<Route> {
    /// The peer's route, as the driver gave it.
    pub route: Route,
    /// The packet; its buffer has no spare capacity.
    pub packet: Vec<u8>,
    /// The session it belongs to; none for an answer outside of any session.
    pub session: Option<SessionId>,
}

/// What a listener counted over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerStats {
    /// Sessions that were established.
    pub sessions: u64,
    /// Packets too short, too long or of a kind that nobody may send here.
    pub malformed: u64,
    /// Packets of another protocol version.
    pub other_version: u64,
    /// Packets for a connection id that is not known.
    pub unknown_id: u64,
    /// Packets that named a session or an attempt and did not open, or were replayed.
    pub dropped: u64,
    /// First packets turned away because too many handshakes are in progress.
    pub attempts_refused: u64,
    /// Handshakes that failed.
    pub attempts_failed: u64,
    /// Handshakes that were not finished in time.
    pub attempts_expired: u64,
}

/// A server's sessions: demultiplexing, admission and limits. `Route` is the driver's own address of a peer.
#[derive(Debug)]
pub struct Listener<Route> { _route: Vec<Route> }

impl<Route: Clone + PartialEq> Listener<Route> {
    /// A listener without sessions.
    pub fn new(config: &ServerConfig, now: Instant) -> Self { todo!() }

    /// Takes one packet that came from `route`. What is not genuine, not new or not for a session is counted and dropped.
    pub fn handle_packet(&mut self, route: Route, packet: impl Into<Packet>, now: Instant) { todo!() }

    /// Takes note that the deadline of [`poll_timeout`](Self::poll_timeout) has passed. Calling it early or again is harmless.
    pub fn handle_timeout(&mut self, now: Instant) { todo!() }

    /// Takes a hint that the route of this session is gone: nothing is sent to it until its client is heard again.
    pub fn handle_route_gone(&mut self, session: SessionId, now: Instant) { todo!() }

    /// Holds back packets of one session, whose route has no room, until [`resume`](Self::resume).
    pub fn pause(&mut self, session: SessionId) { todo!() }

    /// Goes on with a session held back by [`pause`](Self::pause).
    pub fn resume(&mut self, session: SessionId) { todo!() }

    /// The next packet to send, if any; sessions take turns. May change after every other call that takes `now`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<Route>> { todo!() }

    /// The next event of any session, if any. A message that is returned counts as handed to the application.
    pub fn poll_event(&mut self, now: Instant) -> Option<(SessionId, Event)> { todo!() }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    pub fn poll_timeout(&self) -> Option<Instant> { todo!() }

    /// Sends a message of one part. It is copied.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send(&mut self, session: SessionId, payload: &[u8], now: Instant) -> Result<MessageId, SendError> { todo!() }

    /// Sends a message of one or more parts. Large parts are shared, not copied, until they are acknowledged.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send_parts(&mut self, session: SessionId, parts: &[Bytes], now: Instant) -> Result<MessageId, SendError> { todo!() }

    /// Closes one session in order; see [`Session::close`](crate::Session::close).
    pub fn close(&mut self, session: SessionId, now: Instant) { todo!() }

    /// Closes all sessions in order, and admits no new ones.
    pub fn close_all(&mut self, now: Instant) { todo!() }

    /// The last message that the peer's application took, if any.
    pub fn acknowledged_through(&self, session: SessionId) -> Option<MessageId> { todo!() }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self, session: SessionId) -> InFlight { todo!() }

    /// The authenticated peer of a session that still stands.
    pub fn peer(&self, session: SessionId) -> Option<&Arc<PeerIdentity>> { todo!() }

    /// What the handshake of a session settled.
    pub fn negotiated(&self, session: SessionId) -> Option<Negotiated> { todo!() }

    /// The sessions that are established and not closed, in no particular order.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ { std::iter::empty() }

    /// Counters of one session that still stands.
    pub fn session_stats(&self, session: SessionId) -> Option<SessionStats> { todo!() }

    /// Counters of the listener.
    pub fn stats(&self) -> ListenerStats { todo!() }
}
