//! The first part of a request and of its reply.

use std::fmt;

use steadfast::Bytes;

/// Names a request, in the book that asked it and to its replier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// Drawn by each book, so that the requests of two processes of one client never have the same name.
    pub(super) asker: u64,
    pub(super) number: u64,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Request(RequestId),
    Reply(RequestId),
    /// It begins like one of these, and is not readable: of a later release, or damaged by who sent it.
    Unreadable,
    /// Something else altogether.
    Other,
}

const REQUEST: &[u8; 3] = b"req";
const REPLY: &[u8; 3] = b"rep";
const VERSION: u8 = 1;
const TAG_BYTES: usize = 20;

impl Tag {
    pub(super) fn read(first_part: &[u8]) -> Self {
        let Some((letters, rest)) = first_part.split_first_chunk() else {
            return Self::Other;
        };
        let tag = match letters {
            REQUEST => Self::Request,
            REPLY => Self::Reply,
            _ => return Self::Other,
        };
        RequestId::read(rest).map_or(Self::Unreadable, tag)
    }
}

impl RequestId {
    /// What follows the three letters.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (asker, number) = rest.split_first_chunk()?;
        (version == VERSION).then_some(Self {
            asker: u64::from_be_bytes(*asker),
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    }

    pub(super) fn request(self, parts: &[Bytes]) -> Vec<Bytes> {
        self.before(REQUEST, parts)
    }

    pub(super) fn reply(self, parts: &[Bytes]) -> Vec<Bytes> {
        self.before(REPLY, parts)
    }

    fn before(self, letters: &[u8; 3], parts: &[Bytes]) -> Vec<Bytes> {
        let mut tag = Vec::with_capacity(TAG_BYTES);
        tag.extend_from_slice(letters);
        tag.push(VERSION);
        tag.extend_from_slice(&self.asker.to_be_bytes());
        tag.extend_from_slice(&self.number.to_be_bytes());
        std::iter::once(tag.into()).chain(parts.iter().cloned()).collect()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {} of {:016x}", self.number, self.asker)
    }
}
