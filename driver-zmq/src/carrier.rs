//! Packets in and out of one 0MQ socket.

use steadfast::Packet;
use zmq::{DONTWAIT, SNDMORE};

use crate::route::Route;

/// A 0MQ socket as a carrier of packets. It never waits.
pub(crate) struct Carrier {
    socket: zmq::Socket,
    /// The rest of a 0MQ message that does not fit is still to be read.
    skipping: bool,
}

/// What the socket had.
pub(crate) enum Arrival {
    Packet(Route, zmq::Message),
    /// Something that is no packet of ours, and was dropped; this is a frame of it.
    Odd(zmq::Message),
    Nothing,
}

/// What became of a packet.
pub(crate) enum Sent {
    Done,
    /// No room, or nobody connected: here it is again.
    Refused(Vec<u8>),
    /// The route is gone, and the packet with it.
    RouteGone,
}

/// libzmq receives in chunks of this size, which the messages inside of them share. A longer message has a buffer of its own
/// (`v2_decoder.cpp`, `size_ready`).
const SHARED_CHUNK_BYTES: usize = 8192;

impl Carrier {
    pub(crate) fn new(socket: zmq::Socket) -> Self {
        Self {
            socket,
            skipping: false,
        }
    }

    pub(crate) fn socket(&self) -> &zmq::Socket {
        &self.socket
    }

    /// Takes one 0MQ message: the last frame is the packet, the frames before it are the route.
    pub(crate) fn receive(&mut self) -> Result<Arrival, zmq::Error> {
        let mut route = Route::default();
        let mut hops = 0;
        loop {
            let Some(frame) = self.frame()? else {
                return Ok(Arrival::Nothing);
            };
            if !frame.get_more() {
                let odd = std::mem::take(&mut self.skipping);
                return Ok(if odd {
                    Arrival::Odd(frame)
                } else {
                    Arrival::Packet(route, frame)
                });
            }
            self.skipping |= !route.push(&frame);
            hops += 1;
            if hops > Route::MAX_FRAMES {
                self.skipping = true;
                return Ok(Arrival::Odd(frame));
            }
        }
    }

    fn frame(&self) -> Result<Option<zmq::Message>, zmq::Error> {
        let mut frame = zmq::Message::new();
        loop {
            match self.socket.recv(&mut frame, DONTWAIT) {
                Ok(()) => return Ok(Some(frame)),
                Err(zmq::Error::EAGAIN) => return Ok(None),
                Err(zmq::Error::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends to the one peer of a DEALER or PAIR.
    pub(crate) fn send(&self, packet: Vec<u8>) -> Result<Sent, zmq::Error> {
        // A refused send destroys the 0MQ message: 0MQ gets a copy, and ours is kept until it took that.
        match self.socket.send(&packet[..], DONTWAIT) {
            Ok(()) => Ok(Sent::Done),
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => Ok(Sent::Refused(packet)),
            Err(error) => Err(error),
        }
    }

    /// Sends to one of the peers of a ROUTER; where there is no route, to the one peer of a PAIR.
    pub(crate) fn send_to(&self, route: &Route, packet: Vec<u8>) -> Result<Sent, zmq::Error> {
        let mut frames = route.frames();
        let Some(hop) = frames.next() else {
            return self.send(packet);
        };
        // With ROUTER_MANDATORY the first frame alone decides (`router.cpp`, `xsend`).
        match self.socket.send(hop, DONTWAIT | SNDMORE) {
            Ok(()) => {}
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => return Ok(Sent::Refused(packet)),
            Err(zmq::Error::EHOSTUNREACH) => return Ok(Sent::RouteGone),
            Err(error) => return Err(error),
        }
        for frame in frames {
            self.send_behind(frame, SNDMORE)?;
        }
        self.send_behind(&packet, 0)?;
        Ok(Sent::Done)
    }

    /// Sends a frame behind others: a 0MQ message that was begun cannot be taken back, so a signal must not end it halfway.
    fn send_behind(&self, frame: &[u8], flags: i32) -> Result<(), zmq::Error> {
        loop {
            match self.socket.send(frame, DONTWAIT | flags) {
                Err(zmq::Error::EINTR) => {}
                other => return other,
            }
        }
    }
}

/// Hands a received message to the core: without a copy where its buffer is ours alone.
pub(crate) fn into_packet(message: zmq::Message) -> Packet {
    if message.len() > SHARED_CHUNK_BYTES {
        Packet::from_owner(Unshared(message))
    } else {
        message.to_vec().into()
    }
}

/// The same, and who sent it, should somebody want to know.
pub(crate) fn into_packet_and_sender(mut message: zmq::Message) -> (Packet, Sender) {
    if message.len() > SHARED_CHUNK_BYTES {
        // The core takes the message whole. To open so many bytes takes many times as long as to ask.
        let sender = Sender::Told(peer_address(&mut message));
        (into_packet(message), sender)
    } else {
        (message.to_vec().into(), Sender::Unasked(message))
    }
}

/// Where a message came from, in the words of 0MQ: the other end of the connection, which may be a proxy.
pub(crate) enum Sender {
    /// The message knows.
    Unasked(zmq::Message),
    Told(String),
    /// It was nobody's message.
    Nobody,
}

impl Sender {
    pub(crate) fn address(&mut self) -> String {
        match self {
            Self::Unasked(message) => peer_address(message),
            Self::Told(address) => address.clone(),
            Self::Nobody => "unknown".into(),
        }
    }
}

fn peer_address(message: &mut zmq::Message) -> String {
    message.gets("Peer-Address").unwrap_or("unknown").into()
}

/// A received message whose buffer nobody else refers to.
struct Unshared(zmq::Message);

impl AsRef<[u8]> for Unshared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Unshared {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
