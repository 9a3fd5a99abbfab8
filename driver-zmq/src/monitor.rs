//! 0MQ's own news of a connection: a hint, never more.

use std::sync::atomic::{AtomicU64, Ordering};

use steadfast::PathHint;
use zmq::{DONTWAIT, SocketEvent};

use crate::OpenError;

/// Listens to the connection of one connecting socket.
///
/// libzmq sends events from its I/O thread and waits until there is room: a monitor that nobody reads, or whose reader is gone
/// before it, stops that thread and every socket of the context. So the events are few, the queue is unlimited, and the
/// events are switched off before the reader goes.
pub(crate) struct Monitor {
    pair: zmq::Socket,
}

/// How many events are taken in one turn.
const EVENTS_PER_TURN: usize = 64;

impl Monitor {
    /// Begins, on a socket that is not connected yet.
    pub(crate) fn new(context: &zmq::Context, socket: &zmq::Socket) -> Result<Self, OpenError> {
        check_context(context, socket)?;
        let pair = context.socket(zmq::PAIR)?;
        pair.set_linger(0)?;
        pair.set_rcvhwm(0)?;
        let endpoint = unused_endpoint();
        pair.connect(&endpoint)?;
        let events = SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() | SocketEvent::DISCONNECTED.to_raw();
        socket.monitor(&endpoint, events.into())?;
        Ok(Self { pair })
    }

    pub(crate) fn socket(&self) -> &zmq::Socket {
        &self.pair
    }

    /// The newest news, if there are any.
    pub(crate) fn latest(&self) -> Result<Option<PathHint>, zmq::Error> {
        let mut latest = None;
        for _ in 0..EVENTS_PER_TURN {
            match self.pair.recv_multipart(DONTWAIT) {
                Ok(frames) => latest = frames.first().and_then(|frame| hint(frame)).or(latest),
                Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(latest)
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

fn unused_endpoint() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("inproc://steadfast-monitor-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The first frame of an event: its number and a value, in the machine's byte order.
fn hint(frame: &[u8]) -> Option<PathHint> {
    let number = u16::from_ne_bytes(*frame.first_chunk()?);
    if number == SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() {
        Some(PathHint::Up)
    } else if number == SocketEvent::DISCONNECTED.to_raw() {
        Some(PathHint::Down)
    } else {
        None
    }
}
