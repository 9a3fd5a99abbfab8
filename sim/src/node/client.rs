//! A client: one session, its driver and its application.

use std::time::{Duration, Instant};

use bytes::Bytes;
use steadfast::{Event, MessageId, PathHint, SendError, Session};

use super::{Seen, Surroundings, until_idle};
use crate::app::{Outbox, Reader};
use crate::flow::{ClientId, NodeId};
use crate::network::Sent;
use crate::oracle::{EventOrder, Pace, Violation};
use crate::random::NodeRandom;
use crate::timeline::What;

#[derive(Debug)]
pub(crate) struct ClientNode {
    id: ClientId,
    session: Session,
    random: NodeRandom,
    /// The packet that the transport did not take; while there is one, no more are polled.
    held: Option<Vec<u8>>,
    order: EventOrder,
    pace: Pace,
    pub(crate) outbox: Outbox,
    pub(crate) reader: Reader,
    pub(crate) seen: Vec<Seen>,
}

impl ClientNode {
    pub(crate) fn new(id: ClientId, session: Session, random: NodeRandom) -> Self {
        Self {
            id,
            session,
            random,
            held: None,
            order: EventOrder::default(),
            pace: Pace::default(),
            outbox: Outbox::default(),
            reader: Reader::default(),
            seen: Vec::new(),
        }
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
        self.order.is_established()
    }

    pub(crate) fn deliver(&mut self, packet: Vec<u8>, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        self.with(around.now, |session, now| session.handle_packet(packet, now));
        self.pump(around)
    }

    pub(crate) fn hint(&mut self, hint: PathHint, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        self.with(around.now, |session, now| session.handle_path(hint, now));
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
        let sent = self.with(around.now, |session, now| session.send_parts(parts, now));
        if let Ok(id) = sent {
            self.pace.grant(parts.iter().map(Bytes::len).sum());
            around.books.sent(self.id.up(), id, parts.to_vec())?;
        }
        Ok(sent)
    }

    /// Does what a driver does after every call, and lets the application read and write.
    pub(crate) fn pump(&mut self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        until_idle(|| Ok(self.feed(around)? | self.transmit(around)? | self.read(around)?))?;
        around
            .books
            .acknowledged(self.id.up(), self.session.acknowledged_through())
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
                around.books.delivered(self.id.down(), message)
            }
            event => {
                if let Event::Closed(closed) = &event {
                    around.books.closed(self.id.up(), closed)?;
                }
                self.seen.push(Seen { at: around.at, event });
                Ok(())
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    pub(crate) fn reads_at(&self) -> Option<Duration> {
        self.reader.wakes_at()
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.held.is_some()
    }
}
