//! From a first packet to a session: what a client must have shown before it costs what.

use std::hash::Hash;
use std::time::Instant;

use super::slot::{self, State, tombstone};
use super::who::Who;
use super::{FailedAttempt, Listener, SessionId, Transmit};
use crate::attempt::{FirstPacket, ServerAttempt, ServerProgress};
use crate::wire::header::Header;
use crate::{CloseCode, CloseReason, Packet};

/// How many failed handshakes are kept for a log that looks later.
const MAX_FAILED: usize = 16;
/// How many packets that do not take a session's route wait for the transport.
const MAX_REPLIES: usize = 1024;
/// How many last packets of sessions, and of attempts that failed, are kept; beyond, the oldest are forgotten. Each is about a
/// hundred bytes.
pub(super) const MAX_TOMBSTONES: usize = 4096;
pub(super) const MAX_FAILURES: usize = 1024;

impl<Route: Clone + Eq + Hash> Listener<Route> {
    /// A client's first packet: one attempt, and for the same packet again the same answer.
    pub(super) fn handle_initial(&mut self, header: (&Header, usize), route: Route, mut packet: Packet, now: Instant) {
        let common = self.config.common();
        let fingerprint = common.initial.fingerprint(packet.bytes_mut());
        let first_packet = (header.0.destination, fingerprint);
        if let Some(index) = self.table.by_first_packet(&first_packet) {
            return self.repeat_answer(index, route, now);
        }
        if self.attempts >= self.config.max_attempts() || self.closing {
            self.stats.attempts_refused += 1;
            return;
        }
        let Some(first) = FirstPacket::open(common, header, packet) else {
            self.stats.dropped += 1;
            return;
        };
        if self.may_begin(&first, &route, now) {
            self.begin_attempt(&first, first_packet, route, now);
        }
    }

    fn begin_attempt(&mut self, first: &FirstPacket, recognised_by: slot::FirstPacket, route: Route, now: Instant) {
        match ServerAttempt::new(&self.config, self.incarnation, first, now) {
            Ok(attempt) => {
                self.attempts += 1;
                let ours = attempt.ours();
                let attempt = State::Attempt(Box::new(attempt));
                let index = self.table.insert(ours, Some(recognised_by), route, attempt);
                self.settle(index, now);
            }
            Err(Some((reason, farewell))) => {
                // It is found by the first packet alone: an id that the client chose could be anybody's.
                let Ok(id) = self.config.common().connection_id() else {
                    return;
                };
                let state = tombstone(Some(farewell), now);
                let index = self.table.insert(id, Some(recognised_by), route, state);
                self.attempt_failed(index, reason, now);
            }
            Err(None) => self.stats.dropped += 1,
        }
    }

    fn repeat_answer(&mut self, index: u32, route: Route, now: Instant) {
        let Some(slot) = self.table.get_mut(index) else { return };
        match &mut slot.state {
            State::Attempt(attempt) => {
                attempt.repeat();
                slot.move_to(route);
            }
            State::Tombstone(tombstone) => {
                tombstone.last_word.asked(now);
                slot.move_to(route);
            }
            // The client speaks in data packets by now: this one is late, however long it was queued, and costs no signature.
            State::Session(_) => self.stats.dropped += 1,
        }
        self.settle(index, now);
    }

    /// A packet of a handshake that names a place.
    pub(super) fn handle_handshake(
        &mut self,
        index: u32,
        header: (&Header, usize),
        route: Route,
        mut packet: Packet,
        now: Instant,
    ) {
        let Some(slot) = self.table.get_mut(index) else { return };
        match &mut slot.state {
            State::Attempt(attempt) => match attempt.handle_packet(header, &mut packet) {
                ServerProgress::Dropped => self.stats.dropped += 1,
                ServerProgress::None => slot.move_to(route),
                ServerProgress::Complete => {
                    slot.move_to(route);
                    self.admit(index, now);
                }
                ServerProgress::Failed { reason, farewell } => {
                    slot.move_to(route);
                    self.end_attempt(index, reason, farewell, now);
                }
            },
            State::Session(channel) => {
                // The client repeats its Finished: it missed the confirmation. Nothing proves that this packet is its own, or
                // that it came by the client's route: it is answered there, with one packet that only the client can open,
                // and moves nothing. The client's first data packet will.
                let held_back = slot.paused && slot.route == route;
                if let Some(packet) = (!held_back).then(|| channel.confirm_again(now)).flatten() {
                    let session = SessionId {
                        generation: slot.generation,
                        index,
                    };
                    let session = Some(session);
                    self.reply(Transmit { route, packet, session });
                }
            }
            State::Tombstone(tombstone) => {
                tombstone.last_word.asked(now);
                slot.move_to(route);
            }
        }
        self.settle(index, now);
    }

    /// Queues a packet that does not take its session's route. Whoever misses it asks again.
    pub(super) fn reply(&mut self, transmit: Transmit<Route>) {
        if self.replies.len() < MAX_REPLIES {
            self.replies.push_back(transmit);
        }
    }

    /// The client's Finished and certificate are verified: it becomes a session, if there is room.
    fn admit(&mut self, index: u32, now: Instant) {
        let Some(State::Attempt(attempt)) = self.table.get(index).map(|slot| &slot.state) else {
            return;
        };
        if !self.has_room_for(attempt) {
            let farewell = attempt.farewell(CloseCode::Busy, "");
            self.stats.sessions_refused += 1;
            let reason = CloseReason::Refused { code: CloseCode::Busy };
            return self.end_attempt(index, reason, Some(farewell), now);
        }
        let Some(slot) = self.table.get_mut(index) else { return };
        let placeholder = tombstone(None, now);
        let State::Attempt(attempt) = std::mem::replace(&mut slot.state, placeholder) else {
            return;
        };
        match attempt.into_channel(&self.config, now) {
            Ok(channel) => {
                let known = (&**channel.peer(), channel.peer_incarnation());
                slot.who = Who::of(known, self.names, &self.config);
                slot.state = State::Session(Box::new(channel));
                self.attempts -= 1;
                self.sessions += 1;
            }
            Err((reason, farewell)) => self.end_attempt(index, reason, farewell, now),
        }
    }

    /// Whether there is room for one session more, or this client has one already, which it will go on with or replace.
    fn has_room_for(&self, attempt: &ServerAttempt) -> bool {
        let max = self.config.max_sessions();
        let known = || {
            let (peer, incarnation) = attempt.peer();
            let who = Who::of((&peer, incarnation), self.names, &self.config);
            self.clients.session(&who).is_some() && self.sessions < max + self.config.max_attempts()
        };
        !self.closing && (self.sessions < max || known())
    }

    fn end_attempt(&mut self, index: u32, reason: CloseReason, farewell: Option<Vec<u8>>, now: Instant) {
        self.attempts -= 1;
        if let Some(slot) = self.table.get_mut(index) {
            slot.state = tombstone(farewell, now);
        }
        self.attempt_failed(index, reason, now);
    }

    fn attempt_failed(&mut self, index: u32, reason: CloseReason, now: Instant) {
        self.stats.attempts_failed += 1;
        let Some(slot) = self.table.get(index) else { return };
        if self.failed.len() == MAX_FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back(FailedAttempt {
            route: slot.route.clone(),
            reason,
        });
        let session = SessionId {
            generation: slot.generation,
            index,
        };
        self.remember_failure(session);
        self.settle(index, now);
    }

    pub(super) fn remember_tombstone(&mut self, session: SessionId) {
        let evicted = self.tombstones.add(session);
        self.evict(evicted);
    }

    fn remember_failure(&mut self, attempt: SessionId) {
        let evicted = self.failures.add(attempt);
        self.evict(evicted);
    }

    fn evict(&mut self, tombstone: Option<SessionId>) {
        if let Some(index) = tombstone.and_then(|tombstone| self.table.index_of(tombstone)) {
            self.table.remove(index);
            self.stats.tombstones_evicted += 1;
        }
    }
}
