//! Traffic that is not ours, at a server's port: counted, and now and then a line in the log that says what it may be.

use std::time::{Duration, Instant};

use crate::route::Route;

/// What arrived that no Steadfast client sends.
pub(crate) struct Strangers {
    total: u64,
    log: Seldom,
}

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
    pub(crate) fn occurred(&mut self, now: Instant) -> Option<u64> {
        self.unsaid += 1;
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

/// The beginning of a packet, kept for a guess.
#[derive(Clone)]
pub(crate) struct Sample {
    route: Route,
    head: [u8; 8],
    bytes: usize,
}

impl Sample {
    pub(crate) fn of(route: &Route, packet: &[u8]) -> Self {
        let mut head = [0; 8];
        let length = packet.len().min(head.len());
        head[..length].copy_from_slice(&packet[..length]);
        Self {
            route: route.clone(),
            head,
            bytes: packet.len(),
        }
    }

    fn probable_cause(&self) -> &'static str {
        const HTTP: [&[u8]; 6] = [b"GET ", b"POST", b"HTTP", b"HEAD", b"PUT ", b"OPTI"];
        if HTTP.iter().any(|word| self.head.starts_with(word))
            || self.route.frames().any(|frame| contains(frame, b"HTTP/"))
        {
            "an HTTP client: this port speaks 0MQ"
        } else if self.head.starts_with(&[0x16, 3]) {
            "a TLS client without 0MQ: this port speaks Steadfast over 0MQ"
        } else if self.route.frames().any(<[u8]>::is_empty) {
            "a REQ or a plain 0MQ socket: use steadfast_zmq::Client at the other side"
        } else if self.bytes > 0 && (2..=0xf).contains(&(self.head[0] >> 4)) && self.head[0] & 0xf < 5 {
            "a peer of another Steadfast release, or a plain 0MQ socket"
        } else {
            "a plain 0MQ socket: use steadfast_zmq::Client at the other side"
        }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

impl Strangers {
    pub(crate) fn new() -> Self {
        Self {
            total: 0,
            log: Seldom::default(),
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn note(&mut self, address: &str, sample: &Sample, now: Instant) {
        self.total += 1;
        if let Some(packets) = self.log.occurred(now) {
            tracing::warn!(
                address,
                packets,
                from = ?sample.route,
                "dropped what is no Steadfast packet; probable cause: {}",
                sample.probable_cause()
            );
        }
    }
}
