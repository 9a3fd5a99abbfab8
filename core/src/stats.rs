//! What is counted.

use std::ops::AddAssign;

/// What was counted over the life of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Handshakes that were completed.
    pub handshakes: u64,
    /// Of them, those that went on with the session as it was, under new keys.
    pub joins: u64,
    /// Of them, those after which the session began anew, since the peer had.
    pub restarts: u64,
    /// Key updates, by either side.
    pub key_updates: u64,
    /// Data packets sent.
    pub packets_sent: u64,
    /// Data packets received, opened and used.
    pub packets_received: u64,
    /// Packets dropped: not parsed, not opened, replayed, late or not for this session.
    pub packets_dropped: u64,
    /// Packets that were found lost.
    pub packets_lost: u64,
    /// Messages of which at least a part was sent again, each time it was.
    pub messages_replayed: u64,
    /// Bytes of messages that were sent again.
    pub bytes_replayed: u64,
    /// Times that the peer was found unreachable.
    pub outages: u64,
}

/// What a listener counted over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerStats {
    /// Sessions that were established.
    pub sessions: u64,
    /// Packets too short, too long or of a kind that nobody may send here.
    pub malformed: u64,
    /// Packets of another protocol version.
    pub other_version: u64,
    /// Packets for a connection id that is not known.
    pub unknown_id: u64,
    /// Of them, those that were answered: their sender learns that its session is not known here.
    pub unknown_answered: u64,
    /// First packets answered with a cookie, because many handshakes were in progress.
    pub retries: u64,
    /// First packets whose cookie was forged, too old, used before, or given to another route.
    pub cookies_refused: u64,
    /// Handshakes that went on with a session as it was, under new keys.
    pub joins: u64,
    /// Requests to go on with a session that is not known, or without proof of it.
    pub joins_refused: u64,
    /// Sessions whose client had restarted.
    pub restarts: u64,
    /// Packets that named a session or an attempt and did not open, or were replayed.
    pub dropped: u64,
    /// First packets turned away because too many handshakes are in progress.
    pub attempts_refused: u64,
    /// Handshakes that failed.
    pub attempts_failed: u64,
    /// Handshakes that were not finished in time.
    pub attempts_expired: u64,
    /// Clients turned away because as many sessions as configured are held.
    pub sessions_refused: u64,
    /// Last packets of ended sessions forgotten early, to make room.
    pub tombstones_evicted: u64,
}

/// How much a session holds for messages that the peer has not acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Bytes sent and not acknowledged by the peer's application.
    pub sent_bytes: u64,
    /// Bytes not sent yet.
    pub unsent_bytes: u64,
}

impl AddAssign for SessionStats {
    fn add_assign(&mut self, other: Self) {
        let Self {
            handshakes,
            joins,
            restarts,
            key_updates,
            packets_sent,
            packets_received,
            packets_dropped,
            packets_lost,
            messages_replayed,
            bytes_replayed,
            outages,
        } = other;
        self.handshakes += handshakes;
        self.joins += joins;
        self.restarts += restarts;
        self.key_updates += key_updates;
        self.packets_sent += packets_sent;
        self.packets_received += packets_received;
        self.packets_dropped += packets_dropped;
        self.packets_lost += packets_lost;
        self.messages_replayed += messages_replayed;
        self.bytes_replayed += bytes_replayed;
        self.outages += outages;
    }
}
