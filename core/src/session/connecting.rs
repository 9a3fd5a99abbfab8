//! A session before its first handshake is confirmed.

use std::time::{Duration, Instant};

use rustls::Error;
use rustls::pki_types::ServerName;

use crate::attempt::{ClientAttempt, ClientProgress};
use crate::channel::Channel;
use crate::config::ClientConfig;
use crate::state::{Reachability, ReachabilityInput, SessionInput, SessionState};
use crate::stream::Outbox;
use crate::wire::header::Header;
use crate::{CloseReason, Closed, Event, Packet, Unreachable};

/// How long after a failed attempt the next one begins, at first and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

/// A session before its first handshake is confirmed: messages wait in the outbox.
#[derive(Debug)]
pub(super) struct Connecting {
    server: ServerName<'static>,
    incarnation: [u8; 16],
    pub(super) outbox: Outbox,
    /// The handshake in progress; none while the next one is waited for.
    attempt: Option<ClientAttempt>,
    /// The last packet of an attempt that failed here.
    farewell: Option<Vec<u8>>,
    failures: u32,
    last_failure: Option<String>,
    retry_at: Option<Instant>,
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
        let incarnation = config.common().random()?;
        let attempt = ClientAttempt::new(config, server.clone(), incarnation, now)?;
        let limits = config.limits();
        Ok(Self {
            server,
            incarnation,
            outbox: Outbox::new(limits.outbox(limits.max_message_bytes)),
            attempt: Some(attempt),
            farewell: None,
            failures: 0,
            last_failure: None,
            retry_at: None,
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
        let attempt = self
            .attempt
            .as_mut()
            .filter(|attempt| attempt.ours() == header.0.destination)?;
        Some(match attempt.handle_packet(config, header, packet, now)? {
            ClientProgress::None => Outcome::Connecting,
            ClientProgress::Confirmed {
                channel,
                max_message_bytes,
            } => Outcome::Established(self.establish(channel, max_message_bytes, now)),
            ClientProgress::Failed { why, farewell } => {
                self.fail(why, now);
                self.farewell = farewell;
                Outcome::Connecting
            }
            ClientProgress::Refused { reason, farewell } => Outcome::Over(self.end(reason, farewell)),
        })
    }

    fn establish(&mut self, mut channel: Box<Channel>, max_message_bytes: u64, now: Instant) -> Box<Channel> {
        channel.adopt(
            std::mem::replace(&mut self.outbox, Outbox::empty()),
            max_message_bytes,
            now,
        );
        channel.announce();
        if let Some(linger_ends) = self.linger_ends {
            channel.close_by(linger_ends);
        }
        channel
    }

    /// The attempt is over; the next one begins a little later each time.
    fn fail(&mut self, why: String, now: Instant) {
        self.attempt = None;
        self.last_failure = Some(why);
        let wait = FIRST_RETRY * 2u32.pow(self.failures.min(10));
        self.retry_at = Some(now + wait.min(SLOWEST_RETRY));
        self.failures += 1;
    }

    /// Ends the session; everything queued is reported.
    pub(super) fn end(&mut self, reason: CloseReason, farewell: Option<Vec<u8>>) -> Ended {
        debug_assert!(SessionState::Connecting.on(SessionInput::of(&reason)).is_some());
        let (in_doubt, unsent) = self.outbox.undelivered();
        self.outbox.clear();
        Ended {
            told: Some(Box::new(Closed {
                reason,
                in_doubt,
                unsent,
            })),
            farewell,
        }
    }

    /// Goes on until what is queued is delivered, but not for longer than the linger time.
    pub(super) fn close(&mut self, linger: Duration, now: Instant) -> Outcome {
        if self.outbox.is_empty() {
            return Outcome::Over(self.end(CloseReason::Finished, None));
        }
        self.linger_ends.get_or_insert(now + linger);
        Outcome::Connecting
    }

    pub(super) fn is_closing(&self) -> bool {
        self.linger_ends.is_some()
    }

    pub(super) fn handle_timeout(&mut self, config: &ClientConfig, now: Instant) -> Outcome {
        if self
            .attempt
            .as_mut()
            .is_some_and(|attempt| attempt.poll_timeout() <= now && attempt.handle_timeout(now))
        {
            self.fail("the server answered, and then did not finish the handshake".into(), now);
        }
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            match ClientAttempt::new(config, self.server.clone(), self.incarnation, now) {
                Ok(attempt) => self.attempt = Some(attempt),
                Err(error) => self.fail(error.to_string(), now),
            }
        }
        if self.linger_ends.is_some_and(|ends| ends <= now) {
            return Outcome::Over(self.end(CloseReason::LingerExpired, None));
        }
        self.judge_silence(config, now)
    }

    fn judge_silence(&mut self, config: &ClientConfig, now: Instant) -> Outcome {
        if now < self.silence_deadline(config) {
            return Outcome::Connecting;
        }
        let silent_for = now.duration_since(self.since);
        if self.reachability == Reachability::Unreachable {
            return Outcome::Over(self.end(CloseReason::Lost { silent_for }, None));
        }
        self.reachability = self
            .reachability
            .on(ReachabilityInput::Silent)
            .expect("a move of the printed table");
        let last_failure = self.last_failure.clone();
        self.unreachable = Some(Unreachable {
            silent_for,
            established: false,
            last_failure,
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
        let attempt = self.attempt.as_ref().map(ClientAttempt::poll_timeout);
        let others = attempt.into_iter().chain(self.retry_at).chain(self.linger_ends);
        others.fold(self.silence_deadline(config), Instant::min)
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.farewell.take().or_else(|| self.attempt.as_mut()?.poll_transmit())
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.unreachable.take().map(Event::Unreachable)
    }

    pub(super) fn reachability(&self) -> Reachability {
        self.reachability
    }

    /// The transport is connected anew.
    pub(super) fn path_changed(&mut self, now: Instant) {
        if let Some(attempt) = &mut self.attempt {
            attempt.repeat_now(now);
        }
    }
}
