//! What a balancer and its workers say to each other.

use steadfast_zmq::steadfast::{Bytes, Message};

use crate::Result;

/// Something to be done. On the wire: its number, one byte that says whether it may have been done before, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) number: u64,
    /// Another worker may have done it already. Whoever does it again must see to it that no harm comes of that.
    pub(crate) again: bool,
    pub(crate) text: Bytes,
}

impl Job {
    pub(crate) fn parts(&self) -> [Bytes; 3] {
        let again = if self.again { &b"?"[..] } else { b"" };
        [number_part(self.number), Bytes::from_static(again), self.text.clone()]
    }

    pub(crate) fn read(message: &Message) -> Result<Self> {
        let [number, again, text] = message.parts() else {
            return Err(not_a("job"));
        };
        Ok(Self {
            number: read_number(number).ok_or_else(|| not_a("job"))?,
            again: !again.is_empty(),
            text: text.clone(),
        })
    }
}

/// What came of a job. On the wire: its number, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) number: u64,
    pub(crate) text: String,
}

impl Outcome {
    pub(crate) fn parts(&self) -> [Bytes; 2] {
        [number_part(self.number), Bytes::copy_from_slice(self.text.as_bytes())]
    }

    pub(crate) fn read(message: &Message) -> Result<Self> {
        let [number, text] = message.parts() else {
            return Err(not_a("result"));
        };
        Ok(Self {
            number: read_number(number).ok_or_else(|| not_a("result"))?,
            text: String::from_utf8_lossy(text).into_owned(),
        })
    }
}

fn number_part(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn read_number(part: &Bytes) -> Option<u64> {
    part[..].try_into().ok().map(u64::from_be_bytes)
}

fn not_a(what: &str) -> Box<dyn std::error::Error> {
    format!("a message that is no {what}: the peer is another program, or another release of this one").into()
}
