//! 0MQ's own news of a connection: a hint, never more.

use zmq::{DONTWAIT, SocketEvent};

use crate::OpenError;
use crate::inproc::unused_endpoint;

/// Listens to the connection of one connecting socket.
///
/// libzmq sends events from its I/O thread and waits until there is room: a monitor that nobody reads, or whose reader is gone
/// before it, stops that thread and every socket of the context. So the events are few, the queue is unlimited, and the
/// events are switched off before the reader goes.
pub(crate) struct Monitor {
    pair: zmq::Socket,
}

/// What 0MQ says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// TCP is there; ZMTP is not, yet.
    Connected,
    /// The handshake of ZMTP came to nothing.
    NoZmtp {
        /// One side wants another security mechanism: NULL here, CURVE there, say.
        mechanism: bool,
    },
    /// Packets can pass.
    Up,
    Down,
}

/// `ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH` (`zmq.h`).
const MECHANISM_MISMATCH: u32 = 0x1100_0002;

const EVENTS: [SocketEvent; 6] = [
    SocketEvent::CONNECTED,
    SocketEvent::HANDSHAKE_SUCCEEDED,
    SocketEvent::HANDSHAKE_FAILED_NO_DETAIL,
    SocketEvent::HANDSHAKE_FAILED_PROTOCOL,
    SocketEvent::HANDSHAKE_FAILED_AUTH,
    SocketEvent::DISCONNECTED,
];

impl Monitor {
    /// Begins, on a socket that is not connected yet.
    pub(crate) fn new(context: &zmq::Context, socket: &zmq::Socket) -> Result<Self, OpenError> {
        check_context(context, socket)?;
        let pair = context.socket(zmq::PAIR)?;
        pair.set_linger(0)?;
        pair.set_rcvhwm(0)?;
        let endpoint = unused_endpoint();
        pair.connect(&endpoint)?;
        let events = EVENTS.iter().fold(0, |mask, event| mask | event.to_raw());
        socket.monitor(&endpoint, events.into())?;
        Ok(Self { pair })
    }

    pub(crate) fn socket(&self) -> &zmq::Socket {
        &self.pair
    }

    /// The news so far, oldest first.
    pub(crate) fn news(&self) -> impl Iterator<Item = Result<News, zmq::Error>> {
        let events = std::iter::from_fn(|| match self.pair.recv_multipart(DONTWAIT) {
            Ok(frames) => Some(Ok(frames.first().and_then(|frame| read(frame)))),
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => None,
            Err(error) => Some(Err(error)),
        });
        events.filter_map(Result::transpose)
    }

    /// Ends the events. Without this, a socket that is closing would wait for a reader that is gone.
    pub(crate) fn silence(&self, socket: &zmq::Socket) {
        // The crate cannot ask for no monitor; one for no events replaces ours. It fails only if the context is terminated.
        let _ = socket.monitor(&unused_endpoint(), 0);
    }
}

/// Events for another context's reader would never be read: both must be in one.
fn check_context(context: &zmq::Context, socket: &zmq::Socket) -> Result<(), OpenError> {
    let taken = unused_endpoint();
    let holder = context.socket(zmq::PAIR)?;
    holder.bind(&taken)?;
    match socket.monitor(&taken, 0) {
        Err(zmq::Error::EADDRINUSE) => Ok(()),
        Ok(()) => Err(OpenError::OtherContext),
        Err(error) => Err(error.into()),
    }
}

/// The first frame of an event: its number and a value, in the machine's byte order (`zmq_socket_monitor(3)`).
fn read(frame: &[u8]) -> Option<News> {
    let (number, value) = frame.split_first_chunk()?;
    let value = u32::from_ne_bytes(*value.first_chunk()?);
    match SocketEvent::from_raw(u16::from_ne_bytes(*number)) {
        SocketEvent::CONNECTED => Some(News::Connected),
        SocketEvent::HANDSHAKE_SUCCEEDED => Some(News::Up),
        SocketEvent::HANDSHAKE_FAILED_NO_DETAIL
        | SocketEvent::HANDSHAKE_FAILED_PROTOCOL
        | SocketEvent::HANDSHAKE_FAILED_AUTH => Some(News::NoZmtp {
            mechanism: value == MECHANISM_MISMATCH,
        }),
        SocketEvent::DISCONNECTED => Some(News::Down),
        _ => None,
    }
}
