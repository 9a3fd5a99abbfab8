//! Worlds that keep every packet, for tests that look at packets, repeat them or forge others.

use std::time::Duration;

use steadfast_sim::{ClientId, Setup, Transport, World};

/// A world that keeps every packet.
pub fn setup() -> Setup {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    Setup {
        transport,
        ..Setup::default()
    }
}

/// A session that has been idle for a while.
pub fn idle() -> (World, ClientId) {
    let (mut world, client) = World::established(setup());
    world.run_for(Duration::from_secs(1));
    (world, client)
}
