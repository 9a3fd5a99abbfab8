//! One server, its clients, the network between them, and the time that passes for all of them.

mod clients;
mod command;
mod lives;
mod observe;
mod process;
mod run;

use std::time::Duration;

use steadfast::PathHint;

use self::clients::Clients;
use crate::books::Books;
use crate::choose::{Chooser, RandomChooser};
use crate::clock::Clock;
use crate::flow::{ClientId, NodeId};
use crate::network::{Due, Network};
use crate::node::{ClientNode, ServerNode, Surroundings};
use crate::oracle::Violation;
use crate::setup::{ClientSetup, Setup};
use crate::timeline::Timeline;

/// A simulated world. Its methods that let time pass panic with the [`Timeline`] when something happens that must not.
#[derive(Debug)]
pub struct World {
    setup: Setup,
    clock: Clock,
    network: Network,
    server: ServerNode,
    clients: Clients,
    books: Books,
    log: Timeline,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Network,
    Deadline(NodeId),
    Reading(NodeId),
}

/// Splits the borrow of a world: a node, and all that is around it.
macro_rules! step {
    ($world:ident, $node:expr, $step:expr) => {{
        let mut around = Surroundings {
            at: $world.clock.elapsed(),
            now: $world.clock.now(),
            network: &mut $world.network,
            books: &mut $world.books,
            log: &mut $world.log,
        };
        let result = $step($node, &mut around);
        $world.settle()?;
        result
    }};
}
use step;

impl World {
    /// A world with a server and no clients yet, whose choices are drawn from the seed.
    pub fn new(setup: Setup) -> Self {
        let chooser = Box::new(RandomChooser::seeded(setup.seed));
        Self::with_chooser(setup, chooser)
    }

    /// A world whose choices come from elsewhere.
    pub fn with_chooser(setup: Setup, chooser: Box<dyn Chooser + Send>) -> Self {
        let clock = Clock::default();
        Self {
            network: Network::new(setup.transport, chooser),
            server: process::start_server(&setup, 0, &clock),
            clients: Clients::default(),
            books: Books::default(),
            log: Timeline::default(),
            setup,
            clock,
        }
    }

    /// A world with one client of the default kind, established at both sides.
    pub fn established(setup: Setup) -> (Self, ClientId) {
        Self::established_as(setup, &ClientSetup::default())
    }

    /// The same with a client of this kind.
    pub fn established_as(setup: Setup, client: &ClientSetup) -> (Self, ClientId) {
        let mut world = Self::new(setup);
        let client = world.connect(client);
        world.run_until(|world| world.is_established(client));
        (world, client)
    }

    /// Adds a client, which begins its handshake.
    pub fn connect(&mut self, setup: &ClientSetup) -> ClientId {
        let id = self.network.add_link(self.clock.elapsed());
        let claim = self.claim(id, setup);
        self.server.expect(id, claim);
        let node = self.start_client(id, 0, setup.clone());
        self.clients.push(node);
        self.log.note(self.clock.elapsed(), format!("{id} connects"));
        self.must(|world| world.pump(NodeId::Client(id)));
        id
    }

    /// Lets the next thing happen. Returns whether there was any, not later than `until`; if not, time is `until` now.
    ///
    /// # Errors
    /// The [`Violation`], if something happened that must not.
    pub fn step(&mut self, until: Duration) -> Result<bool, Violation> {
        match self.next() {
            Some((at, next)) if at <= until => {
                self.clock.advance_to(at);
                self.take_step(next)?;
                Ok(true)
            }
            _ => {
                self.clock.advance_to(until);
                Ok(false)
            }
        }
    }

    /// The next event and its time. Of those at one time the network's comes first, then the server's.
    fn next(&mut self) -> Option<(Duration, Next)> {
        let network = self.network.next_at().map(|at| (at, Next::Network));
        let deadline = self.server.deadline().map(|deadline| self.clock.elapsed_at(deadline));
        let deadline = deadline.map(|at| (at, Next::Deadline(NodeId::Server)));
        let reading = self.server.reads_at().map(|at| (at, Next::Reading(NodeId::Server)));
        let client = self.clients.next(&self.clock);
        let all = [network, deadline, reading, client].into_iter().flatten();
        let clamp = |(at, next): (Duration, Next)| (at.max(self.clock.elapsed()), next);
        all.map(clamp).min_by_key(|(at, _)| *at)
    }

    fn take_step(&mut self, next: Next) -> Result<(), Violation> {
        match next {
            Next::Network => self.network_step(),
            Next::Deadline(NodeId::Server) => step!(self, &mut self.server, ServerNode::timeout),
            Next::Deadline(NodeId::Client(id)) => step!(self, &mut self.clients[id.0], ClientNode::timeout),
            Next::Reading(node) => self.pump(node),
        }
    }

    fn network_step(&mut self) -> Result<(), Violation> {
        match self.network.take_next() {
            Some(Due::Arrival(parcel)) => {
                self.log
                    .add(self.clock.elapsed(), crate::timeline::What::Arrived(parcel.name));
                let flow = parcel.name.flow;
                match flow.receiver() {
                    NodeId::Server => self.hand_to_server(parcel.route, parcel.packet)?,
                    NodeId::Client(client) => self.hand_to_client(client, parcel.packet)?,
                }
                self.pump_if_blocked(flow.sender())
            }
            Some(Due::Connected(client)) => self.connected(client),
            None => Ok(()),
        }
    }

    fn hand_to_server(&mut self, route: crate::RouteId, packet: Vec<u8>) -> Result<(), Violation> {
        step!(self, &mut self.server, |node: &mut ServerNode, around: &mut _| node
            .deliver(route, packet, around))
    }

    fn hand_to_client(&mut self, client: ClientId, packet: Vec<u8>) -> Result<(), Violation> {
        let node = &mut self.clients[client.0];
        step!(self, node, |node: &mut ClientNode, around: &mut _| node
            .deliver(packet, around))
    }

    fn connected(&mut self, client: ClientId) -> Result<(), Violation> {
        if !self.clients[client.0].is_alive() {
            return Ok(());
        }
        if !self.network.connect(client, self.clock.elapsed(), &mut self.log) {
            return Ok(());
        }
        self.hint(client, PathHint::Up)?;
        self.pump(NodeId::Client(client))?;
        self.pump_if_blocked(NodeId::Server)
    }

    /// Tells clients whose connection was cut, lets the server go on with what has room now, and tells it with whom it is.
    fn settle(&mut self) -> Result<(), Violation> {
        let corrections = self.books.take_corrections();
        self.server.correct(&corrections);
        for client in self.network.take_disconnected() {
            self.hint(client, PathHint::Down)?;
            self.pump_if_blocked(NodeId::Server)?;
        }
        Ok(())
    }

    fn hint(&mut self, client: ClientId, hint: PathHint) -> Result<(), Violation> {
        if !self.network.transport().hints {
            return Ok(());
        }
        let node = &mut self.clients[client.0];
        step!(self, node, |node: &mut ClientNode, around: &mut _| node
            .hint(hint, around))
    }

    fn pump(&mut self, node: NodeId) -> Result<(), Violation> {
        match node {
            NodeId::Server => step!(self, &mut self.server, ServerNode::pump),
            NodeId::Client(ClientId(index)) => step!(self, &mut self.clients[index], ClientNode::pump),
        }
    }

    fn pump_if_blocked(&mut self, node: NodeId) -> Result<(), Violation> {
        let blocked = match node {
            NodeId::Server => self.server.is_blocked(),
            NodeId::Client(ClientId(index)) => self.clients[index].is_blocked(),
        };
        if blocked { self.pump(node) } else { Ok(()) }
    }

    fn client_ids(&self) -> impl Iterator<Item = ClientId> + use<> {
        (0..self.clients.len()).map(ClientId)
    }

    /// Does what cannot fail in a correct world.
    #[track_caller]
    fn must<R>(&mut self, act: impl FnOnce(&mut Self) -> Result<R, Violation>) -> R {
        match act(self) {
            Ok(result) => result,
            Err(violation) => self.fail(&violation.0),
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let at = self.clock.elapsed();
        panic!("{what}\nat {at:?}, seed {}\n{}", self.setup.seed, self.log)
    }
}
