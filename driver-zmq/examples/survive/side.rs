//! Client and server as the same thing: one end of one session.

use std::time::Duration;

use steadfast_zmq::steadfast::{Bytes, Event, SessionId};
use steadfast_zmq::{Client, Error, Server};

/// One end of one session.
pub(crate) trait Side {
    /// Sends, if there is a session and room for the message.
    fn send(&mut self, parts: &[Bytes]) -> Result<bool, Error>;
    fn next(&mut self, wait: Duration) -> Result<Option<Event>, Error>;
    fn unacknowledged_bytes(&self) -> u64;
    fn replayed_messages(&self) -> u64;
    fn begin_close(&mut self) -> Result<(), Error>;
}

impl Side for Client {
    fn send(&mut self, parts: &[Bytes]) -> Result<bool, Error> {
        accepted(self.try_send_parts(parts))
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Event>, Error> {
        self.recv_timeout(wait)
    }

    fn unacknowledged_bytes(&self) -> u64 {
        let held = self.in_flight();
        held.sent_bytes + held.unsent_bytes
    }

    fn replayed_messages(&self) -> u64 {
        self.stats().messages_replayed
    }

    fn begin_close(&mut self) -> Result<(), Error> {
        Client::begin_close(self)
    }
}

/// A server with its only session.
pub(crate) struct OneSession {
    pub(crate) server: Server,
    pub(crate) session: Option<SessionId>,
}

impl Side for OneSession {
    fn send(&mut self, parts: &[Bytes]) -> Result<bool, Error> {
        let Some(session) = self.session else { return Ok(false) };
        accepted(self.server.try_send_parts(session, parts))
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Event>, Error> {
        let Some(received) = self.server.recv_timeout(wait)? else {
            return Ok(None);
        };
        if matches!(received.event, Event::Established(_)) {
            self.session = Some(received.session);
        }
        Ok(Some(received.event))
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

    fn begin_close(&mut self) -> Result<(), Error> {
        self.session
            .map_or(Ok(()), |session| self.server.close_session(session))
    }
}

fn accepted<T>(sent: Result<T, Error>) -> Result<bool, Error> {
    sent.map(|_| true).or_else(|error| {
        if error == Error::WouldBlock {
            Ok(false)
        } else {
            Err(error)
        }
    })
}
