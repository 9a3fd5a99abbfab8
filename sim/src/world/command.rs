//! What a test does to a world: as its applications, as its network, as an attacker.

use std::time::Instant;

use bytes::Bytes;
use steadfast::{AcknowledgeError, Listener, Message, MessageId, SendError, Session};

use super::{World, step};
use crate::app::Reading;
use crate::choose::Chooser;
use crate::fault::{Fault, Rates};
use crate::flow::{ClientId, Direction, Flow, NodeId, RouteId};
use crate::link::Cut;
use crate::node::{ClientNode, ServerNode, Surroundings};
use crate::oracle::Violation;

impl World {
    /// Sends a message of one part.
    ///
    /// # Errors
    /// What the session answers.
    #[track_caller]
    pub fn send(&mut self, flow: Flow, payload: impl AsRef<[u8]>) -> Result<MessageId, SendError> {
        self.send_parts(flow, &[Bytes::copy_from_slice(payload.as_ref())])
    }

    /// Sends a message of any number of parts.
    ///
    /// # Errors
    /// What the session answers.
    #[track_caller]
    pub fn send_parts(&mut self, flow: Flow, parts: &[Bytes]) -> Result<MessageId, SendError> {
        let sent = self.must(|world| world.try_send(flow, parts));
        self.must(|world| world.pump(flow.sender()));
        sent
    }

    fn try_send(&mut self, flow: Flow, parts: &[Bytes]) -> Result<Result<MessageId, SendError>, Violation> {
        let client = flow.client;
        match flow.direction {
            Direction::Up => {
                let node = &mut self.clients[client.0];
                step!(self, node, |node: &mut ClientNode, around: &mut _| node
                    .send(parts, around))
            }
            Direction::Down => {
                let node = &mut self.server;
                step!(self, node, |node: &mut ServerNode, around: &mut _| node
                    .send(client, parts, around))
            }
        }
    }

    /// Sends messages as fast as the session takes them, from when it is established.
    #[track_caller]
    pub fn stream(&mut self, flow: Flow, messages: impl IntoIterator<Item = Vec<Bytes>>) {
        match flow.direction {
            Direction::Up => self.clients[flow.client.0].stream(messages),
            Direction::Down => {
                self.server
                    .clients
                    .get_mut(&flow.client)
                    .expect("a client of this world")
                    .outbox
                    .extend(messages);
            }
        }
        self.must(|world| world.pump(flow.sender()));
    }

    /// Closes the session at the flow's sender.
    #[track_caller]
    pub fn close(&mut self, flow: Flow) {
        match flow.direction {
            Direction::Up => self.with_client(flow.client, Session::close),
            Direction::Down => {
                let session = self
                    .session(flow.client)
                    .expect("the server has a session with this client");
                self.with_server(|listener, now| listener.close(session, now));
            }
        }
    }

    /// Gives up the session at the flow's sender.
    #[track_caller]
    pub fn abort(&mut self, flow: Flow) {
        match flow.direction {
            Direction::Up => self.with_client(flow.client, Session::abort),
            Direction::Down => {
                let session = self
                    .session(flow.client)
                    .expect("the server has a session with this client");
                self.with_server(|listener, now| listener.abort(session, now));
            }
        }
    }

    /// Has the flow's sender ask for another handshake beside the session.
    #[track_caller]
    pub fn renew(&mut self, flow: Flow) {
        match flow.direction {
            Direction::Up => self.with_client(flow.client, Session::renew),
            Direction::Down => {
                let session = self
                    .session(flow.client)
                    .expect("the server has a session with this client");
                self.with_server(|listener, now| listener.renew(session, now));
            }
        }
    }

    /// The application at the flow's receiver says that it is done with a message and all before it.
    ///
    /// # Errors
    /// What the session answers.
    #[track_caller]
    pub fn acknowledge(&mut self, flow: Flow, message: MessageId) -> Result<(), AcknowledgeError> {
        let (client, now) = (flow.client, self.clock.now());
        let (end, answer) = match flow.direction {
            Direction::Up => match (self.server.end(client), self.session(client)) {
                (Some(end), Some(session)) => {
                    let answer = self
                        .server
                        .with(now, |listener, now| listener.acknowledge(session, message, now));
                    (end, answer)
                }
                _ => return Err(AcknowledgeError::NotDelivered),
            },
            Direction::Down => {
                let node = &mut self.clients[client.0];
                let answer = node.with(now, |session, now| session.acknowledge(message, now));
                (node.end(), answer)
            }
        };
        if answer.is_ok() {
            self.books.done(end, message);
        }
        self.must(|world| world.pump(flow.receiver()));
        answer
    }

    /// The application at the flow's sender takes back what was never sent.
    #[track_caller]
    pub fn withdraw_unsent(&mut self, flow: Flow) -> Vec<Message> {
        let (client, now) = (flow.client, self.clock.now());
        let (end, withdrawn) = match flow.direction {
            Direction::Up => {
                let node = &mut self.clients[client.0];
                (Some(node.end()), node.with(now, Session::withdraw_unsent))
            }
            Direction::Down => match self.session(client) {
                Some(session) => {
                    let withdrawn = self
                        .server
                        .with(now, |listener, now| listener.withdraw_unsent(session, now));
                    (self.server.end(client), withdrawn)
                }
                None => return Vec::new(),
            },
        };
        if let Some(end) = end {
            self.must(|world| world.books.withdrawn(end, &withdrawn));
        }
        self.must(|world| world.pump(flow.sender()));
        withdrawn
    }

    /// Changes how an application reads.
    #[track_caller]
    pub fn set_reading(&mut self, node: NodeId, reading: Reading) {
        match node {
            NodeId::Server => self.server.reader.set(reading),
            NodeId::Client(client) => self.clients[client.0].reader.set(reading),
        }
        self.must(|world| world.pump(node));
    }

    /// Calls a client's session directly, then does what its driver does after every call. What is sent or polled here
    /// is unknown to the world's books: use [`send`](Self::send) where messages shall arrive.
    #[track_caller]
    pub fn with_client<R>(&mut self, client: ClientId, call: impl FnOnce(&mut Session, Instant) -> R) -> R {
        let result = self.clients[client.0].with(self.clock.now(), call);
        self.must(|world| world.pump(NodeId::Client(client)));
        result
    }

    /// Calls the listener directly; see [`with_client`](Self::with_client).
    #[track_caller]
    pub fn with_server<R>(&mut self, call: impl FnOnce(&mut Listener<RouteId>, Instant) -> R) -> R {
        let result = self.server.with(self.clock.now(), call);
        self.must(|world| world.pump(NodeId::Server));
        result
    }

    /// Plans a fault.
    pub fn plan(&mut self, fault: Fault) {
        self.network.schedule().add(fault);
    }

    /// Sets how often faults strike a flow.
    pub fn set_rates(&mut self, flow: Flow, rates: Rates) {
        self.network.set_rates(flow, rates);
    }

    /// Swallows everything that is sent on a flow from now on, without a sign.
    pub fn mute(&mut self, flow: Flow) {
        self.log.note(self.clock.elapsed(), format!("{flow}: muted"));
        self.network.mute(flow, true);
    }

    /// Ends [`mute`](Self::mute).
    pub fn unmute(&mut self, flow: Flow) {
        self.log.note(self.clock.elapsed(), format!("{flow}: heard again"));
        self.network.mute(flow, false);
    }

    /// Cuts a client's connection.
    #[track_caller]
    pub fn cut(&mut self, client: ClientId, cut: Cut) {
        self.network.cut(client, cut, self.clock.elapsed(), &mut self.log);
        self.must(Self::settle);
    }

    /// Connects a client that was cut for good.
    #[track_caller]
    pub fn reconnect(&mut self, client: ClientId) {
        self.must(|world| world.connected(client));
    }

    /// Ends all faults to come: nothing is drawn, muted or disconnected any more. The dead stay dead, and a server that is
    /// down comes back when it was to.
    #[track_caller]
    pub fn heal(&mut self) {
        self.network.calm();
        for client in self.client_ids() {
            if self.is_alive(client) && !self.network.is_connected(client) {
                self.reconnect(client);
            }
        }
    }

    /// Hands the server a packet as if it came from this route.
    #[track_caller]
    pub fn inject_to_server(&mut self, route: RouteId, packet: impl Into<Vec<u8>>) {
        self.server.provoke();
        self.must(|world| world.hand_to_server(route, packet.into()));
    }

    /// Hands a client a packet as if it came from the server.
    #[track_caller]
    pub fn inject_to_client(&mut self, client: ClientId, packet: impl Into<Vec<u8>>) {
        self.must(|world| world.hand_to_client(client, packet.into()));
    }

    /// A connection of somebody else to the server; what is sent to it can be looked at.
    pub fn stranger(&mut self) -> RouteId {
        self.network.add_stranger()
    }

    /// The world's source of choice, for tests that choose too.
    pub fn chooser(&mut self) -> &mut dyn Chooser {
        self.network.chooser()
    }
}
