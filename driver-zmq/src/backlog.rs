//! Packets whose route is full.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use steadfast::SessionId;

use crate::route::Route;

/// One packet for each session whose route has no room, until it is time to try again.
///
/// A ROUTER says only whether *some* route has room, so each full route has a timer of its own. At most one packet a session: the
/// core sends nothing for a session that is paused.
#[derive(Default)]
pub(crate) struct Backlog {
    held: BTreeMap<(Instant, SessionId), Held>,
}

/// A packet that found no room.
pub(crate) struct Held {
    pub(crate) session: SessionId,
    pub(crate) route: Route,
    pub(crate) packet: Vec<u8>,
    pause: Duration,
    since: Instant,
}

/// How long until the first new try, and the longest: a route that drains fast is used again at once, one that does not costs
/// twenty tries a second.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A packet older than this is dropped: the core sends afresh what matters.
const KEEP: Duration = Duration::from_secs(10);

impl Held {
    pub(crate) fn new(session: SessionId, route: Route, packet: Vec<u8>, now: Instant) -> Self {
        Self {
            session,
            route,
            packet,
            pause: FIRST_PAUSE,
            since: now,
        }
    }

    /// The same packet again after a longer pause; none if it is too old.
    pub(crate) fn again(mut self, packet: Vec<u8>, now: Instant) -> Option<Self> {
        self.packet = packet;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (now.saturating_duration_since(self.since) < KEEP).then_some(self)
    }
}

impl Backlog {
    pub(crate) fn hold(&mut self, held: Held, now: Instant) {
        self.held.insert((now + held.pause, held.session), held);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.held.first_key_value().map(|(&(due, _), _)| due)
    }

    /// A packet whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Held> {
        self.deadline().filter(|&due| due <= now)?;
        self.held.pop_first().map(|(_, held)| held)
    }
}
