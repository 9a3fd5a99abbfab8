//! The sealed, ordered, two-way flow between two authenticated endpoints: what a client's session and each session of a listener are made of.
//!
//! One message takes this way: `send` encodes it at the end of the [`Outbox`]; `poll_transmit` copies a piece of the
//! outbox into a packet, seals it and notes what it carried ([`sent`]); the peer's `handle_packet` opens it, checks all its
//! frames, marks its number ([`received`]) and puts the piece into the [`Inbox`]; `poll_event` there cuts the message out
//! and owes an acknowledgement, which here frees the outbox.
//!
//! A session outlives its handshakes: when it handshakes anew, both streams go on under other keys ([`generation`]); when the peer is
//! another process, they begin anew, and the application is told what became of the old ones ([`succession`]).
//!
//! Nothing but a packet that opened under this channel's keys, with a number that is new, changes anything here. A packet
//! that does not open is counted, and costs one attempt of the AEAD.

mod agreement;
mod ending;
mod generation;
mod handle;
mod last_word;
mod received;
mod rtt;
mod sent;
mod silence;
mod succession;
mod timer;
mod transmit;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

pub(crate) use self::agreement::Agreement;
pub(crate) use self::agreement::UNHEARD_LIFE;
pub(crate) use self::ending::TOMBSTONE_LIFE;
use self::ending::{Ending, Finish};
pub(crate) use self::generation::{Answer, Opened};
use self::generation::{Generation, Opening};
pub(crate) use self::handle::Receipt;
use self::handle::Return;
pub(crate) use self::last_word::LastWord;
use self::rtt::{ACK_DELAY, Rtt};
use self::silence::Silence;
use self::timer::{Timer, Timers};
use crate::state::Reachability;
use crate::stream::{Inbox, Outbox, OutboxLimits};
use crate::wire::header::ConnectionId;
use crate::{
    AcknowledgeError, ChannelBinding, CloseReason, Established, Event, Message, MessageId, Negotiated, PeerIdentity,
    SendError, SessionStats,
};

/// Which end of the session this is: only a client pings, because only a client can repair a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// The sealed, ordered, two-way flow between two authenticated endpoints.
#[derive(Debug)]
pub(crate) struct Channel {
    role: Role,
    generation: Generation,
    /// A server's keys of before a join, to read by, until its client shows that it knows of the join.
    earlier: Option<Box<Generation>>,
    peer: Arc<PeerIdentity>,
    peer_incarnation: [u8; 16],
    negotiated: Negotiated,
    binding: ChannelBinding,

    rtt: Rtt,
    /// When the newest packet was sent that the peer acknowledged: it lived then.
    lived_at: Option<Instant>,
    /// Counts routes: packets of different routes may overtake each other.
    path: u32,
    path_changed_at: Option<Instant>,
    /// Nothing can be sent until the peer is heard again.
    route_gone: bool,

    outbox: Outbox,
    outbox_limits: OutboxLimits,
    peer_credit: u64,
    peer_packets: u64,
    max_packets: u64,
    max_packet_bytes: usize,
    packets_per_key: u64,

    inbox: Inbox,
    ack: AckDebt,

    probes_owed: u8,
    backoff: u32,
    silence: Silence,
    ping_interval: Duration,
    timers: Timers,

    confirmed_at: Option<Instant>,
    ending: Ending,
    linger: Duration,
    stall_after: Duration,
    /// It is time for another handshake: a server asks its client for one, a client makes it.
    renewal_due: bool,

    /// The peer is back from an outage, and it is not known yet what that cost.
    returned: Option<Return>,
    events: VecDeque<Queued>,
    /// The peer restarted, and the application has not heard of it: what it sends still counts as sent to the peer that is gone.
    restart_untold: bool,
    redeliver: bool,
    stats: SessionStats,
    /// Control frames are gathered here before their packet is laid out.
    control: Vec<u8>,
}

/// What the application is told next.
#[derive(Debug)]
enum Queued {
    Event(Event),
    /// The peer restarted: the lists are made when the application hears of it.
    Restart,
}

/// How urgently an acknowledgement is owed.
#[derive(Clone, Copy, Debug, Default)]
struct AckDebt {
    now: bool,
    /// Packets since the last acknowledgement that asked for one.
    packets: u32,
    /// How far the application had taken messages when that was last told.
    told_handed: u64,
}

impl Channel {
    /// Takes over what was queued before the handshake; the session ends if that holds a message that the peer does not accept.
    pub(crate) fn adopt(&mut self, outbox: Outbox, now: Instant) {
        self.outbox = outbox;
        self.limit_messages(now);
    }

    fn limit_messages(&mut self, now: Instant) {
        let limit_bytes = self.outbox_limits.message_bytes;
        if let Err(message_bytes) = self.outbox.limit_messages(limit_bytes) {
            self.end(
                CloseReason::TooLarge {
                    message_bytes,
                    limit_bytes,
                },
                now,
            );
        }
    }

    /// Takes a round trip that was measured during the handshake.
    pub(crate) fn measured(&mut self, round_trip: Duration) {
        self.rtt.sample(round_trip);
    }

    /// The session begins: the application is told.
    pub(crate) fn begin(&mut self, answer: Option<Answer>, now: Instant) {
        self.open_streams(answer, now);
        let established = self.established();
        self.events.push_front(established);
    }

    /// Messages flow, both ways from the beginning.
    fn open_streams(&mut self, answer: Option<Answer>, now: Instant) {
        self.generation.opening = answer.map_or(Opening::Open, Opening::Answering);
        self.timers.stop(Timer::Unheard);
        self.silence.heard(now);
        self.set_silence_timer();
        if self.role == Role::Client {
            // The server that confirmed may be gone by now. Were its client idle, nothing would ask before the next ping.
            self.owe_probe();
        }
    }

    fn established(&self) -> Queued {
        Queued::Event(Event::Established(Established {
            peer: Arc::clone(&self.peer),
            negotiated: self.negotiated,
            binding: self.binding,
        }))
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(Queued::Event(event));
    }

    pub(crate) fn send(&mut self, payload: &[u8], now: Instant) -> Result<MessageId, SendError> {
        self.check_open()?;
        let id = self.outbox.push(payload)?;
        self.arm_probe(now);
        Ok(id)
    }

    pub(crate) fn send_parts(&mut self, parts: &[Bytes], now: Instant) -> Result<MessageId, SendError> {
        self.check_open()?;
        let id = self.outbox.push_parts(parts)?;
        self.arm_probe(now);
        Ok(id)
    }

    /// Takes back what was never sent; nothing once the end of the stream was announced.
    pub(crate) fn withdraw_unsent(&mut self) -> Vec<Message> {
        match self.check_open() {
            Ok(()) => self.outbox.withdraw_unsent(),
            Err(_) => Vec::new(),
        }
    }

    /// The application is done with a message, and with all before it.
    pub(crate) fn acknowledge(&mut self, message: MessageId, now: Instant) -> Result<(), AcknowledgeError> {
        if self.inbox.acknowledge(message.end_offset())? {
            self.owe_news_of_handed(now);
            self.finish_if_drained(now);
        }
        Ok(())
    }

    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<Event> {
        if let Some(queued) = self.events.pop_front() {
            if self.events.is_empty() {
                self.events = VecDeque::new();
            }
            return Some(match queued {
                Queued::Event(event) => event,
                Queued::Restart => self.tell_restart(now),
            });
        }
        if self.may_deliver()
            && let Some(next) = self.inbox.next_message()
        {
            match next {
                Ok(message) => return Some(self.hand_over(message, now)),
                Err(violation) => self.end_undeliverable(violation, now),
            }
        }
        match &mut self.ending {
            Ending::Closed { told, .. } => told.take().map(Event::Closed),
            _ => None,
        }
    }

    /// Whether [`poll_event`](Self::poll_event) would give something.
    pub(crate) fn has_event(&self) -> bool {
        !self.events.is_empty()
            || self.may_deliver() && self.inbox.has_message()
            || matches!(self.ending, Ending::Closed { told: Some(_), .. })
    }

    /// Whether nobody was told of this channel: a client waits for the confirmation, a server for a first sign that its client has it.
    ///
    /// A client that misses the confirmation for too long begins anew. Were a server's application told before, it would have
    /// a ghost of a session that takes messages until its retention is over.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        matches!(self.generation.opening, Opening::Unconfirmed(_))
    }

    fn may_deliver(&self) -> bool {
        !matches!(self.ending, Ending::Closed { deliver: false, .. })
    }

    /// The application has the message from here on: that is what is acknowledged, unless it wants to do so itself.
    #[inline]
    fn hand_over(&mut self, message: Message, now: Instant) -> Event {
        self.owe_news_of_handed(now);
        self.finish_if_drained(now);
        Event::Message(message)
    }

    /// The peer shall hear how far the application is: at once if that opens much of the window, else with company.
    #[inline]
    fn owe_news_of_handed(&mut self, now: Instant) {
        let untold = self.inbox.handed() - self.ack.told_handed;
        if untold >= self.inbox.window_bytes() / 4 {
            self.ack.now = true;
        } else if untold > 0 {
            self.timers.set_earliest(Timer::Ack, now + ACK_DELAY);
        }
    }

    pub(crate) fn reachability(&self) -> Reachability {
        self.silence.reachability()
    }

    /// How much memory the message at the front needs beyond the window, once that is known.
    pub(crate) fn wanted_reservation(&self) -> Option<u64> {
        match self.ending {
            Ending::Closed { .. } => None,
            _ => self.inbox.wanted_reservation(),
        }
    }

    /// The memory in use for a large message, also when the session is over and the application has not taken it yet.
    pub(crate) fn reserved(&self) -> u64 {
        self.inbox.reserved()
    }

    pub(crate) fn grant_reservation(&mut self, now: Instant) {
        self.inbox.grant_reservation();
        self.ack.now = true;
        self.timers.set(Timer::Stall, now + self.stall_after);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    pub(crate) fn ours(&self) -> ConnectionId {
        self.generation.ours
    }

    pub(crate) fn peer(&self) -> &Arc<PeerIdentity> {
        &self.peer
    }

    pub(crate) fn negotiated(&self) -> Negotiated {
        self.negotiated
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(crate) fn stats(&self) -> SessionStats {
        self.stats
    }
}
