//! What can go wrong, and who can act on it.

use std::fmt;

use steadfast::{AcknowledgeError, ConnectError, SendError};

/// A client or server that could not be opened. Nothing was left behind.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// `inproc` is refused.
    Inproc {
        /// The address as it was given.
        address: String,
    },
    /// Neither `tcp` nor `ipc`, or a port that does not exist.
    Address {
        /// The address as it was given.
        address: String,
    },
    /// The caller's socket is of another type.
    SocketType {
        /// What is needed: `DEALER`, `ROUTER` or `PAIR`.
        needed: &'static str,
        /// What was given.
        given: zmq::SocketType,
    },
    /// The caller's socket is bound or connected already: options set now would come too late, and a session has one endpoint.
    SocketInUse {
        /// Where the socket is bound or connected to.
        endpoint: String,
    },
    /// The caller's socket was made by another context than the one that was given.
    OtherContext,
    /// The address cannot be bound.
    Bind {
        /// The address as it was given.
        address: String,
        /// What 0MQ says.
        source: zmq::Error,
    },
    /// The address cannot be used for connecting.
    Connect {
        /// The address as it was given.
        address: String,
        /// What 0MQ says.
        source: zmq::Error,
    },
    /// 0MQ refuses a socket or one of its options.
    Setup(zmq::Error),
    /// The session cannot begin.
    Session(ConnectError),
    /// The system refuses a thread.
    Thread(std::io::Error),
}

impl OpenError {
    /// Whether the same call may succeed later without anybody changing a configuration: the address may become free or exist,
    /// and what 0MQ or the machine ran short of may be there again.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Bind { source, .. } => {
                is_shortage(*source)
                    || matches!(
                        source,
                        zmq::Error::EADDRINUSE | zmq::Error::EADDRNOTAVAIL | zmq::Error::ENODEV
                    )
            }
            Self::Connect { source, .. } | Self::Setup(source) => is_shortage(*source),
            Self::Inproc { .. }
            | Self::Address { .. }
            | Self::SocketType { .. }
            | Self::SocketInUse { .. }
            | Self::OtherContext
            | Self::Session(_) => false,
            Self::Thread(_) => true,
        }
    }
}

/// Sockets, file descriptors, memory or threads are used up.
fn is_shortage(error: zmq::Error) -> bool {
    matches!(
        error,
        zmq::Error::EMFILE | zmq::Error::ENOMEM | zmq::Error::ENOBUFS | zmq::Error::EMTHREAD | zmq::Error::EINTR
    )
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inproc { address } => write!(
                f,
                "{address}: inproc joins threads of one process, which share its memory: there is nobody to protect messages \
                 from. Use the plain socket, or tcp or ipc"
            ),
            Self::Address { address } => write!(
                f,
                "{address}: only tcp:// (with a port up to 65535) and ipc:// are supported"
            ),
            Self::SocketType { needed, given } => write!(f, "a {needed} socket is needed, not {given:?}"),
            Self::SocketInUse { endpoint } => write!(
                f,
                "the socket is already bound or connected to {endpoint}; hand it over before: a session has one endpoint"
            ),
            Self::OtherContext => f.write_str("the socket belongs to another 0MQ context than the one given"),
            Self::Bind { address, source } => write!(f, "cannot bind {address}: {source}{}", bind_advice(*source)),
            Self::Connect { address, source } => {
                write!(
                    f,
                    "cannot connect to {address}: {source}; expected something like tcp://host:5555 or ipc:///path"
                )
            }
            Self::Setup(error) => write!(f, "0MQ refuses to set up the socket: {error}"),
            Self::Session(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "the system refuses a thread: {error}"),
        }
    }
}

fn bind_advice(error: zmq::Error) -> &'static str {
    match error {
        zmq::Error::EADDRINUSE => {
            "; another process listens there: stop it, or choose another port (port * takes a free one)"
        }
        zmq::Error::EACCES => "; this user may not listen there: choose a port above 1023 or another path",
        zmq::Error::EADDRNOTAVAIL | zmq::Error::ENODEV => "; this machine has no such address: * listens on all it has",
        zmq::Error::ENOENT => "; the directory does not exist",
        _ => "; expected something like tcp://*:5555 or ipc:///path",
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Connect { source, .. } | Self::Setup(source) => Some(source),
            Self::Session(error) => Some(error),
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}

impl From<zmq::Error> for OpenError {
    fn from(error: zmq::Error) -> Self {
        Self::Setup(error)
    }
}

/// Why a call on an open client or server failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Too much is unacknowledged for this message to be taken without waiting. Nothing of it was kept.
    WouldBlock,
    /// The time given was over. What was begun goes on.
    TimedOut,
    /// The session is closing or over; [`Closed`](steadfast::Closed) told why, or will.
    Closed,
    /// The message cannot be sent, now or later. Nothing of it was kept.
    Send(SendError),
    /// The application cannot acknowledge this message. Nothing changed.
    Acknowledge(AcknowledgeError),
    /// This is a forked copy of the process that opened the socket. It holds the same keys, so it must not use them.
    Forked,
    /// The 0MQ context was terminated.
    Terminated,
    /// 0MQ reports something unexpected.
    Socket(zmq::Error),
}

impl Error {
    /// Whether the same call, in the same session, may succeed later.
    ///
    /// Whether another session makes sense after [`Closed`](Self::Closed), only the event
    /// [`Closed`](steadfast::Closed) knows: [`CloseReason::retryable`](steadfast::CloseReason::retryable).
    pub fn retryable(self) -> bool {
        match self {
            Self::WouldBlock | Self::TimedOut => true,
            Self::Socket(error) => is_shortage(error),
            Self::Closed | Self::Send(_) | Self::Acknowledge(_) | Self::Forked | Self::Terminated => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("too much is unacknowledged; send again later"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Closed => f.write_str("the session is closed"),
            Self::Send(error) => error.fmt(f),
            Self::Acknowledge(error) => error.fmt(f),
            Self::Forked => f.write_str("opened by another process: after a fork, only the parent may use it"),
            Self::Terminated => f.write_str("the 0MQ context was terminated"),
            Self::Socket(error) => write!(f, "0MQ: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full { .. } => Self::WouldBlock,
            SendError::Closed => Self::Closed,
            other => Self::Send(other),
        }
    }
}

impl From<AcknowledgeError> for Error {
    fn from(error: AcknowledgeError) -> Self {
        Self::Acknowledge(error)
    }
}

impl From<zmq::Error> for Error {
    fn from(error: zmq::Error) -> Self {
        match error {
            zmq::Error::ETERM => Self::Terminated,
            other => Self::Socket(other),
        }
    }
}
