//! Any old packet, at any time, changes nothing that the application sees.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{ClientId, ClientSetup, Cut, Direction, Parcel, Setup, Transport, World};
use steadfast_tests::{mixed, numbered};

fn captured_setup() -> Setup {
    Setup {
        transport: Transport {
            capture: true,
            ..Transport::default()
        },
        ..Setup::default()
    }
}

/// Sends every packet of a recording again, each from a connection of its own.
fn replay(world: &mut World, client: ClientId, recording: &[Parcel]) {
    for parcel in recording {
        match parcel.name.flow.direction {
            Direction::Up => {
                let route = world.stranger();
                world.inject_to_server(route, parcel.packet.clone());
            }
            Direction::Down => world.inject_to_client(client, parcel.packet.clone()),
        }
    }
}

/// What both applications can see.
fn view(world: &World, client: ClientId) -> [(usize, usize); 2] {
    client
        .both()
        .map(|flow| (world.delivered(flow).len(), world.seen(flow).len()))
}

fn exchange(world: &mut World, client: ClientId, count: usize) {
    for flow in client.both() {
        world.stream(flow, mixed(count));
    }
    world.run_until_settled();
}

#[test]
fn all_packets_of_a_session_sent_again_into_it_change_nothing() {
    let (mut world, client) = World::established(captured_setup());
    for _ in 0..4 {
        exchange(&mut world, client, 12);
        let before = view(&world, client);
        let recording = world.captured().to_vec();
        replay(&mut world, client, &recording);
        world.run_for(Duration::from_secs(1));
        assert_eq!(view(&world, client), before);
    }
    assert_eq!(world.listener_stats().sessions, 1);
    assert_eq!(world.client_stats(client).handshakes, 1);
    assert_eq!(world.client_stats(client).packets_lost, 0);
}

#[test]
fn the_session_stays_with_its_client_after_a_replay_from_elsewhere() {
    let (mut world, client) = World::established(captured_setup());
    exchange(&mut world, client, 5);
    let recording = world.captured().to_vec();
    replay(&mut world, client, &recording);
    world
        .send(client.down(), b"to the client, not to the replayer")
        .unwrap();
    world.run_until_settled();
    assert_eq!(world.delivered(client.down()).len(), 6);
}

#[test]
fn packets_of_an_earlier_session_change_nothing_in_a_later_one() {
    let (mut world, earlier) = World::established(captured_setup());
    exchange(&mut world, earlier, 10);
    world.close(earlier.up());
    world.run_until(|world| world.is_closed(earlier));
    let recording = world.captured().to_vec();

    let later = world.connect(&ClientSetup::default());
    replay(&mut world, later, &recording);
    world.run_until(|world| world.is_established(later));
    let before = view(&world, later);
    replay(&mut world, later, &recording);
    world.run_for(Duration::from_secs(1));
    assert_eq!(view(&world, later), before);
    exchange(&mut world, later, 10);
    assert_eq!(world.delivered(later.up()).len(), 10);
}

#[test]
fn packets_sent_again_during_a_cut_change_nothing() {
    let (mut world, client) = World::established(captured_setup());
    exchange(&mut world, client, 10);
    world.stream(client.up(), numbered(20));
    world.cut(client, Cut::for_good());
    let recording = world.captured().to_vec();
    let before = view(&world, client);
    replay(&mut world, client, &recording[..recording.len() / 2]);
    assert_eq!(view(&world, client), before);
    world.reconnect(client);
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 30);
}

#[test]
fn packets_sent_again_after_the_end_revive_nothing() {
    let (mut world, client) = World::established(captured_setup());
    exchange(&mut world, client, 10);
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    let before = view(&world, client);
    let recording = world.captured().to_vec();
    for pause in [0, 10, 3600] {
        world.run_for(Duration::from_secs(pause));
        replay(&mut world, client, &recording);
        world.run_for(Duration::from_secs(30));
    }
    assert_eq!(view(&world, client), before);
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn a_client_receives_nothing_of_what_another_was_sent() {
    let (mut world, one) = World::established(captured_setup());
    exchange(&mut world, one, 10);
    let of_one = world.captured().to_vec();
    let two = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(two));
    let before = view(&world, two);
    replay(&mut world, two, &of_one);
    assert_eq!(view(&world, two), before);
}
