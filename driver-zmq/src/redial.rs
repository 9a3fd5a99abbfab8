//! A connection that 0MQ gave up is begun anew.

use std::time::{Duration, Instant};

/// Decides when to disconnect and connect again by hand.
///
/// 0MQ reconnects by itself after a break, but never again after a breach of its own protocol (`session_base.cpp`,
/// `engine_error`): whatever else answered at the address once, for a moment, would silence the socket for good. It tells
/// nobody but a monitor. So: when packets went out and nothing at all came back for long, dial again.
pub(crate) struct Redial {
    unanswered_since: Option<Instant>,
    patience: Duration,
}

/// Shorter than the application's patience, longer than a reconnect and a slow peer take: dialling anew throws away what is queued.
const FIRST: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(60);

impl Redial {
    pub(crate) fn new() -> Self {
        Self {
            unanswered_since: None,
            patience: FIRST,
        }
    }

    pub(crate) fn sent(&mut self, now: Instant) {
        self.unanswered_since.get_or_insert(now);
    }

    pub(crate) fn heard(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.unanswered_since? + self.patience)
    }

    /// Whether to dial now. Says so once for each deadline.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if due {
            self.unanswered_since = Some(now);
            self.patience = (self.patience * 2).min(LONGEST);
        }
        due
    }
}
