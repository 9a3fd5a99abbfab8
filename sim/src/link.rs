//! One client's connection to the server, as 0MQ keeps it: in order while it stands, remade by itself under another
//! route, and silent about both.

use std::time::Duration;

use crate::fault::Rates;
use crate::flow::{Direction, RouteId};
use crate::network::Parcel;

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When it is made anew, by a new route; without it, when [`World::reconnect`](crate::World::reconnect) says so.
    pub down_for: Option<Duration>,
    /// What becomes of the packets on their way.
    pub tail: Tail,
}

/// What becomes of packets that were on their way over a connection that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// They are lost.
    Lost,
    /// They arrive over the next connection, so much later than its first packet could: a queue that 0MQ kept.
    Late(Duration),
}

impl Cut {
    /// Cut with everything on its way lost, and made anew at once.
    pub const RESET: Self = Self {
        down_for: Some(Duration::ZERO),
        tail: Tail::Lost,
    };

    /// Cut with everything on its way lost, and made anew after this time.
    pub fn down_for(time: Duration) -> Self {
        Self {
            down_for: Some(time),
            tail: Tail::Lost,
        }
    }

    /// Cut with everything on its way lost, for good.
    pub fn for_good() -> Self {
        Self {
            down_for: None,
            tail: Tail::Lost,
        }
    }

    /// The same, but what is on its way arrives over the next connection, this much late.
    #[must_use]
    pub fn with_late_tail(self, late: Duration) -> Self {
        Self {
            tail: Tail::Late(late),
            ..self
        }
    }
}

/// What a client's transport does with packets while there is no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhileDown {
    /// It takes none (`ZMQ_IMMEDIATE`): the driver keeps the packet.
    #[default]
    Block,
    /// It queues them, and sends them over the next connection.
    Queue,
    /// It swallows them.
    Lose,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) route: RouteId,
    pub(crate) connected: bool,
    up: OneWay,
    down: OneWay,
    /// What goes over the next connection, and how late.
    pub(crate) tail: Vec<(Parcel, Duration)>,
}

/// What holds for one direction.
#[derive(Debug, Default)]
pub(crate) struct OneWay {
    pub(crate) rates: Rates,
    /// Swallows everything, without a sign.
    pub(crate) muted: bool,
    /// Packets sent and not arrived.
    pub(crate) in_flight: usize,
}

impl Link {
    pub(crate) fn new(route: RouteId) -> Self {
        Self {
            route,
            connected: true,
            up: OneWay::default(),
            down: OneWay::default(),
            tail: Vec::new(),
        }
    }

    pub(crate) fn way(&mut self, direction: Direction) -> &mut OneWay {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    /// Ends the connection; what was on its way is in nobody's queue now.
    pub(crate) fn disconnect(&mut self) {
        self.connected = false;
        self.up.in_flight = 0;
        self.down.in_flight = 0;
    }
}
