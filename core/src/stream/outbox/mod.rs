//! What this side sends: encoded once, held until the peer's application has it.

mod undelivered;

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::spans::Spans;
use super::{Head, MAX_MESSAGE_BYTES, MAX_PARTS, MessageKind};
use crate::wire::varint;
use crate::{InFlight, Message, MessageId, SendError};

/// Small messages are gathered in chunks of this size: one allocation for about a thousand messages of 64 bytes, and no
/// more than this is held back by the last unacknowledged message in it.
const CHUNK_BYTES: usize = 64 << 10;
/// From this length on a part has a chunk of its own: below, the copy is cheaper than the bookkeeping.
const OWN_CHUNK_BYTES: usize = 8 << 10;
/// The longest head of a message or a part.
const HEAD_BYTES: usize = 8;
/// An emptied chunk of at most this size is kept for the next message; an idle session holds no more.
const IDLE_CHUNK_BYTES: usize = 1 << 10;

/// What this side sends, as a stream.
///
/// The stream is held from the first message that the peer's application has not taken (`base`) to the last one accepted
/// (`end`). What lies in between was sent (`..sent`), was found lost, or was never sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    base: u64,
    sent: u64,
    end: u64,
    /// Where the message ends whose first part was sent last, if packets are not shared: never before `sent`.
    underway_end: u64,
    /// Sent, and known not to have arrived.
    lost: Spans,
    chunks: VecDeque<Chunk>,
    limits: OutboxLimits,
}

/// How much is accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutboxLimits {
    pub(crate) message_bytes: u64,
    pub(crate) held_bytes: u64,
    /// Whether several messages may go in one packet.
    pub(crate) share_packets: bool,
}

/// A piece of the stream. A head never spans two chunks, nor does a part.
#[derive(Debug)]
struct Chunk {
    start: u64,
    bytes: ChunkBytes,
}

#[derive(Debug)]
enum ChunkBytes {
    Gathered(Vec<u8>),
    Shared(Bytes),
}

/// An acknowledgement that does not fit what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSent;

impl Outbox {
    pub(crate) fn new(limits: OutboxLimits) -> Self {
        Self {
            base: 0,
            sent: 0,
            end: 0,
            underway_end: 0,
            lost: Spans::default(),
            chunks: VecDeque::new(),
            limits,
        }
    }

    /// Holds nothing and accepts nothing: stands in until the real one is handed over.
    pub(crate) fn empty() -> Self {
        Self::new(OutboxLimits {
            message_bytes: 0,
            held_bytes: 0,
            share_packets: true,
        })
    }

    /// Takes a message of one part, by copying it.
    #[inline]
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<MessageId, SendError> {
        let body = payload.len() as u64;
        self.admit(body)?;
        self.push_head(body, SINGLE);
        if payload.len() < OWN_CHUNK_BYTES {
            self.gather(payload);
        } else {
            self.share(Bytes::copy_from_slice(payload));
        }
        Ok(MessageId::from_end_offset(self.end))
    }

    /// Takes a message of one or more parts; large ones are shared, not copied.
    pub(crate) fn push_parts(&mut self, parts: &[Bytes]) -> Result<MessageId, SendError> {
        if parts.is_empty() || parts.len() > MAX_PARTS {
            return Err(SendError::PartCount {
                parts: parts.len(),
                limit: MAX_PARTS,
            });
        }
        self.admit(body_bytes(parts))?;
        Ok(self.append(parts, false))
    }

    /// Takes a message again that an earlier outbox had accepted for a peer that is gone: within its limits, therefore.
    pub(crate) fn push_again(&mut self, message: &Message, possible_duplicate: bool) -> MessageId {
        self.append(message.parts(), possible_duplicate || message.is_possible_duplicate())
    }

    fn append(&mut self, parts: &[Bytes], possible_duplicate: bool) -> MessageId {
        let multipart = parts.len() > 1;
        let kind = MessageKind {
            multipart,
            possible_duplicate,
        };
        self.push_head(body_bytes(parts), kind);
        for part in parts {
            if multipart {
                self.push_part_head(part.len() as u64);
            }
            if part.len() < OWN_CHUNK_BYTES {
                self.gather(part);
            } else {
                self.share(part.clone());
            }
        }
        MessageId::from_end_offset(self.end)
    }

    fn admit(&self, message_bytes: u64) -> Result<(), SendError> {
        let limit_bytes = self.limits.message_bytes.min(MAX_MESSAGE_BYTES);
        if message_bytes > limit_bytes {
            return Err(SendError::TooLarge {
                message_bytes,
                limit_bytes,
            });
        }
        let held_bytes = self.end - self.base;
        if held_bytes > 0 && held_bytes + message_bytes > self.limits.held_bytes {
            return Err(SendError::Full {
                held_bytes,
                limit_bytes: self.limits.held_bytes,
            });
        }
        Ok(())
    }

    fn push_head(&mut self, body: u64, kind: MessageKind) {
        let chunk = self.gathering(HEAD_BYTES);
        let before = chunk.len();
        Head::encode(body, kind, chunk);
        self.end += (chunk.len() - before) as u64;
    }

    fn push_part_head(&mut self, length: u64) {
        let chunk = self.gathering(HEAD_BYTES);
        let before = chunk.len();
        varint::encode(length, chunk);
        self.end += (chunk.len() - before) as u64;
    }

    fn gather(&mut self, bytes: &[u8]) {
        self.gathering(bytes.len()).extend_from_slice(bytes);
        self.end += bytes.len() as u64;
    }

    fn share(&mut self, bytes: Bytes) {
        let start = self.end;
        self.end += bytes.len() as u64;
        self.chunks.push_back(Chunk {
            start,
            bytes: ChunkBytes::Shared(bytes),
        });
    }

    /// The chunk at the end of the stream, with room for `bytes`.
    #[inline]
    fn gathering(&mut self, bytes: usize) -> &mut Vec<u8> {
        let roomy =
            |chunk: &Chunk| matches!(&chunk.bytes, ChunkBytes::Gathered(held) if held.len() + bytes <= CHUNK_BYTES);
        if !self.chunks.back().is_some_and(roomy) {
            // Behind a chunk that was filled with small messages more of them will come; else it is a head, or a first message.
            let filled = self
                .chunks
                .back()
                .is_some_and(|chunk| matches!(chunk.bytes, ChunkBytes::Gathered(_)));
            let held = Vec::with_capacity(if filled { CHUNK_BYTES } else { 0 });
            self.chunks.push_back(Chunk {
                start: self.end,
                bytes: ChunkBytes::Gathered(held),
            });
        }
        match self.chunks.back_mut().map(|chunk| &mut chunk.bytes) {
            Some(ChunkBytes::Gathered(held)) => held,
            _ => unreachable!("the last chunk was just made sure to be a gathered one"),
        }
    }

    /// What the peer announced counts from here on. The first queued message that exceeds it, if any, can never be sent.
    pub(crate) fn limit_messages(&mut self, message_bytes: u64) -> Result<(), u64> {
        self.limits.message_bytes = message_bytes;
        match self
            .messages_from(self.base)
            .map(|(_, head)| head.body)
            .find(|&body| body > message_bytes)
        {
            Some(body) => Err(body),
            None => Ok(()),
        }
    }

    /// What to send next, at most `room` bytes: first what was lost, then what is new and within `credit`.
    pub(crate) fn next_span(&mut self, room: usize, credit: u64) -> Option<Range<u64>> {
        let room = room as u64;
        if let Some(start) = self.lost.first() {
            return self.lost.take_first(room.min(self.bound_of_lost(start) - start));
        }
        let bound = self.bound_of_new();
        let span = self.sent..bound.min(self.end).min(credit).min(self.sent + room);
        self.sent = self.sent.max(span.end);
        (!span.is_empty()).then_some(span)
    }

    /// How far a packet may go that begins with what is sent next for the first time.
    fn bound_of_new(&mut self) -> u64 {
        if self.limits.share_packets {
            return u64::MAX;
        }
        if self.underway_end <= self.sent {
            let next = self.messages_from(self.sent).next();
            self.underway_end = next.map_or(self.sent, |(start, head)| start + head.message_bytes());
        }
        self.underway_end
    }

    /// How far a packet may go that begins with what was lost at `at`.
    fn bound_of_lost(&self, at: u64) -> u64 {
        if self.limits.share_packets {
            return u64::MAX;
        }
        let mut ends = self
            .messages_from(self.base)
            .map(|(start, head)| start + head.message_bytes());
        ends.find(|&end| end > at).unwrap_or(u64::MAX)
    }

    /// How much [`next_span`](Self::next_span) could give.
    pub(crate) fn has_sendable(&self, credit: u64) -> bool {
        !self.lost.is_empty() || self.sent < self.end.min(credit)
    }

    /// Appends the bytes of `span`, which must be held, to a packet.
    pub(crate) fn copy(&self, span: Range<u64>, packet: &mut Vec<u8>) {
        let mut at = span.start;
        let first = self.chunks.partition_point(|chunk| chunk.end() <= at);
        for chunk in self.chunks.range(first..) {
            if at >= span.end {
                break;
            }
            let from = (at - chunk.start) as usize;
            let to = (span.end.min(chunk.end()) - chunk.start) as usize;
            packet.extend_from_slice(&chunk.as_slice()[from..to]);
            at = chunk.start + to as u64;
        }
    }

    /// Marks what lost packets carried as to be sent again, but for what the peer's application has by now. Returns how many
    /// messages and bytes that is.
    pub(crate) fn lose(&mut self, span: Range<u64>) -> (u64, u64) {
        let span = span.start.max(self.base)..span.end;
        if span.is_empty() {
            return (0, 0);
        }
        let messages = self.messages_in(&span);
        let bytes = span.end - span.start;
        self.lost.insert(span);
        (messages, bytes)
    }

    /// How many messages have a byte in `span`.
    fn messages_in(&self, span: &Range<u64>) -> u64 {
        let touching = self.messages_from(self.base).take_while(|(start, _)| *start < span.end);
        touching
            .filter(|(start, head)| start + head.message_bytes() > span.start)
            .count() as u64
    }

    /// The peer's application took everything up to `offset`: forget it. Returns whether that was news.
    pub(crate) fn handed(&mut self, offset: u64) -> Result<bool, NotSent> {
        if offset <= self.base {
            return Ok(false);
        }
        let boundary = self
            .messages_from(self.base)
            .map(|(start, head)| start + head.message_bytes());
        if offset > self.sent || boundary.take_while(|&end| end <= offset).last() != Some(offset) {
            return Err(NotSent);
        }
        self.base = offset;
        self.lost.remove_below(offset);
        self.free();
        Ok(true)
    }

    fn free(&mut self) {
        while self.chunks.len() > 1 && self.chunks.front().is_some_and(|chunk| chunk.end() <= self.base) {
            self.chunks.pop_front();
        }
        if self.base == self.end {
            match self.chunks.pop_front().map(|chunk| chunk.bytes) {
                Some(ChunkBytes::Gathered(mut held)) if held.capacity() <= IDLE_CHUNK_BYTES => {
                    held.clear();
                    self.chunks.push_back(Chunk {
                        start: self.end,
                        bytes: ChunkBytes::Gathered(held),
                    });
                }
                _ => {}
            }
        }
    }

    /// Start and head of each message from the message boundary `at` on.
    fn messages_from(&self, at: u64) -> impl Iterator<Item = (u64, Head)> + '_ {
        let mut at = at;
        let mut index = self.chunks.partition_point(|chunk| chunk.end() <= at);
        std::iter::from_fn(move || {
            while self.chunks.get(index)?.end() <= at {
                index += 1;
            }
            let chunk = &self.chunks[index];
            let start = at;
            let head = Head::decode(&chunk.as_slice()[(start - chunk.start) as usize..])?;
            at += head.message_bytes();
            Some((start, head))
        })
    }

    /// Forgets everything: it was handed back to the application.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            base: self.base,
            sent: self.base,
            end: self.base,
            underway_end: self.base,
            ..Self::new(self.limits)
        };
    }

    /// The stream offset behind the last message accepted.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.base == self.end
    }

    pub(crate) fn acknowledged_through(&self) -> Option<MessageId> {
        (self.base > 0).then(|| MessageId::from_end_offset(self.base))
    }

    pub(crate) fn in_flight(&self) -> InFlight {
        InFlight {
            sent_bytes: self.sent - self.base,
            unsent_bytes: self.end - self.sent,
        }
    }
}

/// A message of one part that is sent for the first time.
const SINGLE: MessageKind = MessageKind {
    multipart: false,
    possible_duplicate: false,
};

/// The length of a message's body: its parts, and their heads if there are several.
fn body_bytes(parts: &[Bytes]) -> u64 {
    let heads = |part: &Bytes| match parts.len() {
        1 => 0,
        _ => varint::encoded_bytes(part.len() as u64) as u64,
    };
    parts.iter().map(|part| part.len() as u64 + heads(part)).sum()
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match &self.bytes {
            ChunkBytes::Gathered(held) => held,
            ChunkBytes::Shared(bytes) => bytes,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.as_slice().len() as u64
    }
}
