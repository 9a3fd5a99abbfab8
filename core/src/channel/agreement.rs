//! From a finished handshake to a channel that nobody was told of yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::generation::{Generation, Opening};
use super::received::Received;
use super::rtt::Rtt;
use super::sent::InFlightPackets;
use super::silence::Silence;
use super::timer::{Timer, Timers};
use super::{AckDebt, Channel, Ending, Role};
use crate::attempt::ATTEMPT_LIFE;
use crate::config::Common;
use crate::stream::{Inbox, InboxLimits, Outbox};
use crate::tls::{EpochKeys, Handshake};
use crate::wire::header::ConnectionId;
use crate::wire::parameters::Parameters;
use crate::{PeerIdentity, SessionStats};

/// How long a server keeps a session whose client was never heard: longer than the client waits for the confirmation, which
/// begins anew then.
pub(crate) const UNHEARD_LIFE: Duration = ATTEMPT_LIFE.saturating_mul(2);

/// What a finished handshake leads to.
pub(crate) struct Agreement {
    pub(crate) role: Role,
    /// The id that packets to this side bear.
    pub(crate) ours: ConnectionId,
    /// The id that packets to the peer bear.
    pub(crate) theirs: ConnectionId,
    pub(crate) keys: Box<EpochKeys>,
    pub(crate) handshake: Box<Handshake>,
    /// The first packet number not used by the handshake.
    pub(crate) next_number: u64,
    pub(crate) parameters: Parameters,
    /// A byte of randomness, which spreads the pings of many clients.
    pub(crate) jitter: u8,
}

impl Channel {
    /// The channel that a handshake leads to. Nobody was told of it; fails only if rustls does not give what it has.
    pub(crate) fn new(agreement: Agreement, common: &Common, now: Instant) -> Result<Self, rustls::Error> {
        let Agreement {
            role,
            ours,
            theirs,
            keys,
            handshake,
            next_number,
            parameters,
            jitter,
        } = agreement;
        let limits = &common.limits;
        let ping_interval = limits.ping_interval.min(parameters.ping_interval);
        let outbox_limits = limits.outbox(parameters.max_message_bytes);
        let silence = Silence::new(role, limits, &parameters, ping_interval, now);
        let mut channel = Self {
            role,
            peer: Arc::new(PeerIdentity::new(
                handshake.peer_certificates(),
                parameters.endpoint_name,
            )),
            peer_incarnation: parameters.incarnation,
            negotiated: handshake.negotiated().ok_or(rustls::Error::HandshakeNotComplete)?,
            binding: handshake.binding()?,
            generation: Generation {
                ours,
                theirs,
                keys,
                next_number,
                in_flight: InFlightPackets::default(),
                acknowledged: None,
                received: Received::default(),
                join_secret: handshake.join_secret()?,
                opening: Opening::Unconfirmed(handshake),
            },
            earlier: None,
            rtt: Rtt::default(),
            lived_at: None,
            path: 0,
            path_changed_at: None,
            route_gone: false,
            outbox: Outbox::new(outbox_limits),
            outbox_limits,
            peer_credit: parameters.window_bytes,
            peer_packets: parameters.packets,
            max_packets: u64::from(limits.max_packets_in_flight),
            max_packet_bytes: limits.max_packet_bytes,
            packets_per_key: limits.packets_per_key,
            inbox: Inbox::new(InboxLimits {
                message_bytes: limits.max_message_bytes,
                window_bytes: limits.window_bytes,
                manual: common.delivery.manual_acknowledgement,
            }),
            ack: AckDebt::default(),
            // A server confirms the handshake at once, and goes on until its client is heard.
            probes_owed: u8::from(role == Role::Server),
            backoff: 0,
            silence,
            // Up to an eighth earlier, differently in each client: a thousand that connect together do not ping together.
            ping_interval: ping_interval - ping_interval / 8 * u32::from(jitter) / 256,
            timers: Timers::default(),
            confirmed_at: None,
            ending: Ending::Open,
            linger: limits.linger,
            stall_after: limits.stall_after,
            renewal_due: false,
            returned: None,
            events: VecDeque::new(),
            restart_untold: false,
            redeliver: common.delivery.redeliver,
            stats: SessionStats {
                handshakes: 1,
                ..SessionStats::default()
            },
            control: Vec::new(),
        };
        if role == Role::Server {
            channel.timers.set(Timer::Unheard, now + UNHEARD_LIFE);
        }
        Ok(channel)
    }
}
