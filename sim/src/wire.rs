//! What the network sees of a packet: its first byte, no more.

use std::fmt;

/// The kind of a packet, by the low half of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// Protected by keys that everybody can derive (RFC 9001 §5.2).
    Initial,
    /// Protected by the handshake's keys.
    Handshake,
    /// Protected by the session's keys.
    Data,
    /// A stateless answer: come again with this cookie.
    Retry,
    /// A stateless answer: there is no such session here.
    Unknown,
    /// Nothing that this release sends.
    Other,
}

impl PacketKind {
    /// The kind that a packet claims to be.
    pub fn of(packet: &[u8]) -> Self {
        match packet.first().map(|byte| byte & 0x0f) {
            Some(0) => Self::Initial,
            Some(1) => Self::Handshake,
            Some(2) => Self::Data,
            Some(3) => Self::Retry,
            Some(4) => Self::Unknown,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for PacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Initial => "initial",
            Self::Handshake => "handshake",
            Self::Data => "data",
            Self::Retry => "retry",
            Self::Unknown => "unknown",
            Self::Other => "junk",
        })
    }
}
