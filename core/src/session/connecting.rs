//! A session before its first handshake is confirmed.

use std::time::{Duration, Instant};

use rustls::Error;
use rustls::pki_types::ServerName;

use super::attempts::{Attempts, Progress};
use crate::attempt::Confirmed;
use crate::channel::Channel;
use crate::config::ClientConfig;
use crate::state::{Reachability, ReachabilityInput, SessionInput, SessionState};
use crate::stream::Outbox;
use crate::wire::header::Header;
use crate::{CloseReason, Closed, Event, Packet, Unreachable};

/// A session before its first handshake is confirmed: messages wait in the outbox.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) outbox: Outbox,
    pub(super) attempts: Attempts,
    since: Instant,
    reachability: Reachability,
    unreachable: Option<Unreachable>,
    linger_ends: Option<Instant>,
}

/// What became of the session.
pub(super) enum Outcome {
    Connecting,
    Established(Box<Channel>),
    Over(Ended),
}

/// A session that ended before it was established.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) told: Option<Box<Closed>>,
    pub(super) farewell: Option<Vec<u8>>,
}

impl Connecting {
    pub(super) fn new(config: &ClientConfig, server: ServerName<'static>, now: Instant) -> Result<Self, Error> {
        let mut attempts = Attempts::new(server, config.common().random()?, now);
        attempts.begin(config, now)?;
        let limits = config.limits();
        Ok(Self {
            outbox: Outbox::new(limits.outbox(limits.max_message_bytes)),
            attempts,
            since: now,
            reachability: Reachability::Reachable,
            unreachable: None,
            linger_ends: None,
        })
    }

    /// Takes a packet; `None` if it was dropped.
    pub(super) fn handle_packet(
        &mut self,
        config: &ClientConfig,
        header: (&Header, usize),
        packet: Packet,
        now: Instant,
    ) -> Option<Outcome> {
        Some(match self.attempts.handle_packet(config, header, packet, now)? {
            Progress::None => Outcome::Connecting,
            Progress::Confirmed(confirmed) => Outcome::Established(self.establish(confirmed, now)),
            Progress::Refused(reason) => Outcome::Over(self.end(reason)),
        })
    }

    fn establish(&mut self, confirmed: Confirmed, now: Instant) -> Box<Channel> {
        self.attempts.succeeded();
        let Confirmed {
            mut channel, opened, ..
        } = confirmed;
        channel.begin(None, now);
        channel.adopt(std::mem::replace(&mut self.outbox, Outbox::empty()), now);
        channel.take(&opened, now);
        if let Some(linger_ends) = self.linger_ends {
            channel.close_by(linger_ends);
        }
        channel
    }

    /// Ends the session; everything queued is reported.
    pub(super) fn end(&mut self, reason: CloseReason) -> Ended {
        debug_assert!(SessionState::Connecting.on(SessionInput::of(&reason)).is_some());
        let (in_doubt, unsent) = self.outbox.undelivered();
        self.outbox.clear();
        Ended {
            told: Some(Box::new(Closed {
                reason,
                in_doubt,
                unsent,
            })),
            farewell: self.attempts.poll_farewell(),
        }
    }

    /// Goes on until what is queued is delivered, but not for longer than the linger time.
    pub(super) fn close(&mut self, linger: Duration, now: Instant) -> Outcome {
        if self.outbox.is_empty() {
            return Outcome::Over(self.end(CloseReason::Finished));
        }
        self.linger_ends.get_or_insert(now + linger);
        Outcome::Connecting
    }

    pub(super) fn is_closing(&self) -> bool {
        self.linger_ends.is_some()
    }

    pub(super) fn handle_timeout(&mut self, config: &ClientConfig, now: Instant) -> Outcome {
        self.attempts.handle_timeout(config, now);
        if self.linger_ends.is_some_and(|ends| ends <= now) {
            return Outcome::Over(self.end(CloseReason::LingerExpired));
        }
        self.judge_silence(config, now)
    }

    fn judge_silence(&mut self, config: &ClientConfig, now: Instant) -> Outcome {
        if now < self.silence_deadline(config) {
            return Outcome::Connecting;
        }
        let silent_for = now.duration_since(self.since);
        if self.reachability == Reachability::Unreachable {
            return Outcome::Over(self.end(CloseReason::Lost { silent_for }));
        }
        self.reachability = self
            .reachability
            .on(ReachabilityInput::Silent)
            .expect("a move of the printed table");
        self.unreachable = Some(Unreachable {
            silent_for,
            established: false,
            probable_cause: self.attempts.last_failure().cloned(),
        });
        Outcome::Connecting
    }

    fn silence_deadline(&self, config: &ClientConfig) -> Instant {
        let limits = config.limits();
        match self.reachability {
            Reachability::Reachable => self.since + limits.unreachable_after,
            _ => self.since + limits.retention.max(limits.unreachable_after),
        }
    }

    pub(super) fn poll_timeout(&self, config: &ClientConfig) -> Instant {
        let others = self.attempts.poll_timeout().into_iter().chain(self.linger_ends);
        others.fold(self.silence_deadline(config), Instant::min)
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.unreachable.take().map(Event::Unreachable)
    }

    pub(super) fn has_event(&self) -> bool {
        self.unreachable.is_some()
    }

    pub(super) fn reachability(&self) -> Reachability {
        self.reachability
    }
}
