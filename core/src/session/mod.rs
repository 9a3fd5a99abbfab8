//! A client's session with its one server.

mod attempts;
mod connecting;
mod doubt;
mod standing;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::pki_types::ServerName;

use self::connecting::{Connecting, Ended, Outcome};
use self::standing::Standing;
use crate::channel::Channel;
use crate::clock::Clock;
use crate::state::{Reachability, SessionState};
use crate::wire::header::{Header, Kind};
use crate::{
    AcknowledgeError, ClientConfig, CloseReason, ConnectError, Event, InFlight, Message, MessageId, Negotiated, Packet,
    PeerIdentity, SendError, SessionStats,
};

/// A hint about the transport under a session. Hints speed things up; nothing depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathHint {
    /// The transport is connected, maybe anew: probe at once.
    Up,
    /// The transport lost its connection: what is on the way may be gone, and may still arrive late.
    Down,
}

/// A client's session with its one server: bytes, events and time in; bytes, events and a deadline out.
///
/// The session outlives its transport's connections: whatever is lost on the way is sent again, and a new connection needs no
/// handshake. Methods come in four kinds. `handle_*` takes what happened, and returns nothing that one must act on; `poll_*` gives what is
/// to be done, each on its own and in any order; verbs are commands; nouns are plain readings. After any `handle_*` or command, poll all three.
///
/// `now` may come from any clock that does not stop; an instant before the latest one counts as the latest.
#[derive(Debug)]
pub struct Session {
    config: ClientConfig,
    clock: Clock,
    phase: Phase,
    /// Packets dropped before they concerned anything.
    dropped: u64,
}

/// How far the session has come. What each phase needs is there in that phase alone.
#[derive(Debug)]
enum Phase {
    Connecting(Box<Connecting>),
    Standing(Box<Standing>),
    /// Over before it was established.
    Ended(Ended),
}

impl Session {
    /// Begins a session: the first packet is ready to be polled. Messages may be sent at once; they wait for the handshake.
    ///
    /// # Errors
    /// [`ConnectError`] if rustls cannot begin a handshake.
    pub fn new(config: &ClientConfig, server: ServerName<'static>, now: Instant) -> Result<Self, ConnectError> {
        let connecting = Connecting::new(config, server, now)?;
        let phase = Phase::Connecting(Box::new(connecting));
        Ok(Self {
            config: config.clone(),
            clock: Clock::new(now),
            phase,
            dropped: 0,
        })
    }

    /// Takes one packet from the transport. What is not genuine, not new or not for this session is counted and dropped.
    ///
    /// Give it what has arrived before telling the time with [`handle_timeout`](Self::handle_timeout): a packet that
    /// waited in the transport may be the sign of life whose absence the timeout would report.
    pub fn handle_packet(&mut self, packet: impl Into<Packet>, now: Instant) {
        let now = self.clock.advance(now);
        let mut packet = packet.into();
        let taken = match Header::decode(packet.bytes_mut()) {
            Ok((header, header_bytes)) => self.dispatch((&header, header_bytes), packet, now),
            Err(_) => false,
        };
        self.dropped += u64::from(!taken);
    }

    /// Gives a packet to whom it names. Returns whether it was taken.
    fn dispatch(&mut self, header: (&Header, usize), packet: Packet, now: Instant) -> bool {
        match (&mut self.phase, header.0.kind) {
            (Phase::Connecting(_) | Phase::Standing(_), Kind::Retry { .. } | Kind::Unknown) => {
                self.handle_answer(header, packet, now)
            }
            (Phase::Connecting(connecting), _) => {
                let outcome = connecting.handle_packet(&self.config, header, packet, now);
                outcome.map(|outcome| self.turn(outcome, now)).is_some()
            }
            (Phase::Standing(standing), _) => {
                let taken = standing.handle_packet(&self.config, header, packet, now);
                self.serve_reservation(now);
                taken
            }
            (Phase::Ended(_), _) => false,
        }
    }

    /// Takes an answer of a server that holds nothing for this client.
    fn handle_answer(&mut self, (header, header_bytes): (&Header, usize), mut packet: Packet, now: Instant) -> bool {
        let cookie = &packet.bytes_mut()[header_bytes..];
        match (&mut self.phase, header.kind) {
            (Phase::Connecting(connecting), Kind::Unknown) => connecting.attempts.handle_unknown(header, now),
            (Phase::Connecting(connecting), _) => connecting.attempts.handle_retry(header, cookie, now),
            (Phase::Standing(standing), Kind::Unknown) => standing.handle_unknown(&self.config, header, now),
            (Phase::Standing(standing), _) => standing.handle_retry(header, cookie, now),
            (Phase::Ended(_), _) => false,
        }
    }

    fn turn(&mut self, outcome: Outcome, now: Instant) {
        match (outcome, &mut self.phase) {
            (Outcome::Established(channel), Phase::Connecting(connecting)) => {
                let attempts = connecting.attempts.take();
                let standing = Standing::new(*channel, attempts, &self.config, now);
                self.phase = Phase::Standing(Box::new(standing));
            }
            (Outcome::Over(ended), _) => self.phase = Phase::Ended(ended),
            _ => {}
        }
    }

    /// One session has the whole pool, which holds any message that it accepts.
    fn serve_reservation(&mut self, now: Instant) {
        if let Some(channel) = self.channel_mut()
            && channel.wanted_reservation().is_some()
        {
            channel.grant_reservation(now);
        }
    }

    /// Takes note that the deadline of [`poll_timeout`](Self::poll_timeout) has passed. Calling it early or again is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) => {
                let outcome = connecting.handle_timeout(&self.config, now);
                self.turn(outcome, now);
            }
            Phase::Standing(standing) => standing.handle_timeout(&self.config, now),
            Phase::Ended(_) => {}
        }
    }

    /// Takes a hint about the transport.
    pub fn handle_path(&mut self, hint: PathHint, now: Instant) {
        let now = self.clock.advance(now);
        match (&mut self.phase, hint) {
            (Phase::Connecting(connecting), PathHint::Up) => connecting.attempts.path_changed(now),
            (Phase::Standing(standing), PathHint::Up) => standing.path_changed(now),
            // The transport itself holds packets back now, or drops them: either way there is nothing to do but wait.
            _ => {}
        }
    }

    /// The next packet to send, if any, in a buffer of exactly its length.
    /// May change after any `handle_*`, command or `poll_event`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) => connecting.attempts.poll_transmit(),
            Phase::Standing(standing) => standing.poll_transmit(now),
            Phase::Ended(ended) => ended.farewell.take(),
        }
    }

    /// The next event, if any. A message that is returned counts as handed to the application, and is acknowledged
    /// unless [`Delivery::manual_acknowledgement`](crate::Delivery::manual_acknowledgement) is set. May change after
    /// any `handle_*`, `close`, `acknowledge` and `abort`.
    pub fn poll_event(&mut self, now: Instant) -> Option<Event> {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) => connecting.poll_event(),
            Phase::Standing(standing) => {
                let event = standing.poll_event(now);
                self.serve_reservation(now);
                event
            }
            Phase::Ended(ended) => ended.told.take().map(Event::Closed),
        }
    }

    /// Whether [`poll_event`](Self::poll_event) has something to give: a driver that sleeps then would keep it from the application.
    pub fn has_event(&self) -> bool {
        match &self.phase {
            Phase::Connecting(connecting) => connecting.has_event(),
            Phase::Standing(standing) => standing.channel.has_event(),
            Phase::Ended(ended) => ended.told.is_some(),
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever. May change after any `handle_*`, command or other poll.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Connecting(connecting) => Some(connecting.poll_timeout(&self.config)),
            Phase::Standing(standing) => standing.poll_timeout(),
            Phase::Ended(_) => None,
        }
    }

    /// Sends a message of one part. It is copied.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send(&mut self, payload: &[u8], now: Instant) -> Result<MessageId, SendError> {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) if !connecting.is_closing() => connecting.outbox.push(payload),
            Phase::Standing(standing) => standing.channel.send(payload, now),
            Phase::Connecting(_) | Phase::Ended(_) => Err(SendError::Closed),
        }
    }

    /// Sends a message of one or more parts. Large parts are shared, not copied, until they are acknowledged.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send_parts(&mut self, parts: &[Bytes], now: Instant) -> Result<MessageId, SendError> {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) if !connecting.is_closing() => connecting.outbox.push_parts(parts),
            Phase::Standing(standing) => standing.channel.send_parts(parts, now),
            Phase::Connecting(_) | Phase::Ended(_) => Err(SendError::Closed),
        }
    }

    /// Stops sending, on both sides: the peer's `send` fails, too, once it hears of it. What either side had sent is still delivered, until both
    /// have everything or the linger time ends; `Closed` is told last.
    ///
    /// There is no half-close: to say "that was all, now you", send a message that says so.
    pub fn close(&mut self, now: Instant) {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) => {
                let outcome = connecting.close(self.config.limits().linger, now);
                self.turn(outcome, now);
            }
            Phase::Standing(standing) => standing.channel.close(now),
            Phase::Ended(_) => {}
        }
    }

    /// Gives the session up at once: `Closed` tells what was not delivered.
    pub fn abort(&mut self, now: Instant) {
        let now = self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) => self.phase = Phase::Ended(connecting.end(CloseReason::Aborted)),
            Phase::Standing(standing) => standing.channel.end(CloseReason::Aborted, now),
            Phase::Ended(_) => {}
        }
    }

    /// Makes another handshake beside the session, which goes on without a gap under the secrets of that handshake; nothing
    /// is told. It does so by itself from time to time, see [`Limits::renew_after`](crate::Limits::renew_after). Before the session
    /// is established, and after its end, there is nothing to renew.
    pub fn renew(&mut self, now: Instant) {
        let now = self.clock.advance(now);
        if let Phase::Standing(standing) = &mut self.phase {
            standing.renew(now);
        }
    }

    /// The application is done with this message, and with all that it was handed before: the peer may forget them. For
    /// sessions with [`Delivery::manual_acknowledgement`](crate::Delivery::manual_acknowledgement).
    ///
    /// # Errors
    /// [`AcknowledgeError`]; nothing changed then.
    pub fn acknowledge(&mut self, message: MessageId, now: Instant) -> Result<(), AcknowledgeError> {
        let now = self.clock.advance(now);
        self.channel_mut()
            .map_or(Err(AcknowledgeError::NotDelivered), |channel| {
                channel.acknowledge(message, now)
            })
    }

    /// Takes back the messages that were never sent, in the order of sending. None once the session is closing: then `Closed` lists them.
    /// Their place among the ids of messages is given to others.
    pub fn withdraw_unsent(&mut self, now: Instant) -> Vec<Message> {
        self.clock.advance(now);
        match &mut self.phase {
            Phase::Connecting(connecting) if !connecting.is_closing() => connecting.outbox.withdraw_unsent(),
            Phase::Standing(standing) => standing.channel.withdraw_unsent(),
            Phase::Connecting(_) | Phase::Ended(_) => Vec::new(),
        }
    }

    /// The last message that the peer's application took, if any.
    pub fn acknowledged_through(&self) -> Option<MessageId> {
        self.channel()
            .and_then(|channel| channel.outbox().acknowledged_through())
    }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self) -> InFlight {
        match &self.phase {
            Phase::Connecting(connecting) => connecting.outbox.in_flight(),
            Phase::Standing(standing) => standing.channel.outbox().in_flight(),
            Phase::Ended(_) => InFlight::default(),
        }
    }

    /// The authenticated peer, once established.
    pub fn peer(&self) -> Option<&Arc<PeerIdentity>> {
        self.channel().map(Channel::peer)
    }

    /// What the handshake settled, once established.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.channel().map(Channel::negotiated)
    }

    /// How far the session has come.
    pub fn state(&self) -> SessionState {
        match &self.phase {
            Phase::Connecting(_) => SessionState::Connecting,
            Phase::Standing(standing) => standing.channel.state(),
            Phase::Ended(_) => SessionState::Closed,
        }
    }

    /// Whether the peer is heard.
    pub fn reachability(&self) -> Reachability {
        match &self.phase {
            Phase::Connecting(connecting) => connecting.reachability(),
            Phase::Standing(standing) => standing.channel.reachability(),
            Phase::Ended(_) => Reachability::Lost,
        }
    }

    /// Whether messages flow: established, and neither closing nor closed.
    pub fn is_established(&self) -> bool {
        self.state() == SessionState::Established
    }

    /// Whether the session is over. The last event, and the last packet, may still wait to be polled.
    pub fn is_closed(&self) -> bool {
        self.state() == SessionState::Closed
    }

    /// Counters.
    pub fn stats(&self) -> SessionStats {
        let mut stats = self.channel().map(Channel::stats).unwrap_or_default();
        stats.packets_dropped += self.dropped;
        stats
    }

    fn channel(&self) -> Option<&Channel> {
        match &self.phase {
            Phase::Standing(standing) => Some(&standing.channel),
            _ => None,
        }
    }

    fn channel_mut(&mut self) -> Option<&mut Channel> {
        match &mut self.phase {
            Phase::Standing(standing) => Some(&mut standing.channel),
            _ => None,
        }
    }
}
