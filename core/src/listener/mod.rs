//! A server's sessions.
//!
//! What an unauthenticated sender can make a listener do: for a first packet, one TLS answer, within the number of
//! attempts that may be in progress, and none for the same packet again; from a part of that number on, only for a packet that
//! brings back a cookie, and so comes from where answers arrive; for a packet that names an attempt, a session or a tombstone,
//! one attempt to open it, or the repetition of one small packet; for any other, one still smaller packet now and then
//! ([`answers`]). It holds nothing else for anybody.

mod admission;
mod answers;
mod clients;
mod cookies;
mod memory;
mod sessions;
mod slot;
mod succession;
mod table;
mod who;

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::Instant;

use self::admission::{MAX_FAILURES, MAX_TOMBSTONES};
use self::answers::Told;
use self::clients::Clients;
use self::cookies::Cookies;
use self::slot::{Graves, State, Tombstone};
use self::table::{Ids, Table};
use self::who::Names;
use crate::channel::{Opened, Receipt};
use crate::clock::Clock;
use crate::state::SessionState;
use crate::stream::Pool;
use crate::wire::header::{Header, Kind, NotAPacket};
use crate::{CloseReason, ConnectError, Event, ListenerStats, Packet, ServerConfig};

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
    clients: Clients,
    names: Names,
    cookies: Cookies,
    told: Told,
    pool: Pool<u32>,
    /// Packets that do not take their session's route.
    replies: VecDeque<Transmit<Route>>,
    to_transmit: VecDeque<u32>,
    with_events: VecDeque<u32>,
    tombstones: Graves,
    /// The tombstones of attempts that failed: anybody can make them, and none shall push out those of sessions.
    failures: Graves,
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
            clients: Clients::default(),
            names,
            cookies: Cookies::new(&config.common().random()?, now),
            told: Told::default(),
            pool: Pool::new(config.limits().pool_bytes),
            replies: VecDeque::new(),
            to_transmit: VecDeque::new(),
            with_events: VecDeque::new(),
            tombstones: Graves::new(MAX_TOMBSTONES),
            failures: Graves::new(MAX_FAILURES),
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
        self.forget_client(index, now);
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
    /// application, and is acknowledged unless
    /// [`Delivery::manual_acknowledgement`](crate::Delivery::manual_acknowledgement) is set. May change after any
    /// `handle_*`, `close`, `close_all`, `acknowledge` and `abort`.
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

    /// Whether [`poll_event`](Self::poll_event) has something to give: a driver that sleeps then would keep it from the application.
    pub fn has_event(&self) -> bool {
        // Only those that have just given their last one are in the queue in vain.
        self.with_events.iter().any(|&index| {
            let slot = self.table.get(index);
            matches!(slot.map(|slot| &slot.state), Some(State::Session(channel)) if channel.has_event())
        })
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
}
