//! Packets of one flight, sealed once and sent as often as needed.

use crate::Limits;
use crate::tls::KeyPair;
use crate::wire::frame;
use crate::wire::header::{ConnectionId, Header, Kind};

/// What a packet of handshake bytes has besides them: header, frame, seal.
const OVERHEAD_BYTES: usize = 100;

/// How many handshake bytes one packet carries at most, but for the first of each side: the server holds nothing for a client
/// that has not said as much.
pub(super) fn piece_bytes(limits: &Limits) -> usize {
    limits.max_packet_bytes - OVERHEAD_BYTES
}

/// Packets of one flight.
#[derive(Debug, Default)]
pub(super) struct Flight {
    packets: Vec<Vec<u8>>,
    /// The next one to send.
    next: usize,
}

/// Where a flight goes, and under which number it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addressed {
    pub(super) kind: Kind,
    pub(super) destination: ConnectionId,
}

/// A client's first packet. The first flight of each side stands in one packet whatever its length.
pub(super) fn hello(
    keys: &KeyPair,
    (source, destination): (ConnectionId, ConnectionId),
    number: u64,
    (hello, token): (&[u8], &[u8]),
) -> Vec<u8> {
    let token_bytes = u8::try_from(token.len()).expect("a retry's cookie has at most 255 bytes");
    let mut packet = Vec::with_capacity(hello.len() + token.len() + OVERHEAD_BYTES);
    Header {
        kind: Kind::Initial { source, token_bytes },
        destination,
        epoch: 0,
        number,
    }
    .encode(&mut packet);
    packet.extend_from_slice(token);
    let header_bytes = packet.len();
    frame::encode_crypto(0, hello, &mut packet);
    keys.seal(number, header_bytes, &mut packet);
    packet
}

impl Flight {
    pub(super) fn of(packet: Vec<u8>) -> Self {
        Self {
            packets: vec![packet],
            next: 0,
        }
    }

    /// Adds handshake bytes of one level, in as many packets as it takes.
    pub(super) fn push(
        &mut self,
        keys: &KeyPair,
        to: Addressed,
        next_number: &mut u64,
        (bytes, piece_bytes): (&[u8], usize),
    ) {
        for (index, piece) in bytes.chunks(piece_bytes.max(1)).enumerate() {
            let mut payload = Vec::with_capacity(piece.len() + 16);
            frame::encode_crypto((index * piece_bytes) as u64, piece, &mut payload);
            self.packets
                .push(keys.packet(to.kind, to.destination, *next_number, &payload));
            *next_number += 1;
        }
    }

    /// A flight of one packet that ends the attempt.
    pub(super) fn close(keys: &KeyPair, to: Addressed, number: u64, (code, reason): (u64, &str)) -> Vec<u8> {
        let mut payload = Vec::new();
        frame::encode_close(code, reason, &mut payload);
        keys.packet(to.kind, to.destination, number, &payload)
    }

    pub(super) fn poll(&mut self) -> Option<Vec<u8>> {
        let packet = self.packets.get(self.next)?.clone();
        self.next += 1;
        Some(packet)
    }

    pub(super) fn has_more(&self) -> bool {
        self.next < self.packets.len()
    }

    /// Sends all of it once more.
    pub(super) fn repeat(&mut self) {
        self.next = 0;
    }
}
