//! Client and server as the same thing: one end of one session.

use std::time::Duration;

use steadfast_zmq::steadfast::{Bytes, Event, MessageId, SessionId};
use steadfast_zmq::{Client, Error, Server};

use crate::Result;

/// One end of one session.
pub(crate) trait Side {
    /// Whether there is a session to send in.
    fn is_open(&self) -> bool;
    /// Sends, if there is room for the message.
    fn send(&mut self, parts: &[Bytes]) -> Result<bool>;
    fn next(&mut self, wait: Duration) -> Result<Option<Event>>;
    /// Says that the message is on record.
    fn acknowledge(&mut self, message: MessageId) -> Result<()>;
    fn unacknowledged_bytes(&self) -> u64;
    fn replayed_messages(&self) -> u64;
    fn begin_close(&mut self) -> Result<()>;
}

impl Side for Client {
    fn is_open(&self) -> bool {
        true
    }

    fn send(&mut self, parts: &[Bytes]) -> Result<bool> {
        accepted(self.try_send_parts(parts))
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Event>> {
        Ok(self.recv_timeout(wait)?)
    }

    fn acknowledge(&mut self, message: MessageId) -> Result<()> {
        Ok(Client::acknowledge(self, message)?)
    }

    fn unacknowledged_bytes(&self) -> u64 {
        let held = self.in_flight();
        held.sent_bytes + held.unsent_bytes
    }

    fn replayed_messages(&self) -> u64 {
        self.stats().messages_replayed
    }

    fn begin_close(&mut self) -> Result<()> {
        Ok(Client::begin_close(self)?)
    }
}

/// A server with its only session.
pub(crate) struct OneSession {
    server: Server,
    session: Option<SessionId>,
}

impl OneSession {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, session: None }
    }

    fn session(&self) -> Result<SessionId> {
        Ok(self.session.ok_or("there is no session yet")?)
    }
}

impl Side for OneSession {
    fn is_open(&self) -> bool {
        self.session.is_some()
    }

    fn send(&mut self, parts: &[Bytes]) -> Result<bool> {
        let session = self.session()?;
        accepted(self.server.try_send_parts(session, parts))
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Event>> {
        let Some(received) = self.server.recv_timeout(wait)? else {
            return Ok(None);
        };
        // A client that was started anew is the same client: its server finds it where it was.
        if *self.session.get_or_insert(received.session) != received.session {
            return Err(format!("{} in another session than before", received.event).into());
        }
        Ok(Some(received.event))
    }

    fn acknowledge(&mut self, message: MessageId) -> Result<()> {
        let session = self.session()?;
        Ok(self.server.acknowledge(session, message)?)
    }

    fn unacknowledged_bytes(&self) -> u64 {
        let held = self
            .session
            .map(|session| self.server.in_flight(session))
            .unwrap_or_default();
        held.sent_bytes + held.unsent_bytes
    }

    fn replayed_messages(&self) -> u64 {
        self.session
            .and_then(|session| self.server.session_stats(session))
            .map_or(0, |stats| stats.messages_replayed)
    }

    fn begin_close(&mut self) -> Result<()> {
        let session = self.session()?;
        Ok(self.server.close_session(session)?)
    }
}

fn accepted(sent: std::result::Result<MessageId, Error>) -> Result<bool> {
    match sent {
        Ok(_) => Ok(true),
        Err(Error::WouldBlock) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
