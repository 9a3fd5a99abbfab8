//! The sealed, ordered, two-way flow between two authenticated endpoints: what a client's session and each session of a listener are made of.
//!
//! One message takes this way: `send` encodes it at the end of the [`Outbox`]; `poll_transmit` copies a piece of the
//! outbox into a packet, seals it and notes what it carried ([`sent`]); the peer's `handle_packet` opens it, checks all its
//! frames, marks its number ([`received`]) and puts the piece into the [`Inbox`]; `poll_event` there cuts the message out
//! and owes an acknowledgement, which here frees the outbox.
//!
//! Nothing but a packet that opened under this channel's keys, with a number that is new, changes anything here. A packet
//! that does not open is counted, and costs one attempt of the AEAD.

mod ending;
mod handle;
mod last_word;
mod received;
mod rtt;
mod sent;
mod silence;
mod timer;
mod transmit;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

pub(crate) use self::ending::TOMBSTONE_LIFE;
use self::ending::{Ending, Finish};
pub(crate) use self::handle::Receipt;
use self::handle::Return;
pub(crate) use self::last_word::LastWord;
use self::received::Received;
use self::rtt::{ACK_DELAY, Rtt};
use self::sent::InFlightPackets;
use self::silence::Silence;
use self::timer::{Timer, Timers};
use crate::state::Reachability;
use crate::stream::{Inbox, InboxLimits, Outbox};
use crate::tls::EpochKeys;
use crate::wire::header::ConnectionId;
use crate::wire::parameters::Parameters;
use crate::{
    ChannelBinding, CloseReason, Established, Event, Limits, Message, MessageId, Negotiated, PeerIdentity, SendError,
    SessionStats,
};

/// Which end of the session this is: only a client pings, because only a client can repair a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// What a finished handshake leads to.
pub(crate) struct Agreement {
    pub(crate) role: Role,
    /// The id that packets to this side bear.
    pub(crate) ours: ConnectionId,
    /// The id that packets to the peer bear.
    pub(crate) theirs: ConnectionId,
    pub(crate) keys: Box<EpochKeys>,
    /// The first packet number not used by the handshake.
    pub(crate) next_number: u64,
    pub(crate) parameters: Parameters,
    pub(crate) peer: Arc<PeerIdentity>,
    pub(crate) negotiated: Negotiated,
    pub(crate) binding: ChannelBinding,
    /// A byte of randomness, which spreads the pings of many clients.
    pub(crate) jitter: u8,
}

/// The sealed, ordered, two-way flow between two authenticated endpoints.
#[derive(Debug)]
pub(crate) struct Channel {
    role: Role,
    ours: ConnectionId,
    theirs: ConnectionId,
    keys: Box<EpochKeys>,
    peer: Arc<PeerIdentity>,
    negotiated: Negotiated,
    binding: ChannelBinding,

    next_number: u64,
    in_flight: InFlightPackets,
    rtt: Rtt,
    /// Counts routes: packets of different routes may overtake each other.
    path: u32,
    path_changed_at: Option<Instant>,
    /// Nothing can be sent until the peer is heard again.
    route_gone: bool,

    outbox: Outbox,
    peer_credit: u64,
    peer_packets: u64,
    max_packets: u64,
    max_packet_bytes: usize,

    inbox: Inbox,
    received: Received,
    ack: AckDebt,

    probes_owed: u8,
    backoff: u32,
    silence: Silence,
    ping_interval: Duration,
    timers: Timers,

    confirmation: Confirmation,
    confirmed_at: Option<Instant>,
    ending: Ending,
    linger: Duration,
    stall_after: Duration,

    /// The peer is back from an outage, and it is not known yet what that cost.
    returned: Option<Return>,
    events: VecDeque<Event>,
    stats: SessionStats,
    /// Control frames are gathered here before their packet is laid out.
    control: Vec<u8>,
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

/// Whether the client knows that the server verified its Finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmation {
    /// Client: not heard yet. Server: repeated in each packet until a data packet of the client shows that it was heard.
    Pending,
    Done,
}

impl Channel {
    pub(crate) fn new(agreement: Agreement, outbox: Outbox, limits: &Limits, now: Instant) -> Self {
        let Agreement {
            role,
            ours,
            theirs,
            keys,
            next_number,
            parameters,
            peer,
            negotiated,
            binding,
            jitter,
        } = agreement;
        let ping_interval = limits.ping_interval.min(parameters.ping_interval);
        let mut channel = Self {
            role,
            ours,
            theirs,
            keys,
            peer,
            negotiated,
            binding,
            next_number,
            in_flight: InFlightPackets::default(),
            rtt: Rtt::default(),
            path: 0,
            path_changed_at: None,
            route_gone: false,
            outbox,
            peer_credit: parameters.window_bytes,
            peer_packets: parameters.packets,
            max_packets: u64::from(limits.max_packets_in_flight),
            max_packet_bytes: limits.max_packet_bytes,
            inbox: Inbox::new(InboxLimits {
                message_bytes: limits.max_message_bytes,
                window_bytes: limits.window_bytes,
            }),
            received: Received::default(),
            ack: AckDebt::default(),
            probes_owed: 0,
            backoff: 0,
            silence: Silence::new(role, limits, &parameters, ping_interval, now),
            // Up to an eighth earlier, differently in each client: a thousand that connect together do not ping together.
            ping_interval: ping_interval - ping_interval / 8 * u32::from(jitter) / 256,
            timers: Timers::default(),
            confirmation: Confirmation::Pending,
            confirmed_at: None,
            ending: Ending::Open,
            linger: limits.linger,
            stall_after: limits.stall_after,
            returned: None,
            events: VecDeque::new(),
            stats: SessionStats {
                handshakes: 1,
                ..SessionStats::default()
            },
            control: Vec::new(),
        };
        // Confirms the handshake at once, and is asked for until the client is heard.
        channel.probes_owed = u8::from(role == Role::Server);
        channel.set_silence_timer();
        channel
    }

    /// Takes over what was queued before the handshake; fails if it holds a message that the peer does not accept.
    pub(crate) fn adopt(&mut self, mut outbox: Outbox, parameters_limit: u64, now: Instant) {
        let fits = outbox.limit_messages(parameters_limit);
        self.outbox = outbox;
        if let Err(message_bytes) = fits {
            self.end(
                CloseReason::TooLarge {
                    message_bytes,
                    limit_bytes: parameters_limit,
                },
                now,
            );
        }
    }

    /// Takes a round trip that was measured during the handshake.
    pub(crate) fn measured(&mut self, round_trip: Duration) {
        self.rtt.sample(round_trip);
    }

    /// Tells the application that the session has begun.
    pub(crate) fn announce(&mut self) {
        self.events.push_front(Event::Established(Established {
            peer: Arc::clone(&self.peer),
            negotiated: self.negotiated,
            binding: self.binding,
        }));
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

    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            if self.events.is_empty() {
                self.events = VecDeque::new();
            }
            return Some(event);
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

    /// Whether this is a server's side whose client has not shown that it knows of the session: the application does not either.
    ///
    /// A client that misses the confirmation for too long begins anew. Were the session told before, it would be a ghost
    /// that takes messages until its retention is over.
    fn is_unheard(&self) -> bool {
        self.role == Role::Server && self.confirmation == Confirmation::Pending
    }

    fn may_deliver(&self) -> bool {
        !matches!(self.ending, Ending::Closed { deliver: false, .. })
    }

    /// The application has the message from here on: that is what is acknowledged.
    #[inline]
    fn hand_over(&mut self, message: Message, now: Instant) -> Event {
        let untold = self.inbox.handed() - self.ack.told_handed;
        if untold >= self.inbox.window_bytes() / 4 {
            self.ack.now = true;
        } else {
            self.timers.set_earliest(Timer::Ack, now + ACK_DELAY);
        }
        self.finish_if_drained(now);
        Event::Message(message)
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

    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmation == Confirmation::Done
    }

    pub(crate) fn ours(&self) -> ConnectionId {
        self.ours
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
