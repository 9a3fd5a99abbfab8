//! A server that any number of threads may use.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use steadfast::{
    Bytes, InFlight, ListenerStats, Message, MessageId, Negotiated, PeerIdentity, SessionId, SessionStats,
};

use super::background::Background;
use crate::server::QUIET_BEFORE_LEAVING;
use crate::{Counters, Error, OpenError, Received, Server};

/// A [`Server`] with a thread of its own, for as many threads as like to use it: several may receive, and each event is returned to
/// one of them; any may answer.
///
/// What is said of [`ClientHandle`](crate::ClientHandle) holds here for all sessions.
#[derive(Clone)]
pub struct ServerHandle(Background<Server>);

impl ServerHandle {
    pub(crate) fn new(server: Server) -> Result<Self, OpenError> {
        Background::start(server).map(Self)
    }

    /// Where the server listens, with the port that was taken for `*`; or the address that it connects to.
    ///
    /// # Errors
    /// As [`Server::local_address`].
    pub fn local_address(&self) -> Result<String, Error> {
        self.0.look(Server::local_address)?
    }

    /// Sends a message of one part. Waits while too much is unacknowledged in this session; other threads go on.
    ///
    /// # Errors
    /// As [`Server::send`].
    pub fn send(&self, session: SessionId, payload: &[u8]) -> Result<MessageId, Error> {
        (self.0).when_possible(None, |server| server.try_send(session, payload))
    }

    /// Sends a message of one part, if that is possible without waiting.
    ///
    /// # Errors
    /// As [`Server::try_send`].
    pub fn try_send(&self, session: SessionId, payload: &[u8]) -> Result<MessageId, Error> {
        self.0.attempt(|server| server.try_send(session, payload))
    }

    /// Sends a message of one or more parts, copied. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`Server::send`].
    pub fn send_multipart(&self, session: SessionId, parts: &[impl AsRef<[u8]>]) -> Result<MessageId, Error> {
        self.send_parts(session, &crate::copied(parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`Server::send`].
    pub fn send_parts(&self, session: SessionId, parts: &[Bytes]) -> Result<MessageId, Error> {
        (self.0).when_possible(None, |server| server.try_send_parts(session, parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged, if that is possible without waiting.
    ///
    /// # Errors
    /// As [`Server::try_send`].
    pub fn try_send_parts(&self, session: SessionId, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.0.attempt(|server| server.try_send_parts(session, parts))
    }

    /// Sends like [`try_send_parts`](Self::try_send_parts), or wakes the task when another try may succeed.
    ///
    /// # Errors
    /// As [`Server::send`].
    pub fn poll_send_parts(
        &self,
        task: &Context<'_>,
        session: SessionId,
        parts: &[Bytes],
    ) -> Poll<Result<MessageId, Error>> {
        self.0
            .poll_possible(task, |server| server.try_send_parts(session, parts))
    }

    /// Waits for the next event of any session.
    ///
    /// # Errors
    /// As [`Server::recv`].
    pub fn recv(&self) -> Result<Received, Error> {
        Ok(self.0.recv_until(None)?.expect("waits without a limit"))
    }

    /// Waits for the next event of any session, but not longer than this.
    ///
    /// # Errors
    /// As [`Server::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Received>, Error> {
        self.0.recv_until(Some(Instant::now() + timeout))
    }

    /// The next event of any session if there is one.
    ///
    /// # Errors
    /// As [`Server::recv`].
    pub fn try_recv(&self) -> Result<Option<Received>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// The next event of any session, or the task is woken when there may be one.
    ///
    /// # Errors
    /// As [`Server::recv`].
    pub fn poll_recv(&self, task: &Context<'_>) -> Poll<Result<Received, Error>> {
        self.0.poll_recv(task)
    }

    /// Waits until the client's application has taken every message sent in this session, by whichever thread.
    ///
    /// # Errors
    /// As [`Server::flush`].
    pub fn flush(&self, session: SessionId, timeout: Duration) -> Result<(), Error> {
        (self.0).when_possible(Some(Instant::now() + timeout), |server| server.flushed(session))
    }

    /// Says that the application is done with this message and all before: see [`Server::acknowledge`].
    ///
    /// # Errors
    /// As [`Server::acknowledge`].
    pub fn acknowledge(&self, session: SessionId, message: MessageId) -> Result<(), Error> {
        self.0.with(|server| server.acknowledge(session, message))
    }

    /// Takes back the messages of one session that were never sent, in the order of sending.
    ///
    /// # Errors
    /// As [`Server::withdraw_unsent`].
    pub fn withdraw_unsent(&self, session: SessionId) -> Result<Vec<Message>, Error> {
        self.0.with(|server| server.withdraw_unsent(session))
    }

    /// Asks the client of a session for another handshake beside it: see [`Server::renew`].
    ///
    /// # Errors
    /// As [`Server::renew`].
    pub fn renew(&self, session: SessionId) -> Result<(), Error> {
        self.0.with(|server| server.renew(session))
    }

    /// Begins to close one session: see [`Server::close_session`].
    ///
    /// # Errors
    /// As [`Server::close_session`].
    pub fn close_session(&self, session: SessionId) -> Result<(), Error> {
        self.0.with(|server| server.close_session(session))
    }

    /// Closes all sessions, and waits for it, but not longer than this: those that are left then are given up. Returns the events that
    /// remained, as far as no other thread took them. Stays a quarter of a second longer, as [`Server::close`] does.
    ///
    /// # Errors
    /// As [`Server::close`].
    pub fn close(self, timeout: Duration) -> Result<Vec<Received>, Error> {
        let until = Instant::now() + timeout;
        self.0.with(Server::close_all)?;
        let mut events = Vec::new();
        while !self.0.look(Server::has_no_sessions)? {
            match self.0.recv_until(Some(until.min(Instant::now() + CLOSED_BY_OTHERS)))? {
                Some(event) => events.push(event),
                None if Instant::now() >= until => self.0.with(Server::give_up)?,
                None => {}
            }
        }
        self.0.end(until + QUIET_BEFORE_LEAVING);
        Ok(events)
    }

    /// The sessions that are established and not closed, in no particular order.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.0.look(|server| server.sessions().collect())
    }

    /// The last message that the client's application took, if any.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn acknowledged_through(&self, session: SessionId) -> Result<Option<MessageId>, Error> {
        self.0.look(|server| server.acknowledged_through(session))
    }

    /// What is held for messages that are not acknowledged.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn in_flight(&self, session: SessionId) -> Result<InFlight, Error> {
        self.0.look(|server| server.in_flight(session))
    }

    /// The authenticated client of a session that still stands.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn peer(&self, session: SessionId) -> Result<Option<Arc<PeerIdentity>>, Error> {
        self.0.look(|server| server.peer(session).cloned())
    }

    /// What the handshake of a session settled.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn negotiated(&self, session: SessionId) -> Result<Option<Negotiated>, Error> {
        self.0.look(|server| server.negotiated(session))
    }

    /// Counters of one session that still stands.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn session_stats(&self, session: SessionId) -> Result<Option<SessionStats>, Error> {
        self.0.look(|server| server.session_stats(session))
    }

    /// Counters of all sessions and of handshakes.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn stats(&self) -> Result<ListenerStats, Error> {
        self.0.look(Server::stats)
    }

    /// Counters of the driver.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn counters(&self) -> Result<Counters, Error> {
        self.0.look(Server::counters)
    }
}

/// Another thread may take the last event that is waited for: looked for this often.
const CLOSED_BY_OTHERS: Duration = Duration::from_millis(50);

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").finish_non_exhaustive()
    }
}
