//! The connecting side: one session over one DEALER.

mod drive;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use steadfast::{
    Bytes, ClientConfig, Event, InFlight, Message, MessageId, Negotiated, PeerIdentity, Session, SessionStats,
};
use zmq::PollItem;

use crate::diagnosis::Diagnosis;
use crate::link::{Attachment, Link};
use crate::turn::{Driven, flushed};
use crate::{ClientHandle, Counters, Endpoint, Error, OpenError};

/// A secure session with one server, over a `DEALER` or a `PAIR`, driven by the thread that calls it.
///
/// Nothing happens between calls: an application that is idle for long still calls [`recv_timeout`](Self::recv_timeout) (or any other
/// method) every few seconds, or its server takes it for unreachable, and goes on when it calls again. One that cannot has it
/// driven [in the background](Self::spawn).
///
/// Messages wait for the connection and for the handshake; a connection that breaks is replaced without the application's
/// help, and what was lost with it is sent again. When the server's process restarts, the client goes on with the new
/// one, and what the old one did not acknowledge is sent again only if
/// [`Delivery::redeliver`](steadfast::Delivery::redeliver) is set:
/// [when a process restarts](crate#when-a-process-restarts).
pub struct Client {
    session: Session,
    link: Link,
    /// The one packet that 0MQ refused. While it waits, the core is not asked for others.
    held: Option<Vec<u8>>,
    path: Path,
    diagnosis: Diagnosis,
    /// How long closing may take.
    linger: Duration,
    /// `Closed` was handed out.
    ended: bool,
}

/// What sending tells of the connection, without a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Nothing was sent yet.
    New,
    Open,
    /// 0MQ takes nothing: with so few packets in flight, that means that there is no connection.
    Blocked,
}

impl Client {
    /// Begins to connect, and returns at once: [`recv`](Self::recv) tells when the session is established.
    ///
    /// An address where nobody answers is no error here: 0MQ keeps trying, and the session says `Unreachable` after a while.
    ///
    /// # Errors
    /// [`OpenError`] if this cannot work whatever the network does.
    pub fn connect(
        endpoint: Endpoint<'_>,
        server: ServerName<'static>,
        config: &ClientConfig,
    ) -> Result<Self, OpenError> {
        Self::open(endpoint, Attachment::Connects, server, config)
    }

    /// Waits at an address for its server, which [connects](crate::Server::connect): for clients with a fixed address, and servers behind
    /// something that lets nobody in.
    ///
    /// One server at a time may connect: among several, 0MQ deals the packets out by turns, and the session ends with
    /// [`Misrouted`](steadfast::CloseReason::Misrouted). When a connection breaks, the server hears again of a client that has
    /// nothing to say after [`Limits::ping_interval`](steadfast::Limits::ping_interval).
    ///
    /// # Errors
    /// [`OpenError`]; for an address in use it names the address and what to do.
    pub fn bind(endpoint: Endpoint<'_>, server: ServerName<'static>, config: &ClientConfig) -> Result<Self, OpenError> {
        Self::open(endpoint, Attachment::Binds, server, config)
    }

    fn open(
        endpoint: Endpoint<'_>,
        attachment: Attachment,
        server: ServerName<'static>,
        config: &ClientConfig,
    ) -> Result<Self, OpenError> {
        let mut link = Link::open(endpoint, zmq::DEALER, attachment, config.limits().max_packets_in_flight)?;
        let name = server.to_str().into_owned();
        link.set_span(tracing::error_span!(
            "steadfast_client",
            address = link.address(),
            server = name
        ));
        Ok(Self {
            session: Session::new(config, server, Instant::now()).map_err(OpenError::Session)?,
            link,
            held: None,
            path: Path::New,
            diagnosis: Diagnosis::default(),
            linger: config.limits().linger,
            ended: false,
        })
    }

    /// Goes on in a thread of its own: heartbeats, resending and handshakes no longer wait for the application, and any number of
    /// threads may use the client at once.
    ///
    /// # Errors
    /// [`OpenError::Setup`] or [`OpenError::Thread`] if 0MQ or the system refuses what that needs.
    pub fn spawn(self) -> Result<ClientHandle, OpenError> {
        ClientHandle::new(self)
    }

    /// Where the client waits for its server, with the port that was taken for `*`; or the address that it connects to.
    ///
    /// # Errors
    /// [`Error::Terminated`], [`Error::Socket`].
    pub fn local_address(&self) -> Result<String, Error> {
        self.link.local_address()
    }

    /// Sends a message of one part. Waits while too much is unacknowledged; the server's application must be taking messages then.
    ///
    /// Two sides that only send, and never receive, wait for each other forever: use [`try_send`](Self::try_send) then.
    ///
    /// # Errors
    /// [`Error::Send`], [`Error::Closed`], [`Error::Forked`]; nothing of the message is kept then. [`Error::Terminated`] or
    /// [`Error::Socket`] if 0MQ does not work any longer.
    pub fn send(&mut self, payload: &[u8]) -> Result<MessageId, Error> {
        self.when_possible(None, |client| client.try_send(payload))
    }

    /// Sends a message of one part, if that is possible without waiting.
    ///
    /// # Errors
    /// [`Error::WouldBlock`], [`Error::Send`], [`Error::Closed`], [`Error::Forked`]; nothing of the message is kept then.
    /// [`Error::Terminated`] or [`Error::Socket`] if 0MQ does not work any longer.
    pub fn try_send(&mut self, payload: &[u8]) -> Result<MessageId, Error> {
        self.link.owner().check()?;
        let id = self.session.send(payload, Instant::now())?;
        self.after_command()?;
        Ok(id)
    }

    /// Sends a message of one or more parts, copied. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_multipart(&mut self, parts: &[impl AsRef<[u8]>]) -> Result<MessageId, Error> {
        self.send_parts(&crate::copied(parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_parts(&mut self, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.when_possible(None, |client| client.try_send_parts(parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged, if that is possible without waiting.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_parts(&mut self, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.link.owner().check()?;
        let id = self.session.send_parts(parts, Instant::now())?;
        self.after_command()?;
        Ok(id)
    }

    /// Waits for the next event: a message, or news of the session.
    ///
    /// # Errors
    /// [`Error::Closed`] once `Closed` was returned, [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn recv(&mut self) -> Result<Event, Error> {
        Ok(self.recv_until(None)?.expect("waits without a limit"))
    }

    /// Waits for the next event, but not longer than this.
    ///
    /// # Errors
    /// [`Error::Closed`] once `Closed` was returned, [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Event>, Error> {
        self.recv_until(Some(Instant::now() + timeout))
    }

    /// The next event if there is one.
    ///
    /// # Errors
    /// [`Error::Closed`] once `Closed` was returned, [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn try_recv(&mut self) -> Result<Option<Event>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// What `zmq::poll` should wait for before [`try_recv`](Self::try_recv) is called again; asks anew each time, since it changes. Until
    /// [`deadline`](Self::deadline) at the latest.
    pub fn poll_items(&self) -> impl Iterator<Item = PollItem<'_>> {
        self.link.poll_items(self.wanted())
    }

    /// The file descriptors that become readable when [`try_recv`](Self::try_recv) should be called, for an event loop of another kind.
    /// They stay the same.
    ///
    /// They are 0MQ's `ZMQ_FD`: they signal that something changed, *not* that something is there, and any call of this client may
    /// take a signal away. So, before each wait: call `try_recv` until it returns nothing, then [`deadline`](Self::deadline), and
    /// wait no longer than that; it has passed already if a signal was missed. Never write to them, read from them or close them.
    ///
    /// # Errors
    /// [`Error::Terminated`], [`Error::Socket`].
    #[cfg(unix)]
    pub fn descriptors(&self) -> Result<impl Iterator<Item = std::os::fd::RawFd>, Error> {
        self.link.descriptors()
    }

    /// When to call [`try_recv`](Self::try_recv) whatever [`poll_items`](Self::poll_items) or [`descriptors`](Self::descriptors)
    /// say; none: not before they do. In the past if an event waits: a message that is opened already shows at no socket.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn deadline(&mut self) -> Result<Option<Instant>, Error> {
        Driven::deadline(self)
    }

    /// Waits until the server's application has taken every message sent. Events wait meanwhile.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Closed`], [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn flush(&mut self, timeout: Duration) -> Result<(), Error> {
        self.when_possible(Some(Instant::now() + timeout), |client| {
            client.turn()?;
            client.flushed()
        })
    }

    pub(crate) fn flushed(&self) -> Result<(), Error> {
        flushed(self.session.is_closed(), self.session.in_flight())
    }

    /// Says that the application is done with this message, and with all that it received before: the server may forget them.
    /// For configurations with [`manual_acknowledgement`](steadfast::Delivery::manual_acknowledgement).
    ///
    /// # Errors
    /// [`Error::Acknowledge`], [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn acknowledge(&mut self, message: MessageId) -> Result<(), Error> {
        self.link.owner().check()?;
        self.session.acknowledge(message, Instant::now())?;
        self.after_command()
    }

    /// Takes back the messages that were never sent, in the order of sending.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn withdraw_unsent(&mut self) -> Result<Vec<Message>, Error> {
        self.link.owner().check()?;
        Ok(self.session.withdraw_unsent(Instant::now()))
    }

    /// Makes another handshake beside the session, which goes on under its secrets; see
    /// [`Session::renew`](steadfast::Session::renew). Returns at once.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn renew(&mut self) -> Result<(), Error> {
        self.link.owner().check()?;
        self.session.renew(Instant::now());
        self.turn()
    }

    /// Begins to close: nothing more can be sent; what was sent is still delivered, and [`recv`](Self::recv) returns what the server
    /// still sends, and `Closed` last.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn begin_close(&mut self) -> Result<(), Error> {
        self.link.owner().check()?;
        self.session.close(Instant::now());
        self.turn()
    }

    /// Closes, and waits for it, but not longer than this: then the session is given up. Returns the events that remained;
    /// `Closed` is the last of them, and lists what was not delivered.
    ///
    /// # Errors
    /// [`Error::Closed`] if `Closed` was returned before, [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn close(mut self, timeout: Duration) -> Result<Vec<Event>, Error> {
        if self.ended {
            return Err(Error::Closed);
        }
        self.begin_close()?;
        let until = Instant::now() + timeout;
        let mut events = Vec::new();
        while !self.ended {
            match self.recv_until(Some(until))? {
                Some(event) => events.push(event),
                None => self.abort()?,
            }
        }
        Ok(events)
    }

    pub(crate) fn abort(&mut self) -> Result<(), Error> {
        self.link.owner().check()?;
        self.session.abort(Instant::now());
        self.after_command()
    }

    /// The last message that the server's application took, if any.
    pub fn acknowledged_through(&self) -> Option<MessageId> {
        self.session.acknowledged_through()
    }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self) -> InFlight {
        self.session.in_flight()
    }

    /// The authenticated server, once established.
    pub fn peer(&self) -> Option<&Arc<PeerIdentity>> {
        self.session.peer()
    }

    /// What the handshake settled, once established.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.session.negotiated()
    }

    /// Counters of the session.
    pub fn stats(&self) -> SessionStats {
        self.session.stats()
    }

    /// Counters of this driver.
    pub fn counters(&self) -> Counters {
        self.link.counters
    }
}

impl Drop for Client {
    /// Never waits. Tells the server that this side closes, if a connection is there; what was not acknowledged may be lost:
    /// [`close`](Client::close) waits for it.
    fn drop(&mut self) {
        self.part();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.link.address())
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
