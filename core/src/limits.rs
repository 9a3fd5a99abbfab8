//! Times and sizes, with their reasons.

use std::time::Duration;

use crate::ConfigError;
use crate::stream::{MAX_MESSAGE_BYTES, OutboxLimits};
use crate::wire::header::MAX_PACKET_BYTES;

/// Smaller packets would only cost more of them (RFC 9000 §14).
const MIN_PACKET_BYTES: usize = 1200;
/// More packets than this on the way would be more than any transport's high-water mark.
const MAX_PACKETS_IN_FLIGHT: u16 = 4096;
/// See [`Limits::packets_per_key`].
const MAX_PACKETS_PER_KEY: u64 = 1 << 20;
/// No deadline is further away: arithmetic with instants stays far from its limits.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Times and sizes. Each default states its reason; both sides may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message accepted from the peer, in bytes, announced to it; of a message of several parts, the 1 to 8
    /// bytes before each part count as well. Default 64 MiB.
    pub max_message_bytes: u64,
    /// How much the peer may send ahead of what the application took, in bytes. Default 1 MiB: a loopback or a LAN is
    /// kept busy, and a thousand sessions whose applications all look away hold a few gigabytes at worst.
    pub window_bytes: u64,
    /// How many bytes are held for messages that the peer has not acknowledged. Default 64 MiB. One message is always accepted
    /// when nothing is held.
    pub send_buffer_bytes: u64,
    /// Memory for messages larger than the window, over all sessions together, in bytes. Default 256 MiB.
    pub pool_bytes: u64,
    /// The largest packet sent, in bytes, but for the first of each side, which is as long as its TLS hello: 1,200 to 65,536. Default 64 KiB: RFC 9001 §6.6 states its limits for packets up to that length.
    pub max_packet_bytes: usize,
    /// How many packets may be unacknowledged: 1 to 4,096. Default 256: message transports count messages at their high-water mark.
    pub max_packets_in_flight: u16,
    /// After how long without a sign of the peer `Unreachable` is told. Default 3 s: below, a busy peer would count as gone.
    pub unreachable_after: Duration,
    /// How long a session with an unreachable peer is kept; the smaller of both sides' wins. Default 10 min.
    pub retention: Duration,
    /// How often an idle client shows the server where it is; the smaller of both sides' wins. Default 15 s: the longest
    /// that a changed route goes unnoticed while the client is idle.
    pub ping_interval: Duration,
    /// How long `close` waits until both sides have everything. Default 30 s.
    pub linger: Duration,
    /// How long a session goes on with the secrets of one handshake before its client makes another, beside the session and without
    /// a gap. Default one day: who copies the keys of a session out of memory can read on until then, and no longer.
    pub renew_after: Duration,
    /// How many packets are sealed under one key before the next is used. Default, and at most, 2^20: an eighth of what
    /// RFC 9001 §6.6 allows, and with the longest packets 64 GiB.
    pub packets_per_key: u64,
    /// Whether messages that wait to be sent share packets. Default true: under load a packet carries about a thousand messages of
    /// 64 bytes. Without it each message has packets of its own, so that their number and lengths on the wire are those of the
    /// messages; each of them then costs a packet's header, seal and way through the transport, which for small messages is
    /// several times the time, and [`max_packets_in_flight`](Self::max_packets_in_flight) limits messages. The peer need not know.
    pub share_packets: bool,
    /// How long a large message may make no progress while others wait for the pool. Default 60 s.
    pub stall_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 << 20,
            window_bytes: 1 << 20,
            send_buffer_bytes: 64 << 20,
            pool_bytes: 256 << 20,
            max_packet_bytes: MAX_PACKET_BYTES,
            max_packets_in_flight: 256,
            unreachable_after: Duration::from_secs(3),
            retention: Duration::from_secs(600),
            ping_interval: Duration::from_secs(15),
            linger: Duration::from_secs(30),
            renew_after: Duration::from_secs(24 * 3600),
            packets_per_key: MAX_PACKETS_PER_KEY,
            share_packets: true,
            stall_after: Duration::from_secs(60),
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let packets = 1..=MAX_PACKETS_IN_FLIGHT;
        let rules: [(&str, &str, bool); 10] = [
            (
                "max_message_bytes",
                "at most 2^60 - 1",
                self.max_message_bytes <= MAX_MESSAGE_BYTES,
            ),
            (
                "window_bytes",
                "1,200 bytes to 4 GiB",
                (1200..=1 << 32).contains(&self.window_bytes),
            ),
            ("pool_bytes", "at least max_message_bytes and at most 2^60 - 1", {
                (self.max_message_bytes..=MAX_MESSAGE_BYTES).contains(&self.pool_bytes)
            }),
            ("max_packet_bytes", "1,200 to 65,536", {
                (MIN_PACKET_BYTES..=MAX_PACKET_BYTES).contains(&self.max_packet_bytes)
            }),
            (
                "max_packets_in_flight",
                "1 to 4,096",
                packets.contains(&self.max_packets_in_flight),
            ),
            (
                "ping_interval",
                "at least 10 ms",
                self.ping_interval >= Duration::from_millis(10),
            ),
            (
                "renew_after",
                "at least 1 s",
                self.renew_after >= Duration::from_secs(1),
            ),
            (
                "packets_per_key",
                "1 to 1,048,576",
                (1..=MAX_PACKETS_PER_KEY).contains(&self.packets_per_key),
            ),
            (
                "stall_after",
                "at least 1 ms",
                self.stall_after >= Duration::from_millis(1),
            ),
            (
                "send_buffer_bytes",
                "at most 2^60 - 1",
                self.send_buffer_bytes <= MAX_MESSAGE_BYTES,
            ),
        ];
        let durations = [
            ("unreachable_after", self.unreachable_after),
            ("retention", self.retention),
            ("ping_interval", self.ping_interval),
            ("linger", self.linger),
            ("renew_after", self.renew_after),
            ("stall_after", self.stall_after),
        ];
        let rules = rules.into_iter().chain(
            durations
                .into_iter()
                .map(|(name, duration)| (name, "at most ten years", duration <= MAX_DURATION)),
        );
        match rules.into_iter().find(|(.., kept)| !kept) {
            Some((name, must, _)) => Err(ConfigError::Limit { name, must }),
            None => Ok(()),
        }
    }

    /// The limits of what is sent to a peer that accepts messages of `peer_message_bytes`.
    pub(crate) fn outbox(&self, peer_message_bytes: u64) -> OutboxLimits {
        OutboxLimits {
            message_bytes: peer_message_bytes,
            held_bytes: self.send_buffer_bytes,
            share_packets: self.share_packets,
        }
    }
}
