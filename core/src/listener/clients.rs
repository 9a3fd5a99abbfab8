//! Which client has which session, by who the client is, and which of its handshakes came last.
//!
//! A late packet of a handshake that came earlier begins nothing: it may be of a process that died. That is remembered for as
//! long after a session as such a handshake could still be begun.
//!
//! A client without a certificate is known by its incarnation alone, which anybody can read in its first packet: nothing that such a
//! client is told rests on it, and nobody takes its entry.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::who::{Digest, Who};
use crate::channel::UNHEARD_LIFE;

/// How many clients are remembered after their sessions; beyond, the oldest are forgotten.
const MAX_ENDED: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Clients {
    known: BTreeMap<Digest, Known>,
    /// Whose session ended with which handshake, and until when that is remembered.
    ended: VecDeque<(Instant, Digest, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// None when it is over.
    session: Option<u32>,
    /// The handshake that the session is in, or was in last.
    handshake: u64,
}

impl Clients {
    /// The session of this client.
    pub(super) fn session(&self, who: &Who) -> Option<u32> {
        self.known.get(&who.client)?.session
    }

    /// Whether this client has made a later handshake than this one.
    pub(super) fn is_later(&self, who: &Who, handshake: u64) -> bool {
        let known = self.known.get(&who.client).filter(|_| who.identity.is_some());
        known.is_some_and(|known| known.handshake > handshake)
    }

    /// The client is in this session, by this handshake.
    pub(super) fn is_in(&mut self, who: &Who, session: u32, handshake: u64) {
        let other = self.session(who).is_some_and(|other| other != session);
        if who.identity.is_some() || !other {
            let session = Some(session);
            self.known.insert(who.client, Known { session, handshake });
        }
    }

    /// The session is over: its client may come again, as a new one.
    pub(super) fn left(&mut self, who: &Who, session: u32, now: Instant) {
        let Some(known) = self
            .known
            .get_mut(&who.client)
            .filter(|known| known.session == Some(session))
        else {
            return;
        };
        known.session = None;
        self.ended.push_back((now + UNHEARD_LIFE, who.client, known.handshake));
        while self.ended.front().is_some_and(|(until, ..)| *until <= now) || self.ended.len() > MAX_ENDED {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, client, handshake)) = self.ended.pop_front()
            && self
                .known
                .get(&client)
                .is_some_and(|known| known.session.is_none() && known.handshake == handshake)
        {
            self.known.remove(&client);
        }
    }
}
