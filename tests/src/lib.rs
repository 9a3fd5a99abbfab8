//! What the tests of this package share: messages worth sending, and sessions within limits.

pub mod captured;
pub mod examples;
pub mod forge;
pub mod over_zmq;
pub mod processes;
pub mod proxy;
#[cfg(doctest)]
mod readme;
pub mod restarts;

use bytes::Bytes;
use steadfast::Limits;
use steadfast_sim::{ClientId, ClientSetup, ServerSetup, Setup, World};

/// A session that is established, within these limits of its two sides.
pub fn limited(setup: Setup, of_client: Limits, of_server: Limits) -> (World, ClientId) {
    let server = ServerSetup {
        limits: of_server,
        ..setup.server
    };
    let client = ClientSetup {
        limits: of_client,
        ..ClientSetup::default()
    };
    World::established_as(Setup { server, ..setup }, &client)
}

/// `count` messages of one part; each says which it is, so that a mix-up shows.
pub fn numbered(count: usize) -> Vec<Vec<Bytes>> {
    (0..count)
        .map(|number| vec![format!("message {number}").into()])
        .collect()
}

/// `count` messages of all kinds of lengths and numbers of parts, from nothing to several packets.
pub fn mixed(count: usize) -> Vec<Vec<Bytes>> {
    const LENGTHS: [usize; 8] = [0, 1, 30, 1_000, 1_199, 20_000, 65_536, 150_000];
    let part = |number: usize| pattern(LENGTHS[number % LENGTHS.len()], number);
    (0..count)
        .map(|number| (0..1 + number % 3).map(|extra| part(number + extra)).collect())
        .collect()
}

/// Bytes that differ from place to place and from seed to seed: a segment at the wrong offset shows.
pub fn pattern(len: usize, seed: usize) -> Bytes {
    let mut state = (seed as u64) << 1 | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    };
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(len);
    bytes.into()
}
