//! No busy timers and no storms: what a node may do in how much time.

use std::time::Duration;

use steadfast::PeerRestarted;

use super::{Violation, demand};

/// Packets a node may send in a second without any application data: several times what handshakes, probes and
/// acknowledgements of a bad minute need, and far below what any loop produces.
const IDLE_PACKETS_PER_SECOND: u64 = 500;

/// How many packets may come at once, before time passes.
const BURST_PACKETS: i64 = 3_000;

/// Packets that a server may send besides for each client there is: all of them may handshake anew at one instant.
const PACKETS_PER_HANDSHAKE: i64 = 8;

/// One packet is granted for so many bytes of messages: the smallest packets carry 1,200, each may be lost once, and
/// each may be answered by an acknowledgement.
const BYTES_PER_PACKET: usize = 250;

/// Packets granted for every message, whatever its length.
const PACKETS_PER_MESSAGE: i64 = 6;

/// Timeouts that may follow each other at one instant, as long as each has an effect.
const TIMEOUTS_AT_ONCE: u32 = 16;

/// How fast one node goes.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Packets above what was granted so far; drains with time.
    excess: i64,
    /// How many clients may handshake with this node at once.
    handshakes: i64,
    drained_at: Duration,
    last_timeout: Duration,
    timeouts_at_once: u32,
    /// Whether the node did anything since its last timeout.
    acted: bool,
}

impl Pace {
    /// Messages were sent or received: packets are due for them.
    pub(crate) fn grant(&mut self, message_bytes: usize) {
        let packets = i64::try_from(message_bytes / BYTES_PER_PACKET).expect("messages fit into memory");
        self.excess -= packets + PACKETS_PER_MESSAGE;
        self.acted = true;
    }

    /// There is another client that may handshake at any time.
    pub(crate) fn expect_handshake(&mut self) {
        self.handshakes += 1;
    }

    /// Somebody else sent a packet, to which a flight of a few may be due.
    pub(crate) fn provoked(&mut self) {
        self.excess -= PACKETS_PER_MESSAGE;
    }

    /// Messages that were handed back are sent again, if any are: packets are due for them.
    pub(crate) fn grant_again(&mut self, restarted: &PeerRestarted) {
        if !restarted.redelivered_as.is_empty() {
            let messages = restarted.in_doubt.iter().chain(&restarted.unsent);
            messages.for_each(|message| self.grant(message.total_bytes()));
        }
    }

    /// The node told an event or got a packet: its next deadline may be now.
    pub(crate) fn acted(&mut self) {
        self.acted = true;
    }

    pub(crate) fn packet(&mut self, at: Duration) -> Result<(), Violation> {
        self.drain(at);
        self.acted = true;
        self.excess += 1;
        demand(
            self.excess <= BURST_PACKETS + PACKETS_PER_HANDSHAKE * self.handshakes,
            || "a storm: more packets than any data or loss explains".into(),
        )
    }

    pub(crate) fn timeout(&mut self, at: Duration) -> Result<(), Violation> {
        if at > self.last_timeout || self.timeouts_at_once == 0 {
            self.timeouts_at_once = 0;
        } else {
            demand(self.acted, || {
                "a busy timer: two timeouts at one instant, and nothing done between".into()
            })?;
        }
        self.last_timeout = at;
        self.timeouts_at_once += 1;
        self.acted = false;
        demand(self.timeouts_at_once <= TIMEOUTS_AT_ONCE, || {
            "a busy timer: timeouts without end at one instant".into()
        })
    }

    fn drain(&mut self, at: Duration) {
        let millis = u64::try_from((at - self.drained_at).as_millis()).expect("worlds are short");
        let drained = i64::try_from(millis * IDLE_PACKETS_PER_SECOND / 1000).expect("worlds are short");
        if drained > 0 {
            self.excess = if self.excess > 0 {
                (self.excess - drained).max(0)
            } else {
                self.excess
            };
            self.drained_at = at;
        }
    }
}
