//! Steadfast under virtual time.
//!
//! A [`World`] holds one listener and any number of client sessions of the shipped core, with real cryptography, over a
//! simulated network that cuts, delays, reorders, duplicates, corrupts and swallows packets. Time is virtual: a world goes
//! from event to event, so that ten minutes of silence cost nothing. Everything that is left open is decided in one place,
//! a [`Chooser`], and every random byte follows from the seed: two runs with one seed are the same byte for byte.
//!
//! Whatever a test looks at, the world itself checks at every step what must always hold; see [`Violation`].
//!
//! Processes die and start again ([`World::restart_client`], [`World::restart_server`], [`World::kill_client`]), and packets
//! of the dead may reach their successors. That divides the flow of messages into lives: one from each `Established` to
//! the next, or to the end. In each life, what is delivered is a prefix of what was sent in that life, what is acknowledged
//! was taken by an application, and what its end lists is exactly the rest; what is redelivered comes first in the next, and
//! is marked as a possible duplicate exactly if it was in doubt. Two ends are compared when both have told the same
//! channel binding: where an application looks away for long, a violation comes to light when it looks again, or when its
//! process dies.
//!
//! ```
//! use steadfast_sim::{ClientSetup, Cut, Setup, World};
//!
//! let mut world = World::new(Setup::seeded(7));
//! let client = world.connect(&ClientSetup::default());
//! world.send(client.up(), b"before").unwrap();
//! world.run_until_settled();
//! world.cut(client, Cut::RESET);
//! world.send(client.up(), b"after").unwrap();
//! world.run_until_settled();
//! assert_eq!(world.delivered(client.up()).len(), 2);
//! assert_eq!(world.client_stats(client).handshakes, 1);
//! ```
#![forbid(unsafe_code)]

pub mod pki;
pub mod provider;

mod app;
mod books;
mod choose;
mod clock;
mod digest;
mod fault;
mod flow;
mod link;
mod network;
mod node;
mod oracle;
mod random;
mod setup;
mod timeline;
mod wire;
mod world;

pub use app::Reading;
pub use choose::{Chooser, PerMille, RandomChooser};
pub use clock::{Clock, WallClock};
pub use digest::WireHash;
pub use fault::{Action, Fault, MAX_DELAY, PacketName, REORDER_WITHIN, Rates};
pub use flow::{ClientId, Direction, Flow, NodeId, RouteId};
pub use link::{Cut, Tail, WhileDown};
pub use network::{Parcel, Transport};
pub use node::Seen;
pub use oracle::Violation;
pub use random::NodeRandom;
pub use setup::{ClientSetup, EndpointName, ServerSetup, Setup};
pub use timeline::{Timeline, What};
pub use wire::PacketKind;
pub use world::World;
