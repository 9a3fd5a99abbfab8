//! The deadlines of a channel: few, so an array holds them, and a spurious wake-up costs a comparison each.

use std::time::Instant;

/// What a channel waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// An acknowledgement has waited long enough for company.
    Ack,
    /// An answer is overdue: ask.
    Probe,
    /// The client was idle: show the server where it is.
    Ping,
    /// The peer has been silent: tell the application, or give up.
    Silence,
    /// The time that closing may take is over.
    Linger,
    /// A large message made no progress.
    Stall,
    /// Late packets of the previous epoch are late no more.
    OldKeys,
    /// The client was never heard after its handshake.
    Unheard,
}

const TIMERS: [Timer; 8] = [
    Timer::Ack,
    Timer::Probe,
    Timer::Ping,
    Timer::Silence,
    Timer::Linger,
    Timer::Stall,
    Timer::OldKeys,
    Timer::Unheard,
];

/// The deadlines that are set.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; TIMERS.len()]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    /// Sets a deadline unless an earlier one is set.
    pub(super) fn set_earliest(&mut self, timer: Timer, at: Instant) {
        let slot = &mut self.0[timer as usize];
        *slot = Some(slot.map_or(at, |set| set.min(at)));
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    pub(super) fn earliest(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one deadline that has passed.
    pub(super) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let expired = TIMERS
            .into_iter()
            .find(|&timer| self.0[timer as usize].is_some_and(|at| at <= now))?;
        self.stop(expired);
        Some(expired)
    }
}
