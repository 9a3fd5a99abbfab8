//! A server's sessions.
//!
//! What an unauthenticated sender can make a listener do: for a first packet, one TLS answer, within the number of
//! attempts that may be in progress, and none for the same packet again; for a packet that names an attempt, a session
//! or a tombstone, one attempt to open it, or the repetition of one small packet. It holds nothing else for anybody.

mod admission;
mod answers;
mod cookies;
mod memory;
mod slot;
mod succession;
mod table;
mod who;

use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use self::answers::Told;
use self::cookies::Cookies;
use self::slot::{State, Tombstone};
use self::table::{Ids, Table};
use self::who::{Digest, Names};
use crate::channel::{Channel, Opened, Receipt};
use crate::clock::Clock;
use crate::state::{Reachability, SessionState};
use crate::stream::Pool;
use crate::wire::header::{Header, Kind, NotAPacket};
use crate::{
    AcknowledgeError, CloseReason, ConnectError, Event, InFlight, ListenerStats, Message, MessageId, Negotiated,
    Packet, PeerIdentity, SendError, ServerConfig, SessionStats,
};

/// How many events of one session come before those of the next.
const EVENTS_PER_TURN: u32 = 64;

/// Names one session of a [`Listener`], over all its handshakes, and over restarts of its client. A later session gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    generation: u32,
    index: u32,
}

/// A packet to send, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit<Route> {
    /// The peer's route, as the driver gave it.
    pub route: Route,
    /// The packet, in a buffer of exactly its length.
    pub packet: Vec<u8>,
    /// The session, or the attempt at one, that it belongs to. None for an answer to somebody for whom nothing is held: where its
    /// route has no room, such a packet is dropped.
    pub session: Option<SessionId>,
}

/// A handshake that failed, for a log: nobody but the administrator can act on it.
#[derive(Clone, Debug)]
pub struct FailedAttempt<Route> {
    /// Where the client's last packet came from.
    pub route: Route,
    /// Who refused, and why.
    pub reason: CloseReason,
}

/// A server's sessions: demultiplexing, admission and limits. `Route` is the driver's own address of a peer; two that are
/// equal lead to the same place.
///
/// The methods are of the same four kinds as those of [`Session`](crate::Session), and obey the same rules.
#[derive(Debug)]
pub struct Listener<Route> {
    config: ServerConfig,
    incarnation: [u8; 16],
    clock: Clock,
    table: Table<Route>,
    /// The sessions, by who their client is.
    by_client: BTreeMap<Digest, u32>,
    names: Names,
    cookies: Cookies,
    told: Told,
    pool: Pool<u32>,
    /// Packets that do not take their session's route.
    replies: VecDeque<Transmit<Route>>,
    to_transmit: VecDeque<u32>,
    with_events: VecDeque<u32>,
    /// Tombstones, oldest first.
    tombstones: VecDeque<SessionId>,
    events_in_turn: u32,
    failed: VecDeque<FailedAttempt<Route>>,
    attempts: usize,
    sessions: usize,
    closing: bool,
    stats: ListenerStats,
}

impl<Route: Clone + Eq + Hash> Listener<Route> {
    /// A listener without sessions.
    ///
    /// # Errors
    /// [`ConnectError`] if the provider's source of randomness fails.
    pub fn new(config: &ServerConfig, now: Instant) -> Result<Self, ConnectError> {
        Self::with(config, Names::Matter, now)
    }

    /// A listener with one session, for a transport that joins two: only whoever has the same certificate takes its client's place.
    pub(crate) fn of_one(config: &ServerConfig, now: Instant) -> Result<Self, ConnectError> {
        Self::with(&config.of_one(), Names::DoNotMatter, now)
    }

    fn with(config: &ServerConfig, names: Names, now: Instant) -> Result<Self, ConnectError> {
        Ok(Self {
            config: config.clone(),
            incarnation: config.common().random()?,
            clock: Clock::new(now),
            table: Table::new(),
            by_client: BTreeMap::new(),
            names,
            cookies: Cookies::new(&config.common().random()?, now),
            told: Told::default(),
            pool: Pool::new(config.limits().pool_bytes),
            replies: VecDeque::new(),
            to_transmit: VecDeque::new(),
            with_events: VecDeque::new(),
            tombstones: VecDeque::new(),
            events_in_turn: 0,
            failed: VecDeque::new(),
            attempts: 0,
            sessions: 0,
            closing: false,
            stats: ListenerStats::default(),
        })
    }

    /// Takes one packet that came from `route`. What is not genuine, not new or not for a session is counted and dropped.
    pub fn handle_packet(&mut self, route: Route, packet: impl Into<Packet>, now: Instant) {
        let now = self.clock.advance(now);
        let mut packet = packet.into();
        match Header::decode(packet.bytes_mut()) {
            Ok((header, header_bytes)) => match (header.kind, self.table.by_id(&header.destination)) {
                // Servers send these, clients never do.
                (Kind::Retry { .. } | Kind::Unknown, _) => self.stats.malformed += 1,
                (Kind::Data, Some(index)) => self.handle_data(index, &header, route, packet, now),
                (Kind::Handshake, Some(index)) => {
                    self.handle_handshake(index, (&header, header_bytes), route, packet, now);
                }
                // Nobody calls the server so in a first packet.
                (Kind::Initial { .. }, Some(_)) => self.stats.dropped += 1,
                (Kind::Initial { .. }, None) => self.handle_initial((&header, header_bytes), route, packet, now),
                (Kind::Data | Kind::Handshake, None) => self.answer_unknown(&header, route, now),
            },
            Err(NotAPacket::Malformed) => self.stats.malformed += 1,
            Err(NotAPacket::OtherVersion) => self.stats.other_version += 1,
        }
    }

    fn handle_data(&mut self, index: u32, header: &Header, route: Route, packet: Packet, now: Instant) {
        let Some(slot) = self.table.get_mut(index) else { return };
        match &mut slot.state {
            State::Session(channel) => match channel.open(header, packet, now) {
                Some(opened) => return self.handle_opened(index, &opened, route, now),
                None => {
                    self.stats.dropped += 1;
                    // All that is left to send is the last word, the same to whoever asks.
                    if channel.state() == SessionState::Closed {
                        slot.move_to(route);
                    }
                }
            },
            State::Tombstone(tombstone) => {
                tombstone.last_word.asked(now);
                slot.move_to(route);
            }
            // The client cannot know that its Finished arrived, and sends no data before it does.
            State::Attempt(_) => self.stats.dropped += 1,
        }
        self.settle(index, now);
    }

    /// A genuine packet of a session, or the first one after a handshake.
    fn handle_opened(&mut self, index: u32, opened: &Opened, route: Route, now: Instant) {
        let is_first = matches!(self.table.get(index).map(|slot| &slot.state),
            Some(State::Session(channel)) if channel.is_unconfirmed());
        let index = if is_first {
            self.begin(index, opened, now)
        } else {
            index
        };
        let Some(slot) = self.table.get_mut(index) else { return };
        let State::Session(channel) = &mut slot.state else {
            return;
        };
        let receipt = channel.take(opened, now);
        if slot.earlier.is_some() && channel.earlier().is_none() {
            let ids = Ids::of(channel);
            self.table.rename(index, ids);
        }
        self.follow(index, receipt, route, now);
        self.settle(index, now);
    }

    /// Sends by the route that a packet came by, if it was the newest.
    fn follow(&mut self, index: u32, receipt: Receipt, route: Route, now: Instant) {
        let Some(slot) = self.table.get_mut(index) else { return };
        let State::Session(channel) = &mut slot.state else {
            return;
        };
        match receipt {
            // Only a genuine packet with the newest number moves a session: whoever copies packets cannot.
            Receipt::Taken { newest: true } if slot.route != route || channel.is_route_gone() => {
                channel.path_changed(now);
                slot.move_to(route);
            }
            Receipt::Taken { .. } => {}
            Receipt::Dropped => self.stats.dropped += 1,
        }
    }

    /// Does what a change in one place may call for: queue it for output, events, memory and its deadline.
    fn settle(&mut self, index: u32, now: Instant) {
        self.bury(index, now);
        self.settle_memory(index, now);
        self.enqueue(index);
        self.table.schedule(index);
    }

    #[inline]
    fn enqueue(&mut self, index: u32) {
        let Some(slot) = self.table.get_mut(index) else { return };
        if !slot.queued_to_transmit && !slot.paused && slot.state.has_transmit() {
            slot.queued_to_transmit = true;
            self.to_transmit.push_back(index);
        }
        if let State::Session(channel) = &slot.state
            && !slot.queued_for_events
            && channel.has_event()
        {
            slot.queued_for_events = true;
            self.with_events.push_back(index);
        }
    }

    /// Replaces a session whose end was told by its tombstone.
    fn bury(&mut self, index: u32, now: Instant) {
        let Some(slot) = self.table.get_mut(index) else { return };
        let State::Session(channel) = &mut slot.state else {
            return;
        };
        let Some((last_word, until)) = channel.take_tombstone() else {
            return;
        };
        slot.state = State::Tombstone(Tombstone { last_word, until });
        self.sessions -= 1;
        let generation = slot.generation;
        self.forget_client(index);
        self.leave_pool(index, now);
        self.remember_tombstone(SessionId { generation, index });
    }

    /// Takes note that the deadline of [`poll_timeout`](Self::poll_timeout) has passed. Calling it early or again is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.advance(now);
        let contended = self.pool.is_contended();
        while let Some(index) = self.table.take_due(now) {
            match self.table.get_mut(index).map(|slot| &mut slot.state) {
                Some(State::Session(channel)) => {
                    channel.handle_timeout(contended, now);
                    self.settle(index, now);
                }
                Some(State::Attempt(attempt)) if attempt.ends_at() <= now => {
                    self.stats.attempts_expired += 1;
                    self.attempts -= 1;
                    self.table.remove(index);
                }
                Some(State::Tombstone(tombstone)) if tombstone.until <= now => {
                    self.table.remove(index);
                }
                _ => self.table.schedule(index),
            }
        }
    }

    /// Takes a hint that the route of this session is gone: nothing is sent to it until its client is heard again.
    pub fn handle_route_gone(&mut self, session: SessionId, now: Instant) {
        let now = self.clock.advance(now);
        if let Some(index) = self.table.index_of(session) {
            if let Some(State::Session(channel)) = self.table.get_mut(index).map(|slot| &mut slot.state) {
                channel.route_gone();
            }
            self.settle(index, now);
        }
    }

    /// Holds back packets of one session, whose route has no room, until [`resume`](Self::resume) or a change of route.
    pub fn pause(&mut self, session: SessionId) {
        self.set_paused(session, true);
    }

    /// Goes on with a session held back by [`pause`](Self::pause).
    pub fn resume(&mut self, session: SessionId) {
        self.set_paused(session, false);
    }

    fn set_paused(&mut self, session: SessionId, paused: bool) {
        if let Some(index) = self.table.index_of(session) {
            if let Some(slot) = self.table.get_mut(index) {
                slot.paused = paused;
            }
            self.enqueue(index);
        }
    }

    /// The next packet to send, if any; sessions take turns. May change after any `handle_*`, command or `poll_event`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<Route>> {
        let now = self.clock.advance(now);
        if let Some(reply) = self.replies.pop_front() {
            return Some(reply);
        }
        while let Some(index) = self.to_transmit.pop_front() {
            let Some(slot) = self.table.get_mut(index) else {
                continue;
            };
            if !std::mem::take(&mut slot.queued_to_transmit) || slot.paused {
                continue;
            }
            let packet = slot.state.poll_transmit(now);
            let (route, generation) = (slot.route.clone(), slot.generation);
            self.settle(index, now);
            if let Some(packet) = packet {
                return Some(Transmit {
                    route,
                    packet,
                    session: Some(SessionId { generation, index }),
                });
            }
        }
        None
    }

    /// The next event of any session, if any; sessions take turns. A message that is returned counts as handed to the
    /// application, and is acknowledged. May change after any `handle_*` and after `close`.
    #[inline]
    pub fn poll_event(&mut self, now: Instant) -> Option<(SessionId, Event)> {
        let now = self.clock.advance(now);
        while let Some(&index) = self.with_events.front() {
            let event = self.session_event(index, now);
            self.events_in_turn += 1;
            if event.is_none() || self.events_in_turn == EVENTS_PER_TURN {
                self.events_in_turn = 0;
                self.with_events.pop_front();
                if let Some(slot) = self.table.get_mut(index) {
                    slot.queued_for_events = false;
                }
            }
            self.settle(index, now);
            if event.is_some() {
                return event;
            }
        }
        None
    }

    fn session_event(&mut self, index: u32, now: Instant) -> Option<(SessionId, Event)> {
        let slot = self.table.get_mut(index)?;
        let State::Session(channel) = &mut slot.state else {
            return None;
        };
        let session = SessionId {
            generation: slot.generation,
            index,
        };
        channel.poll_event(now).map(|event| (session, event))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever. May change after any `handle_*`, command or other poll.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_deadline()
    }

    /// The next handshake that failed, if any. The last few are kept.
    pub fn poll_failed_attempt(&mut self) -> Option<FailedAttempt<Route>> {
        self.failed.pop_front()
    }

    /// Sends a message of one part. It is copied.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send(&mut self, session: SessionId, payload: &[u8], now: Instant) -> Result<MessageId, SendError> {
        self.with_channel(session, now, |channel, now| channel.send(payload, now))
            .unwrap_or(Err(SendError::Closed))
    }

    /// Sends a message of one or more parts. Large parts are shared, not copied, until they are acknowledged.
    ///
    /// # Errors
    /// [`SendError`]; nothing of the message is kept then.
    pub fn send_parts(&mut self, session: SessionId, parts: &[Bytes], now: Instant) -> Result<MessageId, SendError> {
        self.with_channel(session, now, |channel, now| channel.send_parts(parts, now))
            .unwrap_or(Err(SendError::Closed))
    }

    /// Closes one session in order; see [`Session::close`](crate::Session::close).
    pub fn close(&mut self, session: SessionId, now: Instant) {
        self.with_channel(session, now, Channel::close);
    }

    /// Closes all sessions in order, and admits no new ones.
    pub fn close_all(&mut self, now: Instant) {
        self.closing = true;
        // Those not told yet as well: their clients hear it when they hear the confirmation.
        let ids: Vec<_> = self
            .table
            .indices()
            .filter_map(|index| self.table.id_of(index))
            .collect();
        for session in ids {
            self.close(session, now);
        }
    }

    /// Gives one session up at once: `Closed` tells what was not delivered.
    pub fn abort(&mut self, session: SessionId, now: Instant) {
        self.with_channel(session, now, |channel, now| channel.end(CloseReason::Aborted, now));
    }

    /// Asks the client of a session for another handshake beside it; see [`Session::renew`](crate::Session::renew).
    pub fn renew(&mut self, session: SessionId, now: Instant) {
        self.with_channel(session, now, |channel, _| channel.ask_for_renewal());
    }

    /// The application is done with this message, and with all that it was handed before in this session; see
    /// [`Session::acknowledge`](crate::Session::acknowledge).
    ///
    /// # Errors
    /// [`AcknowledgeError`]; nothing changed then.
    pub fn acknowledge(
        &mut self,
        session: SessionId,
        message: MessageId,
        now: Instant,
    ) -> Result<(), AcknowledgeError> {
        self.with_channel(session, now, |channel, now| channel.acknowledge(message, now))
            .unwrap_or(Err(AcknowledgeError::NotDelivered))
    }

    /// Takes back the messages of one session that were never sent; see [`Session::withdraw_unsent`](crate::Session::withdraw_unsent).
    pub fn withdraw_unsent(&mut self, session: SessionId, now: Instant) -> Vec<Message> {
        self.with_channel(session, now, |channel, _| channel.withdraw_unsent())
            .unwrap_or_default()
    }

    fn with_channel<T>(
        &mut self,
        session: SessionId,
        now: Instant,
        act: impl FnOnce(&mut Channel, Instant) -> T,
    ) -> Option<T> {
        let now = self.clock.advance(now);
        let index = self.table.index_of(session)?;
        let State::Session(channel) = &mut self.table.get_mut(index)?.state else {
            return None;
        };
        let outcome = act(channel, now);
        self.settle(index, now);
        Some(outcome)
    }

    /// The last message that the peer's application took, if any.
    pub fn acknowledged_through(&self, session: SessionId) -> Option<MessageId> {
        self.channel(session)?.outbox().acknowledged_through()
    }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self, session: SessionId) -> InFlight {
        self.channel(session)
            .map(|channel| channel.outbox().in_flight())
            .unwrap_or_default()
    }

    /// The authenticated peer of a session that still stands.
    pub fn peer(&self, session: SessionId) -> Option<&Arc<PeerIdentity>> {
        self.channel(session).map(Channel::peer)
    }

    /// What the handshake of a session settled.
    pub fn negotiated(&self, session: SessionId) -> Option<Negotiated> {
        self.channel(session).map(Channel::negotiated)
    }

    /// How far a session has come.
    pub fn state(&self, session: SessionId) -> SessionState {
        self.channel(session).map_or(SessionState::Closed, Channel::state)
    }

    /// Whether the client of a session is heard.
    pub fn reachability(&self, session: SessionId) -> Reachability {
        self.channel(session).map_or(Reachability::Lost, Channel::reachability)
    }

    /// The sessions that are established and neither closing nor closed. This looks at every place: it is not for each packet.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        let ids = self.table.indices().filter_map(|index| self.table.id_of(index));
        ids.filter(|&id| self.state(id) == SessionState::Established)
    }

    /// Counters of one session that still stands.
    pub fn session_stats(&self, session: SessionId) -> Option<SessionStats> {
        self.channel(session).map(Channel::stats)
    }

    /// Counters of the listener.
    pub fn stats(&self) -> ListenerStats {
        self.stats
    }

    fn channel(&self, session: SessionId) -> Option<&Channel> {
        match &self.table.get(self.table.index_of(session)?)?.state {
            State::Session(channel) => Some(channel),
            _ => None,
        }
    }
}
