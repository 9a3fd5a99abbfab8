//! What becomes of messages that the peer's application does not have: listed, taken back, or sent on to where the peer is now.

use super::super::message;
use super::{Chunk, ChunkBytes, Head, NotSent, Outbox, Spans};
use crate::{Message, MessageId};

impl Outbox {
    /// Everything not acknowledged, as messages: those of which a byte was sent, and those never sent.
    pub(crate) fn undelivered(&self) -> (Vec<Message>, Vec<Message>) {
        let unsent_from = self.first_unsent().unwrap_or(self.end);
        let in_doubt = self
            .messages_from(self.base)
            .take_while(|(start, _)| *start < unsent_from);
        let in_doubt = in_doubt.map(|(start, head)| self.message_at(start, head)).collect();
        (in_doubt, self.listed_from(unsent_from))
    }

    fn listed_from(&self, start: u64) -> Vec<Message> {
        let messages = self.messages_from(start);
        messages.map(|(start, head)| self.message_at(start, head)).collect()
    }

    fn message_at(&self, start: u64, head: Head) -> Message {
        let end = start + head.message_bytes();
        let mut body = Vec::with_capacity(head.body as usize);
        self.copy(end - head.body..end, &mut body);
        let message = message(MessageId::from_end_offset(end), body.into(), head.kind);
        message.expect("encoded by this outbox")
    }

    /// Where the first message begins of which no byte was sent.
    fn first_unsent(&self) -> Option<u64> {
        let mut starts = self.messages_from(self.base).map(|(start, _)| start);
        starts.find(|&start| start >= self.sent)
    }

    /// Takes back the messages of which no byte was sent. Their place in the stream, and so their ids, go to others.
    pub(crate) fn withdraw_unsent(&mut self) -> Vec<Message> {
        let Some(end) = self.first_unsent() else {
            return Vec::new();
        };
        let unsent = self.listed_from(end);
        self.truncate(end);
        unsent
    }

    /// Forgets what is behind a message boundary.
    fn truncate(&mut self, end: u64) {
        self.chunks.retain(|chunk| chunk.start < end);
        if let Some(Chunk {
            start,
            bytes: ChunkBytes::Gathered(held),
        }) = self.chunks.back_mut()
        {
            held.truncate((end - *start) as usize);
        }
        self.end = end;
        self.free();
    }

    /// The peer goes on under new keys, and everything up to `arrived` has reached it: what was sent beyond is as good as lost.
    /// Returns how many messages and bytes that is.
    pub(crate) fn resume(&mut self, arrived: u64) -> Result<(u64, u64), NotSent> {
        if arrived > self.sent {
            return Err(NotSent);
        }
        self.lost = Spans::default();
        Ok(self.lose(arrived..self.sent))
    }
}
