//! Client and server restart together: nobody is left of the session, and the next one is like a first.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{ClientId, ClientSetup, Cut, NodeId, Setup, Transport, World};
use steadfast_tests::restarts::{exchange_within, told_of_lives, transports};

const PATIENCE: Duration = Duration::from_secs(5);
const PING: Duration = Duration::from_secs(15);
const HALF_A_WAY: Duration = Duration::from_micros(500);

fn busy(transport: Transport) -> (World, ClientId) {
    let (mut world, client) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    for flow in client.both() {
        world.stream(flow, (0..100).map(|number| vec![format!("old {number}").into()]));
    }
    world.run_for(Duration::from_micros(1500));
    (world, client)
}

#[derive(Clone, Copy, Debug)]
enum First {
    Client,
    Server,
}

fn restart_both(world: &mut World, client: ClientId, first: First, between: Duration, cut: Cut) {
    match first {
        First::Client => {
            world.restart_client(client, cut);
            world.run_for(between);
            world.restart_server(cut);
        }
        First::Server => {
            world.restart_server(cut);
            world.run_for(between);
            world.restart_client(client, cut);
        }
    }
}

fn cuts() -> [Cut; 3] {
    [
        Cut::RESET,
        Cut::down_for(Duration::from_millis(50)),
        Cut::RESET.with_late_tail(Duration::from_millis(2)),
    ]
}

#[test]
fn both_at_once_begin_a_session_in_which_nothing_of_the_old_one_is_left() {
    for transport in transports() {
        for first in [First::Client, First::Server] {
            for cut in cuts() {
                let (mut world, client) = busy(transport);
                restart_both(&mut world, client, first, Duration::ZERO, cut);
                world.run_until_within(PATIENCE, |world| world.is_established(client));
                for flow in client.both() {
                    world.send(flow, b"new").unwrap();
                }
                world.run_until_settled();
                let life = *world.bindings(client.up()).last().unwrap();
                for flow in client.both() {
                    let of_life = world.delivered_in(flow, life);
                    assert!(of_life.iter().all(|message| message.payload() == "new"), "{first:?}");
                    assert_eq!(told_of_lives(&world, flow), ["established"], "{first:?} {cut:?}");
                }
                assert_eq!(world.listener_stats().sessions, 1);
                assert_eq!(world.client_stats(client).handshakes, 1);
            }
        }
    }
}

#[test]
fn the_second_may_restart_at_any_moment_of_the_handshake_that_the_first_began() {
    for transport in transports() {
        for first in [First::Client, First::Server] {
            for cut in cuts() {
                for half_ways in 0..24 {
                    let (mut world, client) = busy(transport);
                    restart_both(&mut world, client, first, HALF_A_WAY * half_ways, cut);
                    let took = world.run_until_within(2 * PING, |world| world.is_established(client));
                    // A client that is idle, and has no hint, finds out when it pings.
                    let bound = if transport.hints { PATIENCE } else { PING + PATIENCE };
                    assert!(took <= bound, "{took:?} {first:?} {cut:?}");
                    exchange_within(&mut world, client, PATIENCE);
                    world.run_until_settled();
                    assert_eq!(world.listener_stats().sessions, 1);
                }
            }
        }
    }
}

#[test]
fn they_may_restart_by_turns_within_each_others_handshakes() {
    for seed in 0..60 {
        let (mut world, client) = World::established(Setup::seeded(seed));
        for _ in 0..12 {
            let micros = world.chooser().choose(12_000, "until the next restart");
            world.run_for(Duration::from_micros(micros.into()));
            let cut = cuts()[world.chooser().choose(3, "how") as usize];
            match world.chooser().choose(2, "who") {
                0 => world.restart_client(client, cut),
                _ => world.restart_server(cut),
            }
        }
        let took = world.run_until_within(PATIENCE, |world| world.is_established(client));
        assert!(took <= Duration::from_secs(3), "seed {seed}: {took:?}");
        exchange_within(&mut world, client, PATIENCE);
        world.run_until_settled();
        assert!(world.incarnation(NodeId::Server) + world.incarnation(NodeId::Client(client)) == 12);
    }
}

#[test]
fn a_client_that_is_alone_in_restarting_does_not_disturb_the_others_and_their_server() {
    let (mut world, one) = World::established(Setup::default());
    let other = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(other));
    world.restart_server(Cut::RESET);
    world.restart_client(one, Cut::RESET);
    world.run_until(|world| world.is_established(one) && world.is_established(other));
    assert_eq!(told_of_lives(&world, one.up()), ["established"]);
    assert_eq!(
        told_of_lives(&world, other.up()),
        ["established", "restarted", "established"]
    );
    for client in [one, other] {
        exchange_within(&mut world, client, PATIENCE);
    }
}
