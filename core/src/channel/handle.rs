//! What comes in: a packet is opened, checked whole, marked, and only then applied.

use std::time::Instant;

use super::generation::{Opened, Opening};
use super::received::Position;
use super::rtt::ACK_DELAY;
use super::sent::Sent;
use super::silence::Verdict;
use super::timer::Timer;
use super::{Channel, Ending, Finish, Role};
use crate::stream::{Refused, Spans};
use crate::wire::frame::{Ack, BadFrame, Frame, Frames};
use crate::wire::header::Header;
use crate::{CloseCode, CloseReason, Event, Packet, Reachable, Unreachable, Violation};

/// In a steady stream every so many packets are acknowledged, not each one.
const PACKETS_PER_ACK: u32 = 16;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It did not open, was a replay, or there was no room for it. Nothing changed.
    Dropped,
    /// It was genuine.
    Taken {
        /// No packet with a larger number was received before: its route is the peer's present one.
        newest: bool,
    },
}

/// The peer is heard again; told when it is known what the outage cost.
#[derive(Debug)]
pub(super) struct Return {
    event: Reachable,
    /// The acknowledgement of this packet number or a later one shows what was lost.
    settled_by: u64,
}

impl Channel {
    /// Opens a packet of this channel; what is not genuine, not new or too late is counted, and changes nothing.
    pub(crate) fn open(&mut self, header: &Header, packet: Packet, now: Instant) -> Option<Opened> {
        let opened = match self.ending {
            Ending::Closed { .. } => {
                self.answer_from_tombstone(now);
                None
            }
            _ if header.destination == self.generation.ours => self.open_present(header, packet, now),
            _ => self.open_earlier(header, packet, now),
        };
        self.stats.packets_dropped += u64::from(opened.is_none());
        opened
    }

    fn open_present(&mut self, header: &Header, packet: Packet, now: Instant) -> Option<Opened> {
        let epoch = self.generation.keys.epoch();
        let old_until = self.old_keys_until(now);
        let opened = self.generation.open(header, packet, old_until);
        let keys = &self.generation.keys;
        if let Some(old_until) = keys.old_until() {
            self.timers.set(Timer::OldKeys, old_until);
        }
        if opened.is_none() && keys.integrity_spent() {
            self.end(CloseReason::KeysSpent, now);
        } else if opened.is_none() && keys.wants_renewal() {
            self.ask_for_renewal();
        } else if keys.epoch() != epoch {
            self.stats.key_updates += 1;
        }
        opened
    }

    /// A packet from before a join.
    fn open_earlier(&mut self, header: &Header, packet: Packet, now: Instant) -> Option<Opened> {
        let old_until = self.old_keys_until(now);
        let earlier = self
            .earlier
            .as_mut()
            .filter(|earlier| earlier.ours == header.destination)?;
        let opened = earlier.open(header, packet, old_until)?;
        Some(Opened {
            is_earlier: true,
            ..opened
        })
    }

    /// Applies a packet that opened: whole, or not at all.
    pub(crate) fn take(&mut self, opened: &Opened, now: Instant) -> Receipt {
        if let Ending::Closed { .. } = self.ending {
            return Receipt::Dropped;
        }
        match self.check(opened) {
            Ok(()) => self.apply_all(opened, now),
            Err(Refused::NoRoom) => {
                self.stats.packets_dropped += 1;
                Receipt::Dropped
            }
            Err(Refused::Violation(violation)) => {
                self.end(CloseReason::Violation(violation), now);
                Receipt::Taken { newest: false }
            }
        }
    }

    /// Whether every frame can be used.
    fn check(&self, opened: &Opened) -> Result<(), Refused> {
        let violation = |violation| Err(Refused::Violation(violation));
        for frame in Frames::new(&opened.payload) {
            match frame {
                // Neither side may send any before it is known in which session they are.
                Ok(Frame::Stream { .. }) if !self.generation.carries_messages() => {
                    return violation(Violation::Contradiction);
                }
                Ok(Frame::Stream { offset, data }) => self.inbox.check(offset, data.len())?,
                Ok(Frame::Ack(ack)) if !opened.is_earlier => {
                    let largest = ack.ranges.largest();
                    if largest.is_some_and(|largest| !self.generation.has_sent(largest)) {
                        return violation(Violation::AcknowledgedUnsent);
                    }
                }
                // Handshake bytes belong into handshake packets.
                Ok(Frame::Crypto { .. }) | Err(BadFrame::Malformed) => return violation(Violation::MalformedFrame),
                Err(BadFrame::Unknown) => return violation(Violation::UnknownFrame),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn apply_all(&mut self, opened: &Opened, now: Instant) -> Receipt {
        let position = self.mark(opened);
        self.stats.packets_received += 1;
        self.heard(now);
        let mut asked = false;
        for frame in Frames::new(&opened.payload).flatten() {
            asked |= frame.elicits_ack();
            if let Err(violation) = self.apply(frame, opened, now) {
                self.end(CloseReason::Violation(violation), now);
            }
            if let Ending::Closed { .. } = self.ending {
                return Receipt::Taken { newest: false };
            }
        }
        if asked && !opened.is_earlier {
            self.owe_ack(position, now);
        }
        self.ask_what_an_outage_cost(now);
        self.finish_if_drained(now);
        Receipt::Taken {
            newest: position != Position::Late,
        }
    }

    /// Marks the packet's number as received. "Newest" counts generations first: an earlier one has no newest packet.
    fn mark(&mut self, opened: &Opened) -> Position {
        match &mut self.earlier {
            Some(earlier) if opened.is_earlier => {
                earlier.received.insert(opened.number);
                Position::Late
            }
            _ => self.generation.received.insert(opened.number),
        }
    }

    fn apply(&mut self, frame: Frame<'_>, opened: &Opened, now: Instant) -> Result<(), Violation> {
        match frame {
            Frame::Ping => self.ack.now = true,
            Frame::Ack(ack) => self.handle_ack(&ack, opened, now)?,
            Frame::Finish { end } => {
                self.inbox.finish(end)?;
                self.close(now);
            }
            Frame::Close { code, reason } => {
                let code = CloseCode::from_wire(code);
                self.closed_by_peer(code, reason.to_owned(), now);
            }
            Frame::Stream { offset, data } => {
                let arrived = self.inbox.arrived();
                self.inbox
                    .insert(offset, &opened.payload.slice_ref(data), opened.packet_bytes)?;
                if self.timers.is_set(Timer::Stall) && self.inbox.arrived() > arrived {
                    self.timers.set(Timer::Stall, now + self.stall_after);
                }
            }
            // The client missed the answer, which stands in every packet until it is acknowledged.
            Frame::Join(_) if self.role == Role::Server => self.ack.now = true,
            Frame::Renew if self.role == Role::Client => self.renewal_due = true,
            // What these say is seen before their packet is applied, or was said before.
            Frame::Confirmed | Frame::Joined(_) | Frame::Fresh | Frame::Join(_) | Frame::Renew => {}
            Frame::Crypto { .. } | Frame::Skipped => {}
        }
        Ok(())
    }

    fn closed_by_peer(&mut self, code: CloseCode, reason: String, now: Instant) {
        match code {
            // A peer says so when this side has everything of it: if it has everything of this side, nothing is missing.
            CloseCode::Finished if self.outbox.is_empty() => {
                self.close(now);
                self.end(CloseReason::Finished, now);
            }
            CloseCode::Superseded => self.end(CloseReason::Superseded, now),
            _ => self.end(CloseReason::ByPeer { code, reason }, now),
        }
    }

    fn owe_ack(&mut self, position: Position, now: Instant) {
        self.ack.packets += 1;
        if position != Position::Next || self.ack.packets >= PACKETS_PER_ACK {
            self.ack.now = true;
        } else {
            self.timers.set_earliest(Timer::Ack, now + ACK_DELAY);
        }
    }

    fn handle_ack(&mut self, ack: &Ack<'_>, opened: &Opened, now: Instant) -> Result<(), Violation> {
        let handed = self.handle_handed(ack.handed)?;
        let credited = ack.credit > self.peer_credit;
        self.peer_credit = self.peer_credit.max(ack.credit);
        let mut news = handed || credited;
        if !opened.is_earlier {
            self.peer_packets = ack.packets.max(1);
            // The answer to a probe alone is none: a peer whose application looks away is asked ever more rarely.
            news |= self.handle_numbers(ack, opened.epoch, now);
        }
        if news {
            self.restart_probe(now);
        }
        Ok(())
    }

    /// The peer's application is done with everything up to here. Returns whether that is news.
    pub(super) fn handle_handed(&mut self, handed: u64) -> Result<bool, Violation> {
        // What the outbox holds was not sent to this peer but to its predecessor.
        if self.restart_untold {
            return if handed == 0 {
                Ok(false)
            } else {
                Err(Violation::AcknowledgedUnsent)
            };
        }
        self.outbox.handed(handed).map_err(|_| Violation::AcknowledgedUnsent)
    }

    /// Which packets arrived, and which are lost. Returns whether that is news.
    fn handle_numbers(&mut self, ack: &Ack<'_>, epoch: u32, now: Instant) -> bool {
        let generation = &mut self.generation;
        let largest = ack.ranges.largest();
        generation.acknowledged = generation.acknowledged.max(largest);
        let outcome = generation.in_flight.acknowledge(ack.ranges.iter());
        if let Some(sent_at) = outcome.newest_at {
            generation.keys.acknowledged_in(epoch);
            self.rtt.sample(now.duration_since(sent_at));
            self.lived_at = self.lived_at.max(Some(sent_at));
        }
        if let Ending::Closing { finish } = &mut self.ending
            && outcome.finish
        {
            *finish = Finish::Acknowledged;
        }
        if outcome.answer && matches!(generation.opening, Opening::Answering(_)) {
            generation.opening = Opening::Open;
            self.earlier = None;
        }
        let news = outcome.progress || !outcome.lost.is_empty();
        self.resend(outcome.lost);
        self.settle_return(largest.unwrap_or(0));
        news
    }

    /// What lost packets carried is sent afresh, in new packets with new numbers.
    fn resend(&mut self, lost: Vec<Sent>) {
        let mut spans = Spans::default();
        for packet in lost {
            self.stats.packets_lost += 1;
            if let Ending::Closing {
                finish: finish @ Finish::Sent,
            } = &mut self.ending
                && packet.finish
            {
                *finish = Finish::Owed;
            }
            if let Some(span) = packet.stream {
                spans.insert(span);
            }
        }
        for span in spans.iter() {
            let (messages, bytes) = self.outbox.lose(span);
            self.stats.messages_replayed += messages;
            self.stats.bytes_replayed += bytes;
        }
    }

    /// An authenticated packet: the peer lives.
    fn heard(&mut self, now: Instant) {
        if let Some(silent_for) = self.silence.heard(now) {
            let event = Reachable {
                silent_for,
                replayed_messages: self.stats.messages_replayed,
                replayed_bytes: self.stats.bytes_replayed,
            };
            self.returned = Some(Return {
                event,
                settled_by: self.generation.next_number,
            });
        }
        self.set_silence_timer();
        self.expect_idleness(now);
    }

    /// After unanswered probes any sign of life is the moment to ask again: the next probe may be seconds away.
    fn ask_what_an_outage_cost(&mut self, now: Instant) {
        if self.generation.in_flight.carrying() == 0 {
            self.settle_return(u64::MAX);
        } else if self.backoff > 1 || self.returned.is_some() && self.backoff > 0 {
            self.owe_probe();
            self.restart_probe(now);
        }
    }

    /// Tells that the peer is back, once an answer to what was sent since shows what had been lost.
    pub(super) fn settle_return(&mut self, acknowledged: u64) {
        if let Some(Return { mut event, .. }) = self.returned.take_if(|returned| acknowledged >= returned.settled_by) {
            event.replayed_messages = self.stats.messages_replayed - event.replayed_messages;
            event.replayed_bytes = self.stats.bytes_replayed - event.replayed_bytes;
            self.tell(Event::Reachable(event));
        }
    }

    pub(super) fn set_silence_timer(&mut self) {
        // Of a channel that nobody was told of nobody wants to hear that it is silent.
        let deadline = self.silence.deadline().filter(|_| !self.is_unconfirmed());
        match deadline {
            Some(deadline) => self.timers.set(Timer::Silence, deadline),
            None => self.timers.stop(Timer::Silence),
        }
    }

    pub(super) fn judge_silence(&mut self, now: Instant) {
        match self.silence.judge(now) {
            Verdict::Patience => {}
            Verdict::Unreachable { silent_for } => {
                self.settle_return(u64::MAX);
                let event = Unreachable {
                    silent_for,
                    established: true,
                    probable_cause: None,
                };
                self.stats.outages += 1;
                self.tell(Event::Unreachable(event));
            }
            Verdict::Lost { silent_for } => return self.end(CloseReason::Lost { silent_for }, now),
        }
        self.set_silence_timer();
    }
}
