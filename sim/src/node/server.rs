//! The server: one process with one listener, its driver and its application's side of every session.

mod lives;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use steadfast::{Delivery, Event, Listener, MessageId, SendError, SessionId, Transmit};

use super::roster::Roster;
use super::{Seen, Surroundings, until_idle};
use crate::app::{Outbox, Reader};
use crate::books::{Claim, EndId, Holder};
use crate::flow::{ClientId, NodeId, RouteId};
use crate::network::Sent;
use crate::oracle::{EventOrder, Pace, Violation, demand};
use crate::random::NodeRandom;
use crate::timeline::What;

#[derive(Debug)]
pub(crate) struct ServerNode {
    pub(crate) incarnation: u32,
    claim: Claim,
    delivery: Delivery,
    listener: Listener<RouteId>,
    random: NodeRandom,
    /// The packets that routes did not take, by session; such a session is paused.
    held: BTreeMap<SessionId, Transmit<RouteId>>,
    pace: Pace,
    pub(crate) reader: Reader,
    pub(crate) clients: BTreeMap<ClientId, ServerSide>,
    sessions: BTreeMap<SessionId, Standing>,
    roster: Roster,
}

/// Which process this is, and of what kind.
pub(crate) struct ServerProcess {
    pub(crate) incarnation: u32,
    pub(crate) claim: Claim,
    pub(crate) delivery: Delivery,
}

/// What is known of one session.
#[derive(Debug)]
struct Standing {
    order: EventOrder,
    /// Where the books keep its present life.
    end: EndId,
}

/// What the server's application has to do with one client.
#[derive(Debug, Default)]
pub(crate) struct ServerSide {
    /// The newest session.
    pub(crate) session: Option<SessionId>,
    pub(crate) outbox: Outbox,
    pub(crate) seen: Vec<Seen>,
}

impl ServerNode {
    pub(crate) fn new(process: ServerProcess, listener: Listener<RouteId>, random: NodeRandom) -> Self {
        Self {
            incarnation: process.incarnation,
            claim: process.claim,
            delivery: process.delivery,
            listener,
            random,
            held: BTreeMap::new(),
            pace: Pace::default(),
            reader: Reader::default(),
            clients: BTreeMap::new(),
            sessions: BTreeMap::new(),
            roster: Roster::default(),
        }
    }

    pub(crate) fn listener(&self) -> &Listener<RouteId> {
        &self.listener
    }

    /// Somebody else than its clients sends it a packet.
    pub(crate) fn provoke(&mut self) {
        self.pace.provoked();
    }

    pub(crate) fn expect(&mut self, client: ClientId, claim: Claim) {
        self.roster.add(client, claim);
        self.clients.insert(client, ServerSide::default());
        self.pace.expect_handshake();
    }

    /// A client says something else of itself from here on.
    pub(crate) fn reclaim(&mut self, client: ClientId, claim: Claim) {
        self.roster.add(client, claim);
    }

    /// Calls the listener as this node.
    pub(crate) fn with<R>(&mut self, now: Instant, call: impl FnOnce(&mut Listener<RouteId>, Instant) -> R) -> R {
        let listener = &mut self.listener;
        self.pace.acted();
        self.random.lend(|| call(listener, now))
    }

    pub(crate) fn is_established(&self, client: ClientId) -> bool {
        self.standing(client)
            .is_some_and(|standing| standing.order.is_established())
    }

    /// Where the books keep the present life of the newest session with a client.
    pub(crate) fn end(&self, client: ClientId) -> Option<EndId> {
        self.standing(client).map(|standing| standing.end)
    }

    fn standing(&self, client: ClientId) -> Option<&Standing> {
        self.sessions.get(&self.clients[&client].session?)
    }

    fn holder(&self) -> Holder {
        Holder {
            node: NodeId::Server,
            incarnation: self.incarnation,
            is_manual: self.delivery.manual_acknowledgement,
        }
    }

    pub(crate) fn deliver(
        &mut self,
        route: RouteId,
        packet: Vec<u8>,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Violation> {
        self.with(around.now, |listener, now| listener.handle_packet(route, packet, now));
        self.pump(around)
    }

    pub(crate) fn timeout(&mut self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        self.pace.timeout(around.at)?;
        around.log.add(around.at, What::Timeout(NodeId::Server));
        let listener = &mut self.listener;
        self.random.lend(|| listener.handle_timeout(around.now));
        self.pump(around)
    }

    /// Sends in the session with a client; without one, the message is refused as it would be after the end.
    pub(crate) fn send(
        &mut self,
        client: ClientId,
        parts: &[Bytes],
        around: &mut Surroundings<'_>,
    ) -> Result<Result<MessageId, SendError>, Violation> {
        let Some(session) = self.clients[&client].session else {
            return Ok(Err(SendError::Closed));
        };
        let sent = self.with(around.now, |listener, now| listener.send_parts(session, parts, now));
        if let Ok(id) = sent {
            self.pace.grant(parts.iter().map(Bytes::len).sum());
            let end = self.sessions[&session].end;
            around.books.sent(end, id, parts.to_vec())?;
        }
        Ok(sent)
    }

    /// Does what a driver does after every call, and lets the application read and write.
    pub(crate) fn pump(&mut self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        until_idle(|| {
            self.retry_held(around)?;
            Ok(self.feed(around)? | self.transmit(around)? | self.read(around)?)
        })?;
        self.note_acknowledged(around)
    }

    fn note_acknowledged(&self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        let open = self.sessions.iter().filter(|(_, standing)| !standing.order.is_closed());
        for (session, standing) in open {
            // A thousand idle ones are not asked at every step.
            if !around.books.has_sent(standing.end) {
                continue;
            }
            let through = self.listener.acknowledged_through(*session);
            around.books.acknowledged(standing.end, through)?;
        }
        Ok(())
    }

    fn feed(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Violation> {
        let mut fed = false;
        let waiting = self.clients.iter().filter(|(_, side)| !side.outbox.is_empty());
        let clients = waiting.map(|(client, _)| *client);
        let clients: Vec<_> = clients.filter(|client| self.is_established(*client)).collect();
        for client in clients {
            while let Some(message) = self.side(client).outbox.next() {
                match self.send(client, &message, around)? {
                    Ok(_) => fed = true,
                    Err(error) => {
                        self.side(client).outbox.not_accepted(message, error);
                        break;
                    }
                }
            }
        }
        Ok(fed)
    }

    fn side(&mut self, client: ClientId) -> &mut ServerSide {
        self.clients.get_mut(&client).expect("every client was announced")
    }

    fn retry_held(&mut self, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        for (session, transmit) in std::mem::take(&mut self.held) {
            self.give(transmit, around)?;
            if !self.held.contains_key(&session) {
                self.listener.resume(session);
            }
        }
        Ok(())
    }

    fn transmit(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Violation> {
        let mut sent = false;
        while let Some(transmit) = self.next_transmit(around.now) {
            let held = transmit.session.and_then(|session| self.held.get(&session));
            let paused = held.is_some_and(|held| held.route == transmit.route);
            demand(!paused, || {
                "server: a paused session transmits by the route that is full".into()
            })?;
            self.give(transmit, around)?;
            sent = true;
        }
        Ok(sent)
    }

    fn next_transmit(&mut self, now: Instant) -> Option<Transmit<RouteId>> {
        let listener = &mut self.listener;
        self.random.lend(|| listener.poll_transmit(now))
    }

    /// Gives a packet to the network, as a driver does: a full route pauses its session, a dead one is reported.
    fn give(&mut self, transmit: Transmit<RouteId>, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        let Transmit { route, packet, session } = transmit;
        if let Some(session) = session {
            self.roster.transmitted(session, route);
        }
        match (around.network.send_down(route, packet, around.at, around.log), session) {
            (Sent::Full(packet), Some(id)) => {
                self.listener.pause(id);
                self.held.insert(id, Transmit { route, packet, session });
                return Ok(());
            }
            (Sent::NoRoute, Some(session)) if around.network.transport().hints => {
                self.with(around.now, |listener, now| listener.handle_route_gone(session, now));
            }
            _ => {}
        }
        self.pace.packet(around.at)
    }

    fn read(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Violation> {
        // What is listed at the end of a life depends on what was acknowledged until then.
        self.note_acknowledged(around)?;
        let mut read = false;
        while self.reader.may_read(around.at) {
            let listener = &mut self.listener;
            let Some((session, event)) = self.random.lend(|| listener.poll_event(around.now)) else {
                self.reader.found_nothing();
                break;
            };
            self.reader.took_one(around.at);
            self.pace.acted();
            self.take(session, event, around)?;
            read = true;
        }
        Ok(read)
    }

    fn take(&mut self, session: SessionId, event: Event, around: &mut Surroundings<'_>) -> Result<(), Violation> {
        if let Event::Established(established) = &event {
            self.begin(session, established, around)?;
        }
        let Some(standing) = self.sessions.get_mut(&session) else {
            return Err(Violation(format!(
                "server: an event of a session that never began: {event}"
            )));
        };
        let client = around.books.client(standing.end);
        around
            .log
            .add(around.at, What::Event(NodeId::Server, client, event.to_string()));
        standing.order.told(&event)?;
        match event {
            Event::Message(message) => {
                self.pace.grant(message.total_bytes());
                around.books.delivered(standing.end, message)
            }
            event => {
                self.turn(session, &event, around.books)?;
                self.side(client).seen.push(Seen { at: around.at, event });
                Ok(())
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.listener.poll_timeout()
    }

    pub(crate) fn reads_at(&self) -> Option<Duration> {
        self.reader.wakes_at()
    }

    pub(crate) fn is_blocked(&self) -> bool {
        !self.held.is_empty()
    }
}
