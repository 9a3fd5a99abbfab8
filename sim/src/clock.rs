//! Virtual time. Nothing in a world reads a clock of the system, but once: an `Instant` cannot be made from a number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// Wall time when a world begins: 2030-01-01T00:00:00Z, between the years of [`Validity`](crate::pki::Validity).
const WALL_START: Duration = Duration::from_secs(1_893_456_000);

/// The clock of one world.
#[derive(Debug)]
pub struct Clock {
    base: Instant,
    elapsed: Duration,
    wall: Arc<WallClock>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            base: Instant::now(),
            elapsed: Duration::ZERO,
            wall: Arc::default(),
        }
    }
}

impl Clock {
    /// How much simulated time has passed since the world began.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The present instant, for the core.
    pub fn now(&self) -> Instant {
        self.base + self.elapsed
    }

    /// Which simulated time an instant of the core is; the beginning, if it lies before.
    pub fn elapsed_at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    /// What nodes judge certificates by: it runs with the world.
    pub fn wall(&self) -> Arc<WallClock> {
        self.wall.clone()
    }

    /// Moves on; never back.
    pub(crate) fn advance_to(&mut self, elapsed: Duration) {
        self.elapsed = self.elapsed.max(elapsed);
        self.wall
            .since_start_secs
            .store(self.elapsed.as_secs(), Ordering::Relaxed);
    }
}

/// A wall clock that runs with a world's virtual time, in whole seconds.
#[derive(Debug, Default)]
pub struct WallClock {
    since_start_secs: AtomicU64,
}

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        let since_start = Duration::from_secs(self.since_start_secs.load(Ordering::Relaxed));
        Some(UnixTime::since_unix_epoch(WALL_START + since_start))
    }
}
