//! What the application sends and receives.

use std::fmt;

use bytes::Bytes;

/// Names one message of one direction of one session.
///
/// Ids grow in the order of sending, so `id <= session.acknowledged_through()` tells whether a message has reached the
/// peer's application. They are not consecutive. They begin anew when the application is told that the peer restarted, and
/// those of messages that were withdrawn are given to others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u64);

impl MessageId {
    /// A message is named by the stream offset just behind its last byte: unique, growing, and what the wire acknowledges.
    pub(crate) fn from_end_offset(offset: u64) -> Self {
        Self(offset)
    }

    pub(crate) fn end_offset(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One message: one or more parts, each of any length, delivered whole or not at all.
///
/// A received part shares the buffer of the packet that carried it; nothing is copied. Keeping one part for long keeps
/// that buffer (at most 64 KiB, or the length of the message) alive: copy what is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    id: MessageId,
    parts: Parts,
    possible_duplicate: bool,
}

/// Nearly every message has one part: it needs no list.
#[derive(Clone, PartialEq, Eq)]
enum Parts {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Message {
    pub(crate) fn single(id: MessageId, part: Bytes) -> Self {
        Self {
            id,
            parts: Parts::One(part),
            possible_duplicate: false,
        }
    }

    pub(crate) fn multipart(id: MessageId, parts: Vec<Bytes>) -> Self {
        Self {
            id,
            parts: Parts::Many(parts),
            possible_duplicate: false,
        }
    }

    pub(crate) fn marked(self, possible_duplicate: bool) -> Self {
        Self {
            possible_duplicate,
            ..self
        }
    }

    /// Whether the sender's earlier peer may have had this message already: it was in doubt when that peer restarted, and the
    /// sender was configured to redeliver. How to tell is the application's: by a number of its own in the message, as a rule.
    pub fn is_possible_duplicate(&self) -> bool {
        self.possible_duplicate
    }

    /// The sender's name for this message: what its `send` returned.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// All parts, in order; at least one.
    pub fn parts(&self) -> &[Bytes] {
        match &self.parts {
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Many(parts) => parts,
        }
    }

    /// The first part: of a message with one part, all of it.
    pub fn payload(&self) -> &Bytes {
        &self.parts()[0]
    }

    /// All parts, in order; at least one.
    pub fn into_parts(self) -> Vec<Bytes> {
        match self.parts {
            Parts::One(part) => vec![part],
            Parts::Many(parts) => parts,
        }
    }

    /// The length of all parts together, in bytes.
    pub fn total_bytes(&self) -> usize {
        self.parts().iter().map(Bytes::len).sum()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Application data stays out of logs.
        write!(
            f,
            "Message({:?}, {} parts, {} bytes)",
            self.id,
            self.parts().len(),
            self.total_bytes()
        )
    }
}
