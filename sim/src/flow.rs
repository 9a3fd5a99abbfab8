//! Who is who in a world: nodes, routes, and the two directions between a client and the server.

use std::fmt;

/// One client of a world, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub(crate) usize);

impl ClientId {
    /// From this client to the server.
    pub fn up(self) -> Flow {
        Flow {
            client: self,
            direction: Direction::Up,
        }
    }

    /// From the server to this client.
    pub fn down(self) -> Flow {
        Flow {
            client: self,
            direction: Direction::Down,
        }
    }

    /// Both directions.
    pub fn both(self) -> [Flow; 2] {
        [self.up(), self.down()]
    }
}

/// The server or one of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeId {
    /// The one server.
    Server,
    /// A client.
    Client(ClientId),
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From a client to the server.
    Up,
    /// From the server to a client.
    Down,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// One direction between one client and the server: of packets, and of the messages in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// The client's end.
    pub client: ClientId,
    /// Which way.
    pub direction: Direction,
}

impl Flow {
    /// Who sends.
    pub fn sender(self) -> NodeId {
        match self.direction {
            Direction::Up => NodeId::Client(self.client),
            Direction::Down => NodeId::Server,
        }
    }

    /// Who receives.
    pub fn receiver(self) -> NodeId {
        self.reversed().sender()
    }

    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            direction: self.direction.reversed(),
            ..self
        }
    }
}

/// A server's name for one connection: opaque, and another one after each reconnect, as a ROUTER's random ids are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub(crate) u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Client(client) => client.fmt(f),
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Direction::Up => write!(f, "{} -> server", self.client),
            Direction::Down => write!(f, "{} <- server", self.client),
        }
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route {}", self.0)
    }
}
