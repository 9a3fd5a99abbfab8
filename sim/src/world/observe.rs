//! What a test sees of a world.

use std::time::{Duration, Instant};

use steadfast::SessionStats;
use steadfast::{
    CloseReason, Closed, Event, InFlight, ListenerStats, Message, MessageId, SendError, Session, SessionId,
};

use super::World;
use crate::digest::WireHash;
use crate::flow::{ClientId, Direction, Flow, RouteId};
use crate::network::Parcel;
use crate::node::Seen;
use crate::timeline::Timeline;
use crate::wire::PacketKind;

impl World {
    /// How much simulated time has passed.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The present instant.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether a client and the server are established with each other in one life of a session, closed at neither side.
    pub fn is_established(&self, client: ClientId) -> bool {
        let node = &self.clients[client.0];
        let server = self.server.end(client);
        let joined = server.is_some_and(|end| self.books.are_joined(node.end(), end));
        joined && node.is_established() && self.server.is_established(client)
    }

    /// Whether everything sent is delivered and known to be, on all flows. What was sent to a process that died, or by one,
    /// is settled when the other side was told that it is gone, or if that is the dead one.
    pub fn is_settled(&self) -> bool {
        self.outboxes_are_empty() && self.books.are_settled()
    }

    /// What the server's application wants to send to a client that is gone for good, it wants in vain.
    fn outboxes_are_empty(&self) -> bool {
        let clients = self.clients.iter().map(|node| &node.outbox);
        let sides = self.server.clients.iter();
        let server = sides.filter(|(client, _)| !self.clients[client.0].is_gone());
        clients
            .chain(server.map(|(_, side)| &side.outbox))
            .all(crate::app::Outbox::is_empty)
    }

    /// The messages that the flow's receiver took, in order, over all lives.
    pub fn delivered(&self, flow: Flow) -> &[Message] {
        self.books.messages(flow)
    }

    /// How many messages the flow's sender gave to its session, over all lives.
    pub fn sent(&self, flow: Flow) -> usize {
        self.books.sent_messages(flow)
    }

    /// What the flow's sender was refused for good while it streamed.
    pub fn refused(&self, flow: Flow) -> &[SendError] {
        match flow.direction {
            Direction::Up => &self.clients[flow.client.0].outbox.refused,
            Direction::Down => &self.server.clients[&flow.client].outbox.refused,
        }
    }

    /// What the application at the sender's end of this flow saw of its session, messages aside. Of a process that restarted,
    /// what the present one saw.
    pub fn seen(&self, flow: Flow) -> &[Seen] {
        match flow.direction {
            Direction::Up => &self.clients[flow.client.0].seen,
            Direction::Down => &self.server.clients[&flow.client].seen,
        }
    }

    /// How the session ended at the sender's end of this flow, if it did.
    pub fn closed(&self, flow: Flow) -> Option<&Closed> {
        self.seen(flow).iter().find_map(|seen| match &seen.event {
            Event::Closed(closed) => Some(&**closed),
            _ => None,
        })
    }

    /// Why the session ended at the sender's end of this flow, if it did.
    pub fn close_reason(&self, flow: Flow) -> Option<&CloseReason> {
        self.closed(flow).map(|closed| &closed.reason)
    }

    /// Whether the session ended at both sides.
    pub fn is_closed(&self, client: ClientId) -> bool {
        client.both().iter().all(|flow| self.closed(*flow).is_some())
    }

    /// How often the application at the sender's end saw such an event.
    pub fn count(&self, flow: Flow, matches: impl Fn(&Event) -> bool) -> usize {
        self.seen(flow).iter().filter(|seen| matches(&seen.event)).count()
    }

    /// A client's session; of a dead client, the last one, as it was.
    pub fn client(&self, client: ClientId) -> &Session {
        self.clients[client.0].session()
    }

    /// The server's newest session with a client, as far as the server's process has any. While the client's application
    /// was not told yet, a guess by names and routes.
    pub fn session(&self, client: ClientId) -> Option<SessionId> {
        self.server.clients[&client].session
    }

    /// Counters of a client's session.
    pub fn client_stats(&self, client: ClientId) -> SessionStats {
        self.client(client).stats()
    }

    /// Counters of the server's session with a client, while it stands.
    pub fn server_stats(&self, client: ClientId) -> Option<SessionStats> {
        self.server.listener().session_stats(self.session(client)?)
    }

    /// Counters of the server.
    pub fn listener_stats(&self) -> ListenerStats {
        self.server.listener().stats()
    }

    /// What the flow's sender holds.
    pub fn in_flight(&self, flow: Flow) -> InFlight {
        match (flow.direction, self.session(flow.client)) {
            (Direction::Up, _) => self.client(flow.client).in_flight(),
            (Direction::Down, Some(session)) => self.server.listener().in_flight(session),
            (Direction::Down, None) => InFlight::default(),
        }
    }

    /// The last message of this flow that its sender knows to be taken.
    pub fn acknowledged(&self, flow: Flow) -> Option<MessageId> {
        match flow.direction {
            Direction::Up => self.client(flow.client).acknowledged_through(),
            Direction::Down => self.server.listener().acknowledged_through(self.session(flow.client)?),
        }
    }

    /// The server's name of a client's present connection.
    pub fn route(&self, client: ClientId) -> RouteId {
        self.network.route(client)
    }

    /// What the server sent to somebody else's connection.
    pub fn sent_to_stranger(&self, route: RouteId) -> &[Vec<u8>] {
        self.network.sent_to_stranger(route)
    }

    /// How many packets of one kind were sent on a flow.
    pub fn packets(&self, flow: Flow, kind: PacketKind) -> u32 {
        self.network.sent(flow, kind)
    }

    /// Every packet sent so far, if the [`Transport`](crate::Transport) was told to keep them.
    pub fn captured(&self) -> &[Parcel] {
        self.network.captured()
    }

    /// What all bytes on the wire amount to.
    pub fn wire_hash(&self) -> WireHash {
        self.network.hash()
    }

    /// What happened.
    pub fn timeline(&self) -> &Timeline {
        &self.log
    }
}
