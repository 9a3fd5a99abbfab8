//! What goes out: which packet is due, what it carries, and when to ask for an answer.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::generation::{Answer, Opening};
use super::sent::{REORDERING_THRESHOLD, Sent};
use super::timer::Timer;
use super::{AckDebt, Channel, Ending, Finish, Role, UNHEARD_LIFE};
use crate::wire::frame::{self, ReceiveState};
use crate::wire::header::{HEADER_BYTES, Header, Kind, MAX_PACKET_BYTES, TAG_BYTES};
use crate::{CloseCode, CloseReason};

/// How long a packet of the previous epoch may be late, in probe timeouts (RFC 9001 §6.5).
const OLD_KEYS_TIMEOUTS: u32 = 3;
/// With nothing on the way, only the news that the application took messages can be missing: that is not worth more haste.
const UNHURRIED: Duration = Duration::from_millis(200);
/// The slowest probe. A client alone can repair a route, and so asks more often than a server.
const SLOWEST_CLIENT_PROBE: Duration = Duration::from_secs(1);
const SLOWEST_SERVER_PROBE: Duration = Duration::from_secs(5);
/// One repeated confirmation for all the packets that a client sends at once.
const ANSWER_INTERVAL: Duration = Duration::from_millis(50);
/// The longest head of a stream frame.
const STREAM_HEAD_BYTES: usize = 9;

impl Channel {
    /// The next packet to send, if any.
    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Ending::Closed { last_word, .. } = &mut self.ending {
            return last_word.poll_transmit(now);
        }
        if !self.may_transmit() {
            return None;
        }
        if self.generation.keys.exhausted() {
            self.end(CloseReason::KeysSpent, now);
            return None;
        }
        if self.generation.keys.wants_update(self.packets_per_key) && self.has_transmit() {
            self.generation.keys.update();
            self.stats.key_updates += 1;
        }
        self.data_packet(now)
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) would give something.
    pub(crate) fn has_transmit(&self) -> bool {
        match &self.ending {
            Ending::Closed { last_word, .. } => last_word.is_owed(),
            _ => {
                self.may_transmit()
                    && (self.ack.now || self.probes_owed > 0 || self.finish_owed() || self.stream_is_sendable())
            }
        }
    }

    /// A client speaks when its handshake is confirmed: before, the server would not open its packets.
    fn may_transmit(&self) -> bool {
        !self.route_gone && (self.role == Role::Server || !self.is_unconfirmed())
    }

    /// Whether the streams of messages go on: both sides know in which session they are, and what waits is meant for this peer.
    fn stream_flows(&self) -> bool {
        self.generation.carries_messages() && !self.restart_untold
    }

    fn finish_owed(&self) -> bool {
        matches!(self.ending, Ending::Closing { finish: Finish::Owed }) && self.stream_flows()
    }

    fn stream_is_sendable(&self) -> bool {
        (self.generation.in_flight.carrying() as u64) < self.peer_packets.min(self.max_packets)
            && self.outbox.has_sendable(self.peer_credit)
            && self.stream_flows()
    }

    pub(super) fn old_keys_until(&self, now: Instant) -> Instant {
        now + self.rtt.probe_timeout() * OLD_KEYS_TIMEOUTS
    }

    /// Lays out, seals and notes one data packet.
    fn data_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.has_transmit() {
            return None;
        }
        let mut control = std::mem::take(&mut self.control);
        let mut sent = Sent::new(self.generation.next_number, now, self.path);
        let mut asks = self.write_control(&mut sent, &mut control);
        if self.stream_is_sendable() {
            let room = self.max_packet_bytes - HEADER_BYTES - TAG_BYTES - STREAM_HEAD_BYTES - control.len();
            sent.stream = self.outbox.next_span(room, self.peer_credit);
            asks = true;
        }
        let packet = self.seal(&control, sent.number, sent.stream.clone());
        control.clear();
        self.control = control;
        // A packet that only acknowledges is not acknowledged in turn: that would never end.
        if asks {
            self.note(sent, now);
        }
        Some(packet)
    }

    /// Control frames go first: they overtake a large message. Returns whether they ask for an answer.
    fn write_control(&mut self, sent: &mut Sent, control: &mut Vec<u8>) -> bool {
        if self.owes_ack() {
            self.write_ack(control);
        }
        let mut asks = self.write_opening(sent, control);
        if self.renewal_due && self.role == Role::Server {
            frame::encode_renew(control);
            asks = true;
        }
        if self.probes_owed > 0 {
            self.probes_owed -= 1;
            frame::encode_ping(control);
            asks = true;
        }
        if self.finish_owed() {
            self.ending = Ending::Closing { finish: Finish::Sent };
            (sent.finish, asks) = (true, true);
            frame::encode_finish(self.outbox.end(), control);
        }
        asks
    }

    /// What every packet says until the peer has shown that it knows. Returns whether there is something.
    fn write_opening(&mut self, sent: &mut Sent, control: &mut Vec<u8>) -> bool {
        match &self.generation.opening {
            Opening::Unconfirmed(_) => frame::encode_confirmed(control),
            Opening::Joining(join) => frame::encode_join(join, control),
            Opening::Answering(answer) => {
                sent.answer = true;
                match answer {
                    Answer::Joined => frame::encode_joined(&self.receive_state(), control),
                    Answer::Fresh => frame::encode_fresh(control),
                }
            }
            Opening::Open => return false,
        }
        true
    }

    /// How far this side's receiving is.
    pub(super) fn receive_state(&self) -> ReceiveState {
        ReceiveState {
            handed: self.inbox.handed(),
            arrived: self.inbox.arrived(),
            credit: self.inbox.credit(),
            packets: self.max_packets,
        }
    }

    fn owes_ack(&self) -> bool {
        self.ack.now || self.ack.packets > 0 || self.ack.told_handed != self.inbox.handed()
    }

    fn write_ack(&mut self, control: &mut Vec<u8>) {
        let received = &self.generation.received;
        if !received.is_empty() {
            let state = (self.inbox.handed(), self.inbox.credit(), self.max_packets);
            frame::encode_ack(state, received.descending(), control);
            self.ack = AckDebt {
                told_handed: self.inbox.handed(),
                ..AckDebt::default()
            };
            self.timers.stop(Timer::Ack);
        }
        self.ack.now = false;
    }

    /// Seals the next packet, in a buffer of exactly its length.
    fn seal(&mut self, control: &[u8], number: u64, stream: Option<Range<u64>>) -> Vec<u8> {
        let stream_bytes = stream.as_ref().map_or(0, |span| {
            frame::stream_head_bytes(span.start) + (span.end - span.start) as usize
        });
        let mut packet = Vec::with_capacity(HEADER_BYTES + control.len() + stream_bytes + TAG_BYTES);
        Header {
            kind: Kind::Data,
            destination: self.generation.theirs,
            epoch: self.generation.keys.epoch(),
            number,
        }
        .encode(&mut packet);
        packet.extend_from_slice(control);
        if let Some(span) = stream {
            frame::encode_stream_head(span.start, &mut packet);
            self.outbox.copy(span, &mut packet);
        }
        debug_assert!(packet.len() + TAG_BYTES <= MAX_PACKET_BYTES);
        self.generation.keys.seal(number, &mut packet);
        self.generation.next_number = number + 1;
        self.stats.packets_sent += 1;
        packet
    }

    /// Remembers what must arrive.
    fn note(&mut self, sent: Sent, now: Instant) {
        self.generation.in_flight.push(sent);
        if self.silence.asked(now) {
            self.set_silence_timer();
        }
        self.arm_probe(now);
    }

    /// Asks for an answer if something is waited for and nobody has asked yet.
    #[inline]
    pub(super) fn arm_probe(&mut self, now: Instant) {
        if !self.timers.is_set(Timer::Probe) && self.is_waiting() {
            self.timers.set(Timer::Probe, now + self.probe_interval());
        }
    }

    /// Whether the peer owes something: an acknowledgement, credit, or the news that its application took a message.
    fn is_waiting(&self) -> bool {
        let finish = matches!(self.ending, Ending::Closing { finish } if finish != Finish::Acknowledged);
        let stream = self.stream_flows() && (!self.outbox.is_empty() || finish);
        stream || !self.generation.in_flight.is_empty()
    }

    fn probe_interval(&self) -> Duration {
        let timeout = self.rtt.probe_timeout();
        let first = if self.generation.in_flight.is_empty() {
            timeout.max(UNHURRIED)
        } else {
            timeout
        };
        let slowest = match self.role {
            Role::Client => SLOWEST_CLIENT_PROBE,
            Role::Server => SLOWEST_SERVER_PROBE,
        };
        // 2^10 probe timeouts are more than the slowest interval in any case.
        (first * 2u32.pow(self.backoff.min(10))).min(slowest)
    }

    /// Something arrived: ask again at the first interval, if there is still something to ask for.
    pub(super) fn restart_probe(&mut self, now: Instant) {
        self.backoff = 0;
        self.timers.stop(Timer::Probe);
        self.arm_probe(now);
    }

    /// One probe is due, unless more are.
    pub(crate) fn owe_probe(&mut self) {
        self.probes_owed = self.probes_owed.max(1);
    }

    /// An answer is overdue. One probe, never data again: what a transport queued cannot be taken back, and the answer
    /// shows what is missing.
    fn probe(&mut self, now: Instant) {
        if self.is_waiting() {
            self.owe_probe();
            self.backoff += 1;
            self.arm_probe(now);
        }
    }

    /// The transport may lead elsewhere from here on: what is on the way may be gone, or come late. As many probes as
    /// prove a loss over a change of route find out within a round trip.
    pub(crate) fn path_changed(&mut self, now: Instant) {
        self.path += 1;
        self.route_gone = false;
        let volley = if self.is_waiting() { REORDERING_THRESHOLD } else { 1 };
        // A relay that alternates between routes would otherwise make every answer to a probe a reason for the next.
        let before = self.path_changed_at.replace(now);
        let settled = before.is_none_or(|at| now.duration_since(at) >= self.rtt.probe_timeout());
        self.probes_owed = self.probes_owed.max(if settled { volley } else { 0 });
        self.restart_probe(now);
    }

    pub(crate) fn is_route_gone(&self) -> bool {
        self.route_gone
    }

    /// The confirmation once more, for a client that repeats its Finished and so may have missed it; at most so often.
    pub(crate) fn confirm_again(&mut self, now: Instant) -> Option<Vec<u8>> {
        let recent = self
            .confirmed_at
            .is_some_and(|at| now.duration_since(at) < ANSWER_INTERVAL);
        if recent || !self.is_unconfirmed() || !matches!(self.ending, Ending::Open) {
            return None;
        }
        self.confirmed_at = Some(now);
        self.owe_probe();
        let route_gone = std::mem::replace(&mut self.route_gone, false);
        let packet = self.data_packet(now);
        self.route_gone = route_gone;
        packet
    }

    /// The transport says that the present route leads nowhere.
    pub(crate) fn route_gone(&mut self) {
        self.route_gone = true;
    }

    pub(crate) fn handle_timeout(&mut self, pool_is_contended: bool, now: Instant) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Ack => self.ack.now = true,
                Timer::Probe => self.probe(now),
                Timer::Ping => self.ping(now),
                Timer::Silence => self.judge_silence(now),
                Timer::Linger => self.end_linger(now),
                // The large message was handed over.
                Timer::Stall if self.inbox.reserved() == 0 => {}
                Timer::Stall if pool_is_contended => self.end(CloseReason::Stalled, now),
                Timer::Stall => self.timers.set(Timer::Stall, now + self.stall_after),
                Timer::OldKeys => self.generation.keys.forget_old(now),
                // It knows nothing of the session, and never will.
                Timer::Unheard => self.end(
                    CloseReason::Lost {
                        silent_for: UNHEARD_LIFE,
                    },
                    now,
                ),
            }
        }
    }

    fn ping(&mut self, now: Instant) {
        self.owe_probe();
        self.expect_idleness(now);
    }

    pub(super) fn expect_idleness(&mut self, now: Instant) {
        if self.role == Role::Client {
            self.timers.set(Timer::Ping, now + self.ping_interval);
        }
    }

    /// A packet came after the end: its sender missed the last word.
    pub(crate) fn answer_from_tombstone(&mut self, now: Instant) {
        if let Ending::Closed { last_word, until, .. } = &mut self.ending
            && now < *until
        {
            last_word.asked(now);
        }
    }

    /// Seals the packet that ends the session: all that is acknowledged, and why. It may be all that a client ever opens under the
    /// keys of a join, and so says that these are the session's.
    pub(super) fn close_packet(&mut self, code: CloseCode, reason: &str, now: Instant) -> Vec<u8> {
        let mut control = Vec::new();
        self.write_ack(&mut control);
        if let Opening::Answering(_) = self.generation.opening {
            let mut sent = Sent::new(self.generation.next_number, now, self.path);
            self.write_opening(&mut sent, &mut control);
        }
        frame::encode_close(code.to_wire(), reason, &mut control);
        self.seal(&control, self.generation.next_number, None)
    }
}
