//! One place in a listener: an attempt, then a session, then a tombstone.

use std::collections::VecDeque;
use std::time::Instant;

use super::SessionId;
use super::who::Who;
use crate::attempt::ServerAttempt;
use crate::channel::{Channel, LastWord, TOMBSTONE_LIFE};
use crate::wire::header::ConnectionId;

/// What a first packet is recognised by when it comes again: the id it was addressed to, and its hash. Anybody can seal
/// another first packet to the same id: that is another attempt, not this one.
pub(super) type FirstPacket = (ConnectionId, [u8; 16]);

/// One place in a listener.
#[derive(Debug)]
pub(super) struct Slot<Route> {
    pub(super) generation: u32,
    /// Which handshake of this listener led here, in the order in which they began.
    pub(super) handshake: u64,
    pub(super) ours: ConnectionId,
    /// The id of before a join, while its packets are still opened.
    pub(super) earlier: Option<ConnectionId>,
    pub(super) first_packet: Option<FirstPacket>,
    pub(super) route: Route,
    pub(super) who: Who,
    pub(super) state: State,
    /// The deadline under which this place stands in the schedule; the true one may be later.
    pub(super) scheduled: Option<Instant>,
    pub(super) queued_to_transmit: bool,
    pub(super) queued_for_events: bool,
    pub(super) paused: bool,
    /// What the pool granted to this session.
    pub(super) reserved: u64,
    pub(super) waits_for_pool: bool,
}

/// What stands in a place.
#[derive(Debug)]
pub(super) enum State {
    Attempt(Box<ServerAttempt>),
    Session(Box<Channel>),
    Tombstone(Tombstone),
}

/// What is left of an attempt or a session, for a peer that missed its end.
#[derive(Debug)]
pub(super) struct Tombstone {
    pub(super) last_word: LastWord,
    pub(super) until: Instant,
}

/// Tombstones in the order in which they were set.
#[derive(Debug)]
pub(super) struct Graves {
    oldest_first: VecDeque<SessionId>,
    limit: usize,
}

impl Graves {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            oldest_first: VecDeque::new(),
            limit,
        }
    }

    /// Adds one; returns the one that must make room.
    pub(super) fn add(&mut self, tombstone: SessionId) -> Option<SessionId> {
        self.oldest_first.push_back(tombstone);
        (self.oldest_first.len() > self.limit).then(|| self.oldest_first.pop_front())?
    }
}

/// What is left of an attempt or a session, and is to be told now.
pub(super) fn tombstone(farewell: Option<Vec<u8>>, now: Instant) -> State {
    State::Tombstone(Tombstone {
        last_word: LastWord::new(farewell, true),
        until: now + TOMBSTONE_LIFE,
    })
}

impl<Route: PartialEq> Slot<Route> {
    /// Sends by another route from here on; that the old one had no room says nothing of it.
    pub(super) fn move_to(&mut self, route: Route) {
        if self.route != route {
            self.route = route;
            self.paused = false;
        }
    }
}

impl State {
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        match self {
            Self::Attempt(attempt) => attempt.poll_transmit(),
            Self::Session(channel) => channel.poll_transmit(now),
            Self::Tombstone(tombstone) => tombstone.last_word.poll_transmit(now),
        }
    }

    pub(super) fn has_transmit(&self) -> bool {
        match self {
            Self::Attempt(attempt) => attempt.has_transmit(),
            Self::Session(channel) => channel.has_transmit(),
            Self::Tombstone(tombstone) => tombstone.last_word.is_owed(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Attempt(attempt) => Some(attempt.ends_at()),
            Self::Session(channel) => channel.poll_timeout(),
            Self::Tombstone(tombstone) => Some(tombstone.until),
        }
    }
}
