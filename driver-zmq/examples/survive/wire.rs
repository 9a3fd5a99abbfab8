//! What the proxy sees: counts the handshakes that are begun, from the bytes alone.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use steadfast_zmq::testing::Direction;

/// Follows the frames of ZMTP 3.1 from the client to the server.
#[derive(Default)]
pub(crate) struct Wire(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    connections: HashMap<u64, Frames>,
    /// The connection ids that initial packets were addressed to. A packet that is sent again has the same.
    begun: HashSet<u64>,
}

impl Wire {
    /// Handshakes begun so far: nobody begins one without a packet of kind *initial*, and an id drawn for it.
    pub(crate) fn handshakes(&self) -> usize {
        self.0.lock().expect("no holder panics").begun.len()
    }

    pub(crate) fn watch(&self, connection: u64, direction: Direction, bytes: &[u8]) {
        if direction == Direction::ToServer {
            let mut seen = self.0.lock().expect("no holder panics");
            let Seen { connections, begun } = &mut *seen;
            connections.entry(connection).or_default().read(bytes, begun);
        }
    }
}

/// Where in the stream of one connection we are.
#[derive(Clone, Copy)]
enum Frames {
    Greeting {
        missing: usize,
    },
    Flags,
    Length {
        flags: u8,
        missing: u8,
        length: u64,
    },
    /// At the first byte of a packet.
    Kind {
        missing: u64,
    },
    /// Behind the first byte of an initial packet.
    Destination {
        seen: u8,
        id: u64,
        missing: u64,
    },
    /// Nothing of interest until the next frame.
    Rest {
        missing: u64,
    },
}

const GREETING_BYTES: usize = 64;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Version 1 in the high half, kind 0 in the low.
const INITIAL: u8 = 0x10;
const ID_BYTES: u8 = 8;

impl Default for Frames {
    fn default() -> Self {
        Self::Greeting {
            missing: GREETING_BYTES,
        }
    }
}

impl Frames {
    /// Reads on, and adds the handshakes that begin here.
    fn read(&mut self, mut bytes: &[u8], begun: &mut HashSet<u64>) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let Self::Rest { missing } = *self {
                let used = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
                *self = Self::rest(missing - used as u64);
                bytes = &bytes[used..];
                continue;
            }
            *self = self.behind(byte);
            if let Self::Destination {
                seen: ID_BYTES,
                id,
                missing,
            } = *self
            {
                begun.insert(id);
                *self = Self::rest(missing);
            }
            bytes = rest;
        }
    }

    /// Where we are after one more byte.
    fn behind(self, byte: u8) -> Self {
        match self {
            Self::Greeting { missing: 1 } => Self::Flags,
            Self::Greeting { missing } => Self::Greeting { missing: missing - 1 },
            Self::Flags => Self::Length {
                flags: byte,
                missing: if byte & LONG == 0 { 1 } else { 8 },
                length: 0,
            },
            Self::Length {
                flags,
                missing: 1,
                length,
            } => Self::body(flags, length << 8 | u64::from(byte)),
            Self::Length { flags, missing, length } => Self::Length {
                flags,
                missing: missing - 1,
                length: length << 8 | u64::from(byte),
            },
            Self::Kind { missing } if byte == INITIAL && missing > ID_BYTES.into() => Self::Destination {
                seen: 0,
                id: 0,
                missing: missing - 1,
            },
            Self::Destination { seen, id, missing } => Self::Destination {
                seen: seen + 1,
                id: id << 8 | u64::from(byte),
                missing: missing - 1,
            },
            Self::Kind { missing } | Self::Rest { missing } => Self::rest(missing - 1),
        }
    }

    fn body(flags: u8, length: u64) -> Self {
        if flags & COMMAND == 0 && length > 0 {
            Self::Kind { missing: length }
        } else {
            Self::rest(length)
        }
    }

    fn rest(missing: u64) -> Self {
        if missing == 0 {
            Self::Flags
        } else {
            Self::Rest { missing }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u64 = 0x1010_1010_1010_1010;

    /// A greeting, then a command, packets of 20, 300 and 9 bytes, one too short for an id, and an empty one.
    fn stream(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; GREETING_BYTES];
        bytes.extend([COMMAND, 20]);
        bytes.extend([INITIAL; 20]);
        bytes.extend([0, 20, kind]);
        bytes.extend(ID.to_be_bytes());
        bytes.extend([INITIAL; 11]);
        bytes.extend([LONG, 0, 0, 0, 0, 0, 0, 1, 44, kind]);
        bytes.extend((ID + 1).to_be_bytes());
        bytes.extend([INITIAL; 291]);
        bytes.extend([0, 9, kind]);
        bytes.extend((ID + 2).to_be_bytes());
        bytes.extend([0, 3, kind, INITIAL, INITIAL]);
        bytes.extend([0, 0]);
        bytes
    }

    fn handshakes(stream: &[u8], chunk: usize) -> usize {
        let wire = Wire::default();
        for bytes in stream.chunks(chunk) {
            wire.watch(0, Direction::ToServer, bytes);
            wire.watch(1, Direction::ToClient, bytes);
        }
        wire.handshakes()
    }

    #[test]
    fn only_packets_that_begin_a_handshake_are_counted_however_the_bytes_arrive() {
        for (kind, expected) in [(INITIAL, 3), (0x12, 0)] {
            for chunk in [1, 2, 7, 64, 1000] {
                assert_eq!(
                    handshakes(&stream(kind), chunk),
                    expected,
                    "kind {kind}, chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn a_first_packet_that_is_sent_again_begins_no_other_handshake() {
        let wire = Wire::default();
        for connection in [0, 1] {
            wire.watch(connection, Direction::ToServer, &stream(INITIAL));
        }
        assert_eq!(wire.handshakes(), 3);
    }
}
