//! What a client makes of the word, which nobody signed, that its server does not know the session.
//!
//! A server that lost its state can prove nothing: it says so, in clear, and echoes the packet that it could not read. That is
//! a hint. It begins a handshake beside the session; only that handshake, authenticated, shows whether the server is another
//! process. The hint is dropped as soon as the server acknowledges, under the session's keys, the packet that it is said not to know or a
//! later one. (Not at any authenticated packet: late ones of a server that died would call off the handshake that is due.)
//!
//! Behind a proxy with several backends both are true by turns. Whoever hears too often that the server does not know what it then
//! acknowledges, goes through with a handshake; and when two servers are each shown, under their own keys, to have lived before
//! and after the other, packets are misrouted.

use std::collections::VecDeque;

use crate::channel::Channel;

/// After so many handshakes that were called off the next one is not.
const PATIENCE: u32 = 3;
/// How many servers that the session has left are remembered.
const MAX_LEFT: usize = 4;

/// Whether the server knows the session.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The number of the packet that somebody says is not known.
    about: Option<u64>,
    /// Whether nothing but a doubt called for the handshake in progress.
    called: bool,
    called_off: u32,
}

impl Doubt {
    pub(super) fn raised(&mut self, number: u64) {
        (self.about, self.called) = (Some(number), true);
    }

    /// Whether the server has shown that it knows the session. Says so once.
    #[inline]
    pub(super) fn is_dispelled_by(&mut self, channel: &Channel) -> bool {
        self.about.take_if(|number| channel.is_acknowledged(*number)).is_some()
    }

    /// The handshake goes through whatever the server shows.
    pub(super) fn settle(&mut self) {
        (self.about, self.called) = (None, false);
    }

    /// Whether somebody's word is all that calls for the handshake in progress.
    pub(super) fn calls(&self) -> bool {
        self.called
    }

    /// Whether the handshake that the doubt called for shall end.
    pub(super) fn calls_off(&mut self) -> bool {
        self.called_off += 1;
        self.called_off <= PATIENCE
    }
}

/// The servers that the session was with before the present one.
#[derive(Debug, Default)]
pub(super) struct Lives {
    left: VecDeque<[u8; 16]>,
}

impl Lives {
    /// The session is with another server from here on.
    pub(super) fn left(&mut self, incarnation: [u8; 16]) {
        self.left.truncate(MAX_LEFT - 1);
        self.left.push_front(incarnation);
    }

    /// Whether this server was left for another one, which cannot be if it had died.
    pub(super) fn are_over(&self, incarnation: [u8; 16]) -> bool {
        self.left.contains(&incarnation)
    }
}
