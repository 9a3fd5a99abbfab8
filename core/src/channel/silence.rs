//! How long the peer has been silent, and what that means.

use std::time::{Duration, Instant};

use super::Role;
use crate::Limits;
use crate::state::{Reachability, ReachabilityInput};
use crate::wire::parameters::Parameters;

/// What is known of the peer's presence.
#[derive(Debug)]
pub(super) struct Silence {
    state: Reachability,
    heard_at: Instant,
    /// When the first packet was sent that asked for an answer, since the peer was last heard.
    asked_at: Option<Instant>,
    unreachable_after: Duration,
    /// A server hears from an idle client this often, and so need not ask.
    expected_every: Option<Duration>,
    retention: Duration,
}

/// What a silence has come to.
pub(super) enum Verdict {
    Patience,
    Unreachable { silent_for: Duration },
    Lost { silent_for: Duration },
}

impl Silence {
    pub(super) fn new(role: Role, limits: &Limits, peer: &Parameters, ping_interval: Duration, now: Instant) -> Self {
        Self {
            state: Reachability::Reachable,
            heard_at: now,
            asked_at: None,
            unreachable_after: limits.unreachable_after,
            // Two pings: one may be lost with its connection.
            expected_every: (role == Role::Server).then_some(ping_interval * 2),
            retention: limits.retention.min(peer.retention),
        }
    }

    /// The peer is heard. Returns for how long it was not, if it had counted as unreachable.
    #[inline]
    pub(super) fn heard(&mut self, now: Instant) -> Option<Duration> {
        let silent_for = now.duration_since(self.heard_at);
        (self.heard_at, self.asked_at) = (now, None);
        if self.state == Reachability::Reachable {
            return None;
        }
        self.turn(ReachabilityInput::Heard);
        Some(silent_for)
    }

    /// A packet asks for an answer. Returns whether it is the first since the peer was heard.
    pub(super) fn asked(&mut self, now: Instant) -> bool {
        self.asked_at.replace(self.asked_at.unwrap_or(now)).is_none()
    }

    /// When [`judge`](Self::judge) will have something to say.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.state == Reachability::Unreachable {
            return Some(self.heard_at + self.retention);
        }
        let asked = self.asked_at.map(|at| at + self.unreachable_after);
        let expected = self
            .expected_every
            .map(|every| self.heard_at + every + self.unreachable_after);
        asked.into_iter().chain(expected).min()
    }

    pub(super) fn judge(&mut self, now: Instant) -> Verdict {
        let silent_for = now.duration_since(self.heard_at);
        if self.deadline().is_none_or(|deadline| now < deadline) {
            Verdict::Patience
        } else if self.state == Reachability::Unreachable {
            self.turn(ReachabilityInput::RetentionOver);
            Verdict::Lost { silent_for }
        } else {
            self.turn(ReachabilityInput::Silent);
            Verdict::Unreachable { silent_for }
        }
    }

    fn turn(&mut self, input: ReachabilityInput) {
        self.state = self.state.on(input).expect("a move of the printed table");
    }

    pub(super) fn reachability(&self) -> Reachability {
        self.state
    }
}
