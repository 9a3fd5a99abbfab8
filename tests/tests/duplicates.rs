//! A packet may arrive any number of times; a message arrives once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{PerMille, Rates, Setup, Transport, World};
use steadfast_tests::{mixed, numbered};

#[test]
fn every_packet_twice_is_every_message_once() {
    let (mut world, client) = World::established(Setup::default());
    for flow in client.both() {
        world.set_rates(
            flow,
            Rates {
                duplicate: PerMille(1000),
                ..Rates::default()
            },
        );
        world.stream(flow, mixed(100));
    }
    world.run_until_settled();
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.delivered(client.up()).len(), 100);
    assert_eq!(world.delivered(client.down()).len(), 100);
    assert!(
        world.client_stats(client).packets_dropped > 0,
        "the second ones are counted"
    );
    assert!(
        world.server_stats(client).unwrap().packets_dropped > 0,
        "the second ones are counted"
    );
}

#[test]
fn duplicates_are_not_taken_for_losses() {
    let (mut world, client) = World::established(Setup::default());
    for flow in client.both() {
        world.set_rates(
            flow,
            Rates {
                duplicate: PerMille(1000),
                ..Rates::default()
            },
        );
    }
    world.stream(client.up(), numbered(50));
    world.run_until_settled();
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.client_stats(client).packets_lost, 0);
    assert_eq!(world.client_stats(client).messages_replayed, 0);
}

#[test]
fn one_packet_a_thousand_times_is_one_message() {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let (mut world, client) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    world.send(client.up(), b"once").unwrap();
    let packet = world.captured().last().unwrap().packet.clone();
    let route = world.route(client);
    for _ in 0..1000 {
        world.inject_to_server(route, packet.clone());
    }
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 1);
    assert!(
        world.server_stats(client).unwrap().packets_dropped >= 1000,
        "the packet itself came, too"
    );
}
