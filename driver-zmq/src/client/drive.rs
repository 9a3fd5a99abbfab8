//! The turns of a client: the socket and its news on one side, the session on the other.

use std::time::{Duration, Instant};

use steadfast::{Event, PathHint, Reachability, Unreachable};
use zmq::{POLLIN, POLLOUT, PollEvents};

use super::{Client, Path};
use crate::Error;
use crate::carrier::{Arrival, Sent, into_packet};
use crate::link::Link;
use crate::monitor::News;
use crate::turn::Driven;
use crate::wait::PACKETS_PER_TURN;

impl Driven for Client {
    type Event = Event;

    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }

    fn serve(&mut self, now: Instant) -> Result<(), Error> {
        self.take_news(now)?;
        self.receive(now)?;
        self.expire(now)
    }

    fn transmit(&mut self, now: Instant) -> Result<(), Error> {
        self.link.owner().check()?;
        while let Some(packet) = self.held.take().or_else(|| self.session.poll_transmit(now)) {
            match self.link.carrier.send(packet)? {
                Sent::Refused(packet) => {
                    self.hold(packet, now);
                    break;
                }
                Sent::Done | Sent::RouteGone => self.passed(now),
            }
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Option<Event>, Error> {
        let now = Instant::now();
        let Some(mut event) = self.session.poll_event(now) else {
            return if self.ended { Err(Error::Closed) } else { Ok(None) };
        };
        self.transmit(now)?;
        match &mut event {
            Event::Message(_) => return Ok(Some(event)),
            Event::Unreachable(news) => self.explain(news),
            Event::Closed(_) => self.ended = true,
            _ => {}
        }
        self.log(&event);
        Ok(Some(event))
    }

    fn has_event(&self) -> bool {
        self.session.has_event()
    }

    fn next_turn(&self) -> Option<Instant> {
        let deadlines = [self.session.poll_timeout(), self.link.redial_at()];
        deadlines.into_iter().flatten().min()
    }

    fn wait(&self, until: Option<Instant>) -> Result<(), Error> {
        self.link.wait(self.wanted(), &[until, self.next_turn()])
    }

    fn begin_to_end(&mut self) -> Result<Duration, Error> {
        self.begin_close()?;
        Ok(self.linger)
    }

    fn over_at(&self) -> Option<Instant> {
        (self.session.is_closed() && self.held.is_none()).then_some(self.link.last_turn)
    }
}

impl Client {
    fn take_news(&mut self, now: Instant) -> Result<(), Error> {
        let mut latest = None;
        for news in self.link.news() {
            let news = news?;
            self.diagnosis.note(news);
            latest = match news {
                News::Up => Some(PathHint::Up),
                News::Down => Some(PathHint::Down),
                News::Connected | News::NoZmtp { .. } => latest,
            };
        }
        if let Some(hint) = latest {
            self.session.handle_path(hint, now);
        }
        Ok(())
    }

    fn receive(&mut self, now: Instant) -> Result<(), Error> {
        for _ in 0..PACKETS_PER_TURN {
            match self.link.carrier.receive()? {
                Arrival::Packet(route, message) if route.is_empty() => {
                    self.link.counters.packets_received += 1;
                    self.diagnosis.answered();
                    self.session.handle_packet(into_packet(message), now);
                }
                Arrival::Packet(..) | Arrival::Odd(_) => {
                    self.link.counters.odd += 1;
                    self.diagnosis.answered();
                }
                Arrival::Nothing => return Ok(()),
            }
        }
        self.link.left_packets();
        Ok(())
    }

    fn expire(&mut self, now: Instant) -> Result<(), Error> {
        if self.session.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.session.handle_timeout(now);
        }
        let heard = self.session.reachability() != Reachability::Unreachable;
        self.link.keep_connected(heard, now)
    }

    fn hold(&mut self, packet: Vec<u8>, now: Instant) {
        self.held = Some(packet);
        self.diagnosis.blocked();
        if self.path == Path::Open {
            self.path = Path::Blocked;
            self.link.counters.packets_held += 1;
            self.session.handle_path(PathHint::Down, now);
        }
    }

    fn passed(&mut self, now: Instant) {
        self.link.sent();
        self.diagnosis.passed();
        if std::mem::replace(&mut self.path, Path::Open) == Path::Blocked {
            self.session.handle_path(PathHint::Up, now);
        }
    }

    /// What the application should ask `zmq::poll` for.
    pub(super) fn wanted(&self) -> PollEvents {
        if self.held.is_some() { POLLIN | POLLOUT } else { POLLIN }
    }

    /// The session knows best why it failed; if it does not, the connection may.
    fn explain(&self, news: &mut Unreachable) {
        let (seen, link) = (self.diagnosis, &self.link);
        news.probable_cause
            .get_or_insert_with(|| seen.probable_cause(link.address(), link.is_bound(), news.established));
    }

    fn log(&self, event: &Event) {
        let _entered = self.link.span().enter();
        match event {
            Event::Unreachable(_) | Event::PeerRestarted(_) => tracing::warn!("{event}"),
            _ => tracing::info!("{event}"),
        }
    }

    pub(super) fn part(&mut self) {
        if self.link.owner().check().is_ok() {
            let now = Instant::now();
            self.session.close(now);
            // Best effort: whoever wants to know calls `close`.
            let _ = self.transmit(now);
        }
        self.link.part();
    }
}
