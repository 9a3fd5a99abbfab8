//! Traffic that comes to nothing, at a server's port: for each kind now and then a line in the log that says what it may be.

use std::time::Instant;

use steadfast::ListenerStats;

use crate::carrier::Sender;
use crate::seldom::Seldom;
use crate::strangers::Sample;

/// What the core counted so far, and what of it was told.
#[derive(Default)]
pub(crate) struct Noise {
    seen: ListenerStats,
    lines: [Seldom; KINDS.len() + 2],
}

/// What a server counts that has one probable cause.
struct Kind {
    counted: fn(&ListenerStats) -> u64,
    says: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        counted: |stats| stats.unknown_id,
        says: "packets of a session that this process does not know; probable cause: this server was restarted, or the session \
               is over and its client has not heard of it",
    },
    Kind {
        counted: |stats| stats.dropped,
        says: "packets that do not open, or came before; probable cause: damaged, forged or repeated on the way (a few after \
               a slow handshake are harmless)",
    },
    Kind {
        counted: |stats| stats.attempts_refused,
        says: "first packets turned away, with as many handshakes in progress as are allowed; probable cause: a flood, or \
               more clients at once than `max_attempts`",
    },
    Kind {
        counted: |stats| stats.attempts_expired,
        says: "handshakes that their clients did not finish; probable cause: clients that end early, are cut off or speak \
               another protocol behind their first packet",
    },
];

const ODD_SAYS: &str = "0MQ messages with an envelope that no Steadfast client has; probable cause: a plain 0MQ socket, or a loop of proxies";

/// Lines behind those of [`KINDS`].
const STRANGERS: usize = KINDS.len();
const ODD: usize = KINDS.len() + 1;

impl Noise {
    /// Takes note of what the core counted since the last time: at the packet with this sample, or while time passed.
    pub(crate) fn compare(&mut self, stats: ListenerStats, sample: Option<&Sample>, from: &mut Sender, now: Instant) {
        if stats == self.seen {
            return;
        }
        let seen = std::mem::replace(&mut self.seen, stats);
        for (line, kind) in KINDS.iter().enumerate() {
            let times = (kind.counted)(&stats) - (kind.counted)(&seen);
            self.note(line, times, from, || kind.says.into(), now);
        }
        if let Some(sample) = sample {
            let says = || {
                format!(
                    "dropped what is no Steadfast packet; probable cause: {}",
                    sample.probable_cause()
                )
            };
            self.note(STRANGERS, strangers(&stats) - strangers(&seen), from, says, now);
        }
    }

    /// Takes note of a 0MQ message whose envelope has the wrong shape.
    pub(crate) fn odd(&mut self, from: &mut Sender, now: Instant) {
        self.note(ODD, 1, from, || ODD_SAYS.into(), now);
    }

    fn note(&mut self, line: usize, times: u64, from: &mut Sender, says: impl FnOnce() -> String, now: Instant) {
        if times == 0 {
            return;
        }
        if let Some(times) = self.lines[line].occurred(times, now) {
            tracing::warn!(times, from = from.address(), "{}", says());
        }
    }
}

/// What the core counted that no Steadfast client of this release sends.
pub(crate) fn strangers(stats: &ListenerStats) -> u64 {
    stats.malformed + stats.other_version
}
