//! A session moves to another route when its client does, and for nobody else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{ClientId, Cut, Direction, RouteId, Setup, Transport, World};
use steadfast_tests::numbered;

fn established(hints: bool) -> (World, ClientId) {
    let transport = Transport {
        capture: true,
        hints,
        ..Transport::default()
    };
    World::established(Setup {
        transport,
        ..Setup::default()
    })
}

/// The server still reaches its client, and nobody else.
fn assert_unmoved(world: &mut World, client: ClientId, stranger: RouteId) {
    world.run_for(Duration::from_millis(50));
    let before = world.sent_to_stranger(stranger).len();
    let had = world.delivered(client.down()).len();
    world.stream(client.down(), numbered(20));
    world.run_until_settled();
    assert_eq!(world.delivered(client.down()).len(), had + 20);
    assert_eq!(
        world.sent_to_stranger(stranger).len(),
        before,
        "the session's packets went elsewhere"
    );
}

#[test]
fn the_server_answers_by_the_new_route_after_the_first_packet_from_it() {
    for hints in [true, false] {
        let (mut world, client) = established(hints);
        let old = world.route(client);
        world.cut(client, Cut::RESET);
        world.run_for(Duration::ZERO);
        assert_ne!(world.route(client), old);
        world.send(client.up(), b"from elsewhere").unwrap();
        world.send(client.down(), b"to elsewhere").unwrap();
        world.run_until_settled();
        assert_eq!(world.delivered(client.down()).len(), 1);
    }
}

#[test]
fn an_idle_client_repairs_the_route_at_once_with_a_hint() {
    let (mut world, client) = established(true);
    world.cut(client, Cut::down_for(Duration::from_secs(1)));
    world.send(client.down(), b"news").unwrap();
    let took = world.run_until_within(Duration::from_secs(5), World::is_settled);
    assert!(took < Duration::from_millis(1100), "{took:?}");
}

#[test]
fn an_idle_client_repairs_the_route_within_the_ping_interval_without_a_hint() {
    let (mut world, client) = established(false);
    world.run_for(Duration::from_secs(100));
    world.cut(client, Cut::RESET);
    world.send(client.down(), b"news").unwrap();
    let took = world.run_until_within(Duration::from_secs(60), World::is_settled);
    // The default interval is 15 s, and jitter may only shorten it: the interval is the stated bound.
    assert!(took <= Duration::from_secs(16), "{took:?}");
}

#[test]
fn an_old_packet_from_another_route_does_not_move_the_session() {
    let (mut world, client) = established(true);
    world.stream(client.up(), numbered(30));
    world.run_until_settled();
    let stranger = world.stranger();
    let ours: Vec<_> = world
        .captured()
        .iter()
        .filter(|parcel| parcel.name.flow == client.up())
        .cloned()
        .collect();
    for parcel in ours {
        world.inject_to_server(stranger, parcel.packet);
    }
    assert_unmoved(&mut world, client, stranger);
}

#[test]
fn a_forged_packet_from_another_route_does_not_move_the_session() {
    let (mut world, client) = established(true);
    world.stream(client.up(), numbered(30));
    world.run_until_settled();
    let stranger = world.stranger();
    let last = world
        .captured()
        .iter()
        .rfind(|parcel| parcel.name.flow == client.up())
        .unwrap()
        .packet
        .clone();
    for byte in 0..last.len() {
        for bit in 0..8 {
            let mut forged = last.clone();
            forged[byte] ^= 1 << bit;
            world.inject_to_server(stranger, forged);
        }
    }
    assert_unmoved(&mut world, client, stranger);
}

/// A genuine packet that somebody held back: new to the server, but older than what it has. It may be used, it may not
/// move the session back.
#[test]
fn an_unseen_but_older_packet_does_not_move_the_session_back() {
    let (mut world, client) = established(true);
    world.mute(client.up());
    world.send(client.up(), b"held back").unwrap();
    let held = world.captured().last().unwrap().clone();
    assert_eq!(held.name.flow.direction, Direction::Up);
    world.unmute(client.up());
    world.cut(client, Cut::RESET);
    world.stream(client.up(), numbered(5));
    world.run_until_settled();
    let stranger = world.stranger();
    world.inject_to_server(stranger, held.packet);
    assert_unmoved(&mut world, client, stranger);
}

#[test]
fn a_session_follows_its_client_over_many_routes() {
    let (mut world, client) = established(false);
    for round in 1..=30 {
        world.cut(client, Cut::RESET);
        world.send(client.up(), b"here").unwrap();
        world.send(client.down(), b"there").unwrap();
        world.run_until_settled();
        assert_eq!(world.delivered(client.down()).len(), round);
    }
    assert_eq!(world.client_stats(client).handshakes, 1);
}

#[test]
fn a_dead_route_is_not_flooded() {
    let (mut world, client) = established(true);
    world.cut(client, Cut::for_good());
    world.stream(client.down(), numbered(100));
    let before = world.server_stats(client).unwrap().packets_sent;
    world.run_for(Duration::from_secs(300));
    let sent = world.server_stats(client).unwrap().packets_sent - before;
    assert!(sent <= 3, "{sent} packets to nowhere although the transport said so");
    world.reconnect(client);
    world.run_until_settled();
    assert_eq!(world.delivered(client.down()).len(), 100);
}
