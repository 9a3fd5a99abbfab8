//! The network between the clients and the server: what is on its way, when it arrives, and what goes wrong.

mod connection;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::choose::Chooser;
use crate::digest::{RollingHash, WireHash};
use crate::fault::{Action, Fault, PacketName, Rates, Schedule, damage};
use crate::flow::{ClientId, Direction, Flow, RouteId};
use crate::link::{Link, WhileDown};
use crate::timeline::{Timeline, What};
use crate::wire::PacketKind;

/// How the simulated transport behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// How long a packet is on its way.
    pub latency: Duration,
    /// How many packets one direction of a connection holds before it takes no more. None: any number.
    pub high_water: Option<usize>,
    /// What a client's side does with packets while there is no connection.
    pub while_down: WhileDown,
    /// Whether drivers are told: clients that their connection went or came, the server that a route leads nowhere.
    pub hints: bool,
    /// Whether every packet sent is kept, for tests that replay or forge.
    pub capture: bool,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1),
            high_water: None,
            while_down: WhileDown::Block,
            hints: true,
            capture: false,
        }
    }
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its name.
    pub name: PacketName,
    /// The server's name of the connection that carries it.
    pub route: RouteId,
    /// Its bytes.
    pub packet: Vec<u8>,
}

/// What became of a packet given to the network.
#[derive(Debug)]
pub(crate) enum Sent {
    Taken,
    /// Not now; the driver keeps it.
    Full(Vec<u8>),
    /// This route leads nowhere.
    NoRoute,
}

/// What the network does next.
#[derive(Debug)]
pub(crate) enum Due {
    Arrival(Parcel),
    Connected(ClientId),
}

/// All links and what is on its way over them.
pub(crate) struct Network {
    transport: Transport,
    chooser: Box<dyn Chooser + Send>,
    links: Vec<Link>,
    /// Whose connection each route is or was, in the order of their numbers, which count from one.
    routes: Vec<Option<ClientId>>,
    /// Until when nobody can connect.
    server_up_at: Duration,
    /// Routes of nobody's connection, and what was sent to them.
    strangers: BTreeMap<RouteId, Vec<Vec<u8>>>,
    due: BTreeMap<(Duration, u64), Due>,
    ordinal: u64,
    schedule: Schedule,
    captured: Vec<Parcel>,
    hash: RollingHash,
    /// Clients whose connection was cut since the last look.
    disconnected: Vec<ClientId>,
}

impl Network {
    pub(crate) fn new(transport: Transport, chooser: Box<dyn Chooser + Send>) -> Self {
        Self {
            transport,
            chooser,
            links: Vec::new(),
            routes: Vec::new(),
            server_up_at: Duration::ZERO,
            strangers: BTreeMap::new(),
            due: BTreeMap::new(),
            ordinal: 0,
            schedule: Schedule::default(),
            captured: Vec::new(),
            hash: RollingHash::new(),
            disconnected: Vec::new(),
        }
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    pub(crate) fn chooser(&mut self) -> &mut dyn Chooser {
        &mut *self.chooser
    }

    pub(crate) fn add_stranger(&mut self) -> RouteId {
        let route = self.new_route(None);
        self.strangers.insert(route, Vec::new());
        route
    }

    pub(crate) fn sent_to_stranger(&self, route: RouteId) -> &[Vec<u8>] {
        self.strangers.get(&route).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn route(&self, client: ClientId) -> RouteId {
        self.links[client.0].route
    }

    pub(crate) fn schedule(&mut self) -> &mut Schedule {
        &mut self.schedule
    }

    pub(crate) fn sent(&self, flow: Flow, kind: PacketKind) -> u32 {
        self.schedule.sent(flow, kind)
    }

    pub(crate) fn unapplied(&self) -> Vec<Fault> {
        self.schedule.unapplied()
    }

    pub(crate) fn captured(&self) -> &[Parcel] {
        &self.captured
    }

    pub(crate) fn hash(&self) -> WireHash {
        self.hash.value()
    }

    pub(crate) fn set_rates(&mut self, flow: Flow, rates: Rates) {
        self.links[flow.client.0].way(flow.direction).rates = rates;
    }

    pub(crate) fn mute(&mut self, flow: Flow, muted: bool) {
        self.links[flow.client.0].way(flow.direction).muted = muted;
    }

    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn take_next(&mut self) -> Option<Due> {
        let (_, due) = self.due.pop_first()?;
        if let Due::Arrival(parcel) = &due {
            let way = self.links[parcel.name.flow.client.0].way(parcel.name.flow.direction);
            way.in_flight = way.in_flight.saturating_sub(1);
        }
        Some(due)
    }

    /// Takes a packet from a client.
    pub(crate) fn send_up(&mut self, client: ClientId, packet: Vec<u8>, at: Duration, log: &mut Timeline) -> Sent {
        let link = &self.links[client.0];
        match (link.connected, self.transport.while_down) {
            (true, _) => self.accept(client.up(), packet, at, log),
            (false, WhileDown::Block) => Sent::Full(packet),
            (false, WhileDown::Lose) => {
                let parcel = self.parcel(client.up(), packet, at);
                log.add(at, What::Lost(parcel.name, "no connection"));
                Sent::Taken
            }
            (false, WhileDown::Queue) => {
                let parcel = self.parcel(client.up(), packet, at);
                self.links[client.0].tail.push((parcel, Duration::ZERO));
                Sent::Taken
            }
        }
    }

    /// Takes a packet from the server.
    pub(crate) fn send_down(&mut self, route: RouteId, packet: Vec<u8>, at: Duration, log: &mut Timeline) -> Sent {
        if let Some(sent) = self.strangers.get_mut(&route) {
            sent.push(packet);
            return Sent::Taken;
        }
        let stands = |client: &ClientId| {
            let link = &self.links[client.0];
            link.connected && link.route == route
        };
        match self.owner(route).filter(stands) {
            Some(client) => self.accept(client.down(), packet, at, log),
            None => {
                log.note(at, format!("server -> {route}: leads nowhere"));
                Sent::NoRoute
            }
        }
    }

    fn accept(&mut self, flow: Flow, packet: Vec<u8>, at: Duration, log: &mut Timeline) -> Sent {
        let way = self.links[flow.client.0].way(flow.direction);
        if self.transport.high_water.is_some_and(|mark| way.in_flight >= mark) {
            return Sent::Full(packet);
        }
        let (muted, rates) = (way.muted, way.rates);
        let parcel = self.parcel(flow, packet, at);
        let scheduled = self.schedule.take(&parcel.name);
        let fault = scheduled.or_else(|| rates.draw(parcel.packet.len(), &mut *self.chooser));
        log.add(at, What::Sent(parcel.name, parcel.packet.len(), fault));
        if muted {
            log.add(at, What::Lost(parcel.name, "muted"));
        } else {
            self.dispatch(parcel, fault, at, log);
        }
        Sent::Taken
    }

    /// Names and records a packet.
    fn parcel(&mut self, flow: Flow, packet: Vec<u8>, at: Duration) -> Parcel {
        self.hash.absorb(at, flow, &packet);
        let name = self.schedule.name(flow, PacketKind::of(&packet));
        let parcel = Parcel {
            name,
            route: self.route(flow.client),
            packet,
        };
        if self.transport.capture {
            self.captured.push(parcel.clone());
        }
        parcel
    }

    fn dispatch(&mut self, mut parcel: Parcel, fault: Option<Action>, at: Duration, log: &mut Timeline) {
        let arrival = at + self.transport.latency;
        match fault {
            Some(Action::Drop) => {}
            Some(Action::Duplicate { after }) => {
                self.put_on_its_way(parcel.clone(), arrival);
                self.put_on_its_way(parcel, arrival + after);
            }
            Some(Action::Delay(by)) => self.put_on_its_way(parcel, arrival + by),
            Some(Action::Cut(cut)) => {
                let client = parcel.name.flow.client;
                self.put_on_its_way(parcel, arrival);
                self.cut(client, cut, at, log);
            }
            Some(action @ (Action::Corrupt { .. } | Action::Truncate { .. })) => {
                damage(&mut parcel.packet, action);
                self.put_on_its_way(parcel, arrival);
            }
            None => self.put_on_its_way(parcel, arrival),
        }
    }

    fn put_on_its_way(&mut self, parcel: Parcel, arrival: Duration) {
        let flow = parcel.name.flow;
        self.links[flow.client.0].way(flow.direction).in_flight += 1;
        self.add_due(arrival, Due::Arrival(parcel));
    }

    fn add_due(&mut self, at: Duration, due: Due) {
        self.ordinal += 1;
        self.due.insert((at, self.ordinal), due);
    }

    /// Ends all rates and silences, so that only what was done already remains.
    pub(crate) fn calm(&mut self) {
        for link in &mut self.links {
            for direction in [Direction::Up, Direction::Down] {
                let way = link.way(direction);
                way.rates = Rates::default();
                way.muted = false;
            }
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("links", &self.links)
            .field("due", &self.due.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
