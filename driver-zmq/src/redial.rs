//! A connection that 0MQ gave up is begun anew.

use std::time::{Duration, Instant};

/// Decides when to disconnect and connect again by hand.
///
/// 0MQ reconnects by itself after a break, but never again after a breach of its own protocol (`session_base.cpp`,
/// `engine_error`): whatever else answered at the address once, for a moment, would silence the socket for good, and 0MQ
/// tells nobody but a monitor. So: when a peer is found unreachable and stays so, dial again.
pub(crate) struct Redial {
    unreachable_since: Option<Instant>,
    patience: Duration,
}

/// Longer than a reconnect takes: dialling anew throws away what is queued.
const FIRST: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(60);

impl Redial {
    pub(crate) fn new() -> Self {
        Self {
            unreachable_since: None,
            patience: FIRST,
        }
    }

    /// Takes note of what the session finds.
    pub(crate) fn note(&mut self, reachable: bool, now: Instant) {
        if reachable {
            *self = Self::new();
        } else {
            self.unreachable_since.get_or_insert(now);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.unreachable_since? + self.patience)
    }

    /// Whether to dial now. Says so once for each deadline.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if due {
            self.unreachable_since = Some(now);
            self.patience = (self.patience * 2).min(LONGEST);
        }
        due
    }
}
