//! What becomes of messages that the peer's application does not have: listed, taken back, or sent on to where the peer is now.

use super::super::message;
use super::{Chunk, ChunkBytes, NotSent, Outbox, Spans};
use crate::{Message, MessageId};

impl Outbox {
    /// Everything not acknowledged, as messages: those of which a byte was sent, and those never sent.
    pub(crate) fn undelivered(&self) -> (Vec<Message>, Vec<Message>) {
        let (mut in_doubt, mut unsent) = (Vec::new(), Vec::new());
        for (start, head) in self.messages_from(self.base) {
            let end = start + head.message_bytes();
            let mut body = Vec::with_capacity(head.body as usize);
            self.copy(end - head.body..end, &mut body);
            let message = message(MessageId::from_end_offset(end), body.into(), head.kind);
            let list = if start < self.sent { &mut in_doubt } else { &mut unsent };
            list.push(message.expect("encoded by this outbox"));
        }
        (in_doubt, unsent)
    }

    /// Takes back the messages of which no byte was sent. Their place in the stream, and so their ids, go to others.
    pub(crate) fn withdraw_unsent(&mut self) -> Vec<Message> {
        let (_, unsent) = self.undelivered();
        let mut messages = self.messages_from(self.base);
        if let Some((end, _)) = messages.find(|(start, _)| *start >= self.sent) {
            drop(messages);
            self.truncate(end);
        }
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
