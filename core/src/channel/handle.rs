//! What comes in: a packet is opened, checked whole, marked, and only then applied.

use std::time::Instant;

use bytes::Bytes;

use super::received::Position;
use super::rtt::ACK_DELAY;
use super::sent::Sent;
use super::silence::Verdict;
use super::timer::Timer;
use super::{Channel, Confirmation, Ending, Finish, Role};
use crate::stream::{Refused, Spans};
use crate::wire::frame::{Ack, BadFrame, Frame, Frames};
use crate::wire::header::{HEADER_BYTES, Header};
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
    pub(crate) fn handle_packet(&mut self, header: &Header, mut packet: Packet, now: Instant) -> Receipt {
        if let Ending::Closed { .. } = self.ending {
            self.answer_from_tombstone(now);
            return self.drop_packet();
        }
        if self.received.contains(header.number) {
            return self.drop_packet();
        }
        let epoch = self.keys.epoch();
        let old_until = self.old_keys_until(now);
        let Ok(payload_bytes) = self.keys.open(header, packet.bytes_mut(), old_until) else {
            if self.keys.integrity_spent() {
                self.end(CloseReason::KeysSpent, now);
            }
            return self.drop_packet();
        };
        if self.keys.epoch() != epoch {
            self.timers.set(Timer::OldKeys, old_until);
        }
        let packet = packet.freeze();
        let payload = packet.slice(HEADER_BYTES..HEADER_BYTES + payload_bytes);
        match self.check(&payload) {
            Ok(()) => self.take(header, &payload, packet.len(), now),
            Err(Refused::NoRoom) => self.drop_packet(),
            Err(Refused::Violation(violation)) => {
                self.end(CloseReason::Violation(violation), now);
                Receipt::Taken { newest: false }
            }
        }
    }

    fn drop_packet(&mut self) -> Receipt {
        self.stats.packets_dropped += 1;
        Receipt::Dropped
    }

    /// Whether every frame can be used: a packet is applied whole or not at all.
    fn check(&self, payload: &[u8]) -> Result<(), Refused> {
        for frame in Frames::new(payload) {
            match frame {
                Ok(Frame::Stream { offset, data }) => self.inbox.check(offset, data.len())?,
                Ok(Frame::Ack(ack)) if ack.ranges.largest().is_some_and(|largest| largest >= self.next_number) => {
                    return Err(Refused::Violation(Violation::AcknowledgedUnsent));
                }
                // Handshake bytes belong into handshake packets.
                Ok(Frame::Crypto { .. }) | Err(BadFrame::Malformed) => {
                    return Err(Refused::Violation(Violation::MalformedFrame));
                }
                Err(BadFrame::Unknown) => return Err(Refused::Violation(Violation::UnknownFrame)),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, header: &Header, payload: &Bytes, packet_bytes: usize, now: Instant) -> Receipt {
        let position = self.received.insert(header.number);
        self.stats.packets_received += 1;
        self.heard(now);
        let mut asked = false;
        for frame in Frames::new(payload).flatten() {
            asked |= frame.elicits_ack();
            if let Err(violation) = self.apply(frame, header.epoch, payload, packet_bytes, now) {
                self.end(CloseReason::Violation(violation), now);
            }
            if let Ending::Closed { .. } = self.ending {
                return Receipt::Taken { newest: false };
            }
        }
        if asked {
            self.owe_ack(position, now);
        }
        self.ask_what_an_outage_cost(now);
        self.finish_if_drained(now);
        Receipt::Taken {
            newest: position != Position::Late,
        }
    }

    fn apply(
        &mut self,
        frame: Frame<'_>,
        epoch: u32,
        payload: &Bytes,
        packet_bytes: usize,
        now: Instant,
    ) -> Result<(), Violation> {
        match frame {
            Frame::Ping => self.ack.now = true,
            Frame::Ack(ack) => self.handle_ack(&ack, epoch, now)?,
            Frame::Confirmed => self.confirmed(),
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
                self.inbox.insert(offset, &payload.slice_ref(data), packet_bytes)?;
                if self.timers.is_set(Timer::Stall) && self.inbox.arrived() > arrived {
                    self.timers.set(Timer::Stall, now + self.stall_after);
                }
            }
            Frame::Crypto { .. } | Frame::Skipped => {}
        }
        Ok(())
    }

    /// The server verified this client's Finished: from here on messages flow.
    fn confirmed(&mut self) {
        if self.role == Role::Client {
            self.confirmation = Confirmation::Done;
        }
    }

    fn closed_by_peer(&mut self, code: CloseCode, reason: String, now: Instant) {
        // A peer says so when this side has everything of it: if it has everything of this side, nothing is missing.
        if code == CloseCode::Finished && self.outbox.is_empty() {
            self.close(now);
            self.end(CloseReason::Finished, now);
        } else {
            self.end(CloseReason::ByPeer { code, reason }, now);
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

    fn handle_ack(&mut self, ack: &Ack<'_>, epoch: u32, now: Instant) -> Result<(), Violation> {
        let handed = self
            .outbox
            .handed(ack.handed)
            .map_err(|_| Violation::AcknowledgedUnsent)?;
        let credited = ack.credit > self.peer_credit;
        self.peer_credit = self.peer_credit.max(ack.credit);
        self.peer_packets = ack.packets.max(1);
        let outcome = self.in_flight.acknowledge(ack.ranges.iter());
        if let Some(sent_at) = outcome.newest_at {
            self.rtt.sample(now.duration_since(sent_at));
            self.keys.acknowledged_in(epoch);
        }
        if let Ending::Closing { finish } = &mut self.ending
            && outcome.finish
        {
            *finish = Finish::Acknowledged;
        }
        // The answer to a probe alone is none: a peer whose application looks away is asked ever more rarely.
        let news = handed || credited || outcome.progress || !outcome.lost.is_empty();
        self.resend(outcome.lost);
        let largest = ack.ranges.largest().unwrap_or(0);
        self.settle_return(largest);
        if news {
            self.restart_probe(now);
        }
        Ok(())
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
        let was_told = !self.is_unheard();
        if !was_told {
            self.confirmation = Confirmation::Done;
            self.announce();
        }
        if let Some(silent_for) = self.silence.heard(now).filter(|_| was_told) {
            let event = Reachable {
                silent_for,
                replayed_messages: self.stats.messages_replayed,
                replayed_bytes: self.stats.bytes_replayed,
            };
            self.returned = Some(Return {
                event,
                settled_by: self.next_number,
            });
        }
        self.set_silence_timer();
        self.expect_idleness(now);
    }

    /// After unanswered probes any sign of life is the moment to ask again: the next probe may be seconds away.
    fn ask_what_an_outage_cost(&mut self, now: Instant) {
        if self.in_flight.carrying() == 0 {
            self.settle_return(u64::MAX);
        } else if self.backoff > 1 || self.returned.is_some() && self.backoff > 0 {
            self.owe_probe();
            self.restart_probe(now);
        }
    }

    /// Tells that the peer is back, once an answer to what was sent since shows what had been lost.
    fn settle_return(&mut self, acknowledged: u64) {
        if let Some(Return { mut event, .. }) = self.returned.take_if(|returned| acknowledged >= returned.settled_by) {
            event.replayed_messages = self.stats.messages_replayed - event.replayed_messages;
            event.replayed_bytes = self.stats.bytes_replayed - event.replayed_bytes;
            self.events.push_back(Event::Reachable(event));
        }
    }

    pub(super) fn set_silence_timer(&mut self) {
        match self.silence.deadline() {
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
                    last_failure: None,
                };
                if !self.is_unheard() {
                    self.stats.outages += 1;
                    self.events.push_back(Event::Unreachable(event));
                }
            }
            Verdict::Lost { silent_for } => return self.end(CloseReason::Lost { silent_for }, now),
        }
        self.set_silence_timer();
    }
}
