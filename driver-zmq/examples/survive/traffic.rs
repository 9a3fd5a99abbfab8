//! The messages: numbered, of mixed sizes, with contents that a checksum tells apart.

use steadfast_zmq::steadfast::{Bytes, Message};

use crate::Result;
use crate::clock::Micros;
use crate::draw::Draw;

pub(crate) const LARGE_BYTES: usize = 16 << 20;
const MEDIUM_BYTES: usize = 1 << 20;
/// How far the numbers of two lives of one side are apart: more than a life can use up. A message of an earlier life that
/// arrives in a later one has a number that gives it away.
const NUMBERS_PER_LIFE: u64 = 1_000_000_000;

/// One message of the stream: a first part that says which, a second part of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) number: u64,
    pub(crate) sent_at: Micros,
    pub(crate) body_bytes: u64,
    pub(crate) checksum: u32,
}

/// Makes the messages of one process.
pub(crate) struct Traffic {
    /// Random bytes that all bodies are slices of.
    pool: Bytes,
    draw: Draw,
    next: u64,
}

impl Traffic {
    pub(crate) fn new(seed: u64, life: usize) -> Self {
        let life = life as u64;
        let mut draw = Draw::new(seed.wrapping_add(life));
        let pool: Vec<u8> = (0..(LARGE_BYTES + MEDIUM_BYTES) / 8)
            .flat_map(|_| draw.next().to_le_bytes())
            .collect();
        Self {
            pool: pool.into(),
            draw,
            next: life * NUMBERS_PER_LIFE + 1,
        }
    }

    pub(crate) fn message(&mut self) -> (Item, [Bytes; 2]) {
        let bytes = match self.draw.below(1000) {
            0 => MEDIUM_BYTES,
            1..50 => self.draw.below(MEDIUM_BYTES / 4),
            50..300 => self.draw.below(64 << 10),
            300..900 => self.draw.below(1 << 10),
            _ => 0,
        };
        self.message_of(bytes)
    }

    pub(crate) fn message_of(&mut self, bytes: usize) -> (Item, [Bytes; 2]) {
        let start = self.draw.below(self.pool.len() - bytes + 1);
        let body = self.pool.slice(start..start + bytes);
        let item = Item::of(self.next, Micros::now(), &body);
        self.next += 1;
        (item, [item.header(), body])
    }
}

impl Item {
    fn of(number: u64, sent_at: Micros, body: &[u8]) -> Self {
        Self {
            number,
            sent_at,
            body_bytes: body.len() as u64,
            checksum: crc32fast::hash(body),
        }
    }

    /// What a received message is, from its own bytes.
    pub(crate) fn received(message: &Message) -> Result<Self> {
        let [header, body] = message.parts() else {
            return Err("a message without two parts".into());
        };
        let (number, sent_at) = header.split_first_chunk().ok_or("a header too short")?;
        let sent_at = sent_at.try_into().map_err(|_| "a header of the wrong length")?;
        Ok(Self::of(
            u64::from_be_bytes(*number),
            Micros(u64::from_be_bytes(sent_at)),
            body,
        ))
    }

    fn header(&self) -> Bytes {
        let mut header = self.number.to_be_bytes().to_vec();
        header.extend(self.sent_at.0.to_be_bytes());
        header.into()
    }
}
