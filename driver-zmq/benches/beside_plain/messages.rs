//! What client and server say to each other: the first byte of a message tells what it is.

use std::time::Duration;

use crate::Result;

/// Counted, and nothing else.
pub(crate) const DATA: u8 = b'D';
/// Sent back.
pub(crate) const ECHO: u8 = b'E';
/// Counting begins anew, and it is sent back.
pub(crate) const BEGIN: u8 = b'B';
/// The answer is a [`Tally`].
pub(crate) const FINISH: u8 = b'F';

/// A message of this kind and length.
pub(crate) fn message(kind: u8, bytes: usize) -> Vec<u8> {
    let mut message = vec![7; bytes];
    message[0] = kind;
    message
}

/// What the server counted since it was told to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Processor time of all its threads.
    pub(crate) busy: Duration,
}

impl Tally {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let busy = u64::try_from(self.busy.as_nanos()).expect("less than centuries");
        [self.messages, self.bytes, busy].map(u64::to_be_bytes).concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut fields = bytes
            .chunks_exact(8)
            .map(|field| u64::from_be_bytes(field.try_into().expect("eight bytes")));
        let mut next = || fields.next().ok_or("a short tally");
        Ok(Self {
            messages: next()?,
            bytes: next()?,
            busy: Duration::from_nanos(next()?),
        })
    }
}
