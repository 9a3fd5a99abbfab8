//! Answers to those for whom nothing is held: *unknown*, and *retry*.
//!
//! Neither is ever answered, both are smaller than what they answer, and each is made from its packet alone. A client acts on *unknown*
//! with a handshake, rarely; so there is no loop.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use super::cookies::Claim;
use super::{Listener, Transmit};
use crate::attempt::FirstPacket;
use crate::wire::header::{ConnectionId, Header};

/// One *unknown* a route and id in so long: a client that sent a whole window to a server that has lost its session needs one.
const UNKNOWN_EVERY: Duration = Duration::from_millis(50);
/// How many ids of one route are answered in that time. A client has a session, a handshake beside it, and what it had before the
/// last restart; were one answer all for them, probes of the one would take away the answers to the other.
const IDS_OF_A_ROUTE: usize = 4;
/// How many answers are given in that time; beyond, nobody gets one. Clients ask again.
const MAX_ANSWERS: usize = 4096;

/// Who was told *unknown* just now, and of which ids.
#[derive(Debug, Default)]
pub(super) struct Told {
    answers: BTreeSet<Answer>,
    order: VecDeque<(Instant, Answer)>,
}

/// A route, by its fingerprint, and the id that it was told of.
type Answer = ([u8; 16], ConnectionId);

impl Told {
    /// Whether this route may be told of this id now. It was, then.
    fn admits(&mut self, (route, id): Answer, now: Instant) -> bool {
        while let Some((_, oldest)) = self.order.front().filter(|(until, _)| *until <= now) {
            self.answers.remove(oldest);
            self.order.pop_front();
        }
        let of_route = (route, ConnectionId([0; 8]))..=(route, ConnectionId([0xff; 8]));
        let has_room = self.order.len() < MAX_ANSWERS && self.answers.range(of_route).count() < IDS_OF_A_ROUTE;
        let admitted = has_room && self.answers.insert((route, id));
        if admitted {
            self.order.push_back((now + UNKNOWN_EVERY, (route, id)));
        }
        admitted
    }
}

impl<Route: Clone + Eq + Hash> Listener<Route> {
    /// A packet for an id that is not known: this process may be another one than its sender takes it for.
    pub(super) fn answer_unknown(&mut self, header: &Header, route: Route, now: Instant) {
        self.stats.unknown_id += 1;
        let fingerprint = self.config.common().initial.fingerprint(&bytes_of(&route));
        if self.told.admits((fingerprint, header.destination), now) {
            self.stats.unknown_answered += 1;
            self.reply_to_nobody(route, header.unknown());
        }
    }

    /// Whether a client's first packet may be acted on: there is room, or it brings the cookie that it was given. Otherwise it is
    /// given one.
    pub(super) fn may_begin(&mut self, first: &FirstPacket, route: &Route, now: Instant) -> bool {
        if self.attempts < self.config.retry_above() {
            return true;
        }
        let route_bytes = bytes_of(route);
        let claim = Claim {
            first_destination: &first.destination().0,
            hello: first.hello(),
            route: &route_bytes,
        };
        let suite = &self.config.common().initial;
        if self.cookies.honour(suite, first.token(), claim, now) {
            return true;
        }
        let cookie = self.cookies.bake(suite, claim, now);
        self.stats.cookies_refused += u64::from(!first.token().is_empty());
        self.stats.retries += 1;
        self.reply_to_nobody(route.clone(), first.retry(&cookie));
        false
    }

    fn reply_to_nobody(&mut self, route: Route, packet: Vec<u8>) {
        self.reply(Transmit {
            route,
            packet,
            session: None,
        });
    }
}

/// A route as bytes: equal ones are equal, within this process.
fn bytes_of(route: &impl Hash) -> Vec<u8> {
    struct Collect(Vec<u8>);
    impl Hasher for Collect {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut collect = Collect(Vec::new());
    route.hash(&mut collect);
    collect.0
}
