//! A session that was established: its channel, and the handshakes that are made beside it.
//!
//! ```text
//!                                       same process      ask to join ── joined ──> goes on under the new keys
//! something calls ──> attempt ── confirmed ──┤                       └── fresh ───> begins anew
//! for a handshake                       another process ─────────────────────────> begins anew
//! ```
//!
//! Until then the session goes on as if nothing were. What calls for a handshake: time, the application, the server, keys that
//! may not be used for much longer; and somebody's word that the server does not know the session, see [`Doubt`].

use std::time::Instant;

use super::attempts::{Attempts, Progress};
use super::doubt::{Doubt, Lives};
use crate::attempt::Confirmed;
use crate::channel::{Channel, Opened};
use crate::config::ClientConfig;
use crate::state::SessionState;
use crate::wire::frame::{Frame, ReceiveState};
use crate::wire::header::{Header, Kind};
use crate::{CloseReason, Event, Packet};

/// A session that was established.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) channel: Channel,
    attempts: Attempts,
    /// The channel of a confirmed handshake, whose server is asked to go on with the session.
    joining: Option<Box<Channel>>,
    doubt: Doubt,
    lives: Lives,
    /// A packet of the session goes before the handshake that a doubt called for. Without it, now and then, each such handshake would meet
    /// the same server behind a relay that deals packets by turns: the one that knows the session.
    asks_first: bool,
    renew_at: Instant,
}

/// How a server answers the request to go on with a session.
enum JoinAnswer {
    Joined(ReceiveState),
    Fresh,
}

impl Standing {
    pub(super) fn new(channel: Channel, attempts: Attempts, config: &ClientConfig, now: Instant) -> Self {
        Self {
            channel,
            attempts,
            joining: None,
            doubt: Doubt::default(),
            lives: Lives::default(),
            asks_first: false,
            renew_at: next_renewal(config, now),
        }
    }

    /// Takes a packet; false if it was dropped by nobody else, who would have counted it.
    pub(super) fn handle_packet(
        &mut self,
        config: &ClientConfig,
        header: (&Header, usize),
        packet: Packet,
        now: Instant,
    ) -> bool {
        if self.channel.state() == SessionState::Closed {
            return self.handle_belated(header.0, packet, now);
        }
        if header.0.kind != Kind::Data {
            return self.handle_attempt(config, header, packet, now);
        }
        if header.0.destination == self.channel.ours() {
            if let Some(opened) = self.channel.open(header.0, packet, now) {
                self.channel.take(&opened, now);
            }
            self.after_packet(now);
            return true;
        }
        match self.joining.take() {
            Some(joining) if header.0.destination == joining.ours() => {
                self.handle_joining(joining, (config, header.0), packet, now);
                true
            }
            joining => {
                self.joining = joining;
                self.handle_attempt(config, header, packet, now)
            }
        }
    }

    /// After the end nothing goes on beside the session. Whoever still sends to it, maybe in the handshake that it was about to go
    /// on with, missed the last word.
    fn handle_belated(&mut self, header: &Header, packet: Packet, now: Instant) -> bool {
        let joining = self.joining.as_ref();
        if joining.is_some_and(|joining| joining.ours() == header.destination) {
            self.channel.answer_from_tombstone(now);
        }
        let concerned = header.kind == Kind::Data && header.destination == self.channel.ours();
        if concerned {
            self.channel.open(header, packet, now);
        }
        concerned
    }

    fn after_packet(&mut self, now: Instant) {
        if self.doubt.is_dispelled_by(&self.channel) && self.joining.is_none() && self.doubt.calls_off() {
            self.attempts.call_off(now);
        }
        if self.channel.is_renewal_due() {
            self.renew(now);
        }
    }

    /// A handshake beside the session, at once or as soon as it may be.
    pub(super) fn renew(&mut self, now: Instant) {
        self.channel.renewal_begun();
        // What is in progress was called for by more than a doubt now.
        self.doubt.settle();
        if self.joining.is_none() && self.channel.state() != SessionState::Closed {
            self.attempts.plan(0, now);
        }
    }

    fn handle_attempt(
        &mut self,
        config: &ClientConfig,
        header: (&Header, usize),
        packet: Packet,
        now: Instant,
    ) -> bool {
        match self.attempts.handle_packet(config, header, packet, now) {
            // Whatever the verdict was, the session that stands is not concerned.
            Some(Progress::None | Progress::Refused(_)) => true,
            Some(Progress::Confirmed(confirmed)) => {
                self.confirmed(config, confirmed, now);
                true
            }
            None => false,
        }
    }

    /// A handshake beside the session is confirmed: by the server that the session is with, or by another.
    fn confirmed(&mut self, config: &ClientConfig, confirmed: Confirmed, now: Instant) {
        let Confirmed {
            mut channel,
            opened,
            answered_at,
        } = confirmed;
        let (present, other) = (self.channel.peer_incarnation(), channel.peer_incarnation());
        if present != other {
            let overlap = self.channel.lived_after(answered_at) || self.lives.are_over(other);
            if overlap {
                return self.channel.end(CloseReason::Misrouted, now);
            }
            return self.begin_anew(config, channel, &opened, now);
        }
        match channel.ask_to_join(&self.channel) {
            Ok(()) => {
                channel.take(&opened, now);
                // It takes the place of one that goes unanswered: the next one is the later for it.
                if self.joining.is_some() {
                    self.attempts.needless(now);
                }
                self.joining = Some(channel);
            }
            Err(error) => self.attempts.fail(error.to_string(), now),
        }
    }

    fn handle_joining(
        &mut self,
        mut joining: Box<Channel>,
        (config, header): (&ClientConfig, &Header),
        packet: Packet,
        now: Instant,
    ) {
        let Some(opened) = joining.open(header, packet, now) else {
            self.joining = Some(joining);
            return;
        };
        let answer = opened.says(|frame| match frame {
            Frame::Joined(state) => Some(JoinAnswer::Joined(state)),
            Frame::Fresh => Some(JoinAnswer::Fresh),
            _ => None,
        });
        match answer {
            Some(JoinAnswer::Joined(state)) => {
                self.channel.joined(*joining, &state, now);
                if self.doubt.calls() {
                    // The next doubt finds less patience, and has to wait longer.
                    self.doubt.settle();
                    self.attempts.needless(now);
                } else {
                    self.doubt = Doubt::default();
                    self.attempts.succeeded();
                }
                self.settled(config, &opened, now);
            }
            Some(JoinAnswer::Fresh) => self.begin_anew(config, joining, &opened, now),
            None => {
                joining.take(&opened, now);
                self.keep_asking(joining, now);
            }
        }
    }

    /// The server has not answered yet, unless it ended the new handshake's channel instead.
    fn keep_asking(&mut self, mut joining: Box<Channel>, now: Instant) {
        if joining.state() != SessionState::Closed {
            self.joining = Some(joining);
            return;
        }
        let told = std::iter::from_fn(|| joining.poll_event(now)).last();
        match told {
            // The server says so under its own keys: another process of this client has the session.
            Some(Event::Closed(closed)) if closed.reason == CloseReason::Superseded => {
                self.channel.end(CloseReason::Superseded, now);
            }
            _ => {
                let why = "the server ended the handshake that was to renew the session";
                self.attempts.fail(why.into(), now);
            }
        }
    }

    /// The server knows nothing of the session.
    fn begin_anew(&mut self, config: &ClientConfig, channel: Box<Channel>, opened: &Opened, now: Instant) {
        self.joining = None;
        self.lives.left(self.channel.peer_incarnation());
        match self.channel.restart(channel, None, now) {
            None => {
                self.doubt = Doubt::default();
                self.attempts.succeeded();
                self.settled(config, opened, now);
            }
            // The session was closing, and is over: so is what the server has for it.
            Some(mut unwanted) => {
                unwanted.begin(None, now);
                unwanted.take(opened, now);
                unwanted.close(now);
                unwanted.end(CloseReason::Finished, now);
                self.attempts.leave(unwanted.poll_transmit(now));
            }
        }
    }

    /// The session goes on in the generation that this packet belongs to.
    fn settled(&mut self, config: &ClientConfig, opened: &Opened, now: Instant) {
        self.renew_at = next_renewal(config, now);
        self.channel.take(opened, now);
    }

    /// Takes the word of somebody that the server does not know what this client sent; false if it was dropped.
    ///
    /// Nothing proves it. It can call for a handshake beside the session, about thirty in a minute at most, and do
    /// nothing else.
    pub(super) fn handle_unknown(&mut self, config: &ClientConfig, header: &Header, now: Instant) -> bool {
        if self.joining.as_ref().is_some_and(|joining| joining.has_sent(header)) {
            // The server may have gone on in that handshake already: whoever forgets it hears nothing more.
            self.attempts.plan(config.common().random_byte(), now);
            return true;
        }
        let open = self.channel.state() != SessionState::Closed;
        if open && self.channel.has_sent(header) && !self.channel.is_acknowledged(header.number) {
            if self.attempts.is_idle() && self.joining.is_none() {
                self.doubt.raised(header.number);
                self.attempts.plan(config.common().random_byte(), now);
            }
            return true;
        }
        self.attempts.handle_unknown(header, now)
    }

    pub(super) fn handle_retry(&mut self, header: &Header, cookie: &[u8], now: Instant) -> bool {
        self.attempts.handle_retry(header, cookie, now)
    }

    pub(super) fn handle_timeout(&mut self, config: &ClientConfig, now: Instant) {
        self.channel.handle_timeout(false, now);
        if self.channel.state() == SessionState::Closed {
            return;
        }
        if self.renew_at <= now {
            self.renew_at = next_renewal(config, now);
            self.renew(now);
        }
        let begun = self.attempts.handle_timeout(config, now);
        if begun && self.doubt.calls() {
            self.asks_first = config.common().random_byte().is_multiple_of(2);
        }
        if let Some(mut joining) = self.joining.take() {
            joining.handle_timeout(false, now);
            self.keep_asking(joining, now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let channel = self.channel.poll_timeout();
        if self.channel.state() == SessionState::Closed {
            return channel;
        }
        let joining = self.joining.as_ref().and_then(|joining| joining.poll_timeout());
        let beside = joining.into_iter().chain(self.attempts.poll_timeout());
        channel.into_iter().chain(beside).chain([self.renew_at]).min()
    }

    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.channel.state() == SessionState::Closed {
            return self
                .attempts
                .poll_farewell()
                .or_else(|| self.channel.poll_transmit(now));
        }
        if std::mem::take(&mut self.asks_first) {
            self.channel.owe_probe();
            if let Some(packet) = self.channel.poll_transmit(now) {
                return Some(packet);
            }
        }
        let beside = self.attempts.poll_transmit();
        beside
            .or_else(|| self.joining.as_mut()?.poll_transmit(now))
            .or_else(|| self.channel.poll_transmit(now))
    }

    /// The transport is connected anew.
    pub(super) fn path_changed(&mut self, now: Instant) {
        self.channel.path_changed(now);
        self.attempts.path_changed(now);
        if let Some(joining) = &mut self.joining {
            joining.path_changed(now);
        }
    }

    pub(super) fn poll_event(&mut self, now: Instant) -> Option<Event> {
        let mut event = self.channel.poll_event(now);
        if let Some(Event::Unreachable(news)) = &mut event {
            news.probable_cause = self.attempts.last_failure().cloned();
        }
        event
    }
}

/// Up to an eighth earlier, differently each time: a thousand clients that connected together do not renew together.
fn next_renewal(config: &ClientConfig, now: Instant) -> Instant {
    let every = config.limits().renew_after;
    now + every - every / 8 * u32::from(config.common().random_byte()) / 256
}
