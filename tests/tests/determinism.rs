//! Two runs with one seed are the same byte for byte; the same world also runs with shipped cryptography.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use steadfast_sim::{ClientSetup, Cut, PerMille, Rates, Setup, WireHash, World};
use steadfast_tests::mixed;

/// A run in which everything that is drawn matters: faults, handshake, packets, a cut.
fn eventful_run(seed: u64) -> WireHash {
    let mut world = World::new(Setup::seeded(seed));
    let client = world.connect(&ClientSetup::default());
    for flow in client.both() {
        world.set_rates(
            flow,
            Rates {
                drop: PerMille(50),
                duplicate: PerMille(50),
                ..Rates::default()
            },
        );
        world.stream(flow, mixed(40));
    }
    world.run_for(Duration::from_millis(20));
    world.cut(client, Cut::down_for(Duration::from_millis(300)));
    world.run_until_settled();
    world.wire_hash()
}

#[test]
fn one_seed_gives_the_same_bytes_twice() {
    assert_eq!(eventful_run(1), eventful_run(1));
}

#[test]
fn one_seed_gives_the_same_bytes_in_another_thread() {
    let elsewhere = std::thread::spawn(|| eventful_run(2));
    assert_eq!(eventful_run(2), elsewhere.join().unwrap());
}

#[test]
fn another_seed_gives_other_bytes() {
    assert_ne!(eventful_run(3), eventful_run(4));
}

#[test]
fn a_step_of_one_world_inside_of_another_disturbs_neither() {
    let alone = eventful_run(5);
    let mut outer = World::new(Setup::seeded(6));
    let client = outer.connect(&ClientSetup::default());
    let nested = eventful_run(5);
    outer.run_until(|world| world.is_established(client));
    assert_eq!(alone, nested);
}

#[test]
fn the_world_runs_with_shipped_cryptography_too() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (mut world, client) = World::established(Setup {
        provider,
        ..Setup::default()
    });
    for flow in client.both() {
        world.stream(flow, mixed(40));
    }
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 40);
    assert_eq!(world.delivered(client.down()).len(), 40);
}
