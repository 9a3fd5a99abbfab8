//! Where to bind or connect, and with what socket.

use std::time::Duration;

use crate::OpenError;

/// Where a client connects to or a server listens, and how.
///
/// ```
/// use std::time::Duration;
/// use steadfast_zmq::Endpoint;
///
/// let context = zmq::Context::new();
/// let socket = context.socket(zmq::DEALER)?;
/// socket.set_tos(0x28)?; // options of your own stay as they are
/// let endpoint = Endpoint::new(&context, "tcp://[::1]:5555")
///     .socket(socket)
///     .heartbeat(Duration::from_millis(300), Duration::from_millis(600));
/// # Ok::<(), zmq::Error>(())
/// ```
pub struct Endpoint<'a> {
    pub(crate) context: &'a zmq::Context,
    pub(crate) address: String,
    pub(crate) socket: Option<zmq::Socket>,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) monitor: bool,
    pub(crate) pair: bool,
}

/// How soon a connection that died silently is given up, at most interval and timeout together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// Three seconds until a silent connection is given up: as long as the core waits before it says `Unreachable`. Shorter:
/// an overloaded machine loses connections that are well. Longer: data waits for nothing.
pub(crate) const HEARTBEAT: Heartbeat = Heartbeat {
    interval: Duration::from_secs(1),
    timeout: Duration::from_secs(2),
};

impl<'a> Endpoint<'a> {
    /// One address, `tcp://` or `ipc://`, in 0MQ's notation.
    ///
    /// An IPv6 address in brackets switches the socket to IPv6 (which serves IPv4 too, where it listens on `[::]`). For a host
    /// name that has IPv6 addresses only, hand over a [`socket`](Self::socket) with `set_ipv6`.
    pub fn new(context: &'a zmq::Context, address: &str) -> Self {
        Self {
            context,
            address: address.into(),
            socket: None,
            heartbeat: HEARTBEAT,
            monitor: true,
            pair: false,
        }
    }

    /// Uses a socket that the caller made in the same context and configured, neither bound nor connected yet: a `DEALER` for a
    /// client, a `ROUTER` for a server, a `PAIR` with [`pair`](Self::pair).
    ///
    /// These options are set nevertheless: `LINGER`, `MAXMSGSIZE`, `HEARTBEAT_*`, `SNDHWM` and `RCVHWM` (raised if they are lower
    /// than what is kept in flight); where it connects also `IMMEDIATE`, `RECONNECT_IVL*`, `CONNECT_TIMEOUT`, `HANDSHAKE_IVL`; for a
    /// `ROUTER` `ROUTER_MANDATORY`. A client needs no routing id of its own; with one, the server's socket wants `ROUTER_HANDOVER`.
    #[must_use]
    pub fn socket(mut self, socket: zmq::Socket) -> Self {
        self.socket = Some(socket);
        self
    }

    /// A `PAIR` at this end, in place of the client's `DEALER` or the server's `ROUTER`. The other end must be a `PAIR` too.
    ///
    /// Such a server has one client at a time: one with the certificate of the client that is there takes its place; any other
    /// is told that the server is busy, and goes on trying. 0MQ itself lets nobody in at a bound `PAIR` while a connection stands, be it dead
    /// and not found out yet: see [`heartbeat`](Self::heartbeat).
    #[must_use]
    pub fn pair(mut self) -> Self {
        self.pair = true;
        self
    }

    /// How often 0MQ asks whether the connection is alive, and how long it waits for the answer: one second and two unless this
    /// is called. A connection that died silently is replaced after both together.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration, timeout: Duration) -> Self {
        self.heartbeat = Heartbeat { interval, timeout };
        self
    }

    /// Does without a 0MQ monitor at the connecting side. It is only a hint that makes an idle client notice a cut sooner.
    #[must_use]
    pub fn without_monitor(mut self) -> Self {
        self.monitor = false;
        self
    }

    /// The caller's socket or a new one, of this type and unused.
    pub(crate) fn take_socket(&mut self, needed: zmq::SocketType) -> Result<zmq::Socket, OpenError> {
        self.check_address()?;
        let Some(socket) = self.socket.take() else {
            return Ok(self.context.socket(needed)?);
        };
        let given = socket.get_socket_type()?;
        if given != needed {
            return Err(OpenError::SocketType {
                needed: name(needed),
                given,
            });
        }
        match socket.get_last_endpoint()? {
            Ok(endpoint) if endpoint.is_empty() => Ok(socket),
            Ok(endpoint) => Err(OpenError::SocketInUse { endpoint }),
            Err(bytes) => Err(OpenError::SocketInUse {
                endpoint: String::from_utf8_lossy(&bytes).into_owned(),
            }),
        }
    }

    fn check_address(&self) -> Result<(), OpenError> {
        let address = self.address.clone();
        match address.split_once("://").map(|(transport, _)| transport) {
            Some("tcp" | "ipc") if !address.contains('\0') && !has_bad_port(&address) => Ok(()),
            Some("inproc") => Err(OpenError::Inproc { address }),
            _ => Err(OpenError::Address { address }),
        }
    }

    pub(crate) fn is_ipv6(&self) -> bool {
        self.address.starts_with("tcp://") && self.address.contains('[')
    }
}

/// libzmq takes a port above 65,535 for another one.
fn has_bad_port(address: &str) -> bool {
    let port = address.rsplit(':').next().unwrap_or_default();
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_err()
}

fn name(kind: zmq::SocketType) -> &'static str {
    match kind {
        zmq::DEALER => "DEALER",
        zmq::ROUTER => "ROUTER",
        _ => "PAIR",
    }
}

impl std::fmt::Debug for Endpoint<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
