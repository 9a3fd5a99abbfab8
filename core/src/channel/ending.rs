//! How a session ends: in order, when each side has everything of the other, or else by what went wrong.

use std::time::{Duration, Instant};

use super::Channel;
use super::last_word::LastWord;
use super::sent::InFlightPackets;
use super::timer::Timer;
use crate::state::{SessionInput, SessionState};
use crate::{CloseCode, CloseReason, Closed, SendError, Violation};

/// How long the last packet of a session is kept to answer a peer that missed it: several probes at their slowest.
pub(crate) const TOMBSTONE_LIFE: Duration = Duration::from_secs(30);

/// How many probe timeouts a side that has everything waits for the peer's last word.
const LAST_WORD_TIMEOUTS: u32 = 4;

/// How far the end has come.
#[derive(Debug)]
pub(super) enum Ending {
    Open,
    /// Either side stopped sending; each side's end of stream must arrive and be acknowledged.
    Closing {
        finish: Finish,
    },
    Closed {
        last_word: LastWord,
        /// Told when the application has taken the messages that had arrived.
        told: Option<Box<Closed>>,
        /// Whether those messages may still be taken.
        deliver: bool,
        until: Instant,
    },
}

/// The frame that tells where this side's stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Owed,
    Sent,
    Acknowledged,
}

impl Channel {
    pub(super) fn check_open(&self) -> Result<(), SendError> {
        match self.ending {
            Ending::Open => Ok(()),
            _ => Err(SendError::Closed),
        }
    }

    /// Stops sending. What was sent is still delivered, and what the peer sends still received.
    pub(crate) fn close(&mut self, now: Instant) {
        self.close_by(now + self.linger);
    }

    pub(crate) fn close_by(&mut self, linger_ends: Instant) {
        if matches!(self.ending, Ending::Open) {
            let before = self.state();
            self.ending = Ending::Closing { finish: Finish::Owed };
            self.moved(before, SessionInput::CloseRequested);
            self.timers.set(Timer::Linger, linger_ends);
        }
    }

    /// Ends the session once each side has everything of the other.
    pub(super) fn finish_if_drained(&mut self, now: Instant) {
        match self.ending {
            Ending::Closing {
                finish: Finish::Acknowledged,
            } if self.is_drained() => {
                self.end(CloseReason::Finished, now);
            }
            // Only the peer's last word is missing, which may be lost with the peer gone: that is not worth the linger time.
            Ending::Closing { .. } if self.is_drained() => {
                self.timers
                    .set_earliest(Timer::Linger, now + self.rtt.probe_timeout() * LAST_WORD_TIMEOUTS);
            }
            _ => {}
        }
    }

    /// Whether the peer has everything of this side, and this side everything of the peer.
    pub(super) fn is_drained(&self) -> bool {
        self.outbox.is_empty() && self.inbox.is_drained()
    }

    /// The time for closing is over.
    pub(super) fn end_linger(&mut self, now: Instant) {
        let reason = if self.is_drained() {
            CloseReason::Finished
        } else {
            CloseReason::LingerExpired
        };
        self.end(reason, now);
    }

    /// Ends the session: lists what was not delivered, and seals the packet that tells the peer.
    pub(crate) fn end(&mut self, reason: CloseReason, now: Instant) {
        if matches!(self.ending, Ending::Closed { .. }) {
            return;
        }
        let (before, input) = (self.state(), SessionInput::of(&reason));
        let (in_doubt, unsent) = self.outbox.undelivered();
        let (code, now_due) = match &reason {
            CloseReason::LingerExpired => (CloseCode::LingerExpired, true),
            CloseReason::Stalled => (CloseCode::Stalled, true),
            CloseReason::Refused { code } => (*code, true),
            CloseReason::PeerRestarted => (CloseCode::Superseded, true),
            CloseReason::Violation(_) => (CloseCode::Violation, true),
            CloseReason::TooLarge { .. } => (CloseCode::TooLarge, true),
            CloseReason::KeysSpent => (CloseCode::KeysSpent, true),
            CloseReason::Aborted | CloseReason::Misrouted => (CloseCode::Aborted, true),
            // Whoever is lost is told when it comes back.
            CloseReason::Lost { .. } => (CloseCode::Lost, false),
            _ => (CloseCode::Finished, true),
        };
        let told_by_peer = matches!(reason, CloseReason::ByPeer { .. } | CloseReason::Superseded);
        let speaks = !told_by_peer && !self.generation.keys.exhausted();
        let words = if code == CloseCode::Finished {
            String::new()
        } else {
            reason.to_string()
        };
        let packet = speaks.then(|| self.close_packet(code, &words, now));
        let last_word = LastWord::new(packet, now_due);
        self.inbox.abandon_incomplete();
        let deliver = !matches!(reason, CloseReason::Violation(_)) && !self.restart_untold;
        self.forget_untold_restart();
        let told = (!self.is_unconfirmed()).then(|| {
            Box::new(Closed {
                reason,
                in_doubt,
                unsent,
            })
        });
        self.ending = Ending::Closed {
            last_word,
            told,
            deliver,
            until: now + TOMBSTONE_LIFE,
        };
        self.moved(before, input);
        self.outbox.clear();
        self.generation.in_flight = InFlightPackets::default();
        self.timers.stop_all();
    }

    /// What arrived is not a message: neither is what follows, also when the session was over before.
    pub(super) fn end_undeliverable(&mut self, violation: Violation, now: Instant) {
        self.end(CloseReason::Violation(violation), now);
        if let Ending::Closed { deliver, .. } = &mut self.ending {
            *deliver = false;
        }
    }

    /// The moves of a session are those of the printed table, or this is a defect of ours.
    pub(super) fn moved(&self, from: SessionState, input: SessionInput) {
        debug_assert_eq!(from.on(input), Some(self.state()), "from {from:?} on {input:?}");
    }

    pub(crate) fn state(&self) -> SessionState {
        match self.ending {
            Ending::Open | Ending::Closing { .. } if self.is_unconfirmed() => SessionState::Connecting,
            Ending::Open => SessionState::Established,
            Ending::Closing { .. } => SessionState::Closing,
            Ending::Closed { .. } => SessionState::Closed,
        }
    }

    /// Once the end was told: the packet that answers a peer which missed it, and how long it is kept.
    pub(crate) fn take_tombstone(&mut self) -> Option<(LastWord, Instant)> {
        match &mut self.ending {
            Ending::Closed {
                last_word,
                told: None,
                until,
                ..
            } => Some((std::mem::replace(last_word, LastWord::new(None, false)), *until)),
            _ => None,
        }
    }
}
