//! The turns of a server: socket and deadlines on one side, the listener on the other.

use std::time::{Duration, Instant};

use steadfast::{Event, SessionId, Transmit};
use zmq::POLLIN;

use super::{Received, Server};
use crate::Error;
use crate::backlog::Held;
use crate::carrier::{Arrival, Sender, Sent, into_packet_and_sender};
use crate::route::Route;
use crate::strangers::Sample;
use crate::wait::{self, PACKETS_PER_TURN, SERVE_EVERY};

/// How many packets are sent before others are taken, over all sessions: a bound on how long nothing is received.
const TRANSMITS_PER_TURN: usize = 512;

/// Longer than a client on a busy machine takes to read what has arrived, or to ask again.
const QUIET_BEFORE_LEAVING: Duration = Duration::from_millis(250);

impl Server {
    pub(super) fn recv_until(&mut self, until: Option<Instant>) -> Result<Option<Received>, Error> {
        if self.last_turn.elapsed() >= SERVE_EVERY {
            self.turn()?;
        }
        loop {
            if let Some(event) = self.next_event()? {
                return Ok(Some(event));
            }
            self.turn()?;
            if let Some(event) = self.next_event()? {
                return Ok(Some(event));
            } else if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(None);
            }
            self.wait(until)?;
        }
    }

    fn next_event(&mut self) -> Result<Option<Received>, Error> {
        let now = Instant::now();
        let Some((session, event)) = self.listener.poll_event(now) else {
            return Ok(None);
        };
        self.transmit(now)?;
        let peer = match &event {
            Event::Established(established) => {
                self.peers.insert(session, established.peer.clone());
                Some(established.peer.clone())
            }
            Event::Closed(_) => self.peers.remove(&session),
            _ => self.peers.get(&session).cloned(),
        };
        Ok(Some(Received {
            session,
            peer: peer.unwrap_or_default(),
            event,
        }))
    }

    pub(super) fn after_command(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if now.saturating_duration_since(self.last_turn) >= SERVE_EVERY {
            self.turn()
        } else {
            self.transmit(now)
        }
    }

    pub(super) fn wait_and_turn(&mut self) -> Result<(), Error> {
        self.wait(None)?;
        self.turn()
    }

    /// Everything that can be done without waiting.
    pub(super) fn turn(&mut self) -> Result<(), Error> {
        self.owner.check()?;
        let now = Instant::now();
        self.last_turn = now;
        self.receive(now)?;
        if self.listener.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.listener.handle_timeout(now);
            self.noise
                .compare(self.listener.stats(), None, &mut Sender::Nobody, now);
        }
        self.retry(now)?;
        self.transmit(now)
    }

    fn receive(&mut self, now: Instant) -> Result<(), Error> {
        for _ in 0..PACKETS_PER_TURN {
            match self.carrier.receive()? {
                Arrival::Packet(route, message) if !route.is_empty() => self.take(route, message, now),
                Arrival::Packet(_, message) | Arrival::Odd(message) => {
                    self.counters.odd += 1;
                    self.noise.odd(&mut Sender::Unasked(message), now);
                }
                Arrival::Nothing => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, route: Route, message: zmq::Message, now: Instant) {
        self.counters.packets_received += 1;
        let sample = Sample::of(&route, &message);
        let (packet, mut sender) = into_packet_and_sender(message);
        self.listener.handle_packet(route, packet, now);
        self.noise
            .compare(self.listener.stats(), Some(&sample), &mut sender, now);
        self.log_failures(&mut sender, now);
    }

    /// A handshake that failed is no event: nobody but who reads the log can act on it.
    fn log_failures(&mut self, sender: &mut Sender, now: Instant) {
        while let Some(failed) = self.listener.poll_failed_attempt() {
            if let Some(handshakes) = self.failures.occurred(1, now) {
                tracing::warn!(
                    address = self.address,
                    handshakes,
                    from = sender.address(),
                    route = ?failed.route,
                    "a client was turned away: {}",
                    failed.reason
                );
            }
        }
    }

    fn transmit(&mut self, now: Instant) -> Result<(), Error> {
        self.owner.check()?;
        for _ in 0..TRANSMITS_PER_TURN {
            let Some(transmit) = self.listener.poll_transmit(now) else {
                self.behind = false;
                return Ok(());
            };
            self.dispatch(transmit, now)?;
        }
        self.behind = true;
        Ok(())
    }

    fn dispatch(&mut self, transmit: Transmit<Route>, now: Instant) -> Result<(), Error> {
        let Transmit { route, packet, session } = transmit;
        match (self.carrier.send_to(&route, packet)?, session) {
            (Sent::Done, _) => self.counters.packets_sent += 1,
            (Sent::RouteGone, Some(session)) => self.route_gone(session, now),
            (Sent::Refused(packet), Some(session)) => {
                self.counters.packets_held += 1;
                self.listener.pause(session);
                self.backlog.hold(Held::new(session, route, packet, now), now);
            }
            // Whoever misses such an answer asks again.
            (Sent::RouteGone | Sent::Refused(_), None) => self.counters.packets_dropped += 1,
        }
        Ok(())
    }

    fn route_gone(&mut self, session: SessionId, now: Instant) {
        self.counters.packets_dropped += 1;
        self.listener.handle_route_gone(session, now);
    }

    /// Tries held packets again whose time has come.
    fn retry(&mut self, now: Instant) -> Result<(), Error> {
        while let Some(held) = self.backlog.due(now) {
            let session = held.session;
            match self.try_again(held, now)? {
                Some(held) => self.backlog.hold(held, now),
                None => self.listener.resume(session),
            }
        }
        Ok(())
    }

    fn try_again(&mut self, mut held: Held, now: Instant) -> Result<Option<Held>, Error> {
        let packet = std::mem::take(&mut held.packet);
        match self.carrier.send_to(&held.route, packet)? {
            Sent::Done => self.counters.packets_sent += 1,
            Sent::RouteGone => self.route_gone(held.session, now),
            Sent::Refused(packet) => {
                let again = held.again(packet, now);
                self.counters.packets_dropped += u64::from(again.is_none());
                return Ok(again);
            }
        }
        Ok(None)
    }

    /// Answers clients that missed the end, until none has said anything for a while.
    ///
    /// A `DEALER` with `IMMEDIATE` drops what it has received and its application has not read when the connection ends
    /// (`socket_base.cpp`, `hiccuped`): were the socket closed at once, our last packet would be lost, and with it the answer.
    pub(super) fn stay_for_last_words(&mut self, until: Instant) -> Result<(), Error> {
        let mut leave_at = Instant::now() + QUIET_BEFORE_LEAVING;
        while Instant::now() < leave_at.min(until) {
            let heard = self.counters.packets_received;
            self.wait(Some(leave_at.min(until)))?;
            self.turn()?;
            if self.counters.packets_received > heard {
                leave_at = Instant::now() + QUIET_BEFORE_LEAVING;
            }
        }
        Ok(())
    }

    pub(super) fn wait(&self, until: Option<Instant>) -> Result<(), Error> {
        let again = self.behind.then(Instant::now);
        let deadlines = [until, self.listener.poll_timeout(), self.backlog.deadline(), again];
        Ok(wait::poll(
            &mut [self.carrier.socket().as_poll_item(POLLIN)],
            &deadlines,
        )?)
    }

    pub(super) fn part(&mut self) {
        if self.owner.check().is_ok() {
            let now = Instant::now();
            self.listener.close_all(now);
            // Best effort: whoever wants to know calls `close`.
            let _ = self.transmit(now);
        }
    }
}
