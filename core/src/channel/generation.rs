//! One handshake's life within a session: its keys, its packet numbers, and how far it is from carrying messages.
//!
//! A session has one generation at a time. When it handshakes anew and goes on (a *join*), the next generation takes over: both
//! streams go on where they were, packet numbers and keys begin anew.
//!
//! ```text
//! client    Unconfirmed ── confirmed ──> Joining ── joined, fresh ──> Open
//!                      └── confirmed, and there is nothing to join ──> Open
//! server    Unconfirmed ── heard, with a join ──> Answering ── answer acknowledged ──> Open
//!                      └── heard, without a join ──> Open
//! ```

use std::time::Instant;

use bytes::Bytes;

use super::received::Received;
use super::sent::InFlightPackets;
use crate::Packet;
use crate::tls::{EpochKeys, Handshake, JoinSecret};
use crate::wire::frame::{Frame, Frames, Join};
use crate::wire::header::{ConnectionId, HEADER_BYTES, Header};

/// One handshake's life within a session.
#[derive(Debug)]
pub(super) struct Generation {
    /// The id that packets to this side bear.
    pub(super) ours: ConnectionId,
    /// The id that packets to the peer bear.
    pub(super) theirs: ConnectionId,
    pub(super) keys: Box<EpochKeys>,
    pub(super) next_number: u64,
    pub(super) in_flight: InFlightPackets,
    /// The largest packet number that the peer is known to have received.
    pub(super) acknowledged: Option<u64>,
    pub(super) received: Received,
    pub(super) join_secret: JoinSecret,
    pub(super) opening: Opening,
}

/// How far a generation is from carrying messages.
#[derive(Debug)]
pub(super) enum Opening {
    /// Client: the server has not said that it verified this side's Finished, and nothing may be sent. Server: each packet says
    /// so, until the client is heard. The handshake is kept for the proof of a join.
    Unconfirmed(Box<Handshake>),
    /// Client: each packet asks to go on with the session so far, until that is answered. Messages wait.
    Joining(Join),
    /// Server: each packet says what became of the client's *join*, until the client acknowledges one of them.
    Answering(Answer),
    Open,
}

/// What became of a client's request to go on with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Joined,
    Fresh,
}

/// A packet that opened, with a number that is new. Nothing of it has been applied.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) number: u64,
    pub(super) epoch: u32,
    pub(super) payload: Bytes,
    /// The length of the buffer that the payload keeps alive.
    pub(super) packet_bytes: usize,
    /// Whether it opened under the keys of before a join.
    pub(super) is_earlier: bool,
}

impl Opened {
    /// What the packet says of what is asked for, if anything.
    pub(crate) fn says<T>(&self, read: impl Fn(Frame<'_>) -> Option<T>) -> Option<T> {
        Frames::new(&self.payload).flatten().find_map(read)
    }

    /// The client's request to go on with its session.
    pub(crate) fn join(&self) -> Option<Join> {
        self.says(|frame| match frame {
            Frame::Join(join) => Some(join),
            _ => None,
        })
    }
}

impl Generation {
    /// Opens a packet; `None` if it is not genuine, or a replay.
    pub(super) fn open(&mut self, header: &Header, mut packet: Packet, old_until: Instant) -> Option<Opened> {
        if self.received.contains(header.number) {
            return None;
        }
        let payload_bytes = self.keys.open(header, packet.bytes_mut(), old_until).ok()?;
        let packet = packet.freeze();
        Some(Opened {
            number: header.number,
            epoch: header.epoch,
            payload: packet.slice(HEADER_BYTES..HEADER_BYTES + payload_bytes),
            packet_bytes: packet.len(),
            is_earlier: false,
        })
    }

    /// Whether a packet with this number was sent.
    pub(super) fn has_sent(&self, number: u64) -> bool {
        number < self.next_number
    }

    /// Whether messages may be sent.
    pub(super) fn carries_messages(&self) -> bool {
        matches!(self.opening, Opening::Open | Opening::Answering(_))
    }
}
