//! Lines of a log that strangers can cause, and must not fill a disk with.

use std::time::{Duration, Instant};

/// Limits the lines of a log.
#[derive(Default)]
pub(crate) struct Seldom {
    last: Option<Instant>,
    /// Since the last line.
    unsaid: u64,
}

/// One line in this time: enough to find a misconfigured peer, too little to fill a disk.
const QUIET: Duration = Duration::from_secs(10);

impl Seldom {
    /// Whether to write a line, and then for how many occurrences.
    pub(crate) fn occurred(&mut self, times: u64, now: Instant) -> Option<u64> {
        self.unsaid += times;
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < QUIET)
        {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}
