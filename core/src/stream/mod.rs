//! The stream of messages, one each way: an ordered run of bytes in which each message stands behind its length.
//!
//! ```text
//! message    length and kind     varint   length << 2 | possible duplicate << 1 | multipart
//!            body                length bytes
//! body       one part            the part itself
//!            multipart           each part: its length as a varint, then its bytes
//! ```
//!
//! A packet carries any piece of the stream, named by its offset, so that small messages share packets and large ones
//! span them with no rule of their own; loss, acknowledgement and credit are stated in offsets. A message is named by the
//! offset behind its last byte. Offsets survive the keys: a session that handshakes anew goes on in the same stream.

mod inbox;
mod outbox;
mod pool;
mod spans;

pub(crate) use inbox::{Inbox, InboxLimits, Refused};
pub(crate) use outbox::{Outbox, OutboxLimits};
pub(crate) use pool::Pool;
pub(crate) use spans::Spans;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::wire::varint;
use crate::{Message, MessageId};

/// How many parts a message has at most: each costs the receiver a reference besides its bytes.
pub(crate) const MAX_PARTS: usize = 1 << 16;
/// The longest message that lengths on the wire can express.
pub(crate) const MAX_MESSAGE_BYTES: u64 = varint::MAX >> 2;

/// What stands before a message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    /// The length of the head itself.
    bytes: usize,
    /// The length of the body.
    body: u64,
    kind: MessageKind,
}

/// What a head says of a message besides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MessageKind {
    multipart: bool,
    /// An earlier process of the receiver may have had it.
    possible_duplicate: bool,
}

impl Head {
    fn encode(body: u64, kind: MessageKind, out: &mut Vec<u8>) {
        let flags = u64::from(kind.possible_duplicate) << 1 | u64::from(kind.multipart);
        varint::encode(body << 2 | flags, out);
    }

    #[inline]
    fn decode(stream: &[u8]) -> Option<Self> {
        let (value, bytes) = varint::decode(stream)?;
        Some(Self {
            bytes,
            body: value >> 2,
            kind: MessageKind {
                multipart: value & 1 == 1,
                possible_duplicate: value & 2 == 2,
            },
        })
    }

    /// Head and body together.
    fn message_bytes(&self) -> u64 {
        self.bytes as u64 + self.body
    }
}

/// A message from its body; `None` if the parts do not add up to it.
#[inline]
fn message(id: MessageId, body: Bytes, kind: MessageKind) -> Option<Message> {
    let message = if kind.multipart {
        Message::multipart(id, split_parts(body)?)
    } else {
        Message::single(id, body)
    };
    Some(message.marked(kind.possible_duplicate))
}

fn split_parts(mut body: Bytes) -> Option<Vec<Bytes>> {
    let mut parts = Vec::new();
    while !body.is_empty() && parts.len() < MAX_PARTS {
        let (length, head) = varint::decode(&body)?;
        let length = usize::try_from(length).ok()?;
        let end = head.checked_add(length).filter(|&end| end <= body.len())?;
        parts.push(body.split_to(end).split_off(head));
    }
    (body.is_empty() && !parts.is_empty()).then_some(parts)
}
