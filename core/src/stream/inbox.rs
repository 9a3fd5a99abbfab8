//! What the peer sends: put in order, held until the application takes it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::{Buf, Bytes};

use super::{Head, message};
use crate::{AcknowledgeError, Message, MessageId, Violation};

/// How many pieces may wait for a gap to close. A peer has at most so many packets on the way, unless it was granted more.
const MAX_AHEAD: usize = 4096;
/// From this many pieces in order on, they are copied into one: a peer that sends single bytes costs bytes, not pieces.
const MAX_READY: usize = 1024;
/// Memory for a large message is taken at once up to this size, and beyond as it arrives.
const MAX_AHEAD_OF_ARRIVAL: u64 = 64 << 20;
/// A piece that is a smaller fraction of its packet is copied, so that the whole held is at most so many times the credit.
const PINNED_FACTOR: usize = 4;

/// What the peer sends, as a stream.
///
/// Messages are cut out of the stream only when the application asks: nothing is queued per message, and what the
/// application leaves here is not acknowledged. Memory is bounded by the window granted: pieces in order and ahead of a gap lie within the
/// credit, and no piece pins more than [`PINNED_FACTOR`] times its length.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The application took everything up to here: a message boundary.
    taken: u64,
    /// The application is done with everything up to here, and the peer may forget it.
    handed: u64,
    /// Where the messages end that were taken, and are not acknowledged by the application; none if taking them is enough.
    unacknowledged: Option<VecDeque<u64>>,
    /// Everything up to here has arrived.
    arrived: u64,
    /// The head of the message at the front, as soon as it has arrived.
    front: Option<Head>,
    /// In order, from the first byte that is neither handed nor assembled.
    ready: VecDeque<Bytes>,
    /// Behind a gap, by offset; disjoint.
    ahead: BTreeMap<u64, Bytes>,
    /// The message at the front, if it is larger than the window and has its memory.
    assembly: Option<Assembly>,
    /// The offset up to which the peer may send.
    credit: u64,
    /// Where the peer's stream ends, once it said so.
    finish: Option<u64>,
    limits: InboxLimits,
}

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InboxLimits {
    pub(crate) message_bytes: u64,
    pub(crate) window_bytes: u64,
    /// Whether the application says which messages it is done with.
    pub(crate) manual: bool,
}

/// A large message on its way, in memory reserved for it.
#[derive(Debug)]
struct Assembly {
    head: Head,
    body: Vec<u8>,
}

/// Why a piece was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many pieces wait for gaps: as if the packet had been lost.
    NoRoom,
    Violation(Violation),
}

impl Inbox {
    pub(crate) fn new(limits: InboxLimits) -> Self {
        Self {
            taken: 0,
            handed: 0,
            unacknowledged: limits.manual.then(VecDeque::new),
            arrived: 0,
            front: None,
            ready: VecDeque::new(),
            ahead: BTreeMap::new(),
            assembly: None,
            credit: limits.window_bytes,
            finish: None,
            limits,
        }
    }

    /// Whether a piece can be taken, before its packet is acknowledged.
    pub(crate) fn check(&self, offset: u64, length: usize) -> Result<(), Refused> {
        let end = offset
            .checked_add(length as u64)
            .ok_or(Refused::Violation(Violation::CreditExceeded))?;
        if end > self.credit {
            return Err(Refused::Violation(Violation::CreditExceeded));
        }
        if self.finish.is_some_and(|finish| end > finish) {
            return Err(Refused::Violation(Violation::Contradiction));
        }
        if offset > self.arrived && self.ahead.len() >= MAX_AHEAD {
            return Err(Refused::NoRoom);
        }
        Ok(())
    }

    /// Takes a piece that was checked. `packet_bytes` is the length of the buffer that the piece keeps alive.
    pub(crate) fn insert(&mut self, offset: u64, piece: &Bytes, packet_bytes: usize) -> Result<(), Violation> {
        let span = offset.max(self.arrived)..offset + piece.len() as u64;
        if span.is_empty() {
            return Ok(());
        }
        let fresh = piece.slice((span.start - offset) as usize..);
        if span.start == self.arrived {
            self.append(unpinned(fresh, packet_bytes));
            self.close_gap();
        } else {
            self.insert_ahead(span, &fresh, packet_bytes);
        }
        self.look_at_front()
    }

    fn append(&mut self, piece: Bytes) {
        self.arrived += piece.len() as u64;
        match &mut self.assembly {
            Some(assembly) if self.ready.is_empty() => {
                let rest = assembly.absorb(piece);
                self.ready.extend(rest);
            }
            _ => self.ready.push_back(piece),
        }
        if self.ready.len() > MAX_READY {
            let joined: Vec<u8> = self.ready.iter().flatten().copied().collect();
            self.ready = VecDeque::from([joined.into()]);
        }
    }

    /// Moves what is now in order behind what has arrived.
    fn close_gap(&mut self) {
        while let Some(first) = self.ahead.first_entry().filter(|first| *first.key() <= self.arrived) {
            let (offset, piece) = first.remove_entry();
            let known = (self.arrived - offset) as usize;
            if known < piece.len() {
                self.append(piece.slice(known..));
            }
        }
    }

    /// Keeps those bytes of a piece that are not held yet.
    fn insert_ahead(&mut self, span: Range<u64>, piece: &Bytes, packet_bytes: usize) {
        let mut at = span.start;
        while at < span.end {
            let before = self.ahead.range(..=at).next_back();
            let held_to = before.map_or(at, |(offset, held)| offset + held.len() as u64);
            if held_to > at {
                at = held_to;
                continue;
            }
            let gap_end = self
                .ahead
                .range(at..)
                .next()
                .map_or(span.end, |(&offset, _)| offset.min(span.end));
            let fresh = piece.slice((at - span.start) as usize..(gap_end - span.start) as usize);
            self.ahead.insert(at, unpinned(fresh, packet_bytes));
            at = gap_end;
        }
    }

    /// Reads the head of the message that is at the front now.
    #[inline]
    fn look_at_front(&mut self) -> Result<(), Violation> {
        if self.front.is_none() {
            let first = self.ready.front().and_then(|first| Head::decode(first));
            self.front = first.or_else(|| self.scattered_head());
        }
        match self.front {
            Some(head) if head.body > self.limits.message_bytes => Err(Violation::MessageTooLarge),
            _ => Ok(()),
        }
    }

    /// A head that spans pieces.
    #[cold]
    fn scattered_head(&self) -> Option<Head> {
        let mut head = [0; 8];
        let bytes = self.ready.iter().flatten().take(head.len());
        let known = bytes.zip(&mut head).map(|(byte, slot)| *slot = *byte).count();
        Head::decode(&head[..known])
    }

    /// How many bytes the message at the front needs beyond the window, if that is known and was not reserved yet.
    pub(crate) fn wanted_reservation(&self) -> Option<u64> {
        let head = self.front.filter(|_| self.assembly.is_none())?;
        (head.message_bytes() > self.limits.window_bytes).then_some(head.body)
    }

    /// The length of the reservation in force.
    pub(crate) fn reserved(&self) -> u64 {
        self.assembly.as_ref().map_or(0, |assembly| assembly.head.body)
    }

    /// The memory for the message at the front was granted: assemble it, and let the peer send all of it.
    pub(crate) fn grant_reservation(&mut self) {
        let Some(head) = self.front else { return };
        let ready = std::mem::take(&mut self.ready);
        let mut skip = head.bytes;
        let mut assembly = Assembly {
            head,
            body: Vec::with_capacity(head.body.min(MAX_AHEAD_OF_ARRIVAL) as usize),
        };
        for mut piece in ready {
            let skipped = skip.min(piece.len());
            skip -= skipped;
            let rest = assembly.absorb(piece.split_off(skipped));
            self.ready.extend(rest);
        }
        self.assembly = Some(assembly);
        self.raise_credit();
    }

    /// The session is over: a message that will never be whole is not worth its memory.
    pub(crate) fn abandon_incomplete(&mut self) {
        self.ahead.clear();
        let incomplete = |assembly: &mut Assembly| (assembly.body.len() as u64) < assembly.head.body;
        if self.assembly.take_if(incomplete).is_some() {
            (self.front, self.arrived) = (None, self.taken);
            self.ready.clear();
        }
    }

    fn raise_credit(&mut self) {
        let front_end = self
            .assembly
            .as_ref()
            .map_or(0, |assembly| assembly.head.message_bytes());
        self.credit = self.credit.max(self.handed + front_end + self.limits.window_bytes);
    }

    /// Hands over the next message, if all of it has arrived.
    #[inline]
    pub(crate) fn next_message(&mut self) -> Option<Result<Message, Violation>> {
        let head = self.front?;
        if head.body > self.limits.message_bytes {
            return Some(Err(Violation::MessageTooLarge));
        }
        if head.message_bytes() > self.arrived - self.taken {
            return None;
        }
        let body = self.take_body(head);
        self.front = None;
        self.taken += head.message_bytes();
        let Some(message) = message(MessageId::from_end_offset(self.taken), body, head.kind) else {
            // The session ends with such a message, and nobody acknowledges it.
            return Some(Err(Violation::MalformedMessage));
        };
        match &mut self.unacknowledged {
            Some(unacknowledged) => unacknowledged.push_back(self.taken),
            None => self.handed = self.taken,
        }
        self.raise_credit();
        // What is wrong with the next message is found when it is asked for.
        let _ = self.look_at_front();
        Some(Ok(message))
    }

    fn take_body(&mut self, head: Head) -> Bytes {
        if let Some(assembly) = self.assembly.take() {
            return assembly.body.into();
        }
        let first = self.ready.front_mut().expect("a message has arrived");
        if (first.len() as u64) < head.message_bytes() {
            return self.gather_body(head);
        }
        first.advance(head.bytes);
        let body = first.split_to(head.body as usize);
        if first.is_empty() {
            self.ready.pop_front();
        }
        body
    }

    /// A body that spans pieces is copied into one.
    fn gather_body(&mut self, head: Head) -> Bytes {
        let mut body = Vec::with_capacity(head.body as usize);
        let mut skip = head.bytes;
        while skip > 0 || body.len() < head.body as usize {
            let first = self.ready.front_mut().expect("a message has arrived");
            let mut piece = first.split_to(first.len().min(skip + head.body as usize - body.len()));
            if first.is_empty() {
                self.ready.pop_front();
            }
            let skipped = skip.min(piece.len());
            skip -= skipped;
            body.extend_from_slice(&piece.split_off(skipped));
        }
        body.into()
    }

    /// The peer says where its stream ends.
    pub(crate) fn finish(&mut self, end: u64) -> Result<(), Violation> {
        let furthest = self
            .ahead
            .last_key_value()
            .map_or(self.arrived, |(at, piece)| at + piece.len() as u64);
        if end < furthest || self.finish.is_some_and(|finish| finish != end) {
            return Err(Violation::Contradiction);
        }
        self.finish = Some(end);
        Ok(())
    }

    /// Whether the application has everything that the peer will ever send.
    pub(crate) fn is_drained(&self) -> bool {
        self.finish == Some(self.handed)
    }

    /// Whether a whole message waits for the application.
    pub(crate) fn has_message(&self) -> bool {
        self.front
            .is_some_and(|head| head.message_bytes() <= self.arrived - self.taken)
    }

    /// The application is done with the message that ends here, and with all before. Returns whether that was news.
    pub(crate) fn acknowledge(&mut self, end: u64) -> Result<bool, AcknowledgeError> {
        let unacknowledged = self.unacknowledged.as_mut().ok_or(AcknowledgeError::Automatic)?;
        if end <= self.handed {
            return Ok(false);
        }
        let index = unacknowledged
            .binary_search(&end)
            .map_err(|_| AcknowledgeError::NotDelivered)?;
        unacknowledged.drain(..=index);
        self.handed = end;
        self.raise_credit();
        Ok(true)
    }

    pub(crate) fn handed(&self) -> u64 {
        self.handed
    }

    /// How far the stream has arrived in order.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived
    }

    pub(crate) fn credit(&self) -> u64 {
        self.credit
    }

    pub(crate) fn window_bytes(&self) -> u64 {
        self.limits.window_bytes
    }
}

impl Assembly {
    /// Copies what belongs to the message, and returns what is behind it.
    fn absorb(&mut self, mut piece: Bytes) -> Option<Bytes> {
        let missing = (self.head.body as usize).saturating_sub(self.body.len());
        let rest = piece.split_off(missing.min(piece.len()));
        self.body.extend_from_slice(&piece);
        (!rest.is_empty()).then_some(rest)
    }
}

/// A piece that is small beside the packet it came in is copied: it must not keep all of that alive.
fn unpinned(piece: Bytes, packet_bytes: usize) -> Bytes {
    if piece.len() * PINNED_FACTOR < packet_bytes {
        Bytes::copy_from_slice(&piece)
    } else {
        piece
    }
}
