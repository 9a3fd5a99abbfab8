//! What the proxy sees: counts the packets that begin a handshake, from the bytes alone.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast_zmq::testing::Direction;

/// Follows the frames of ZMTP 3.1 from the client to the server.
#[derive(Default)]
pub(crate) struct Wire {
    connections: Mutex<HashMap<u64, Frames>>,
    first_packets: AtomicU64,
}

impl Wire {
    /// Packets of kind *initial* so far: nobody begins a handshake without one.
    pub(crate) fn first_packets(&self) -> u64 {
        self.first_packets.load(Ordering::Relaxed)
    }

    pub(crate) fn watch(&self, connection: u64, direction: Direction, bytes: &[u8]) {
        if direction == Direction::ToServer {
            let mut connections = self.connections.lock().expect("no holder panics");
            let begun = connections.entry(connection).or_default().read(bytes);
            self.first_packets.fetch_add(begun, Ordering::Relaxed);
        }
    }
}

/// Where in the stream of one connection we are.
enum Frames {
    Greeting(usize),
    Flags,
    Length { flags: u8, missing: u8, length: u64 },
    Body { packet: bool, missing: u64 },
}

const GREETING_BYTES: usize = 64;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Version 1 in the high half, kind 0 in the low.
const INITIAL: u8 = 0x10;

impl Default for Frames {
    fn default() -> Self {
        Self::Greeting(GREETING_BYTES)
    }
}

impl Frames {
    /// Reads on; how many initial packets began.
    fn read(&mut self, mut bytes: &[u8]) -> u64 {
        let mut begun = 0;
        while let Some(&byte) = bytes.first() {
            let mut used = 1;
            *self = match *self {
                Self::Greeting(1) => Self::Flags,
                Self::Greeting(missing) => Self::Greeting(missing - 1),
                Self::Flags => Self::Length {
                    flags: byte,
                    missing: if byte & LONG == 0 { 1 } else { 8 },
                    length: 0,
                },
                Self::Length { flags, missing, length } => {
                    let length = length << 8 | u64::from(byte);
                    match (missing, length) {
                        (1, 0) => Self::Flags,
                        (1, missing) => Self::Body {
                            packet: flags & COMMAND == 0,
                            missing,
                        },
                        _ => Self::Length {
                            flags,
                            missing: missing - 1,
                            length,
                        },
                    }
                }
                Self::Body { packet, missing } => {
                    begun += u64::from(packet && byte == INITIAL);
                    used = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
                    match missing - used as u64 {
                        0 => Self::Flags,
                        missing => Self::Body { packet: false, missing },
                    }
                }
            };
            bytes = &bytes[used..];
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A greeting, then a command, a short packet, a long packet and an empty one.
    fn stream(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; GREETING_BYTES];
        bytes.extend([COMMAND, 2, INITIAL, INITIAL]);
        bytes.extend([0, 3, kind, INITIAL, INITIAL]);
        bytes.extend([LONG, 0, 0, 0, 0, 0, 0, 1, 0]);
        bytes.push(kind);
        bytes.extend([INITIAL; 255]);
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn only_packets_that_begin_a_handshake_are_counted_however_the_bytes_arrive() {
        for (kind, expected) in [(INITIAL, 2), (0x12, 0)] {
            for chunk in [1, 2, 7, 64, 1000] {
                let wire = Wire::default();
                for bytes in stream(kind).chunks(chunk) {
                    wire.watch(0, Direction::ToServer, bytes);
                    wire.watch(1, Direction::ToClient, bytes);
                }
                assert_eq!(wire.first_packets(), expected);
            }
        }
    }
}
