//! Time that two processes on one machine agree on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds of wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) u64);

impl Micros {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("this clock is past 1970");
        Self(u64::try_from(since.as_micros()).expect("fits for half a million years"))
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}
