//! A client's session with its one server.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::pki_types::ServerName;

use crate::{ClientConfig, ConnectError, Event, MessageId, Negotiated, Packet, PeerIdentity, SendError};

/// A hint about the transport under a session. Hints speed things up; nothing depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathHint {
    /// The transport is connected, maybe anew: probe at once.
    Up,
    /// The transport lost its connection: what is in flight may be gone, and may still arrive late.
    Down,
}

/// What was counted over the life of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Handshakes that were completed.
    pub handshakes: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received, opened and used.
    pub packets_received: u64,
    /// Packets dropped: not parsed, not opened, replayed, late or not for this session.
    pub packets_dropped: u64,
    /// Packets that were found lost.
    pub packets_lost: u64,
    /// Messages of which at least a part was sent again.
    pub messages_replayed: u64,
    /// Bytes of messages that were sent again.
    pub bytes_replayed: u64,
    /// Times that `Unreachable` was told.
    pub outages: u64,
}

/// How much a session holds for messages that the peer has not acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Bytes sent and not acknowledged by the peer's application.
    pub sent_bytes: u64,
    /// Bytes not sent yet.
    pub unsent_bytes: u64,
}

/// A client's session with its one server: bytes, events and time in; bytes, events and a deadline out.
#[derive(Debug)]
pub struct Session {}

impl Session {
    /// Begins a session: the first packet is ready to be polled. Messages may be sent at once; they wait for the handshake.
    ///
    /// # Errors
    /// [`ConnectError`] if rustls cannot begin a handshake.
    pub fn new(config: &ClientConfig, server: ServerName<'static>, now: Instant) -> Result<Self, ConnectError> {
        todo!()
    }

    /// Takes one packet from the transport. What is not genuine, not new or not for this session is counted and dropped.
    pub fn handle_packet(&mut self, packet: impl Into<Packet>, now: Instant) { todo!() }

    /// Takes note that the deadline of [`poll_timeout`](Self::poll_timeout) has passed. Calling it early or again is harmless.
    pub fn handle_timeout(&mut self, now: Instant) { todo!() }

    /// Takes a hint about the transport.
    pub fn handle_path(&mut self, hint: PathHint, now: Instant) { todo!() }

    /// The next packet to send, if any; its buffer has no spare capacity.
    /// May change after every other call that takes `now`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> { todo!() }

    /// The next event, if any. A message that is returned counts as handed to the application.
    /// May change after `handle_packet` and `handle_timeout`, `close`.
    pub fn poll_event(&mut self, now: Instant) -> Option<Event> { todo!() }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever. May change after every other call that takes `now`.
    pub fn poll_timeout(&self) -> Option<Instant> { todo!() }

    /// Sends a message of one part. It is copied.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send(&mut self, payload: &[u8], now: Instant) -> Result<MessageId, SendError> { todo!() }

    /// Sends a message of one or more parts. Large parts are shared, not copied, until they are acknowledged.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send_parts(&mut self, parts: &[Bytes], now: Instant) -> Result<MessageId, SendError> { todo!() }

    /// Stops sending; what was sent is still delivered and what the peer sent still received, until both sides have
    /// everything or the linger time ends. `Closed` is told last.
    pub fn close(&mut self, now: Instant) { todo!() }

    /// The last message that the peer's application took, if any.
    pub fn acknowledged_through(&self) -> Option<MessageId> { todo!() }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self) -> InFlight { todo!() }

    /// The authenticated peer, once established.
    pub fn peer(&self) -> Option<&Arc<PeerIdentity>> { todo!() }

    /// What the handshake settled, once established.
    pub fn negotiated(&self) -> Option<Negotiated> { todo!() }

    /// Whether messages flow: established and not closed.
    pub fn is_established(&self) -> bool { todo!() }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool { todo!() }

    /// Counters.
    pub fn stats(&self) -> SessionStats { todo!() }
}
