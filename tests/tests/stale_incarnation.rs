//! Packets of processes that died, at any later time, change nothing that an application sees.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{ClientId, ClientSetup, Cut, Direction, Parcel, Setup, Transport, World};
use steadfast_tests::restarts::{exchange_within, texts, told};

const HALF_A_WAY: Duration = Duration::from_micros(500);

fn world() -> (World, ClientId) {
    World::established(Setup {
        transport: Transport {
            capture: true,
            ..Transport::default()
        },
        ..Setup::default()
    })
}

fn exchange(world: &mut World, client: ClientId, what: &str) {
    for flow in client.both() {
        world.stream(flow, (0..10).map(|number| vec![format!("{what} {number}").into()]));
    }
    world.run_until(|world| world.is_established(client) && world.is_settled());
}

/// A world in which both ends have died a few times, and every packet that their dead processes sent or got.
fn with_a_past() -> (World, ClientId, Vec<Parcel>) {
    let (mut world, client) = world();
    exchange(&mut world, client, "first");
    world.restart_client(client, Cut::RESET);
    exchange(&mut world, client, "after the client");
    world.restart_server(Cut::RESET);
    exchange(&mut world, client, "after the server");
    world.restart_client(client, Cut::RESET);
    world.restart_server(Cut::RESET);
    let past = world.captured().to_vec();
    (world, client, past)
}

/// Where a packet to the server comes from.
#[derive(Clone, Copy, Debug)]
enum From {
    /// Each from a connection of its own.
    Strangers,
    /// By the living client's connection: a queue that outlived the process.
    TheClient,
}

fn inject(world: &mut World, client: ClientId, parcels: &[Parcel], from: From) {
    for parcel in parcels {
        match parcel.name.flow.direction {
            Direction::Up => {
                let route = match from {
                    From::Strangers => world.stranger(),
                    From::TheClient => world.route(client),
                };
                world.inject_to_server(route, parcel.packet.clone());
            }
            Direction::Down => world.inject_to_client(client, parcel.packet.clone()),
        }
    }
}

/// All that both applications were told and took, and the counters that an administrator would look at.
fn view(world: &World, client: ClientId) -> impl PartialEq + std::fmt::Debug + use<> {
    let apps = client
        .both()
        .map(|flow| (told(world, flow), texts(world.delivered(flow))));
    let (listener, session) = (world.listener_stats(), world.client_stats(client));
    let counted = (listener.sessions, listener.joins, listener.restarts);
    (apps, counted, (session.handshakes, session.joins, session.restarts))
}

/// What comes to pass from the second death of both on, with the past told again after so long.
fn run(after: Option<(Duration, From)>) -> impl PartialEq + std::fmt::Debug {
    let (mut world, client, past) = with_a_past();
    let all = Duration::from_millis(20);
    let until = after.map_or(all, |(after, _)| after);
    world.run_for(until);
    if let Some((_, from)) = after {
        inject(&mut world, client, &past, from);
    }
    world.run_for(all - until);
    world.run_until_within(Duration::from_secs(5), |world| world.is_established(client));
    exchange(&mut world, client, "in the end");
    view(&world, client)
}

#[test]
fn packets_of_the_dead_at_any_moment_of_the_next_handshake_change_nothing() {
    let undisturbed = run(None);
    for half_ways in 0..16 {
        for from in [From::Strangers, From::TheClient] {
            let disturbed = run(Some((HALF_A_WAY * half_ways, from)));
            // What comes to pass is the same, by whatever handshake it came to pass.
            assert_eq!(
                format!("{disturbed:?}"),
                format!("{undisturbed:?}"),
                "{half_ways} {from:?}"
            );
        }
    }
}

#[test]
fn packets_of_the_dead_in_an_established_session_change_nothing() {
    for from in [From::Strangers, From::TheClient] {
        let (mut world, client, past) = with_a_past();
        exchange(&mut world, client, "before");
        let before = view(&world, client);
        for pause in [0, 1, 10, 70, 400].map(Duration::from_secs) {
            inject(&mut world, client, &past, from);
            world.run_for(pause);
            assert_eq!(view(&world, client), before, "{from:?} {pause:?}");
        }
        exchange_within(&mut world, client, Duration::from_millis(100));
    }
}

#[test]
fn packets_of_the_dead_amid_a_stream_change_nothing() {
    for from in [From::Strangers, From::TheClient] {
        let (mut world, client, past) = with_a_past();
        exchange(&mut world, client, "before");
        for flow in client.both() {
            world.stream(
                flow,
                (0..200).map(|number| vec![format!("stream {number}").repeat(100).into()]),
            );
        }
        for part in past.chunks(5) {
            inject(&mut world, client, part, from);
            world.run_for(Duration::from_micros(300));
        }
        world.run_until_settled();
        for flow in client.both() {
            let stream = texts(world.delivered(flow));
            assert_eq!(stream.iter().filter(|text| text.starts_with("stream")).count(), 200);
        }
        assert_eq!(world.client_stats(client).handshakes, 1);
        assert_eq!(world.client_stats(client).packets_lost, 0);
    }
}

#[test]
fn packets_of_the_dead_while_the_session_closes_and_after_change_nothing() {
    let (mut world, client, past) = with_a_past();
    exchange(&mut world, client, "before");
    for flow in client.both() {
        world.send(flow, b"last words").unwrap();
    }
    world.close(client.up());
    inject(&mut world, client, &past, From::Strangers);
    world.run_for(Duration::from_millis(1));
    inject(&mut world, client, &past, From::TheClient);
    world.run_until(|world| world.is_closed(client));
    let before = view(&world, client);
    for pause in [0, 20, 60, 600].map(Duration::from_secs) {
        world.run_for(pause);
        inject(&mut world, client, &past, From::Strangers);
    }
    world.run_for(Duration::from_secs(60));
    assert_eq!(view(&world, client), before);
    assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 0);
}

#[test]
fn packets_of_the_dead_revive_no_session_after_the_next_restarts() {
    let (mut world, client, _) = with_a_past();
    exchange(&mut world, client, "before");
    for round in 0..4 {
        if round % 2 == 0 {
            world.restart_client(client, Cut::RESET);
        } else {
            world.restart_server(Cut::RESET);
        }
        let past = world.captured().to_vec();
        inject(&mut world, client, &past, From::Strangers);
        exchange(&mut world, client, "between");
        inject(&mut world, client, &past, From::TheClient);
        world.run_for(Duration::from_secs(1));
        exchange_within(&mut world, client, Duration::from_millis(100));
        assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 1);
    }
}

#[test]
fn words_of_a_dead_server_do_not_call_off_the_handshake_that_is_due() {
    let (mut world, client) = world();
    exchange(&mut world, client, "before");
    let mut past = world.captured().to_vec();
    past.retain(|parcel| parcel.name.flow.direction == Direction::Down);
    world.restart_server(Cut::RESET);
    let since = world.elapsed();
    while !world.is_established(client) {
        inject(&mut world, client, &past, From::TheClient);
        world.run_for(HALF_A_WAY);
        assert!(
            world.elapsed() - since < Duration::from_millis(100),
            "{}",
            world.timeline()
        );
    }
    assert_eq!(world.client_stats(client).handshakes, 2);
}

#[test]
fn a_late_packet_of_a_dead_client_begins_no_session_after_its_successor_has_closed() {
    for half_ways in 0..14 {
        let mut world = World::new(Setup::default());
        let client = world.connect(&ClientSetup::default());
        world.run_for(HALF_A_WAY * half_ways);
        let late = Cut::down_for(Duration::ZERO).with_late_tail(Duration::from_secs(10));
        world.restart_client(client, late);
        world.run_for(Duration::from_secs(1));
        world.close(client.up());
        world.run_for(Duration::from_secs(2));
        let before = (told(&world, client.down()), world.listener_stats().sessions);
        world.run_for(Duration::from_secs(20));
        let after = (told(&world, client.down()), world.listener_stats().sessions);
        assert_eq!(after, before, "{half_ways} half ways into the handshake");
    }
}
