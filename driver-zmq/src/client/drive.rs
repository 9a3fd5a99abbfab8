//! The turns of a client: socket, monitor and deadlines on one side, the session on the other.

use std::time::Instant;

use steadfast::{Event, PathHint, Reachability};
use zmq::{POLLIN, POLLOUT};

use super::{Client, Path};
use crate::Error;
use crate::carrier::{Arrival, Sent, into_packet};
use crate::wait::{self, PACKETS_PER_TURN, SERVE_EVERY};

impl Client {
    pub(super) fn recv_until(&mut self, until: Option<Instant>) -> Result<Option<Event>, Error> {
        if self.last_turn.elapsed() >= SERVE_EVERY {
            self.turn()?;
        }
        loop {
            if let Some(event) = self.next_event()? {
                return Ok(Some(event));
            } else if self.ended {
                return Err(Error::Closed);
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

    fn next_event(&mut self) -> Result<Option<Event>, Error> {
        let now = Instant::now();
        let Some(event) = self.session.poll_event(now) else {
            return Ok(None);
        };
        self.transmit(now)?;
        match &event {
            Event::Unreachable(news) => tracing::warn!(address = self.address, "{news}"),
            Event::PeerRestarted(_) => tracing::warn!(address = self.address, "{event}"),
            Event::Closed(_) => self.ended = true,
            _ => {}
        }
        Ok(Some(event))
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
        self.take_hint(now)?;
        self.receive(now)?;
        self.expire(now)?;
        self.transmit(now)
    }

    fn take_hint(&mut self, now: Instant) -> Result<(), Error> {
        let Some(monitor) = &self.monitor else { return Ok(()) };
        if let Some(hint) = monitor.latest()? {
            self.session.handle_path(hint, now);
        }
        Ok(())
    }

    fn receive(&mut self, now: Instant) -> Result<(), Error> {
        for _ in 0..PACKETS_PER_TURN {
            match self.carrier.receive()? {
                Arrival::Packet(route, message) if route.is_empty() => {
                    self.counters.packets_received += 1;
                    self.session.handle_packet(into_packet(message), now);
                }
                Arrival::Packet(..) | Arrival::Odd(_) => self.counters.odd += 1,
                Arrival::Nothing => break,
            }
        }
        Ok(())
    }

    fn expire(&mut self, now: Instant) -> Result<(), Error> {
        if self.session.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.session.handle_timeout(now);
        }
        self.redial
            .note(self.session.reachability() != Reachability::Unreachable, now);
        if self.redial.is_due(now) {
            self.dial_again()
        } else {
            Ok(())
        }
    }

    fn dial_again(&mut self) -> Result<(), Error> {
        self.counters.redials += 1;
        // Gone already if 0MQ gave it up.
        let _ = self.carrier.socket().disconnect(&self.address);
        Ok(self.carrier.socket().connect(&self.address)?)
    }

    fn transmit(&mut self, now: Instant) -> Result<(), Error> {
        self.owner.check()?;
        while let Some(packet) = self.held.take().or_else(|| self.session.poll_transmit(now)) {
            match self.carrier.send(packet)? {
                Sent::Refused(packet) => {
                    self.hold(packet, now);
                    break;
                }
                Sent::Done | Sent::RouteGone => self.passed(now),
            }
        }
        Ok(())
    }

    fn hold(&mut self, packet: Vec<u8>, now: Instant) {
        self.held = Some(packet);
        if self.path == Path::Open {
            self.path = Path::Blocked;
            self.counters.packets_held += 1;
            self.session.handle_path(PathHint::Down, now);
        }
    }

    fn passed(&mut self, now: Instant) {
        self.counters.packets_sent += 1;
        if std::mem::replace(&mut self.path, Path::Open) == Path::Blocked {
            self.session.handle_path(PathHint::Up, now);
        }
    }

    pub(super) fn wait(&self, until: Option<Instant>) -> Result<(), Error> {
        let wanted = if self.held.is_some() { POLLIN | POLLOUT } else { POLLIN };
        let deadlines = [until, self.session.poll_timeout(), self.redial.deadline()];
        let socket = self.carrier.socket().as_poll_item(wanted);
        match &self.monitor {
            Some(monitor) => wait::poll(&mut [socket, monitor.socket().as_poll_item(POLLIN)], &deadlines)?,
            None => wait::poll(&mut [socket], &deadlines)?,
        }
        Ok(())
    }

    pub(super) fn part(&mut self) {
        if self.owner.check().is_ok() {
            let now = Instant::now();
            self.session.close(now);
            // Best effort: whoever wants to know calls `close`.
            let _ = self.transmit(now);
        }
        if let Some(monitor) = &self.monitor {
            monitor.silence(self.carrier.socket());
        }
    }
}
