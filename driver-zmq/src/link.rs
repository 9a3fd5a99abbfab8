//! A socket with one address, and what keeps it connected.

use std::iter;
use std::time::Instant;

use smallvec::SmallVec;
use tracing::Span;
use zmq::{POLLIN, PollEvents, PollItem, SocketType};

use crate::carrier::Carrier;
use crate::endpoint::Endpoint;
use crate::monitor::{Monitor, News};
use crate::process::Owner;
use crate::redial::Redial;
use crate::wait;
use crate::{Counters, Error, OpenError, options};

/// The socket of a client or a server.
pub(crate) struct Link {
    pub(crate) carrier: Carrier,
    pub(crate) counters: Counters,
    /// When it was served last.
    pub(crate) last_turn: Instant,
    kind: SocketType,
    context: zmq::Context,
    address: String,
    owner: Owner,
    span: Span,
    /// None for a socket that is bound: others dial there.
    dialer: Option<Dialer>,
    /// Packets may have arrived whose signal was taken by something else than waiting for it.
    unsure: bool,
}

/// What a socket does at its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    Binds,
    Connects,
}

/// What connects a socket, again and again.
struct Dialer {
    monitor: Option<Monitor>,
    redial: Redial,
}

impl Link {
    /// Opens a socket of this kind, or the `PAIR` that was asked for instead, and binds or connects it.
    pub(crate) fn open(
        mut endpoint: Endpoint<'_>,
        kind: SocketType,
        attachment: Attachment,
        in_flight: u16,
    ) -> Result<Self, OpenError> {
        let kind = if endpoint.pair { zmq::PAIR } else { kind };
        let socket = endpoint.take_socket(kind)?;
        options::set_common(&socket, endpoint.heartbeat, endpoint.is_ipv6(), in_flight)?;
        if kind == zmq::ROUTER {
            options::set_router(&socket)?;
        }
        let dialer = match attachment {
            Attachment::Binds => None,
            Attachment::Connects => {
                options::set_connecting(&socket)?;
                Some(Dialer {
                    monitor: (endpoint.monitor)
                        .then(|| Monitor::new(endpoint.context, &socket))
                        .transpose()?,
                    redial: Redial::new(),
                })
            }
        };
        let link = Self {
            carrier: Carrier::new(socket),
            counters: Counters::default(),
            last_turn: Instant::now(),
            kind,
            context: endpoint.context.clone(),
            owner: Owner::this_process(),
            span: Span::none(),
            dialer,
            unsure: false,
            address: endpoint.address,
        };
        link.attach()?;
        Ok(link)
    }

    fn attach(&self) -> Result<(), OpenError> {
        let address = self.address.clone();
        if self.dialer.is_some() {
            (self.carrier.socket().connect(&address)).map_err(|source| OpenError::Connect { address, source })
        } else {
            (self.carrier.socket().bind(&address)).map_err(|source| OpenError::Bind { address, source })
        }
    }

    /// Everything that is logged while this socket is served belongs to this span.
    pub(crate) fn set_span(&mut self, span: Span) {
        self.span = span;
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn context(&self) -> &zmq::Context {
        &self.context
    }

    /// As it was given.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where the socket is, with the port that was taken for `*`.
    pub(crate) fn local_address(&self) -> Result<String, Error> {
        let endpoint = self.carrier.socket().get_last_endpoint()?;
        Ok(endpoint.unwrap_or_else(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Whether packets come with an envelope that says from whom.
    pub(crate) fn has_routes(&self) -> bool {
        self.kind == zmq::ROUTER
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.dialer.is_none()
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// What the monitor has to say, if there is one.
    pub(crate) fn news(&self) -> impl Iterator<Item = Result<News, zmq::Error>> {
        self.monitor().into_iter().flat_map(Monitor::news)
    }

    fn monitor(&self) -> Option<&Monitor> {
        self.dialer.as_ref()?.monitor.as_ref()
    }

    /// Takes note of whether the other side is heard, and dials anew if it was not for long.
    pub(crate) fn keep_connected(&mut self, heard: bool, now: Instant) -> Result<(), Error> {
        let Some(dialer) = &mut self.dialer else { return Ok(()) };
        dialer.redial.note(heard, now);
        if !dialer.redial.is_due(now) {
            return Ok(());
        }
        self.counters.redials += 1;
        // Gone already if 0MQ gave it up.
        let _ = self.carrier.socket().disconnect(&self.address);
        Ok(self.carrier.socket().connect(&self.address)?)
    }

    /// When [`keep_connected`](Self::keep_connected) wants to be called.
    pub(crate) fn redial_at(&self) -> Option<Instant> {
        self.dialer.as_ref()?.redial.deadline()
    }

    /// What `zmq::poll` should wait for.
    pub(crate) fn poll_items(&self, wanted: PollEvents) -> impl Iterator<Item = PollItem<'_>> {
        let monitor = self.monitor_socket().map(|monitor| monitor.as_poll_item(POLLIN));
        iter::once(self.carrier.socket().as_poll_item(wanted)).chain(monitor)
    }

    /// The same by descriptors, which signal changes: see [`missed_a_signal`](Self::missed_a_signal).
    pub(crate) fn signals(&self) -> Result<Vec<PollItem<'static>>, Error> {
        let items = self
            .sockets()
            .map(|socket| Ok(PollItem::from_fd(socket.get_fd()?, POLLIN)));
        items.collect()
    }

    #[cfg(unix)]
    pub(crate) fn descriptors(&self) -> Result<impl Iterator<Item = std::os::fd::RawFd>, Error> {
        let descriptors: SmallVec<[_; 2]> = self.sockets().map(zmq::Socket::get_fd).collect::<Result<_, _>>()?;
        Ok(descriptors.into_iter())
    }

    /// Those that show that there is something to do.
    fn sockets(&self) -> impl Iterator<Item = &zmq::Socket> {
        iter::once(self.carrier.socket()).chain(self.monitor_socket())
    }

    fn monitor_socket(&self) -> Option<&zmq::Socket> {
        self.monitor().map(Monitor::socket)
    }

    pub(crate) fn wait(&self, wanted: PollEvents, deadlines: &[Option<Instant>]) -> Result<(), Error> {
        let mut items: SmallVec<[_; 2]> = self.poll_items(wanted).collect();
        Ok(wait::poll(&mut items, deadlines)?)
    }

    /// A packet went out: 0MQ may have taken the signal of others that arrived.
    pub(crate) fn sent(&mut self) {
        self.counters.packets_sent += 1;
        self.unsure = true;
    }

    /// Not all packets that arrived were taken.
    pub(crate) fn left_packets(&mut self) {
        self.unsure = true;
    }

    /// Whether packets wait whose signal is gone. `ZMQ_FD` signals a change, not a state, and every call on the socket may
    /// swallow the signal (`zmq_getsockopt(3)`).
    pub(crate) fn missed_a_signal(&mut self) -> Result<bool, Error> {
        if std::mem::take(&mut self.unsure) {
            self.unsure = self.carrier.socket().get_events()?.contains(POLLIN);
        }
        Ok(self.unsure)
    }

    /// Before the socket is closed.
    pub(crate) fn part(&self) {
        if let Some(monitor) = self.monitor() {
            monitor.silence(self.carrier.socket());
        }
    }
}
