//! The header of a packet. It travels in clear, and all of it is associated data of the seal.
//!
//! ```text
//! kind and version   1 byte   version in the high nibble, kind in the low
//! destination        8 bytes  connection id, chosen by the receiver
//! epoch              4 bytes  which generation of keys; 0 but in data packets
//! number             8 bytes  the full packet number: never truncated, because after a hole of unknown length nothing
//!                             could restore the missing bits; not masked, because sizes and timing show as much
//! source             8 bytes  initial packets only: the id that the sender wants to be called by
//! token              1 + n    initial packets only: length and bytes of a retry cookie, if the server gave one
//! ```
//!
//! Two kinds of packet are a server's answers to somebody it holds nothing for. They are not sealed: there is no key.
//!
//! ```text
//! retry     header, its destination the client's source id and its number that of the initial packet
//!           first destination   8 bytes  the destination of that packet
//!           cookie              1 to 255 bytes
//! unknown   header of the packet that it answers, but for the kind
//! ```

use std::hash::{Hash, Hasher};

use super::Malformed;
use super::reader::Reader;
use super::varint;

/// The one packet version of this release.
const VERSION: u8 = 1;
/// The length of a header without what only initial packets have.
pub(crate) const HEADER_BYTES: usize = 21;
/// The length of the seal behind every payload: all AEADs of TLS 1.3 have 16 bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// The longest token of an initial packet, and so the longest cookie.
const MAX_TOKEN_BYTES: usize = 255;
/// The largest packet: the limits of RFC 9001 §6.6 and appendix B hold for packets up to this length.
pub(crate) const MAX_PACKET_BYTES: usize = 1 << 16;

/// Names one side of one handshake generation, in packets to that side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) [u8; 8]);

impl Hash for ConnectionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from_be_bytes(self.0));
    }
}

/// What a packet is, and what only that kind of header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Handshake bytes under keys that anybody can derive from the header (RFC 9001 §5.2).
    Initial {
        source: ConnectionId,
        /// The token stands at the end of the header.
        token_bytes: u8,
    },
    /// Handshake bytes under keys of the key exchange.
    Handshake,
    /// Everything else, under keys of the finished handshake.
    Data,
    /// A server wants to see that its answers arrive, before it holds anything. The cookie stands behind the header.
    Retry { first_destination: ConnectionId },
    /// A server knows nothing of the id in the packet that this one answers.
    Unknown,
}

impl Kind {
    /// An initial packet without a token.
    pub(crate) const fn initial(source: ConnectionId) -> Self {
        Self::Initial { source, token_bytes: 0 }
    }
}

/// The header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) destination: ConnectionId,
    pub(crate) epoch: u32,
    pub(crate) number: u64,
}

/// Why bytes are not a packet that this release takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAPacket {
    /// Too short, too long, or of a kind that does not exist.
    Malformed,
    /// Of another version.
    OtherVersion,
}

impl From<Malformed> for NotAPacket {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Header {
    /// Appends the header; the bytes of a token come from the caller, behind it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            Kind::Initial { .. } => 0,
            Kind::Handshake => 1,
            Kind::Data => 2,
            Kind::Retry { .. } => 3,
            Kind::Unknown => 4,
        };
        out.push(VERSION << 4 | kind);
        out.extend_from_slice(&self.destination.0);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        match self.kind {
            Kind::Initial { source, token_bytes } => {
                out.extend_from_slice(&source.0);
                out.push(token_bytes);
            }
            Kind::Retry { first_destination } => out.extend_from_slice(&first_destination.0),
            Kind::Handshake | Kind::Data | Kind::Unknown => {}
        }
    }

    /// The answer to a packet whose destination nobody here knows.
    pub(crate) fn unknown(&self) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER_BYTES);
        Self {
            kind: Kind::Unknown,
            ..*self
        }
        .encode(&mut packet);
        packet
    }

    /// The header at the start of a packet, and its length. Behind it there is room for a seal, in a kind that has one, for a
    /// cookie, or nothing.
    pub(crate) fn decode(packet: &[u8]) -> Result<(Self, usize), NotAPacket> {
        if packet.len() > MAX_PACKET_BYTES {
            return Err(NotAPacket::Malformed);
        }
        let mut reader = Reader::new(packet);
        let first = reader.u8()?;
        if first >> 4 != VERSION {
            return Err(NotAPacket::OtherVersion);
        }
        let destination = ConnectionId(reader.array()?);
        let epoch = u32::from_be_bytes(reader.array()?);
        let number = u64::from_be_bytes(reader.array()?);
        // Acknowledgements state numbers as varints (RFC 9000 §12.3).
        if number > varint::MAX {
            return Err(NotAPacket::Malformed);
        }
        let kind = match first & 0xf {
            0 => Self::decode_initial(&mut reader)?,
            1 => Kind::Handshake,
            2 => Kind::Data,
            3 => Kind::Retry {
                first_destination: ConnectionId(reader.array()?),
            },
            4 => Kind::Unknown,
            _ => return Err(NotAPacket::Malformed),
        };
        let rest = match kind {
            Kind::Initial { .. } | Kind::Handshake | Kind::Data => TAG_BYTES..=MAX_PACKET_BYTES,
            Kind::Retry { .. } => 1..=MAX_TOKEN_BYTES,
            Kind::Unknown => 0..=0,
        };
        if !rest.contains(&reader.remaining()) {
            return Err(NotAPacket::Malformed);
        }
        Ok((
            Self {
                kind,
                destination,
                epoch,
                number,
            },
            packet.len() - reader.remaining(),
        ))
    }

    fn decode_initial(reader: &mut Reader<'_>) -> Result<Kind, Malformed> {
        let source = ConnectionId(reader.array()?);
        let token_bytes = reader.u8()?;
        reader.bytes(u64::from(token_bytes))?;
        Ok(Kind::Initial { source, token_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Header> {
        let kind = prop_oneof![
            (any::<[u8; 8]>(), any::<u8>()).prop_map(|(id, token_bytes)| Kind::Initial {
                source: ConnectionId(id),
                token_bytes,
            }),
            Just(Kind::Handshake),
            Just(Kind::Data),
            any::<[u8; 8]>().prop_map(|id| Kind::Retry {
                first_destination: ConnectionId(id)
            }),
            Just(Kind::Unknown),
        ];
        (kind, any::<[u8; 8]>(), any::<u32>(), 0..=varint::MAX).prop_map(|(kind, id, epoch, number)| Header {
            kind,
            destination: ConnectionId(id),
            epoch,
            number,
        })
    }

    #[test]
    fn a_data_header_stands_on_the_wire_as_documented() {
        let header = Header {
            kind: Kind::Data,
            destination: ConnectionId(*b"ABCDEFGH"),
            epoch: 3,
            number: 0x0102,
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        assert_eq!(bytes, b"\x12ABCDEFGH\0\0\0\x03\0\0\0\0\0\0\x01\x02");
        assert_eq!(bytes.len(), HEADER_BYTES);
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(header in any_header(), payload in 16usize..64) {
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            let (fewest, most) = match header.kind {
                Kind::Initial { token_bytes, .. } => {
                    bytes.resize(bytes.len() + usize::from(token_bytes), 0);
                    (TAG_BYTES, payload)
                }
                Kind::Handshake | Kind::Data => (TAG_BYTES, payload),
                Kind::Retry { .. } => (1, MAX_TOKEN_BYTES),
                Kind::Unknown => (0, 0),
            };
            let header_bytes = bytes.len();
            for rest in [fewest, most] {
                bytes.resize(header_bytes + rest, 0);
                prop_assert_eq!(Header::decode(&bytes), Ok((header, header_bytes)));
            }
            if let Some(too_few) = (header_bytes + fewest).checked_sub(1) {
                prop_assert_eq!(Header::decode(&bytes[..too_few]), Err(NotAPacket::Malformed));
            }
        }

        #[test]
        fn an_answer_without_a_session_has_no_more_bytes_than_it_must(header in any_header()) {
            let mut packet = header.unknown();
            prop_assert_eq!(packet.len(), HEADER_BYTES);
            prop_assert_eq!(Header::decode(&packet), Ok((Header { kind: Kind::Unknown, ..header }, HEADER_BYTES)));
            packet.push(0);
            prop_assert_eq!(Header::decode(&packet), Err(NotAPacket::Malformed));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Header::decode(&bytes);
        }
    }
}
