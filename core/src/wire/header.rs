//! The header of a packet. It travels in clear, and all of it is associated data of the seal.
//!
//! ```text
//! kind and version   1 byte   version in the high nibble, kind in the low
//! destination        8 bytes  connection id, chosen by the receiver
//! epoch              4 bytes  which generation of keys; 0 but in data packets
//! number             8 bytes  the full packet number: never truncated, because after a hole of unknown length nothing
//!                             could restore the missing bits; not masked, because sizes and timing show as much
//! source             8 bytes  initial packets only: the id that the sender wants to be called by
//! token              1 + n    initial packets only: length and bytes of a retry cookie
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
    Initial { source: ConnectionId },
    /// Handshake bytes under keys of the key exchange.
    Handshake,
    /// Everything else, under keys of the finished handshake.
    Data,
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
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            Kind::Initial { .. } => 0,
            Kind::Handshake => 1,
            Kind::Data => 2,
        };
        out.push(VERSION << 4 | kind);
        out.extend_from_slice(&self.destination.0);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        if let Kind::Initial { source } = self.kind {
            out.extend_from_slice(&source.0);
            out.push(0);
        }
    }

    /// The header at the start of a packet, and its length. The packet has room for a seal behind it.
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
            0 => Kind::Initial {
                source: Self::decode_initial(&mut reader)?,
            },
            1 => Kind::Handshake,
            2 => Kind::Data,
            _ => return Err(NotAPacket::Malformed),
        };
        if reader.remaining() < TAG_BYTES {
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

    fn decode_initial(reader: &mut Reader<'_>) -> Result<ConnectionId, Malformed> {
        let source = ConnectionId(reader.array()?);
        let token_bytes = reader.u8()?;
        reader.bytes(u64::from(token_bytes))?;
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Header> {
        let kind = prop_oneof![
            any::<[u8; 8]>().prop_map(|id| Kind::Initial {
                source: ConnectionId(id)
            }),
            Just(Kind::Handshake),
            Just(Kind::Data)
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
            let header_bytes = bytes.len();
            bytes.resize(header_bytes + payload, 0);
            prop_assert_eq!(Header::decode(&bytes), Ok((header, header_bytes)));
            prop_assert_eq!(Header::decode(&bytes[..header_bytes + TAG_BYTES - 1]), Err(NotAPacket::Malformed));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Header::decode(&bytes);
        }
    }
}
