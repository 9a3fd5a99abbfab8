//! A client: one process with one session, its driver and its application.

use std::time::{Duration, Instant};

use bytes::Bytes;
use steadfast::{CloseReason, Event, MessageId, PathHint, SendError, Session};

use super::{Seen, Surroundings, until_idle};
use crate::app::{Outbox, Reader};
use crate::books::{Books, Claim, EndId, Holder};
use crate::flow::{ClientId, NodeId};
use crate::network::Sent;
use crate::oracle::{EventOrder, Pace, Violation};
use crate::random::NodeRandom;
use crate::setup::ClientSetup;
use crate::timeline::What;

/// Which process this is, and of what kind.
pub(crate) struct ClientProcess {
    pub(crate) id: ClientId,
    pub(crate) incarnation: u32,
    pub(crate) setup: ClientSetup,
    pub(crate) claim: Claim,
}

#[derive(Debug)]
pub(crate) struct ClientNode {
    id: ClientId,
    pub(crate) incarnation: u32,
    pub(crate) setup: ClientSetup,
    /// A dead process does nothing, and nothing can be done to it.
    alive: bool,
    session: Session,
    random: NodeRandom,
    /// Where the books keep the present life of the session.
    end: EndId,
    /// The packet that the transport did not take; while there is one, no more are polled.
    held: Option<Vec<u8>>,
    order: EventOrder,
    pace: Pace,
    pub(crate) outbox: Outbox,
    pub(crate) reader: Reader,
    pub(crate) seen: Vec<Seen>,
}

impl ClientNode {
    pub(crate) fn new(process: ClientProcess, session: Session, random: NodeRandom, books: &mut Books) -> Self {
        let ClientProcess {
            id,
            incarnation,
            setup,
            claim,
        } = process;
        let holder = Holder {
            node: NodeId::Client(id),
            incarnation,
            is_manual: setup.delivery.manual_acknowledgement,
        };
        Self {
            id,
            incarnation,
            alive: true,
            session,
            random,
            end: books.open(holder, id, claim),
            setup,
            held: None,
            order: EventOrder::default(),
            pace: Pace::default(),
            outbox: Outbox::default(),
            reader: Reader::default(),
            seen: Vec::new(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Whether nobody can reach this client any more, because it is dead or because another took its place.
    pub(crate) fn is_gone(&self) -> bool {
        let superseded =
            |event: &Event| matches!(event, Event::Closed(closed) if closed.reason == CloseReason::Superseded);
        !self.alive || self.seen.iter().any(|seen| superseded(&seen.event))
    }

    fn holder(&self) -> Holder {
        Holder {
            node: NodeId::Client(self.id),
            incarnation: self.incarnation,
            is_manual: self.setup.delivery.manual_acknowledgement,
        }
    }

    pub(crate) fn end(&self) -> EndId {
        self.end
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Calls the session as this node.
    pub(crate) fn with<R>(&mut self, now: Instant, call: impl FnOnce(&mut Session, Instant) -> R) -> R {
        let session = &mut self.session;
        self.pace.acted();
        self.random.lend(|| call(session, now))
    }

    pub(crate) fn is_established(&self) -> bool {
        self.alive && self.order.is_established()
    }

    /// Ends the process. Its session can still be looked at: if it knew the names of lives that it did not tell, what was
    /// sent in those lives is compared by them.
    pub(crate) fn die(&mut self, now: Instant, books: &mut Books) -> Result<(), Violation> {
        self.alive = false;
        self.held = None;
        self.outbox = Outbox::default();
        let session = &mut self.session;
        while let Some(event) = self.random.lend(|| session.poll_event(now)) {
            if let Event::Established(established) = event {
                self.end = books.untold(self.end, &established)?;
            }
        }
        books.died(self.holder());
        Ok(())
    }

    pub(crate) fn deliver(&mut self, packet: Vec<u8>, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        if self.alive {
            self.with(around.now, |session, now| session.handle_packet(packet, now));
        }
        self.pump(around)
    }

    pub(crate) fn hint(&mut self, hint: PathHint, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        if self.alive {
            self.with(around.now, |session, now| session.handle_path(hint, now));
        }
        self.pump(around)
    }

    pub(crate) fn timeout(&mut self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        self.pace.timeout(around.at)?;
        around.log.add(around.at, What::Timeout(NodeId::Client(self.id)));
        let session = &mut self.session;
        self.random.lend(|| session.handle_timeout(around.now));
        self.pump(around)
    }

    pub(crate) fn send(
        &mut self,
        parts: &[Bytes],
        around: &mut Surroundings<'_>,
    ) -> Result<Result<MessageId, SendError>, Violation> {
        if !self.alive {
            return Ok(Err(SendError::Closed));
        }
        let sent = self.with(around.now, |session, now| session.send_parts(parts, now));
        if let Ok(id) = sent {
            self.pace.grant(parts.iter().map(Bytes::len).sum());
            around.books.sent(self.end, id, parts.to_vec())?;
        }
        Ok(sent)
    }

    /// Sends these as fast as the session takes them.
    pub(crate) fn stream(&mut self, messages: impl IntoIterator<Item = Vec<Bytes>>) {
        if self.alive {
            self.outbox.extend(messages);
        }
    }

    /// Does what a driver does after every call, and lets the application read and write.
    pub(crate) fn pump(&mut self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        if !self.alive {
            return Ok(());
        }
        until_idle(|| Ok(self.feed(around)? | self.transmit(around)? | self.read(around)?))?;
        self.note_acknowledged(around)
    }

    fn note_acknowledged(&self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        around.books.acknowledged(self.end, self.session.acknowledged_through())
    }

    fn feed(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Violation> {
        let mut fed = false;
        while let Some(message) = self.outbox.next() {
            match self.send(&message, around)? {
                Ok(_) => fed = true,
                Err(error) => {
                    self.outbox.not_accepted(message, error);
                    break;
                }
            }
        }
        Ok(fed)
    }

    fn transmit(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Violation> {
        let mut sent = false;
        while let Some(packet) = self.next_packet(around.now) {
            match around.network.send_up(self.id, packet, around.at, around.log) {
                Sent::Full(packet) => {
                    self.held = Some(packet);
                    break;
                }
                Sent::Taken | Sent::NoRoute => {
                    self.pace.packet(around.at)?;
                    sent = true;
                }
            }
        }
        Ok(sent)
    }

    fn next_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        let session = &mut self.session;
        self.held
            .take()
            .or_else(|| self.random.lend(|| session.poll_transmit(now)))
    }

    fn read(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Violation> {
        // What is listed at the end of a life depends on what was acknowledged until then.
        self.note_acknowledged(around)?;
        let mut read = false;
        while self.reader.may_read(around.at) {
            let session = &mut self.session;
            let Some(event) = self.random.lend(|| session.poll_event(around.now)) else {
                self.reader.found_nothing();
                break;
            };
            self.reader.took_one(around.at);
            self.pace.acted();
            self.take(event, around)?;
            read = true;
        }
        Ok(read)
    }

    fn take(&mut self, event: Event, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        around.log.add(
            around.at,
            What::Event(NodeId::Client(self.id), self.id, event.to_string()),
        );
        self.order.told(&event)?;
        match event {
            Event::Message(message) => {
                self.pace.grant(message.total_bytes());
                around.books.delivered(self.end, message)
            }
            event => {
                self.turn(&event, around.books)?;
                self.seen.push(Seen { at: around.at, event });
                Ok(())
            }
        }
    }

    /// Enters into the books what begins or ends a life.
    fn turn(&mut self, event: &Event, books: &mut Books) -> Result<(), Violation> {
        match event {
            Event::Established(established) => books.established(self.end, established)?,
            Event::PeerRestarted(restarted) => {
                self.pace.grant_again(restarted);
                self.end = books.restarted(self.end, restarted, self.setup.delivery.redeliver)?;
            }
            Event::Closed(closed) => books.closed(self.end, closed)?,
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.session.poll_timeout().filter(|_| self.alive)
    }

    pub(crate) fn reads_at(&self) -> Option<Duration> {
        self.reader.wakes_at().filter(|_| self.alive)
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.held.is_some()
    }
}
