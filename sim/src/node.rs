//! What the two kinds of node share: the world around a step, and what an application saw.

mod client;
mod roster;
mod server;

pub(crate) use client::{ClientNode, ClientProcess};
pub(crate) use server::{ServerNode, ServerProcess};

use std::time::{Duration, Instant};

use steadfast::Event;

use crate::books::Books;
use crate::network::Network;
use crate::oracle::Violation;
use crate::timeline::Timeline;

/// How often a node may send and read by turns within one step. No step of a working session comes near.
const MAX_ROUNDS: usize = 100_000;

/// An event, and when the application took it.
#[derive(Debug)]
pub struct Seen {
    /// Since the world began.
    pub at: Duration,
    /// What the session told. Messages are not among them: see [`World::delivered`](crate::World::delivered).
    pub event: Event,
}

/// The world around one step of a node.
pub(crate) struct Surroundings<'a> {
    pub(crate) at: Duration,
    pub(crate) now: Instant,
    pub(crate) network: &'a mut Network,
    pub(crate) books: &'a mut Books,
    pub(crate) log: &'a mut Timeline,
}

/// Repeats what a driver does after every call, until there is nothing left to do.
fn until_idle(mut round: impl FnMut() -> Result<bool, Violation>) -> Result<(), Violation> {
    for _ in 0..MAX_ROUNDS {
        if !round()? {
            return Ok(());
        }
    }
    Err(Violation(
        "a node never stops sending and reading within one step".into(),
    ))
}
