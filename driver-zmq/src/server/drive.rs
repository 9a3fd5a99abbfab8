//! The turns of a server: socket and deadlines on one side, the listener on the other.

use std::time::{Duration, Instant};

use steadfast::{Event, SessionId, Transmit};
use zmq::POLLIN;

use super::{Received, Server};
use crate::Error;
use crate::backlog::Held;
use crate::carrier::{Arrival, Sender, Sent, into_packet_and_sender};
use crate::link::Link;
use crate::monitor::News;
use crate::route::Route;
use crate::strangers::Sample;
use crate::turn::Driven;
use crate::wait::PACKETS_PER_TURN;

/// How many packets are sent before others are taken, over all sessions: a bound on how long nothing is received.
const TRANSMITS_PER_TURN: usize = 512;

/// Longer than a client on a busy machine takes to read what has arrived, or to ask again.
pub(crate) const QUIET_BEFORE_LEAVING: Duration = Duration::from_millis(250);

impl Driven for Server {
    type Event = Received;

    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }

    fn serve(&mut self, now: Instant) -> Result<(), Error> {
        self.take_news(now)?;
        self.receive(now)?;
        self.expire(now)?;
        self.retry(now)
    }

    fn transmit(&mut self, now: Instant) -> Result<(), Error> {
        self.link.owner().check()?;
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
        let received = Received {
            session,
            peer: peer.unwrap_or_default(),
            event,
        };
        if !matches!(received.event, Event::Message(_)) {
            self.log(&received);
        }
        Ok(Some(received))
    }

    fn has_event(&self) -> bool {
        self.listener.has_event()
    }

    fn next_turn(&self) -> Option<Instant> {
        let again = self.behind.then(Instant::now);
        let dial = self
            .link
            .redial_at()
            .or_else(|| (!self.link.is_bound()).then_some(self.quiet_until));
        let deadlines = [self.listener.poll_timeout(), self.backlog.deadline(), dial, again];
        deadlines.into_iter().flatten().min()
    }

    fn wait(&self, until: Option<Instant>) -> Result<(), Error> {
        self.link.wait(POLLIN, &[until, self.next_turn()])
    }

    fn begin_to_end(&mut self) -> Result<Duration, Error> {
        self.close_all()?;
        Ok(self.linger + QUIET_BEFORE_LEAVING)
    }

    fn over_at(&self) -> Option<Instant> {
        self.listener.sessions().next().is_none().then(|| self.leaves_at())
    }
}

impl Server {
    /// A connection that 0MQ has given up shows, where this side connects, by nobody being heard for long; sooner with a monitor.
    fn take_news(&mut self, now: Instant) -> Result<(), Error> {
        for news in self.link.news() {
            match news? {
                News::Up => self.quiet_until = now + self.longest_quiet,
                News::Down | News::NoZmtp { .. } => self.quiet_until = now,
                News::Connected => {}
            }
        }
        Ok(())
    }

    fn expire(&mut self, now: Instant) -> Result<(), Error> {
        if self.listener.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.listener.handle_timeout(now);
            (self.noise).compare(self.listener.stats(), None, &mut Sender::Nobody, now);
        }
        self.link.keep_connected(now < self.quiet_until, now)
    }

    fn receive(&mut self, now: Instant) -> Result<(), Error> {
        for _ in 0..PACKETS_PER_TURN {
            match self.link.carrier.receive()? {
                Arrival::Packet(route, message) if route.is_empty() != self.link.has_routes() => {
                    self.take(route, message, now);
                }
                Arrival::Packet(_, message) | Arrival::Odd(message) => {
                    self.link.counters.odd += 1;
                    self.noise.odd(&mut Sender::Unasked(message), now);
                }
                Arrival::Nothing => return Ok(()),
            }
        }
        self.link.left_packets();
        Ok(())
    }

    fn take(&mut self, route: Route, message: zmq::Message, now: Instant) {
        self.link.counters.packets_received += 1;
        self.last_packet = now;
        self.quiet_until = now + self.longest_quiet;
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
                    handshakes,
                    from = sender.address(),
                    route = ?failed.route,
                    "a client was turned away: {}",
                    failed.reason
                );
            }
        }
    }

    fn dispatch(&mut self, transmit: Transmit<Route>, now: Instant) -> Result<(), Error> {
        let Transmit { route, packet, session } = transmit;
        match (self.link.carrier.send_to(&route, packet)?, session) {
            (Sent::Done, _) => self.link.sent(),
            (Sent::RouteGone, Some(session)) => self.route_gone(session, now),
            (Sent::Refused(packet), Some(session)) => {
                self.link.counters.packets_held += 1;
                self.listener.pause(session);
                self.backlog.hold(Held::new(session, route, packet, now), now);
            }
            // Whoever misses such an answer asks again.
            (Sent::RouteGone | Sent::Refused(_), None) => self.link.counters.packets_dropped += 1,
        }
        Ok(())
    }

    fn route_gone(&mut self, session: SessionId, now: Instant) {
        self.link.counters.packets_dropped += 1;
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
        match self.link.carrier.send_to(&held.route, packet)? {
            Sent::Done => self.link.sent(),
            Sent::RouteGone => self.route_gone(held.session, now),
            Sent::Refused(packet) => {
                let again = held.again(packet, now);
                self.link.counters.packets_dropped += u64::from(again.is_none());
                return Ok(again);
            }
        }
        Ok(None)
    }

    /// Answers clients that missed the end, until none has said anything for a while.
    pub(super) fn stay_for_last_words(&mut self, until: Instant) -> Result<(), Error> {
        self.last_packet = Instant::now();
        while Instant::now() < self.leaves_at().min(until) {
            self.wait(Some(self.leaves_at().min(until)))?;
            self.turn()?;
        }
        Ok(())
    }

    /// When a server without sessions may go, if no packet comes until then.
    ///
    /// A `DEALER` with `IMMEDIATE` drops what it has received and its application has not read when the connection ends
    /// (`socket_base.cpp`, `hiccuped`): were the socket closed at once, our last packet would be lost, and with it the answer.
    pub(crate) fn leaves_at(&self) -> Instant {
        self.last_packet + QUIET_BEFORE_LEAVING
    }

    fn log(&self, received: &Received) {
        let _entered = self.link.span().enter();
        let Received { session, event, .. } = received;
        match event {
            Event::PeerRestarted(_) => tracing::warn!(?session, "{event}"),
            _ => tracing::debug!(?session, "{event}"),
        }
    }

    pub(super) fn part(&mut self) {
        if self.link.owner().check().is_ok() {
            let now = Instant::now();
            self.listener.close_all(now);
            // Best effort: whoever wants to know calls `close`.
            let _ = self.transmit(now);
        }
        self.link.part();
    }
}
