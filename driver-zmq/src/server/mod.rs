//! The side that is asked: any number of sessions over one ROUTER, or one over a PAIR.

mod drive;

pub(crate) use drive::QUIET_BEFORE_LEAVING;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use steadfast::{
    Bytes, Event, InFlight, Listener, ListenerStats, Message, MessageId, Negotiated, PeerIdentity, ServerConfig,
    SessionId, SessionState, SessionStats,
};

use zmq::PollItem;

use crate::backlog::Backlog;
use crate::link::{Attachment, Link};
use crate::noise::{Noise, strangers};
use crate::route::Route;
use crate::seldom::Seldom;
use crate::turn::{Driven, flushed};
use crate::{Counters, Endpoint, Error, OpenError, ServerHandle};

/// Secure sessions with any number of clients over a `ROUTER`, or with one over a `PAIR`, driven by the thread that calls it.
///
/// Nothing happens between calls: a server that is busy with something else for seconds is taken for unreachable, and goes
/// on when it calls again. One that must not be has itself driven [in the background](Self::spawn). [`recv`](Self::recv) serves
/// all sessions.
///
/// While both processes live, what is lost with a connection is sent again. When the client's process restarts, what
/// the old one did not acknowledge is sent again only if [`Delivery::redeliver`](steadfast::Delivery::redeliver) is
/// set: [when a process restarts](crate#when-a-process-restarts).
pub struct Server {
    listener: Listener<Route>,
    link: Link,
    /// Who the sessions belong to, kept until their `Closed` was handed out.
    peers: HashMap<SessionId, Arc<PeerIdentity>>,
    backlog: Backlog,
    noise: Noise,
    failures: Seldom,
    /// The core may have more to send than one turn took.
    behind: bool,
    /// Where it connects: until when nobody need be heard for the connection to pass for a good one.
    quiet_until: Instant,
    /// How long a client may say nothing: it pings several times in this.
    longest_quiet: Duration,
    /// How long closing may take.
    linger: Duration,
    /// When a packet came last.
    last_packet: Instant,
}

/// What happened in one session of a server.
#[derive(Debug)]
pub struct Received {
    /// The session. Over restarts of a client with a certificate and an endpoint name it is the same; a restart of any
    /// other client, or while the session was closing, begins another.
    pub session: SessionId,
    /// Whom it is with, as verified.
    pub peer: Arc<PeerIdentity>,
    /// What happened.
    pub event: Event,
}

impl Server {
    /// Listens at an address.
    ///
    /// # Errors
    /// [`OpenError`]; for an address in use it names the address and what to do.
    pub fn bind(endpoint: Endpoint<'_>, config: &ServerConfig) -> Result<Self, OpenError> {
        Self::open(endpoint, Attachment::Binds, config)
    }

    /// Connects to the address of a client that [waits there](crate::Client::bind), or to the back of a proxy that many clients are in
    /// front of. A connection that breaks is replaced.
    ///
    /// # Errors
    /// [`OpenError`] if this cannot work whatever the network does.
    pub fn connect(endpoint: Endpoint<'_>, config: &ServerConfig) -> Result<Self, OpenError> {
        Self::open(endpoint, Attachment::Connects, config)
    }

    fn open(endpoint: Endpoint<'_>, attachment: Attachment, config: &ServerConfig) -> Result<Self, OpenError> {
        let limits = config.limits();
        let mut link = Link::open(endpoint, zmq::ROUTER, attachment, limits.max_packets_in_flight)?;
        link.set_span(tracing::error_span!("steadfast_server", address = link.address()));
        let (now, longest_quiet) = (Instant::now(), limits.ping_interval * 3);
        let listener = if link.has_routes() {
            Listener::new(config, now)
        } else {
            Listener::new(&config.of_one(), now)
        };
        Ok(Self {
            listener: listener.map_err(OpenError::Session)?,
            link,
            noise: Noise::default(),
            peers: HashMap::new(),
            backlog: Backlog::default(),
            failures: Seldom::default(),
            behind: false,
            quiet_until: now + longest_quiet,
            longest_quiet,
            linger: limits.linger,
            last_packet: now,
        })
    }

    /// Goes on in a thread of its own: heartbeats, resending and handshakes no longer wait for the application, and any number of
    /// threads may use the server at once.
    ///
    /// # Errors
    /// [`OpenError::Setup`] or [`OpenError::Thread`] if 0MQ or the system refuses what that needs.
    pub fn spawn(self) -> Result<ServerHandle, OpenError> {
        ServerHandle::new(self)
    }

    /// Where the server listens, with the port that was taken for `*`; or the address that it connects to.
    ///
    /// # Errors
    /// [`Error::Terminated`], [`Error::Socket`].
    pub fn local_address(&self) -> Result<String, Error> {
        self.link.local_address()
    }

    /// Sends a message of one part. Waits while too much is unacknowledged; the client's application must be taking messages then.
    /// All sessions are served meanwhile, but their events wait.
    ///
    /// # Errors
    /// [`Error::Send`], [`Error::Closed`], [`Error::Forked`]; nothing of the message is kept then. [`Error::Terminated`] or
    /// [`Error::Socket`] if 0MQ does not work any longer.
    pub fn send(&mut self, session: SessionId, payload: &[u8]) -> Result<MessageId, Error> {
        self.when_possible(None, |server| server.try_send(session, payload))
    }

    /// Sends a message of one part, if that is possible without waiting.
    ///
    /// # Errors
    /// [`Error::WouldBlock`], [`Error::Send`], [`Error::Closed`], [`Error::Forked`]; nothing of the message is kept then.
    /// [`Error::Terminated`] or [`Error::Socket`] if 0MQ does not work any longer.
    pub fn try_send(&mut self, session: SessionId, payload: &[u8]) -> Result<MessageId, Error> {
        self.link.owner().check()?;
        let id = self.listener.send(session, payload, Instant::now())?;
        self.after_command()?;
        Ok(id)
    }

    /// Sends a message of one or more parts, copied. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_multipart(&mut self, session: SessionId, parts: &[impl AsRef<[u8]>]) -> Result<MessageId, Error> {
        self.send_parts(session, &crate::copied(parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_parts(&mut self, session: SessionId, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.when_possible(None, |server| server.try_send_parts(session, parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged, if that is possible without waiting.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_parts(&mut self, session: SessionId, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.link.owner().check()?;
        let id = self.listener.send_parts(session, parts, Instant::now())?;
        self.after_command()?;
        Ok(id)
    }

    /// Waits for the next event of any session.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn recv(&mut self) -> Result<Received, Error> {
        Ok(self.recv_until(None)?.expect("waits without a limit"))
    }

    /// Waits for the next event of any session, but not longer than this.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Received>, Error> {
        self.recv_until(Some(Instant::now() + timeout))
    }

    /// The next event of any session if there is one.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn try_recv(&mut self) -> Result<Option<Received>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// What `zmq::poll` should wait for before [`try_recv`](Self::try_recv) is called again. Until [`deadline`](Self::deadline) at the
    /// latest.
    pub fn poll_items(&self) -> impl Iterator<Item = PollItem<'_>> {
        self.link.poll_items(zmq::POLLIN)
    }

    /// The file descriptors that become readable when [`try_recv`](Self::try_recv) should be called, for an event loop of another kind.
    /// How to wait for them, and for what not to take them: [`Client::descriptors`](crate::Client::descriptors).
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

    /// Waits until the client's application has taken every message sent in this session. Events wait meanwhile.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Closed`], [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn flush(&mut self, session: SessionId, timeout: Duration) -> Result<(), Error> {
        self.when_possible(Some(Instant::now() + timeout), |server| {
            server.turn()?;
            server.flushed(session)
        })
    }

    pub(crate) fn flushed(&self, session: SessionId) -> Result<(), Error> {
        let closed = self.listener.state(session) == SessionState::Closed;
        flushed(closed, self.listener.in_flight(session))
    }

    /// Says that the application is done with this message, and with all that it received before in this session: the client may
    /// forget them. For configurations with [`manual_acknowledgement`](steadfast::Delivery::manual_acknowledgement).
    ///
    /// # Errors
    /// [`Error::Acknowledge`], [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn acknowledge(&mut self, session: SessionId, message: MessageId) -> Result<(), Error> {
        self.link.owner().check()?;
        self.listener.acknowledge(session, message, Instant::now())?;
        self.after_command()
    }

    /// Takes back the messages of one session that were never sent, in the order of sending.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn withdraw_unsent(&mut self, session: SessionId) -> Result<Vec<Message>, Error> {
        self.link.owner().check()?;
        Ok(self.listener.withdraw_unsent(session, Instant::now()))
    }

    /// Asks the client of a session for another handshake beside it; see [`Session::renew`](steadfast::Session::renew). Returns
    /// at once.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn renew(&mut self, session: SessionId) -> Result<(), Error> {
        self.link.owner().check()?;
        self.listener.renew(session, Instant::now());
        self.turn()
    }

    /// Begins to close one session: nothing more can be sent; what was sent is still delivered, and [`recv`](Self::recv) returns what
    /// the client still sends, and `Closed` last.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn close_session(&mut self, session: SessionId) -> Result<(), Error> {
        self.link.owner().check()?;
        self.listener.close(session, Instant::now());
        self.turn()
    }

    /// Closes all sessions, and waits for it, but not longer than this: those that are left then are given up. Returns the events
    /// that remained; every session has its `Closed` among them, which lists what was not delivered. Stays a quarter of a second longer, for clients that have not read the last word yet.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn close(mut self, timeout: Duration) -> Result<Vec<Received>, Error> {
        self.close_all()?;
        let until = Instant::now() + timeout;
        let mut events = Vec::new();
        while !self.has_no_sessions() {
            match self.recv_until(Some(until))? {
                Some(event) => events.push(event),
                None => self.give_up()?,
            }
        }
        if !events.is_empty() {
            self.stay_for_last_words(until)?;
        }
        Ok(events)
    }

    pub(crate) fn close_all(&mut self) -> Result<(), Error> {
        self.link.owner().check()?;
        self.listener.close_all(Instant::now());
        self.turn()
    }

    /// Every session has handed out its `Closed`.
    pub(crate) fn has_no_sessions(&self) -> bool {
        self.peers.is_empty()
    }

    pub(crate) fn give_up(&mut self) -> Result<(), Error> {
        self.link.owner().check()?;
        let now = Instant::now();
        for session in self.peers.keys() {
            self.listener.abort(*session, now);
        }
        self.after_command()
    }

    /// The sessions that are established and not closed, in no particular order.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.listener.sessions()
    }

    /// The last message that the client's application took, if any.
    pub fn acknowledged_through(&self, session: SessionId) -> Option<MessageId> {
        self.listener.acknowledged_through(session)
    }

    /// What is held for messages that are not acknowledged.
    pub fn in_flight(&self, session: SessionId) -> InFlight {
        self.listener.in_flight(session)
    }

    /// The authenticated client of a session that still stands.
    pub fn peer(&self, session: SessionId) -> Option<&Arc<PeerIdentity>> {
        self.listener.peer(session)
    }

    /// What the handshake of a session settled.
    pub fn negotiated(&self, session: SessionId) -> Option<Negotiated> {
        self.listener.negotiated(session)
    }

    /// Counters of one session that still stands.
    pub fn session_stats(&self, session: SessionId) -> Option<SessionStats> {
        self.listener.session_stats(session)
    }

    /// Counters of all sessions and of handshakes.
    pub fn stats(&self) -> ListenerStats {
        self.listener.stats()
    }

    /// Counters of this driver.
    pub fn counters(&self) -> Counters {
        Counters {
            strangers: strangers(&self.listener.stats()),
            ..self.link.counters
        }
    }
}

impl Drop for Server {
    /// Never waits. Tells the clients that this side closes; what was not acknowledged may be lost: [`close`](Server::close) waits for it.
    fn drop(&mut self) {
        self.part();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.link.address())
            .field("sessions", &self.peers.len())
            .finish_non_exhaustive()
    }
}
