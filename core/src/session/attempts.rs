//! A client's handshakes: one at a time, and after each that failed another, a little later each time.

use std::time::{Duration, Instant};

use rustls::Error;
use rustls::pki_types::ServerName;

use crate::attempt::{ClientAttempt, ClientProgress, Confirmed};
use crate::config::ClientConfig;
use crate::wire::header::Header;
use crate::{CloseReason, Packet};

/// How long after a failed attempt the next one begins, at first and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);
/// How much later a handshake begins that somebody's word calls for: shorter, and the clients of a server that comes back begin
/// theirs at one instant; longer, and each of them waits for nothing.
const LONGEST_DELAY: Duration = Duration::from_millis(10);
/// After so long without any the next one begins as early as the first.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// A client's handshakes, one at a time.
#[derive(Debug)]
pub(super) struct Attempts {
    server: ServerName<'static>,
    incarnation: [u8; 16],
    /// The handshake in progress; none while the next one is waited for, or none is needed.
    current: Option<ClientAttempt>,
    /// The last packet of an attempt that failed here.
    farewell: Option<Vec<u8>>,
    /// How many failed in a row.
    failures: u32,
    last_failure: Option<String>,
    begin_at: Option<Instant>,
    /// Not before this moment: whatever calls for handshakes, there are not many.
    not_before: Instant,
}

/// What a packet led to.
pub(super) enum Progress {
    None,
    Confirmed(Confirmed),
    /// This side refuses the server, or the server this client: whether that is the end depends on what stands behind the attempt.
    Refused(CloseReason),
}

impl Attempts {
    pub(super) fn new(server: ServerName<'static>, incarnation: [u8; 16], now: Instant) -> Self {
        Self {
            server,
            incarnation,
            current: None,
            farewell: None,
            failures: 0,
            last_failure: None,
            begin_at: None,
            not_before: now,
        }
    }

    /// These, for the next phase of the session; what is left makes no more.
    pub(super) fn take(&mut self) -> Self {
        let rest = Self::new(self.server.clone(), self.incarnation, self.not_before);
        std::mem::replace(self, rest)
    }

    /// Begins a handshake.
    pub(super) fn begin(&mut self, config: &ClientConfig, now: Instant) -> Result<(), Error> {
        self.begin_at = None;
        self.not_before = now + FIRST_RETRY;
        self.current = Some(ClientAttempt::new(config, self.server.clone(), self.incarnation, now)?);
        Ok(())
    }

    /// Begins one as soon as it may be, unless one is in progress or planned; the later, the larger `jitter`: behind a relay that
    /// deals packets by time to several servers, each handshake would else meet the same one.
    pub(super) fn plan(&mut self, jitter: u8, now: Instant) {
        if self.is_idle() {
            if now.duration_since(self.not_before) >= FORGIVEN_AFTER {
                self.failures = 0;
            }
            let wait = self.not_before.duration_since(now);
            let delay = LONGEST_DELAY.max(wait / 4) * u32::from(jitter) / 256;
            self.begin_at = Some(now + wait + delay);
        }
    }

    /// Whether none is in progress, and none planned.
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none() && self.begin_at.is_none()
    }

    /// None is needed any more, for now: what called for it was wrong.
    pub(super) fn call_off(&mut self, now: Instant) {
        if !self.is_idle() {
            self.needless(now);
        }
    }

    /// None was needed: the next one is the later for it.
    pub(super) fn needless(&mut self, now: Instant) {
        (self.current, self.begin_at, self.last_failure) = (None, None, None);
        self.failures += 1;
        self.not_before = now + self.pause();
    }

    /// One led where it should.
    pub(super) fn succeeded(&mut self) {
        (self.current, self.begin_at) = (None, None);
        (self.failures, self.last_failure) = (0, None);
    }

    /// Takes a packet for the handshake in progress; `None` if it was dropped.
    pub(super) fn handle_packet(
        &mut self,
        config: &ClientConfig,
        header: (&Header, usize),
        packet: Packet,
        now: Instant,
    ) -> Option<Progress> {
        let current = self
            .current
            .as_mut()
            .filter(|attempt| attempt.ours() == header.0.destination)?;
        Some(match current.handle_packet(config, header, packet, now)? {
            ClientProgress::None => Progress::None,
            ClientProgress::Confirmed(confirmed) => {
                self.current = None;
                Progress::Confirmed(confirmed)
            }
            ClientProgress::Failed { why, farewell } => {
                self.fail(why, now);
                self.farewell = farewell;
                Progress::None
            }
            ClientProgress::Refused { reason, farewell } => {
                self.fail(reason.to_string(), now);
                self.farewell = farewell;
                Progress::Refused(reason)
            }
        })
    }

    /// Takes a server's wish for a cookie; false if it was dropped.
    pub(super) fn handle_retry(&mut self, header: &Header, cookie: &[u8], now: Instant) -> bool {
        let current = self.current.as_mut();
        let hopeless = current
            .filter(|attempt| attempt.ours() == header.destination)
            .and_then(|attempt| attempt.handle_retry(header, cookie, now));
        if hopeless == Some(true) {
            self.fail("the server accepts none of the cookies that it gives".into(), now);
        }
        hopeless.is_some()
    }

    /// Takes the word of somebody that the handshake in progress is not known; false if it was dropped.
    pub(super) fn handle_unknown(&mut self, header: &Header, now: Instant) -> bool {
        let Some(current) = self.current.as_mut().filter(|attempt| attempt.has_sent(header)) else {
            return false;
        };
        if current.handle_unknown(now) {
            self.fail("the server does not know the handshake any more".into(), now);
        }
        true
    }

    /// The attempt is over; the next one begins a little later each time.
    pub(super) fn fail(&mut self, why: String, now: Instant) {
        self.current = None;
        self.last_failure = Some(why);
        self.begin_at = Some(now + self.pause());
        self.failures += 1;
    }

    fn pause(&self) -> Duration {
        (FIRST_RETRY * 2u32.pow(self.failures.min(10))).min(SLOWEST_RETRY)
    }

    /// Something to be sent that belongs to no attempt any more.
    pub(super) fn leave(&mut self, farewell: Option<Vec<u8>>) {
        self.farewell = farewell;
    }

    /// Why the last one failed, if the one before this did.
    pub(super) fn last_failure(&self) -> Option<&String> {
        self.last_failure.as_ref()
    }

    /// Returns whether another one began.
    pub(super) fn handle_timeout(&mut self, config: &ClientConfig, now: Instant) -> bool {
        if let Some(current) = &mut self.current
            && current.poll_timeout() <= now
            && current.handle_timeout(now)
        {
            self.fail("the server answered, and then did not finish the handshake".into(), now);
        }
        if self.begin_at.is_none_or(|at| at > now) {
            return false;
        }
        let begun = self.begin(config, now);
        begun.map_err(|error| self.fail(error.to_string(), now)).is_ok()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let current = self.current.as_ref().map(ClientAttempt::poll_timeout);
        current.into_iter().chain(self.begin_at).min()
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.poll_farewell().or_else(|| self.current.as_mut()?.poll_transmit())
    }

    /// The last packet of the attempt that failed here, if it was not sent yet.
    pub(super) fn poll_farewell(&mut self) -> Option<Vec<u8>> {
        self.farewell.take()
    }

    /// The transport is connected anew.
    pub(super) fn path_changed(&mut self, now: Instant) {
        if let Some(current) = &mut self.current {
            current.repeat_now(now);
        }
    }
}
