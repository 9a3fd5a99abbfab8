//! A client that any number of threads may use.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use steadfast::{Bytes, Event, InFlight, Message, MessageId, Negotiated, PeerIdentity, SessionStats};

use super::background::Background;
use crate::{Client, Counters, Error, OpenError};

/// A [`Client`] with a thread of its own, for as many threads as like to use it.
///
/// Clones are handles to the same session. Heartbeats go on while the application is busy; a message counts as handed over
/// when one of the receiving calls returns it, to whichever thread, and each event is returned once.
///
/// ```
/// use std::thread;
/// use std::time::Duration;
/// use steadfast_zmq::steadfast::Event;
/// # use steadfast_zmq::testing::insecure_test_credentials;
/// # use steadfast_zmq::{Client, Endpoint, Server};
/// # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
/// # let server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &credentials.server().build()?)?;
/// # let address = server.local_address()?;
/// # let config = credentials.client().build()?;
/// # let server = server.spawn()?;
/// # let (closing, adder) = (server.clone(), thread::spawn(move || -> Result<(), steadfast_zmq::Error> {
/// #     loop { if let Event::Message(_) = server.recv()?.event { return Ok(()); } }
/// # }));
/// let client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?.spawn()?;
///
/// let sender = client.clone();
/// let worker = thread::spawn(move || sender.send(b"from another thread"));
/// # let taken = worker.join().expect("no panic")?;
///
/// assert!(matches!(client.recv()?, Event::Established(_)));
/// # adder.join().expect("no panic")?;
/// client.flush(Duration::from_secs(10))?; // The server's application has it.
/// client.close(Duration::from_secs(10))?;
/// # closing.close(Duration::from_secs(10))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// When the last handle is dropped, the session closes in the background: what was sent is still delivered, for
/// [`Limits::linger`](steadfast::Limits::linger) at most and as long as the process lives. Dropping never waits;
/// [`close`](Self::close) does.
#[derive(Clone)]
pub struct ClientHandle(Background<Client>);

impl ClientHandle {
    pub(crate) fn new(client: Client) -> Result<Self, OpenError> {
        Background::start(client).map(Self)
    }

    /// Sends a message of one part. Waits while too much is unacknowledged.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send(&self, payload: &[u8]) -> Result<MessageId, Error> {
        self.0.when_possible(None, |client| client.try_send(payload))
    }

    /// Sends a message of one part, if that is possible without waiting.
    ///
    /// # Errors
    /// As [`Client::try_send`].
    pub fn try_send(&self, payload: &[u8]) -> Result<MessageId, Error> {
        self.0.attempt(|client| client.try_send(payload))
    }

    /// Sends a message of one or more parts, copied. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_multipart(&self, parts: &[impl AsRef<[u8]>]) -> Result<MessageId, Error> {
        self.send_parts(&crate::copied(parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged. Waits like [`send`](Self::send).
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_parts(&self, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.0.when_possible(None, |client| client.try_send_parts(parts))
    }

    /// Sends a message of one or more parts, shared until they are acknowledged, if that is possible without waiting.
    ///
    /// # Errors
    /// As [`Client::try_send`].
    pub fn try_send_parts(&self, parts: &[Bytes]) -> Result<MessageId, Error> {
        self.0.attempt(|client| client.try_send_parts(parts))
    }

    /// Sends like [`try_send_parts`](Self::try_send_parts), or wakes the task when another try may succeed.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn poll_send_parts(&self, task: &Context<'_>, parts: &[Bytes]) -> Poll<Result<MessageId, Error>> {
        self.0.poll_possible(task, |client| client.try_send_parts(parts))
    }

    /// Waits for the next event: a message, or news of the session.
    ///
    /// # Errors
    /// As [`Client::recv`].
    pub fn recv(&self) -> Result<Event, Error> {
        Ok(self.0.recv_until(None)?.expect("waits without a limit"))
    }

    /// Waits for the next event, but not longer than this.
    ///
    /// # Errors
    /// As [`Client::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Event>, Error> {
        self.0.recv_until(Some(Instant::now() + timeout))
    }

    /// The next event if there is one.
    ///
    /// # Errors
    /// As [`Client::recv`].
    pub fn try_recv(&self) -> Result<Option<Event>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// The next event, or the task is woken when there may be one. For futures of any runtime:
    /// `std::future::poll_fn(|task| client.poll_recv(task))`.
    ///
    /// # Errors
    /// As [`Client::recv`].
    pub fn poll_recv(&self, task: &Context<'_>) -> Poll<Result<Event, Error>> {
        self.0.poll_recv(task)
    }

    /// Waits until the server's application has taken every message sent, by whichever thread.
    ///
    /// # Errors
    /// As [`Client::flush`].
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        (self.0).when_possible(Some(Instant::now() + timeout), |client| client.flushed())
    }

    /// Says that the application is done with this message and all before: see [`Client::acknowledge`].
    ///
    /// # Errors
    /// As [`Client::acknowledge`].
    pub fn acknowledge(&self, message: MessageId) -> Result<(), Error> {
        self.0.with(|client| client.acknowledge(message))
    }

    /// Takes back the messages that were never sent, in the order of sending.
    ///
    /// # Errors
    /// As [`Client::withdraw_unsent`].
    pub fn withdraw_unsent(&self) -> Result<Vec<Message>, Error> {
        self.0.with(Client::withdraw_unsent)
    }

    /// Makes another handshake beside the session: see [`Client::renew`].
    ///
    /// # Errors
    /// As [`Client::renew`].
    pub fn renew(&self) -> Result<(), Error> {
        self.0.with(Client::renew)
    }

    /// Begins to close: see [`Client::begin_close`].
    ///
    /// # Errors
    /// As [`Client::begin_close`].
    pub fn begin_close(&self) -> Result<(), Error> {
        self.0.with(Client::begin_close)
    }

    /// Closes, and waits for it, but not longer than this: then the session is given up. Returns the events that remained, as far as
    /// no other thread took them; `Closed` is the last, and lists what was not delivered.
    ///
    /// # Errors
    /// As [`Client::close`].
    pub fn close(self, timeout: Duration) -> Result<Vec<Event>, Error> {
        let until = Instant::now() + timeout;
        self.begin_close()?;
        let mut events = Vec::new();
        loop {
            match self.0.recv_until(Some(until)) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => self.0.with(Client::abort)?,
                Err(Error::Closed) if !events.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        self.0.end(until);
        Ok(events)
    }

    /// The last message that the server's application took, if any.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn acknowledged_through(&self) -> Result<Option<MessageId>, Error> {
        self.0.look(Client::acknowledged_through)
    }

    /// What is held for messages that are not acknowledged.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn in_flight(&self) -> Result<InFlight, Error> {
        self.0.look(Client::in_flight)
    }

    /// The authenticated server, once established.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn peer(&self) -> Result<Option<Arc<PeerIdentity>>, Error> {
        self.0.look(|client| client.peer().cloned())
    }

    /// What the handshake settled, once established.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn negotiated(&self) -> Result<Option<Negotiated>, Error> {
        self.0.look(Client::negotiated)
    }

    /// Counters of the session.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn stats(&self) -> Result<SessionStats, Error> {
        self.0.look(Client::stats)
    }

    /// Counters of the driver.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Terminated`], [`Error::Socket`].
    pub fn counters(&self) -> Result<Counters, Error> {
        self.0.look(Client::counters)
    }
}

impl fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandle").finish_non_exhaustive()
    }
}
