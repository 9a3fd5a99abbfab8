//! Connections that end and are made anew, by themselves or because a process at one end died.

use std::time::Duration;

use super::{Due, Network, Parcel};
use crate::flow::{ClientId, RouteId};
use crate::link::{Cut, Link, Tail};
use crate::timeline::Timeline;

impl Network {
    /// Adds the connection of the next client, which stands at once if the server is up.
    pub(crate) fn add_link(&mut self, at: Duration) -> ClientId {
        let client = ClientId(self.links.len());
        let route = self.new_route(Some(client));
        self.links.push(Link::new(route));
        if at < self.server_up_at {
            self.links[client.0].disconnect();
            self.add_due(self.server_up_at, Due::Connected(client));
        }
        client
    }

    pub(crate) fn is_connected(&self, client: ClientId) -> bool {
        self.links[client.0].connected
    }

    /// Clients whose connection was cut since the last look.
    pub(crate) fn take_disconnected(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.disconnected)
    }

    /// Whose connection a route is or was. None: a stranger's.
    pub(crate) fn owner(&self, route: RouteId) -> Option<ClientId> {
        let index = usize::try_from(route.0 - 1).expect("worlds are small");
        self.routes[index]
    }

    /// Ends a client's connection, and plans the next.
    pub(crate) fn cut(&mut self, client: ClientId, cut: Cut, at: Duration, log: &mut Timeline) {
        log.note(at, format!("{client}: connection cut"));
        self.end_connection(client, cut, at);
        self.disconnected.push(client);
    }

    /// The client's process died. What was queued for the next connection shares the fate of what is on its way: a queue
    /// that outlives the process may be anywhere between the two.
    pub(crate) fn client_died(&mut self, client: ClientId, cut: Cut, at: Duration) {
        if cut.tail == Tail::Lost {
            self.links[client.0].tail.clear();
        }
        self.end_connection(client, cut, at);
    }

    /// The server's process died: all connections end, and nobody connects before its successor listens.
    pub(crate) fn server_died(&mut self, cut: Cut, at: Duration, log: &mut Timeline) {
        self.server_up_at = at + cut.down_for.unwrap_or_default();
        for client in (0..self.links.len()).map(ClientId) {
            if cut.tail == Tail::Lost {
                self.links[client.0].tail.clear();
            }
            if self.is_connected(client) {
                self.cut(client, cut, at, log);
            }
        }
    }

    fn end_connection(&mut self, client: ClientId, cut: Cut, at: Duration) {
        let on_their_way = self.take_on_their_way(client);
        let link = &mut self.links[client.0];
        link.disconnect();
        if let Tail::Late(late) = cut.tail {
            link.tail.extend(on_their_way.into_iter().map(|parcel| (parcel, late)));
        }
        if let Some(down_for) = cut.down_for {
            self.add_due(at + down_for, Due::Connected(client));
        }
    }

    /// Removes all that is planned for a client's connection; returns the packets.
    fn take_on_their_way(&mut self, client: ClientId) -> Vec<Parcel> {
        let of_client = |due: &Due| match due {
            Due::Arrival(parcel) => parcel.name.flow.client == client,
            Due::Connected(other) => *other == client,
        };
        let keys: Vec<_> = self
            .due
            .iter()
            .filter(|(_, due)| of_client(due))
            .map(|(key, _)| *key)
            .collect();
        let taken = keys.iter().filter_map(|key| self.due.remove(key));
        taken
            .filter_map(|due| match due {
                Due::Arrival(parcel) => Some(parcel),
                Due::Connected(_) => None,
            })
            .collect()
    }

    /// Connects a client anew, by a new route, with what was kept for it. Returns whether the server is up; if not, the
    /// client connects when it is.
    pub(crate) fn connect(&mut self, client: ClientId, at: Duration, log: &mut Timeline) -> bool {
        // This connection is the one that was planned, if any was.
        self.due
            .retain(|_, due| !matches!(due, Due::Connected(other) if *other == client));
        if at < self.server_up_at {
            self.add_due(self.server_up_at, Due::Connected(client));
            return false;
        }
        let route = self.new_route(Some(client));
        let link = &mut self.links[client.0];
        link.connected = true;
        link.route = route;
        let tail = std::mem::take(&mut link.tail);
        log.note(
            at,
            format!("{client}: connected by {route}, {} packets kept", tail.len()),
        );
        let latency = self.transport.latency;
        for (mut parcel, late) in tail {
            parcel.route = route;
            self.put_on_its_way(parcel, at + latency + late);
        }
        true
    }

    pub(super) fn new_route(&mut self, owner: Option<ClientId>) -> RouteId {
        self.routes.push(owner);
        RouteId(u64::try_from(self.routes.len()).expect("worlds are small"))
    }
}
