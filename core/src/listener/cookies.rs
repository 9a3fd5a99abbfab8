//! Cookies: what a client returns to show that it receives what is sent to its route, before anything is held for it.
//!
//! A cookie is a date and an HMAC over that date, the client's first id, its ClientHello and its route, under a key that nobody
//! else has (after RFC 9000 §8.1.2). So the server learns from the cookie itself that it gave it, when, to whom and by which
//! route, and remembers nothing until it comes back. Then it is used up: its tag is kept until its time is over. Whoever copies a
//! cookie would need the same ClientHello, whose key share it cannot use, and the same route.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

use crate::tls::{InitialSuite, MacKey};

/// How long a cookie is good for. Longer than a client waits between two of its first packets, when the answer was lost; no
/// longer, for as long the tags of used ones are kept.
const LIFE: Duration = Duration::from_secs(30);
/// How many used cookies are remembered, half a megabyte; beyond, the oldest might be used again: one more handshake for the same
/// ClientHello.
const MAX_USED: usize = 16_384;
const DATE_BYTES: usize = 8;

/// The cookies of one listener.
#[derive(Debug)]
pub(super) struct Cookies {
    key: MacKey,
    began: Instant,
    used: BTreeSet<[u8; 16]>,
    /// In the order of their use, and when they may be forgotten.
    order: VecDeque<(Instant, [u8; 16])>,
}

/// What a cookie is bound to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) first_destination: &'a [u8; 8],
    pub(super) hello: &'a [u8],
    pub(super) route: &'a [u8],
}

impl Cookies {
    pub(super) fn new(key: &[u8; 32], began: Instant) -> Self {
        Self {
            key: MacKey::new(key),
            began,
            used: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }

    /// A cookie for whoever claims this.
    pub(super) fn bake(&self, suite: &InitialSuite, claim: Claim<'_>, now: Instant) -> Vec<u8> {
        let date = self.date(now).to_be_bytes();
        [&date[..], &self.tag(suite, &date, claim)].concat()
    }

    /// Whether this cookie was given to whoever claims this, not long ago, and not returned before. It is used up then.
    pub(super) fn honour(&mut self, suite: &InitialSuite, cookie: &[u8], claim: Claim<'_>, now: Instant) -> bool {
        let Some((date, tag)) = cookie.split_first_chunk::<DATE_BYTES>() else {
            return false;
        };
        let genuine: bool = self.tag(suite, date, claim).ct_eq(tag).into();
        let age = self.date(now).checked_sub(u64::from_be_bytes(*date));
        let fresh = age.is_some_and(|age| u128::from(age) <= LIFE.as_millis());
        genuine && fresh && self.use_up(tag, now)
    }

    fn date(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn tag(&self, suite: &InitialSuite, date: &[u8; DATE_BYTES], claim: Claim<'_>) -> [u8; 32] {
        let message = [
            &date[..],
            claim.first_destination,
            &suite.digest(claim.hello),
            claim.route,
        ]
        .concat();
        suite.authenticate(&self.key, &message)
    }

    fn use_up(&mut self, tag: &[u8], now: Instant) -> bool {
        let over = |&(at, _): &(Instant, _)| at <= now;
        while self.order.front().is_some_and(over) || self.order.len() >= MAX_USED {
            if let Some((_, oldest)) = self.order.pop_front() {
                self.used.remove(&oldest);
            }
        }
        let short = *tag.first_chunk().expect("a tag has 32 bytes");
        let unused = self.used.insert(short);
        if unused {
            self.order.push_back((now + LIFE, short));
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{array, vector};

    #[test]
    fn a_cookie_is_that_of_the_document_and_good_once_and_not_for_long() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let suite = InitialSuite::of(&provider).expect("the suite of initial packets");
        let began = Instant::now();
        let baked = began + Duration::from_millis(1_234);
        let (first_destination, hello) = (array("cookie", "first destination"), vector("cookie", "ClientHello"));
        let claim = Claim {
            first_destination: &first_destination,
            hello: &hello,
            route: &vector("cookie", "route"),
        };
        let mut cookies = Cookies::new(&array("cookie", "key"), began);
        let cookie = cookies.bake(&suite, claim, baked);
        assert_eq!(cookie, vector("cookie", "cookie"));
        let by_another_route = Claim {
            route: b"another",
            ..claim
        };
        assert!(!cookies.honour(&suite, &cookie, by_another_route, baked));
        assert!(!cookies.honour(&suite, &cookie, claim, baked + LIFE + Duration::from_millis(1)));
        assert!(cookies.honour(&suite, &cookie, claim, baked + LIFE));
        assert!(!cookies.honour(&suite, &cookie, claim, baked + LIFE), "used");
    }
}
