//! The first packet under the keys of a new handshake: a new client, or one that was here before.
//!
//! A session keeps its place and its [`SessionId`] over all the handshakes of its client. The place of the new handshake gives its
//! channel to the session, and is gone.

#[cfg(test)]
mod tests;

use std::hash::Hash;
use std::time::Instant;

use super::Listener;
use super::slot::{State, tombstone};
use super::table::Ids;
use crate::channel::{Answer, Channel, Opened};
use crate::state::SessionState;
use crate::wire::frame::Join;
use crate::{CloseCode, CloseReason};

impl<Route: Clone + Eq + Hash> Listener<Route> {
    /// A client is heard for the first time after its handshake. Returns the place of its session.
    pub(super) fn begin(&mut self, index: u32, opened: &Opened, now: Instant) -> u32 {
        let join = opened.join();
        match (self.judge(index, join.as_ref(), now), join) {
            (Verdict::Refused(code), _) => {
                self.refuse(index, code, now);
                index
            }
            (Verdict::GoesOn(session), Some(join)) => self.join(session, index, &join, now),
            (Verdict::GoesOn(_), None) => index,
            (Verdict::Begins(answer), _) => match self.session_before(index) {
                Some(session) => self.restart(session, index, answer, now),
                None => self.settle_in(index, answer, Room::Needed, now),
            },
        }
    }

    fn judge(&mut self, index: u32, join: Option<&Join>, now: Instant) -> Verdict {
        if self.is_outdated(index) {
            return Verdict::Refused(CloseCode::Superseded);
        }
        let Some(join) = join else {
            return Verdict::Begins(None);
        };
        match self.session_joined_by(index, join) {
            // It went on by a later handshake already: this packet is late.
            Some(session) if self.is_by_later_handshake(session, index) => Verdict::Refused(CloseCode::Finished),
            Some(session) => Verdict::GoesOn(session),
            None if self.has_ended(index, join, now) => Verdict::Refused(CloseCode::Finished),
            None => {
                self.stats.joins_refused += 1;
                if self.has_successor(index) {
                    Verdict::Refused(CloseCode::Superseded)
                } else {
                    Verdict::Begins(Some(Answer::Fresh))
                }
            }
        }
    }

    /// Nothing comes of a handshake, and nobody was told of it.
    fn refuse(&mut self, index: u32, code: CloseCode, now: Instant) {
        if let Some(channel) = self.session_at(index) {
            channel.end(CloseReason::Refused { code }, now);
        }
    }

    /// Whether the session that a client asks to go on with is over, and its last word still kept: the client shall hear that, and
    /// not begin anew what this side has ended.
    fn has_ended(&mut self, index: u32, join: &Join, now: Instant) -> bool {
        let who = self.table.get(index).map(|slot| slot.who);
        let Some(session) = self.table.by_id(&join.earlier).filter(|&session| session != index) else {
            return false;
        };
        let Some(slot) = self.table.get_mut(session) else {
            return false;
        };
        if who.is_none_or(|who| who.identity != slot.who.identity) {
            return false;
        }
        match &mut slot.state {
            State::Tombstone(tombstone) => tombstone.last_word.asked(now),
            State::Session(channel) if channel.state() == SessionState::Closed => channel.answer_from_tombstone(now),
            State::Session(_) | State::Attempt(_) => return false,
        }
        self.settle(session, now);
        true
    }

    /// Whether the client made a later handshake, with which it is, or was, in a session. This packet is late, then, and may be of a
    /// process that died: it must not drive out the one that lives, nor begin a session with nobody.
    fn is_outdated(&self, index: u32) -> bool {
        let slot = self.table.get(index);
        slot.is_some_and(|slot| self.clients.is_later(&slot.who, slot.handshake))
    }

    fn is_by_later_handshake(&self, session: u32, index: u32) -> bool {
        let handshake = |index: u32| self.table.get(index).map(|slot| slot.handshake);
        handshake(session) > handshake(index)
    }

    /// Whether another process of the same client has the session that this one asks to go on with: it came later, for this one had a
    /// session when it died or was cut off.
    fn has_successor(&self, index: u32) -> bool {
        let incarnation = |index: u32| match &self.table.get(index)?.state {
            State::Session(channel) => Some(channel.peer_incarnation()),
            _ => None,
        };
        let session = self.session_before(index);
        session.is_some_and(|session| incarnation(session) != incarnation(index))
    }

    /// The session that a client asks to go on with, if it proves to be its client, and is still who it was: the secret alone makes
    /// nobody somebody else.
    fn session_joined_by(&self, index: u32, join: &Join) -> Option<u32> {
        let session = self.table.by_id(&join.earlier).filter(|&session| session != index)?;
        let (new, old) = (self.table.get(index)?, self.table.get(session)?);
        let (State::Session(new_channel), State::Session(channel)) = (&new.state, &old.state) else {
            return None;
        };
        let stands = matches!(channel.state(), SessionState::Established | SessionState::Closing);
        let proven = stands && old.who == new.who && channel.is_proven_by(join, new_channel);
        proven.then_some(session)
    }

    /// The session with an earlier process of the same client.
    fn session_before(&self, index: u32) -> Option<u32> {
        let who = self.table.get(index).map(|slot| slot.who)?;
        let session = self.clients.session(&who).filter(|&session| session != index)?;
        let is_theirs = self.table.get(session)?.who.client == who.client;
        (who.outlives_processes && is_theirs).then_some(session)
    }

    /// The session goes on under the keys of the new handshake.
    fn join(&mut self, session: u32, index: u32, join: &Join, now: Instant) -> u32 {
        let Some(new) = self.give_up_place(index, session) else {
            return index;
        };
        self.stats.joins += 1;
        if let Some(channel) = self.session_at(session) {
            channel.join_as_asked(*new, join, now);
            let ids = Ids::of(channel);
            self.table.rename(session, ids);
        }
        session
    }

    /// The client has restarted: its session begins anew. The process before, should it still live, is told.
    fn restart(&mut self, session: u32, index: u32, answer: Option<Answer>, now: Instant) -> u32 {
        self.stats.restarts += 1;
        let state = self.session_at(session).map(|channel| channel.state());
        // Of a session that is over the last word is said: that another took its place is not why it ended.
        if state != Some(SessionState::Closed) {
            self.supersede(session, now);
        }
        if state != Some(SessionState::Established) {
            // It was closing: the application has done with it, and hears of the new one as of another.
            if let Some(channel) = self.session_at(session) {
                channel.end(CloseReason::PeerRestarted, now);
            }
            self.settle(session, now);
            return self.settle_in(index, answer, Room::OfAnother, now);
        }
        // What the old peer's large message waits for, nobody needs.
        self.leave_pool(session, now);
        let Some(new) = self.give_up_place(index, session) else {
            return index;
        };
        if let Some(channel) = self.session_at(session) {
            channel.restart(new, answer, now);
            let ids = Ids::of(channel);
            self.table.rename(session, ids);
        }
        session
    }

    /// A session of its own.
    fn settle_in(&mut self, index: u32, answer: Option<Answer>, room: Room, now: Instant) -> u32 {
        // It was let in as one that is known, and then did not go on with what it was known for.
        let uninvited = room == Room::Needed && self.sessions > self.config.max_sessions();
        if let Some(channel) = self.session_at(index) {
            if uninvited {
                channel.end(CloseReason::Refused { code: CloseCode::Busy }, now);
                self.stats.sessions_refused += 1;
                return index;
            }
            channel.begin(answer, now);
        }
        self.stats.sessions += 1;
        self.note_client(index);
        index
    }

    fn note_client(&mut self, session: u32) {
        if let Some(slot) = self.table.get(session) {
            self.clients.is_in(&slot.who, session, slot.handshake);
        }
    }

    fn session_at(&mut self, index: u32) -> Option<&mut Channel> {
        match &mut self.table.get_mut(index)?.state {
            State::Session(channel) => Some(channel),
            _ => None,
        }
    }

    /// The new handshake's place is given up in favour of the session's, which is where the client is now.
    fn give_up_place(&mut self, index: u32, session: u32) -> Option<Box<Channel>> {
        let slot = self.table.remove(index)?;
        let State::Session(channel) = slot.state else {
            return None;
        };
        self.sessions -= 1;
        let old = self.table.get_mut(session)?;
        old.move_to(slot.route);
        old.handshake = slot.handshake;
        self.table.recognise(session, slot.first_packet);
        self.note_client(session);
        Some(channel)
    }

    /// Leaves a tombstone under the id by which the client's earlier process knows the session.
    fn supersede(&mut self, session: u32, now: Instant) {
        let Some(slot) = self.table.get_mut(session) else {
            return;
        };
        let State::Session(channel) = &mut slot.state else {
            return;
        };
        let Some(packet) = channel.superseded_packet(now) else {
            return;
        };
        let (ours, route, who) = (channel.ours(), slot.route.clone(), slot.who);
        let index = self.table.insert(ours, None, route, tombstone(Some(packet), now));
        if let Some(slot) = self.table.get_mut(index) {
            slot.who = who;
        }
        if let Some(tombstone) = self.table.id_of(index) {
            self.remember_tombstone(tombstone);
        }
        self.settle(index, now);
    }

    /// The session is over: its client may come again, as a new one.
    pub(super) fn forget_client(&mut self, index: u32, now: Instant) {
        if let Some(slot) = self.table.get(index) {
            self.clients.left(&slot.who, index, now);
        }
    }
}

/// What becomes of a new handshake.
enum Verdict {
    /// Nothing.
    Refused(CloseCode),
    /// This session goes on by it.
    GoesOn(u32),
    /// Both streams begin anew.
    Begins(Option<Answer>),
}

/// Whether a session needs room of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Needed,
    /// It has that of the session that it replaces, which is over, and only to be told.
    OfAnother,
}
