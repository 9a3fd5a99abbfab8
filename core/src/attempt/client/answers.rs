//! Answers of a server that holds nothing for the client. Nothing proves them.

use std::time::{Duration, Instant};

use super::{ClientAttempt, Stage};
use crate::wire::header::{Header, Kind};

/// How many cookies a client returns in one attempt: the route, and with it the cookie, changes with each reconnect.
const MAX_RETRIES: u32 = 5;
/// How often a server may say that it does not know a handshake, until that has failed. Two servers behind one address say so by turns
/// with answers; somebody on the path may say it without reason.
const MAX_UNKNOWNS: u32 = 6;
/// How soon a flight is repeated when a server does not know the attempt: not before that server would say so again.
const AFTER_UNKNOWN: Duration = Duration::from_millis(60);

impl ClientAttempt {
    /// A server wants to see that its answers arrive. Anybody could say so who sees the first packet: it costs that packet once more,
    /// a few times. Returns whether the attempt is hopeless; `None` if this was no answer to its newest packet.
    pub(crate) fn handle_retry(&mut self, header: &Header, cookie: &[u8], now: Instant) -> Option<bool> {
        let Kind::Retry { first_destination } = header.kind else {
            return None;
        };
        if first_destination != self.first_destination || header.number + 1 != self.next_number {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Hello { tls, keys, hello } => {
                self.retries += 1;
                self.say_hello(&keys, &hello, cookie);
                self.repeat_at = now + self.interval;
                self.stage = Stage::Hello { tls, keys, hello };
                Some(self.retries > MAX_RETRIES)
            }
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    /// Whether this answers a packet that the attempt sent.
    pub(crate) fn has_sent(&self, header: &Header) -> bool {
        header.destination == self.theirs && header.number < self.next_number && self.answered_at.is_some()
    }

    /// A server says that it does not know the attempt: ask again, and believe it when it keeps saying so. Returns whether the
    /// attempt is hopeless.
    pub(crate) fn handle_unknown(&mut self, now: Instant) -> bool {
        self.unknowns += 1;
        self.repeat_at = self.repeat_at.min(now + AFTER_UNKNOWN);
        self.unknowns >= MAX_UNKNOWNS
    }
}
