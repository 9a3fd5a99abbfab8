//! What client and server have in common as seen by whoever drives them, be it the thread that calls or one in the background.

use std::time::{Duration, Instant};

use steadfast::InFlight;

use crate::Error;
use crate::link::Link;

/// An application that is busy with messages, or with sending, has its socket served this often nevertheless.
const SERVE_EVERY: Duration = Duration::from_millis(1);

/// A client or a server: a core and its socket.
pub(crate) trait Driven: Send + 'static {
    /// What it tells the application.
    type Event: Send;

    fn link(&self) -> &Link;

    fn link_mut(&mut self) -> &mut Link;

    /// Takes what has arrived, and does what is due.
    fn serve(&mut self, now: Instant) -> Result<(), Error>;

    /// Sends what can be sent without waiting.
    fn transmit(&mut self, now: Instant) -> Result<(), Error>;

    /// The next event, which counts as handed to the application then.
    ///
    /// # Errors
    /// [`Error::Closed`] if there will be no more.
    fn next_event(&mut self) -> Result<Option<Self::Event>, Error>;

    fn has_event(&self) -> bool;

    /// When to take the next turn, whatever the socket says.
    fn next_turn(&self) -> Option<Instant>;

    /// Waits until the socket has something, or until one of both moments.
    fn wait(&self, until: Option<Instant>) -> Result<(), Error>;

    /// Begins to end, and says how long that may take.
    fn begin_to_end(&mut self) -> Result<Duration, Error>;

    /// From when on nobody misses anything if the socket is closed; none while it is needed.
    fn over_at(&self) -> Option<Instant>;

    /// Everything that can be done without waiting.
    fn turn(&mut self) -> Result<(), Error> {
        self.link().owner().check()?;
        let span = self.link().span().clone();
        let _entered = span.enter();
        let now = Instant::now();
        self.link_mut().last_turn = now;
        self.serve(now)?;
        self.transmit(now)
    }

    /// Waits for an event, but not longer than this.
    fn recv_until(&mut self, until: Option<Instant>) -> Result<Option<Self::Event>, Error> {
        if self.link().last_turn.elapsed() >= SERVE_EVERY {
            self.turn()?;
        }
        loop {
            if let Some(event) = self.next_event()? {
                return Ok(Some(event));
            }
            self.turn()?;
            if let Some(event) = self.next_event()? {
                return Ok(Some(event));
            } else if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(None);
            }
            self.wait(until)?;
        }
    }

    /// Waits until this need not wait any longer.
    fn when_possible<T>(
        &mut self,
        until: Option<Instant>,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            match attempt(self) {
                Err(Error::WouldBlock) => {}
                other => return other,
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(Error::TimedOut);
            }
            self.wait(until)?;
            self.turn()?;
        }
    }

    fn after_command(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if now.saturating_duration_since(self.link().last_turn) >= SERVE_EVERY {
            self.turn()
        } else {
            self.transmit(now)
        }
    }

    /// When somebody who waits for the descriptors must take the next turn: at once if packets wait whose signal is gone.
    fn turn_due(&mut self) -> Result<Option<Instant>, Error> {
        if self.link_mut().missed_a_signal()? {
            Ok(Some(Instant::now()))
        } else {
            Ok(self.next_turn())
        }
    }

    /// The same for an application that also takes events.
    fn deadline(&mut self) -> Result<Option<Instant>, Error> {
        self.link().owner().check()?;
        if self.has_event() {
            Ok(Some(Instant::now()))
        } else {
            self.turn_due()
        }
    }
}

/// Everything was acknowledged, or is not yet.
pub(crate) fn flushed(closed: bool, in_flight: InFlight) -> Result<(), Error> {
    if closed {
        // Nothing is in flight then either: what was lost is in `Closed`.
        Err(Error::Closed)
    } else if in_flight == InFlight::default() {
        Ok(())
    } else {
        Err(Error::WouldBlock)
    }
}
