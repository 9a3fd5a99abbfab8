//! What an application does with one session, and sees of it.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::slot::State;
use super::{Listener, SessionId};
use crate::channel::Channel;
use crate::state::{Reachability, SessionState};
use crate::{
    AcknowledgeError, CloseReason, InFlight, ListenerStats, Message, MessageId, Negotiated, PeerIdentity, SendError,
    SessionStats,
};

impl<Route: Clone + Eq + Hash> Listener<Route> {
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
