//! What the two say to each other.

use std::fmt;

use steadfast_zmq::steadfast::{Bytes, Message};

/// A message, of three parts: what it is, the number of the line, the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Somebody typed this, and wants it back.
    Line { number: u64, text: Bytes },
    /// This is what you typed.
    Back { number: u64, text: Bytes },
}

const LINE: &[u8] = b"line";
const BACK: &[u8] = b"back";

impl Word {
    pub(crate) fn parts(&self) -> [Bytes; 3] {
        let (kind, number, text) = match self {
            Self::Line { number, text } => (LINE, number, text),
            Self::Back { number, text } => (BACK, number, text),
        };
        let number = Bytes::copy_from_slice(&number.to_be_bytes());
        [Bytes::from_static(kind), number, text.clone()]
    }

    /// None if it is another kind of message: the peer is authenticated, but may still be another program.
    pub(crate) fn read(message: &Message) -> Option<Self> {
        let [kind, number, text] = message.parts() else {
            return None;
        };
        let number = u64::from_be_bytes(number[..].try_into().ok()?);
        let text = text.clone();
        match &kind[..] {
            LINE => Some(Self::Line { number, text }),
            BACK => Some(Self::Back { number, text }),
            _ => None,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Line { text, .. } | Self::Back { text, .. }) = self;
        f.write_str(&String::from_utf8_lossy(text))
    }
}
