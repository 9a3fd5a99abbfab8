//! What a client makes of the word, which nobody signed, that its server does not know the session.
//!
//! A server that lost its state can prove nothing: it says so, in clear, and echoes the packet that it could not read. That is
//! a hint. It begins a handshake beside the session; only that handshake, authenticated, shows whether the server is another
//! process. The hint is dropped as soon as the server acknowledges, under the session's keys, the packet that it is said not to know or a
//! later one. (Not at any authenticated packet: late ones of a server that died would call off the handshake that is due.)
//!
//! Behind a proxy with several backends both are true by turns. Whoever hears too often that the server does not know what it then
//! acknowledges, goes through with a handshake; and when two servers are each shown, under their own keys, to have lived before
//! and after the other, packets are misrouted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::channel::Channel;
use crate::config::ClientConfig;

/// The longest that a hint waits. Shorter, and the clients of a server that comes back begin their handshakes at one instant;
/// longer, and each of them waits for nothing.
const LONGEST_DELAY: Duration = Duration::from_millis(10);
/// After so many handshakes that were called off the next ones are not.
const PATIENCE: u32 = 3;
/// How long nothing calls for a handshake after one that only showed that the server knows the session; twice as long each time,
/// up to a minute. So whoever keeps saying the contrary soon costs no more than a handshake a minute, and a client behind two
/// backends, half of whose handshakes show it nothing, finds out within seconds.
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(64);
/// Doubts that were raised so long ago do not count any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);
/// How many servers that the session has left are remembered.
const MAX_LEFT: usize = 4;

/// Whether the server knows the session.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The number of the packet that somebody says is not known.
    about: Option<u64>,
    raised_at: Option<Instant>,
    /// Handshakes that were called off.
    called_off: u32,
    /// Handshakes that were needless.
    needless: u32,
}

impl Doubt {
    pub(super) fn raised(&mut self, number: u64, now: Instant) {
        if self
            .raised_at
            .is_some_and(|at| now.duration_since(at) >= FORGOTTEN_AFTER)
        {
            *self = Self::default();
        }
        (self.about, self.raised_at) = (Some(number), Some(now));
    }

    /// Whether the server has shown that it knows the session. Says so once.
    #[inline]
    pub(super) fn is_dispelled_by(&mut self, channel: &Channel) -> bool {
        self.about.take_if(|number| channel.is_acknowledged(*number)).is_some()
    }

    /// The handshake goes through whatever the server shows.
    pub(super) fn settle(&mut self) {
        self.about = None;
    }

    /// Whether the handshake that the doubt called for shall end.
    pub(super) fn calls_off(&mut self) -> bool {
        self.called_off += 1;
        self.called_off <= PATIENCE
    }

    /// Whether the server was said not to know the session, and shown that it does.
    pub(super) fn was_groundless(&self) -> bool {
        self.called_off > 0
    }

    /// A handshake showed that the server knows the session. Returns how long the next doubt waits.
    pub(super) fn answered(&mut self) -> Duration {
        self.about = None;
        if self.called_off == 0 {
            return Duration::ZERO;
        }
        self.needless += 1;
        (FIRST_REST * 2u32.pow((self.needless - 1).min(10))).min(LONGEST_REST)
    }

    /// How long a hint waits: differently in each client.
    pub(super) fn delay(config: &ClientConfig) -> Duration {
        LONGEST_DELAY * u32::from(config.common().random_byte()) / 256
    }
}

/// The servers that the session was with before the present one.
#[derive(Debug, Default)]
pub(super) struct Lives {
    left: VecDeque<[u8; 16]>,
}

impl Lives {
    /// The session is with another server from here on.
    pub(super) fn left(&mut self, incarnation: [u8; 16]) {
        self.left.truncate(MAX_LEFT - 1);
        self.left.push_front(incarnation);
    }

    /// Whether this server was left for another one, which cannot be if it had died.
    pub(super) fn are_over(&self, incarnation: [u8; 16]) -> bool {
        self.left.contains(&incarnation)
    }
}
