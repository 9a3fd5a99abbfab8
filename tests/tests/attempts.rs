//! Handshakes that never finish hold little, and not for ever.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{ClientId, ClientSetup, PacketKind, ServerSetup, Setup, Transport, World};
use steadfast_tests::numbered;

const MAX_ATTEMPTS: usize = 20;

fn small_server() -> World {
    let server = ServerSetup {
        max_attempts: MAX_ATTEMPTS,
        ..ServerSetup::default()
    };
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    World::new(Setup {
        server,
        transport,
        ..Setup::default()
    })
}

/// Clients whose first packet arrives and who then hear nothing.
fn connect_deaf(world: &mut World, count: usize) -> Vec<ClientId> {
    let clients: Vec<_> = (0..count).map(|_| world.connect(&ClientSetup::default())).collect();
    clients.iter().for_each(|client| world.mute(client.down()));
    world.run_for(Duration::from_millis(20));
    clients
}

#[test]
fn attempts_above_the_limit_are_turned_away_and_counted() {
    let mut world = small_server();
    connect_deaf(&mut world, MAX_ATTEMPTS + 10);
    assert_eq!(world.listener_stats().attempts_refused, 10);
    assert_eq!(world.listener_stats().sessions, 0);
}

#[test]
fn attempts_that_nobody_finishes_are_forgotten() {
    let mut world = small_server();
    let deaf = connect_deaf(&mut world, MAX_ATTEMPTS);
    deaf.iter().for_each(|client| world.mute(client.up()));
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.listener_stats().attempts_expired, MAX_ATTEMPTS as u64);
    assert_eq!(
        world.with_server(|listener, _| listener.poll_timeout()),
        None,
        "nothing is left to wait for"
    );
}

#[test]
fn there_is_room_again_when_attempts_expire() {
    let mut world = small_server();
    let deaf = connect_deaf(&mut world, MAX_ATTEMPTS);
    deaf.iter().for_each(|client| world.mute(client.up()));
    let client = world.connect(&ClientSetup::default());
    world.stream(client.up(), numbered(3));
    world.run_until_within(Duration::from_secs(120), |world| {
        world.delivered(client.up()).len() == 3
    });
}

#[test]
fn established_sessions_do_not_notice_a_flood_of_attempts() {
    let mut world = small_server();
    let client = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(client));
    connect_deaf(&mut world, 10 * MAX_ATTEMPTS);
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(100)));
    let took = world.run_until_within(Duration::from_secs(2), |world| {
        client.both().iter().all(|flow| world.delivered(*flow).len() == 100)
    });
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[test]
fn a_finished_handshake_is_no_attempt_any_more() {
    let mut world = small_server();
    for _ in 0..3 * MAX_ATTEMPTS {
        let client = world.connect(&ClientSetup::default());
        world.run_until(|world| world.is_established(client));
    }
    assert_eq!(world.listener_stats().attempts_refused, 0);
    assert_eq!(world.listener_stats().sessions, 3 * MAX_ATTEMPTS as u64);
}

#[test]
fn sessions_above_the_limit_are_not_admitted() {
    let server = ServerSetup {
        max_sessions: 3,
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup {
        server,
        ..Setup::default()
    });
    let clients: Vec<_> = (0..5).map(|_| world.connect(&ClientSetup::default())).collect();
    world.run_for(Duration::from_secs(5));
    let established = clients.iter().filter(|client| world.is_established(**client)).count();
    assert_eq!(established, 3);
    assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 3);
    // Room comes back with the end of a session.
    let first = *clients.iter().find(|client| world.is_established(**client)).unwrap();
    world.close(first.up());
    world.run_until_within(Duration::from_secs(60), |world| {
        clients.iter().filter(|client| world.is_established(**client)).count() == 3 && world.is_closed(first)
    });
}

#[test]
fn first_packets_from_many_routes_are_one_attempt() {
    let mut world = small_server();
    let client = world.connect(&ClientSetup::default());
    let first = world.captured()[0].packet.clone();
    for _ in 0..10 * MAX_ATTEMPTS {
        let stranger = world.stranger();
        world.inject_to_server(stranger, first.clone());
    }
    assert_eq!(world.listener_stats().attempts_refused, 0);
    world.run_until(|world| world.is_established(client));
    assert_eq!(world.packets(client.up(), PacketKind::Handshake), 1);
}
