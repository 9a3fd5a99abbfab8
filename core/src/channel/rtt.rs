//! How long an answer takes, and so when to ask again (RFC 9002 §5.3, §6.2).

use std::time::Duration;

/// Before anything was measured (RFC 9002 §6.2.2 has 333 ms, for the open network).
const INITIAL: Duration = Duration::from_millis(200);
/// How long an acknowledgement may wait for company. Longer, and a small window stalls; shorter, and each packet costs another.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(5);
/// Timers of transports are about this coarse (RFC 9002 §6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// A packet kept in a queue over an outage is no measure of the path: no measurement counts for more.
const MAX_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The smoothed round trip and its variation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rtt {
    smoothed: Option<(Duration, Duration)>,
}

impl Rtt {
    pub(super) fn sample(&mut self, sample: Duration) {
        let sample = sample.min(MAX_PROBE_TIMEOUT);
        self.smoothed = Some(match self.smoothed {
            None => (sample, sample / 2),
            Some((smoothed, variation)) => (
                smoothed * 7 / 8 + sample / 8,
                variation * 3 / 4 + smoothed.abs_diff(sample) / 4,
            ),
        });
    }

    /// How long an acknowledgement may take before it is worth asking for it.
    pub(super) fn probe_timeout(&self) -> Duration {
        let (smoothed, variation) = self.smoothed.unwrap_or((INITIAL, INITIAL / 2));
        (smoothed + (variation * 4).max(GRANULARITY) + ACK_DELAY).min(MAX_PROBE_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_follows_the_measured_round_trip_both_ways() {
        let mut rtt = Rtt::default();
        for _ in 0..50 {
            rtt.sample(Duration::from_micros(100));
        }
        assert!(rtt.probe_timeout() < Duration::from_millis(7));
        for _ in 0..50 {
            rtt.sample(Duration::from_millis(80));
        }
        assert!(rtt.probe_timeout() > Duration::from_millis(80));
    }

    #[test]
    fn a_packet_that_waited_out_an_outage_does_not_silence_the_probes() {
        let mut rtt = Rtt::default();
        rtt.sample(Duration::from_secs(3600));
        assert_eq!(rtt.probe_timeout(), MAX_PROBE_TIMEOUT);
    }
}
